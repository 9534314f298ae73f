/** A run of a module of the kernel catalogue: what is asked, what is measured, as it is saved and printed. */
import type { ParameterValues, Provenance } from '../schema/parts';
import type { Section } from '../sections/section';
import type { Ratio } from './benchmark';

/** Where the inputs come from. */
export type ModuleInputChoice =
  | { readonly kind: 'sample'; readonly sample: string }
  /** A PNG or JPEG file, for the first input that is a picture or a feature map; other inputs come from the first sample. */
  | { readonly kind: 'picture'; readonly file: string }
  /** What a person writes, where the module reads it. */
  | { readonly kind: 'written'; readonly text: string }
  /** Tensors by the names of the inputs: safetensors or JSON. */
  | { readonly kind: 'tensors'; readonly file: string };

export interface ModuleSetup {
  readonly module: string;
  /** By the names of the table; defaults stand for those left out. A file of weights decides those that its shapes say. */
  readonly parameters: ParameterValues;
  readonly input: ModuleInputChoice;
  /** A safetensors file with the published names; `prefix` is what stands before the module's own. */
  readonly weights?: { readonly file: string; readonly prefix?: string };
  readonly device: string;
  readonly threads: number;
  readonly precision: 'float32' | 'float16';
  readonly seed: number;
  /** Most seconds of timing; 0: none. */
  readonly seconds: number;
}

/** An output against its float64 reference. */
export interface ModuleProof {
  readonly output: string;
  readonly shape: readonly number[];
  readonly ok: boolean;
  /** Largest |output - reference|, and what rounding explains. */
  readonly maxError: number;
  readonly tolerance: number;
}

export interface ModuleTime {
  /** Milliseconds of one call. */
  readonly medianMs: number;
  readonly quartilesMs: readonly [number, number];
  readonly samples: number;
}

export interface ModuleTiming {
  readonly module: ModuleTime;
  readonly plain: ModuleTime;
  /** Time of plain attention / time of the module, round by round. */
  readonly ratio: Ratio;
}

export interface ModuleResult extends Provenance {
  readonly kind: 'headscope-module';
  readonly version: 1;
  readonly title: string;
  readonly plan: ModuleSetup;
  /** As it ran: with what a file of weights or a text decided. */
  readonly parameters: ParameterValues;
  /** What was read, sentence by sentence: the inputs, the weights. */
  readonly notes: readonly string[];
  readonly proofs: readonly ModuleProof[];
  /** By formulas (kernels/module.ts): learned numbers, multiply-adds, floating-point operations and bytes of a call. */
  readonly cost: {
    readonly parameters: number;
    readonly multiplyAdds: number;
    readonly flops: number;
    readonly bytes: number;
  };
  /** Plain multi-head attention with its projections over the same tokens. */
  readonly plain: {
    readonly batch: number;
    readonly queries: number;
    readonly keys: number;
    readonly width: number;
    readonly heads: number;
    readonly multiplyAdds: number;
  };
  /** Absent where an output is wrong, nothing was to be timed, or the run was stopped. */
  readonly timing?: ModuleTiming;
  readonly finding: string;
  readonly sections: readonly Section[];
  readonly state: 'done' | 'cancelled';
  readonly seconds: number;
}
