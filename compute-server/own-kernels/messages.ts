/** What crosses between the compute server, the thread that keeps a kernel process, and the process of a person's file. */
import type { FilePlace } from '../../protocol/wire/failures';
import type { NumberArray } from '../../protocol/wire/packed';

/** A fault of a person's file: one sentence, and the place in a file of the workspace where it is known. */
export interface Fault {
  readonly sentence: string;
  readonly place?: FilePlace;
}

export type NamedNumbers = readonly (readonly [name: string, numbers: NumberArray])[];

/** A question about the file, as data; `numbers` are those of its tensors. */
export interface Asked {
  readonly question: unknown;
  readonly numbers: NamedNumbers;
}

export type Reply =
  | {
      readonly ok: {
        readonly json: string;
        readonly bytes?: Uint8Array;
        readonly numbers?: Float64Array;
        readonly arrays?: readonly NumberArray[];
      };
    }
  | { readonly fault: Fault };

/** To the process: the file to load, texts of files that it imports, questions. One is answered before the next is sent. */
export type ToKernelProcess =
  | { readonly kind: 'load'; readonly file: string; readonly source: string }
  | { readonly kind: 'source'; readonly id: number; readonly file: string; readonly source: string }
  | { readonly kind: 'no-source'; readonly id: number; readonly why: string }
  | ({ readonly kind: 'ask' } & Asked);

export type FromKernelProcess =
  | { readonly kind: 'ready' }
  /** `from` imports `specifier`: its text is wanted. */
  | { readonly kind: 'import'; readonly id: number; readonly specifier: string; readonly from: string }
  | { readonly kind: 'reply'; readonly reply: Reply };

/** What the process may use before it is ended. */
export interface KernelLimits {
  /** Of its resident memory. */
  readonly bytes: number;
  /** Of computing, for one question. */
  readonly seconds: number;
}

const usualSeconds = 20;

/** `HEADSCOPE_KERNEL_SECONDS` in the environment of the compute server changes the time. */
export function kernelLimits(environment: Readonly<Record<string, string | undefined>>): KernelLimits {
  const seconds = Number(environment['HEADSCOPE_KERNEL_SECONDS']);
  return { bytes: 2e9, seconds: seconds > 0 ? seconds : usualSeconds };
}

/** Last words of a process that ends itself at a limit. */
export const overMemory = 'headscope: over its memory';
export const overTime = 'headscope: over its time';
