/** What the runner and its workers say to each other. */
import type { Reached } from './reached';

/** Tests by their stage (a bundle of test files) and their full title, which several may share. */
export interface TestName {
  readonly stage: number;
  readonly title: string;
}

/** A test with no error planted: how long it took and which functions ran. */
export interface Covered extends TestName {
  readonly milliseconds: number;
  readonly hits: readonly number[];
  readonly failure?: string;
}

export type ToWorker =
  | { readonly kind: 'reached' }
  | { readonly kind: 'cover' }
  | { readonly kind: 'plant'; readonly mutant: number; readonly reload: boolean; readonly tests: readonly TestName[] };

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'reached'; readonly reached: readonly Reached[] }
  | { readonly kind: 'covered'; readonly covered: readonly Covered[] }
  /** A test begins. */
  | { readonly kind: 'begins'; readonly stage: number; readonly title: string }
  /** `by` is left out where every test passed. */
  | { readonly kind: 'done'; readonly mutant: number; readonly by?: string; readonly why?: string };
