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
