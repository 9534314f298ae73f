/**
 * Every setting, typed once: `headscope.<area>.<camelCase>`, with its default, its scope and the parsing of whatever a
 * person typed. `npm run manifest` writes package.json from the table.
 */

import { limits } from '../results/limits';
import { weightChoices } from '../inputs/weights';

/**
 * Who may set it: `machine` the person on this machine only (programs, and folders outside the workspace), so that an opened
 * folder cannot; `machine-overridable` also a folder; `window` and `resource` any of the usual places.
 */
type SettingScope = 'machine' | 'machine-overridable' | 'window' | 'resource';

interface Described {
  readonly description: string;
  readonly scope: SettingScope;
}

export interface BooleanSetting extends Described {
  readonly kind: 'boolean';
  readonly default: boolean;
}

export interface NumberSetting extends Described {
  readonly kind: 'integer' | 'number';
  readonly min: number;
  readonly max: number;
  readonly default: number;
}

export interface TextSetting extends Described {
  readonly kind: 'text';
  readonly default: string;
  /** A number is read as its text. */
  readonly mayBeNumber?: true;
}

export interface ChoiceSetting<T extends string> extends Described {
  readonly kind: 'choice';
  /** Each option with the sentence that explains it. */
  readonly options: Readonly<Record<T, string>>;
  readonly default: NoInfer<T>;
}

export interface TextListSetting extends Described {
  readonly kind: 'textList';
  readonly default: readonly string[];
}

export interface IntegerListSetting extends Described {
  readonly kind: 'integerList';
  readonly min: number;
  readonly max: number;
  readonly default: readonly number[];
}

/** A table from free keys to one of the options, e.g. a rule's code to its severity. */
export interface ChoiceMapSetting<T extends string> extends Described {
  readonly kind: 'choiceMap';
  readonly options: Readonly<Record<T, string>>;
  readonly default: Readonly<Record<string, NoInfer<T>>>;
}

type Setting =
  | BooleanSetting
  | NumberSetting
  | TextSetting
  | ChoiceSetting<string>
  | TextListSetting
  | IntegerListSetting
  | ChoiceMapSetting<string>;

const boolean = (table: Omit<BooleanSetting, 'kind'>): BooleanSetting => ({ kind: 'boolean', ...table });
const integer = (table: Omit<NumberSetting, 'kind'>): NumberSetting => ({ kind: 'integer', ...table });
const number = (table: Omit<NumberSetting, 'kind'>): NumberSetting => ({ kind: 'number', ...table });
const text = (table: Omit<TextSetting, 'kind'>): TextSetting => ({ kind: 'text', ...table });
const textList = (table: Omit<TextListSetting, 'kind'>): TextListSetting => ({ kind: 'textList', ...table });
const integerList = (table: Omit<IntegerListSetting, 'kind'>): IntegerListSetting => ({
  kind: 'integerList',
  ...table,
});
const choice = <T extends string>(table: Omit<ChoiceSetting<T>, 'kind'>): ChoiceSetting<T> => ({
  kind: 'choice',
  ...table,
});
const choiceMap = <T extends string>(table: Omit<ChoiceMapSetting<T>, 'kind'>): ChoiceMapSetting<T> => ({
  kind: 'choiceMap',
  ...table,
});

/** The areas, as the settings editor groups them. */
export const areas: Readonly<Record<string, string>> = {
  compute: 'Compute',
  models: 'Models',
  benchmark: 'Benchmark',
  history: 'History',
  palette: 'Commands',
  diagnostics: 'Diagnostics',
  inlayHints: 'Diagnostics',
  codeLens: 'Diagnostics',
};

