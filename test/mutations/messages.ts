/** What the runner and its workers say to each other. */
import type { Reached } from './reached';

/** Tests of one full title, with no error planted: how long they took and which functions ran. */
export interface Covered {
  readonly title: string;
  readonly milliseconds: number;
  readonly hits: readonly number[];
  readonly failure?: string;
}

export type ToWorker =
  | { readonly kind: 'reached' }
  | { readonly kind: 'cover' }
  | { readonly kind: 'plant'; readonly mutant: number; readonly reload: boolean; readonly titles: readonly string[] };

/** `loading` are the functions that run when the files are loaded. */
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'reached'; readonly reached: readonly Reached[] }
  | { readonly kind: 'covered'; readonly covered: readonly Covered[]; readonly loading: readonly number[] }
  /** A test begins. */
  | { readonly kind: 'begins'; readonly title: string }
  /** `by` is left out where every test passed. */
  | { readonly kind: 'done'; readonly mutant: number; readonly by?: string; readonly why?: string };
