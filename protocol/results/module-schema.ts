/** What a run of a module is asked, and what it saved, checked. */
import type { Output, Schema } from '../schema/check';
import {
  anyNumber,
  byKind,
  figure,
  filledText,
  flag,
  list,
  number,
  numberFrom,
  object,
  oneOf,
  optional,
  pair,
  text,
  texts,
  wholeFrom,
  wholes,
} from '../schema/fields';
import { ratio, parameterValues, headOf, provenance } from '../schema/parts';
import { sections } from '../sections/section';

import { limits } from './limits';

/** `path`: a form may hold an empty one. */
const inputOf = (path: Schema<string>) =>
  byKind({
    sample: { sample: filledText },
    /** A PNG or JPEG file, for the first input that is a picture or a feature map; other inputs come from the first sample. */
    picture: { file: path },
    /** What a person writes, where the module reads it. */
    written: { text },
    /** Tensors by the names of the inputs: safetensors or JSON. */
    tensors: { file: path },
  });
/** Where the inputs come from. */
export type ModuleInputChoice = Output<ReturnType<typeof inputOf>>;

const setupOf = (path: Schema<string>, size: Schema<number>, seconds: Schema<number>) =>
  object({
    module: filledText,
    /** By the names of the table; defaults stand for those left out. A file of weights decides those that its shapes say. */
    parameters: parameterValues,
    input: inputOf(path),
    /** A safetensors file with the published names; `prefix` is what stands before the module's own. */
    weights: optional(object({ file: path, prefix: optional(text) })),
    device: filledText,
    threads: size,
    precision: oneOf(['float32', 'float16']),
    seed: size,
    /** Most seconds of timing; 0: none. */
    seconds,
  });
export type ModuleSetup = Output<ReturnType<typeof setupOf>>;

export const moduleSetupRequest = setupOf(filledText, wholeFrom(...limits.seed), numberFrom(0, limits.seconds[1]));

/** As a form holds it. */
export const moduleForm = setupOf(text, anyNumber, anyNumber);

const time = object({
  /** Milliseconds of one call. */
  medianMs: number,
  quartilesMs: pair(number, number, 'two quartiles'),
  samples: wholeFrom(1, Number.MAX_SAFE_INTEGER),
});
export type ModuleTime = Output<typeof time>;

/** An output against its float64 reference. */
const moduleProof = object({
  output: text,
  shape: wholes,
  ok: flag,
  /** Largest |output - reference|, and what rounding explains. */
  maxError: figure,
  tolerance: number,
});
export type ModuleProof = Output<typeof moduleProof>;

const moduleTiming = object({
  module: time,
  plain: time,
  /** Time of plain attention / time of the module, round by round. */
  ratio,
});
export type ModuleTiming = Output<typeof moduleTiming>;

export const savedModule = object(
  {
    ...headOf('headscope-module', 'run of a module'),
    ...provenance,
    title: text,
    plan: setupOf(text, number, number),
    /** As it ran: with what a file of weights or a text decided. */
    parameters: parameterValues,
    /** What was read, sentence by sentence: the inputs, the weights. */
    notes: texts,
    proofs: list(moduleProof, 'a list of proofs'),
    /** By formulas (kernels/module.ts): learned numbers, multiply-adds, floating-point operations and bytes of a call. */
    cost: object({ parameters: number, multiplyAdds: number, flops: number, bytes: number }),
    /** Plain multi-head attention with its projections over the same tokens. */
    plain: object({
      batch: number,
      queries: number,
      keys: number,
      width: number,
      heads: number,
      multiplyAdds: number,
    }),
    /** Absent where an output is wrong, nothing was to be timed, or the run was stopped. */
    timing: optional(moduleTiming),
    finding: text,
    sections,
    state: oneOf(['done', 'cancelled']),
    seconds: number,
  },
  'a run of a module',
);
export type ModuleResult = Output<typeof savedModule>;