export const settings = {
  'headscope.compute.nodePath': text({
    scope: 'machine',
    default: '',
    description:
      "Path of the Node.js program (20.19 or later) that runs the compute server. Empty uses the editor's own. Set it when large models end with SIGTRAP: the desktop editor's allocator refuses very large blocks.",
  }),
  'headscope.compute.runtimeFolder': text({
    scope: 'machine',
    default: '',
    description:
      'Folder where onnxruntime-node is installed with the libraries of CUDA, which Headscope does not bring along. Empty uses the runtime of Headscope. The command `headscope setup cuda` says what is missing.',
  }),
  'headscope.compute.device': text({
    scope: 'machine-overridable',
    default: 'cpu',
    description:
      'Device on which kernels and models run, by its id in "Headscope: Devices…", for example cpu or webgpu. For models also auto, or devices that share the layers, for example webgpu,cpu or webgpu:0-11,cpu:12-23.',
  }),
  'headscope.compute.weights': choice({
    scope: 'machine-overridable',
    options: weightChoices,
    default: 'as-stored',
    description: 'How the weights of a model are held while it is open. Embeddings, norms and biases are always exact.',
  }),
  'headscope.compute.cacheWeights': number({
    scope: 'machine',
    min: 0,
    max: 65536,
    default: 0,
    description:
      'Most GB of the disk that quantised weights (q8, q4) may take, so that a model is quantised once and not in each session. 0 keeps none.',
  }),
  'headscope.compute.threads': integer({
    scope: 'machine-overridable',
    min: 0,
    max: 1024,
    default: 0,
    description: 'Threads of a CPU run, at most as many as the machine has processors. 0 lets the runtime choose.',
  }),
  'headscope.compute.memoryLimit': number({
    scope: 'machine-overridable',
    min: 0,
    max: 65536,
    default: 0,
    description:
      'Most memory in GB that one run may need by the estimate; a larger request is refused before it starts. 0 takes 70 % of the memory of the machine, or of the container.',
  }),
  'headscope.compute.deviceMemory': text({
    scope: 'machine',
    default: '',
    mayBeNumber: true,
    description:
      'Memory of the device on which models run, for example 8 (GB) or 8GB, or of each of several devices, for example webgpu=6GB,cuda=20GB; a run that needs more by the estimate is refused before it starts. Empty takes what can be found out: of NVIDIA cards with CUDA and of Apple silicon. The CPU has headscope.compute.memoryLimit.',
  }),
  'headscope.models.folders': textList({
    scope: 'machine',
    default: [],
    description:
      'Folders outside the workspace in which the Models view looks for model configurations, for example the Hugging Face cache ~/.cache/huggingface/hub.',
  }),
  'headscope.benchmark.mechanisms': textList({
    scope: 'window',
    default: ['fused', 'tiled', 'sliding-window', 'linear'],
    description: 'Ids of the mechanisms that are selected when the Kernels panel first opens.',
  }),
  'headscope.benchmark.baseline': text({
    scope: 'window',
    default: 'fused',
    description: 'Id of the mechanism that the others are compared with.',
  }),
  'headscope.benchmark.pattern': choice({
    scope: 'window',
    options: {
      'noncausal-self': 'Queries and keys from the same sequence, every query reads every key.',
      'causal-self': 'Each position reads itself and the positions before it.',
      'noncausal-cross': 'Queries and keys from different sequences, every query reads every key.',
      'causal-cross': 'Keys known beforehand, an output does not depend on later queries.',
    },
    default: 'causal-self',
    description: 'Pattern of attention when the Kernels panel first opens.',
  }),
  'headscope.benchmark.lengths': integerList({
    scope: 'window',
    min: 1,
    max: limits.length[1],
    default: [512, 1024, 2048, 4096],
    description: 'Sequence lengths in tokens that are measured when the Kernels panel first opens.',
  }),
  'headscope.benchmark.precision': choice({
    scope: 'window',
    options: { float32: '32-bit floating point.', float16: '16-bit floating point, where the device has it.' },
    default: 'float32',
    description: 'Number format of queries, keys and values.',
  }),
  'headscope.benchmark.secondsPerLength': number({
    scope: 'window',
    min: 0.1,
    max: limits.seconds[1],
    default: 5,
    description: 'Most seconds spent timing one length, all mechanisms together, warm-up excluded.',
  }),
  'headscope.benchmark.measureMemory': boolean({
    scope: 'window',
    default: true,
    description: 'Controls whether peak memory is measured in a fresh process for each point.',
  }),
  'headscope.benchmark.seed': integer({
    scope: 'window',
    min: 0,
    max: limits.seed[1],
    default: 1,
    description: 'Seed of the random queries, keys and values, so that a run can be repeated.',
  }),
  'headscope.benchmark.saveIn': choice({
    scope: 'window',
    options: {
      auto: 'The .headscope folder of the workspace when it exists, else the storage of the extension.',
      workspace: 'The .headscope folder of the workspace, which is made when needed.',
      storage: 'The storage of the extension, outside the workspace.',
    },
    default: 'auto',
    description: 'Where results of benchmarks and of heads are saved.',
  }),
  'headscope.history.saveIn': choice({
    scope: 'window',
    options: {
      storage: 'The storage of the extension, outside the workspace.',
      workspace: 'The folder .headscope/history of the workspace, which git leaves out.',
    },
    default: 'storage',
    description: 'Where every finished run is kept by itself. A workspace that is not trusted keeps none.',
  }),
  'headscope.history.mostResults': integer({
    scope: 'window',
    min: 10,
    max: 100_000,
    default: 500,
    description: 'Most results in the history of a workspace. The oldest go first; pinned ones stay.',
  }),
  'headscope.history.mostMegabytes': integer({
    scope: 'window',
    min: 10,
    max: 1_000_000,
    default: 1000,
    description:
      'Most MB of the disk that the history of a workspace may take. The oldest results go first; pinned ones stay.',
  }),
  'headscope.diagnostics.severity': choiceMap({
    scope: 'resource',
    options: {
      error: 'Shown as an error.',
      warning: 'Shown as a warning.',
      information: 'Shown as information.',
      hint: 'Shown as a hint.',
      off: 'Not shown.',
    },
    default: {},
    description: 'Severity of single rules, by the code shown with the finding.',
  }),
  'headscope.diagnostics.deviceMemoryGB': number({
    scope: 'machine-overridable',
    min: 0,
    max: 65536,
    default: 0,
    description:
      'Memory in GB of the device that will serve the model. A KV cache that at full length needs more is reported. 0 switches the rule off.',
  }),
  'headscope.palette.analyses': boolean({
    scope: 'window',
    default: false,
    description:
      'Controls whether each analysis is an entry of the command palette. "Run an Analysis…" and the Ask view offer them anyway.',
  }),
  'headscope.inlayHints.enabled': boolean({
    scope: 'resource',
    default: true,
    description: 'Controls whether what follows from a field is shown at the end of its line.',
  }),
  'headscope.codeLens.enabled': boolean({
    scope: 'resource',
    default: true,
    description:
      'Controls whether the attention, the parameters and the KV cache are shown above a model configuration.',
  }),
} as const;

