/** Kernel files of a workspace: what is asked about them, and what is said. */
import type { KernelOfWorkspace } from '../results/benchmark-schema';
import type { ParameterValue } from '../schema/parts';
import type { FilePlace } from '../wire/failures';

/** A law at one shape. */
export interface LawResult {
  readonly law: string;
  readonly pattern: string;
  readonly queries: number;
  readonly keys: number;
  readonly ok: boolean;
  /** Where it does not hold: one sentence, and the place in the file. */
  readonly sentence?: string;
  readonly place?: FilePlace;
}

/** A shape that the file does not support, so that no law is tried on it. */
export interface RefusedShape {
  readonly pattern: string;
  readonly queries: number;
  readonly keys: number;
  readonly why: string;
  /** What says so in the file. */
  readonly place?: FilePlace;
}

/** What no law was tried on, by its reason; a pattern by its name alone where no law was tried in it. */
export function untriedShapes({ laws, refused }: Pick<KernelCheck, 'laws' | 'refused'>): readonly UntriedShapes[] {
  const byWhy = new Map<string, { readonly where: Set<string>; readonly place?: FilePlace }>();
  for (const { pattern, queries, keys, why, place } of refused) {
    const some = laws.some((law) => law.pattern === pattern && law.ok);
    const group = byWhy.get(why) ?? { where: new Set(), ...(place ? { place } : {}) };
    group.where.add(some ? `${pattern} with ${queries} queries and ${keys} keys` : pattern);
    byWhy.set(why, group);
  }
  return [...byWhy].map(([why, { where, ...place }]) => ({
    words: `in ${[...where].join(', ')}: ${why}`,
    ...place,
  }));
}

interface UntriedShapes {
  /** Which shapes, and why: `in causal-cross: …`. */
  readonly words: string;
  readonly place?: FilePlace;
}

export interface KernelCheckRequest {
  readonly kernel: KernelOfWorkspace;
  /** Absent ones take the default of its table. */
  readonly parameters: Readonly<Record<string, ParameterValue>>;
}

export interface KernelCheck {
  readonly id: string;
  readonly file: string;
  /** Absent where the file could not be loaded; `laws` then says why. */
  readonly title?: string;
  readonly sha256?: string;
  readonly laws: readonly LawResult[];
  readonly refused: readonly RefusedShape[];
  readonly ok: boolean;
}

/** Methods that have to do with kernel files. */
export interface KernelFileMethods {
  /** Runs the file, in processes of its own, and the laws on it. */
  checkKernel: { args: [request: KernelCheckRequest]; result: KernelCheck; progress: KernelCheckProgress };
}

export interface KernelCheckProgress {
  readonly kind: 'law';
  readonly result: LawResult;
}
