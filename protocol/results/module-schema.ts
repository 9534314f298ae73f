/** What a run of a module is asked, and what it saved, checked. */
import type { Schema } from '../schema/check';
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
import { parameterValues, headOf, provenance } from '../schema/parts';
import { sections } from '../sections/schema';
import type { Ratio } from './benchmark';
import { limits } from './limits';
import type { ModuleInputChoice, ModuleSetup, ModuleProof, ModuleResult, ModuleTime, ModuleTiming } from './module';

/** `path`: a form may hold an empty one. */
const inputOf = (path: Schema<string>): Schema<ModuleInputChoice> =>
  byKind<ModuleInputChoice>({
    sample: { sample: filledText },
    picture: { file: path },
    written: { text },
    tensors: { file: path },
  });

const setupOf = (path: Schema<string>, size: Schema<number>, seconds: Schema<number>): Schema<ModuleSetup> =>
  object<ModuleSetup>({
    module: filledText,
    parameters: parameterValues,
    input: inputOf(path),
    weights: optional(object<NonNullable<ModuleSetup['weights']>>({ file: path, prefix: optional(text) })),
    device: filledText,
    threads: size,
    precision: oneOf(['float32', 'float16']),
    seed: size,
    seconds,
  });

export const moduleSetupRequest: Schema<ModuleSetup> = setupOf(
  filledText,
  wholeFrom(...limits.seed),
  numberFrom(0, limits.seconds[1]),
);

/** As a form holds it. */
export const moduleForm: Schema<ModuleSetup> = setupOf(text, anyNumber, anyNumber);

const time: Schema<ModuleTime> = object<ModuleTime>({
  medianMs: number,
  quartilesMs: pair(number, number, 'two quartiles'),
  samples: wholeFrom(1, Number.MAX_SAFE_INTEGER),
});

export const savedModule: Schema<ModuleResult> = object<ModuleResult>(
  {
    ...headOf('headscope-module', 'run of a module'),
    ...provenance,
    title: text,
    plan: setupOf(text, number, number),
    parameters: parameterValues,
    notes: texts,
    proofs: list(
      object<ModuleProof>({ output: text, shape: wholes, ok: flag, maxError: figure, tolerance: number }),
      'a list of proofs',
    ),
    cost: object<ModuleResult['cost']>({ parameters: number, multiplyAdds: number, flops: number, bytes: number }),
    plain: object<ModuleResult['plain']>({
      batch: number,
      queries: number,
      keys: number,
      width: number,
      heads: number,
      multiplyAdds: number,
    }),
    timing: optional(
      object<ModuleTiming>({
        module: time,
        plain: time,
        ratio: object<Ratio>({ median: number, low: number, high: number, p: number }),
      }),
    ),
    finding: text,
    sections,
    state: oneOf(['done', 'cancelled']),
    seconds: number,
  },
  'a run of a module',
);