export type SettingKey = keyof typeof settings;

type ValueOf<S> = S extends BooleanSetting
  ? boolean
  : S extends NumberSetting
    ? number
    : S extends TextSetting
      ? string
      : S extends ChoiceSetting<infer T>
        ? T
        : S extends TextListSetting
          ? readonly string[]
          : S extends IntegerListSetting
            ? readonly number[]
            : S extends ChoiceMapSetting<infer T>
              ? Readonly<Record<string, T>>
              : never;

export type SettingValue<K extends SettingKey> = ValueOf<(typeof settings)[K]>;

const inRange = (value: unknown, min: number, max: number, whole: boolean): value is number =>
  typeof value === 'number' &&
  Number.isFinite(value) &&
  value >= min &&
  value <= max &&
  (!whole || Number.isInteger(value));

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value when it is valid, what is valid of a list or a table, and the default otherwise. */
function parse(setting: Setting, value: unknown): unknown {
  switch (setting.kind) {
    case 'boolean':
      return typeof value === 'boolean' ? value : setting.default;
    case 'integer':
      return inRange(value, setting.min, setting.max, true) ? value : setting.default;
    case 'number':
      return inRange(value, setting.min, setting.max, false) ? value : setting.default;
    case 'text':
      if (setting.mayBeNumber && typeof value === 'number' && Number.isFinite(value)) return String(value);
      return typeof value === 'string' ? value.trim() || setting.default : setting.default;
    case 'choice':
      return typeof value === 'string' && Object.hasOwn(setting.options, value) ? value : setting.default;
    case 'textList': {
      if (!Array.isArray(value)) return setting.default;
      const texts = value.filter((item): item is string => typeof item === 'string' && item.trim() !== '');
      return [...new Set(texts.map((item) => item.trim()))];
    }
    case 'integerList': {
      if (!Array.isArray(value)) return setting.default;
      const numbers = value.filter((item) => inRange(item, setting.min, setting.max, true));
      return numbers.length > 0 ? [...new Set(numbers)].sort((a, b) => a - b) : setting.default;
    }
    case 'choiceMap':
      if (!isTable(value)) return setting.default;
      return Object.fromEntries(
        Object.entries(value).filter(([, item]) => typeof item === 'string' && Object.hasOwn(setting.options, item)),
      );
  }
}

export function parseSetting<K extends SettingKey>(key: K, value: unknown): SettingValue<K> {
  return parse(settings[key], value) as SettingValue<K>;
}
