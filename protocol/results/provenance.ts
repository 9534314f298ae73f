import type { HeldWeights } from './weights';

/** What made a result; stored with every result and export (contracts: `headscope`, `created`, `device`, `settings`, `seed`). */
export interface Provenance {
  /** Version of Headscope. */
  readonly headscope: string;
  /** ISO 8601 time. */
  readonly created: string;
  readonly device: DeviceSummary;
  /** What linear layers of the model were computed on; absent: exact weights (results before this field), or no model. */
  readonly weights?: HeldWeights;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly seed: number;
}

export interface DeviceSummary {
  readonly id: string;
  readonly provider: string;
  readonly name: string;
  /** 0: as many as the runtime chooses. */
  readonly threads: number;
  /** Version of the runtime, e.g. `onnxruntime-node 1.30.0`. */
  readonly runtime: string;
  readonly platform: string;
  /** Sentences that say which parts of a model ran on the CPU instead, and why. */
  readonly onCpu?: readonly string[];
}

/** `1 thread`, `4 threads`, or that the runtime chooses. */
export const threadWords = (threads: number): string =>
  threads === 0 ? 'threads chosen by the runtime' : `${threads} ${threads === 1 ? 'thread' : 'threads'}`;
