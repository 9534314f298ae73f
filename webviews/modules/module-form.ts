/** The form of a run of a module: text stays as typed; `readModuleForm` makes a plan of it or says what to correct. Pure. */
import type { ModuleInfo } from '../../protocol/compute/modules';
import type { ModuleFile } from '../../protocol/panels/kernels-schema';
import { limits } from '../../protocol/results/limits';
import type { ModuleInputChoice, ModuleSetup } from '../../protocol/results/module-schema';
import { readSeed, seedProblem } from '../ui/form-fields';
import { firstProblem, readParameters, type Typed } from '../ui/typed-parameters';

export interface ModuleForm {
  readonly module: string;
  /** As typed, by name; those left out have their default. */
  readonly parameters: Typed;
  readonly input: ModuleInputChoice['kind'];
  /** Empty: the first. */
  readonly sample: string;
  /** What is written; undefined: the example of the module. */
  readonly text?: string;
  readonly files: Readonly<Record<ModuleFile, string>>;
  readonly prefix: string;
  readonly precision: ModuleSetup['precision'];
  readonly seed: string;
  readonly seconds: string;
}

export const moduleFormOf = (module: string, before?: ModuleForm): ModuleForm => ({
  files: { picture: '', tensors: '', weights: '' },
  prefix: '',
  precision: 'float32',
  seed: '0',
  seconds: '3',
  ...before,
  module,
  parameters: {},
  input: 'sample',
  sample: '',
});

/** Kinds of input that the module takes. */
export const inputsOf = ({ takesPicture, written }: ModuleInfo): readonly ModuleInputChoice['kind'][] => [
  'sample',
  ...(takesPicture ? (['picture'] as const) : []),
  ...(written ? (['written'] as const) : []),
  'tensors',
];

export interface ModuleProblems {
  readonly parameters: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly seed?: string;
  readonly seconds?: string;
}

export type ModuleReading =
  | { readonly ok: true; readonly plan: ModuleSetup }
  | { readonly ok: false; readonly problems: ModuleProblems; readonly why: string };

export function readModuleForm(form: ModuleForm, info: ModuleInfo, device: string, threads: number): ModuleReading {
  const parameters = readParameters(info.parameters, form.parameters);
  const input = readInput(form, info);
  const seed = readSeed(form.seed);
  const seconds = form.seconds.trim() === '' ? Number.NaN : Number(form.seconds);
  const [least, most] = limits.seconds;
  const problems: ModuleProblems = {
    parameters: parameters.problems,
    ...(typeof input === 'string' ? { input } : {}),
    ...(seed === undefined ? { seed: seedProblem } : {}),
    ...(seconds >= least && seconds <= most ? {} : { seconds: `Seconds are a number from ${least} to ${most}.` }),
  };
  const why = firstProblem(info.parameters, parameters.problems) ?? problems.input ?? problems.seed ?? problems.seconds;
  if (why !== undefined || typeof input === 'string' || seed === undefined) {
    return { ok: false, problems, why: why ?? 'Something is missing.' };
  }
  const { weights } = form.files;
  return {
    ok: true,
    plan: {
      module: info.id,
      parameters: parameters.values,
      input,
      ...(weights === '' ? {} : { weights: { file: weights, ...(form.prefix === '' ? {} : { prefix: form.prefix }) } }),
      device,
      threads,
      precision: form.precision,
      seed,
      seconds,
    },
  };
}

/** What is read, or what is missing as a sentence. */
function readInput(form: ModuleForm, info: ModuleInfo): ModuleInputChoice | string {
  switch (form.input) {
    case 'sample':
      return { kind: 'sample', sample: form.sample === '' ? (info.samples[0]?.id ?? '') : form.sample };
    case 'picture':
      return form.files.picture === '' ? 'Choose a picture.' : { kind: 'picture', file: form.files.picture };
    case 'tensors':
      return form.files.tensors === '' ? 'Choose a file of tensors.' : { kind: 'tensors', file: form.files.tensors };
    case 'written':
      return { kind: 'written', text: form.text ?? info.written?.example ?? '' };
  }
}
