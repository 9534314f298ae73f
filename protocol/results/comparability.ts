/**
 * Which fields of a saved result make a comparison with another of its kind unfair, in this one place: every field of every
 * kind is classified here, which the compiler asks for and a test on real results repeats. Nothing is compared past it.
 */
import type { AnalysisResult } from '../analysis/schema';
import { interventionWords } from '../interventions/do-form';
import type { Intervention } from '../interventions/interventions';
import type { BenchmarkSetup, BenchmarkResult } from './benchmark-schema';
import type { HallucinationResult, HallucinationSet } from './hallucination-schema';
import { machineWords } from './machine';
import type { ModuleSetup, ModuleResult } from './module-schema';
import type { ModelSummary, ImageSpan, DeviceSummary, Provenance, HeldWeights } from '../schema/parts';
import { heldWords } from '../inputs/weights';
import { partWords } from './device-words';

/**
 * `refuse`: where it differs the numbers are of different work or units, and no ratio or difference of them is given.
 * `name`: the comparison stands and says that this differs.
 */
interface Rule<T> {
  readonly weight: 'refuse' | 'name';
  readonly title: string;
  /** The value in words; what differs in them differs. */
  readonly words: (value: T) => string;
  /** Too long to be written out: it is only named. */
  readonly long?: true;
}

/** `free`: measured, said by another field, or what is compared. */
type Entry<T> = 'free' | Rule<T | undefined> | { readonly fields: Fields<NonNullable<T>>; readonly open?: true };
export type Fields<T> = { readonly [K in keyof T]-?: Entry<T[K]> };

const plain = (value: unknown): string =>
  value === undefined || value === null ? 'none' : typeof value === 'string' ? value : JSON.stringify(value);

const name = <T>(title: string, words: (value: T | undefined) => string = plain): Rule<T | undefined> => ({
  weight: 'name',
  title,
  words,
});
const long = <T>(title: string, words: (value: T | undefined) => string = plain): Rule<T | undefined> => ({
  ...name(title, words),
  long: true,
});
const refuse = <T>(title: string, words: (value: T | undefined) => string = plain): Rule<T | undefined> => ({
  ...name(title, words),
  weight: 'refuse',
});

const device: Fields<DeviceSummary> = {
  name: name('device'),
  provider: name('provider'),
  threads: name('threads'),
  runtime: name('runtime'),
  platform: name('platform'),
  onCpu: long('parts that ran on the CPU'),
  parts: long<DeviceSummary['parts']>(
    'layers of each device',
    (parts) => (parts ?? []).map(partWords).join('; ') || 'none',
  ),
  asked: 'free',
  id: 'free',
};

/** The settings are of any name: one that has no entry is named where it differs. */
const provenance = (settings: Readonly<Record<string, Entry<unknown>>>) => ({
  device: { fields: device },
  weights: name<HeldWeights>('weights held as', (held) => heldWords[held ?? 'float32']),
  headscope: name<string>('Headscope'),
  created: 'free' as const,
  settings: { fields: settings as Fields<Provenance['settings']>, open: true as const },
});

const plan: Fields<BenchmarkSetup> = {
  shape: {
    fields: {
      mode: refuse('mode', (mode) => mode ?? 'prefill'),
      pattern: refuse('pattern'),
      batch: refuse('batch'),
      heads: refuse('heads'),
      kvHeads: refuse('key/value heads'),
      headDim: refuse('head width'),
      valueDim: refuse('value width'),
      keys: refuse('key length', (keys) => (keys === undefined ? 'that of the queries' : String(keys))),
      // Rows of one length are compared.
      lengths: 'free',
    },
  },
  precision: name('precision'),
  parameters: name('parameters', parameterWords),
  seed: name('seed'),
  // Times are compared with times, memory with memory, each as it was measured.
  mechanisms: 'free',
  baseline: 'free',
  furtherPatterns: 'free',
  kernels: 'free',
  secondsPerLength: 'free',
  measureMemory: 'free',
  backward: 'free',
  caches: 'free',
  done: 'free',
  // Where the shape came from, and what was asked for: the device of the result is where it ran.
  origin: 'free',
  device: 'free',
  threads: 'free',
};

/** `sliding-window.window=256`, in the order of the names; none where all are left at their defaults. */
function parameterWords(parameters: BenchmarkSetup['parameters'] | undefined): string {
  const written = Object.entries(parameters ?? {}).flatMap(([mechanism, values]) =>
    Object.entries(values).map(([key, value]) => `${mechanism}.${key}=${value}`),
  );
  return written.length === 0 ? 'the defaults' : written.sort().join(' ');
}

const benchmark: Fields<BenchmarkResult> = {
  ...provenance({ memoryLimitBytes: 'free' }),
  plan: { fields: plan },
  // The plan's.
  seed: 'free',
  inputSeed: 'free',
  kernelFiles: name<BenchmarkResult['kernelFiles']>(
    'the kernel files',
    (files) => (files ?? []).map(({ id, sha256 }) => `${id} ${sha256.slice(0, 8)}`).join(', ') || 'none',
  ),
  kind: 'free',
  version: 'free',
  rows: 'free',
  fits: 'free',
  crossover: 'free',
  roof: 'free',
  calibration: 'free',
  // Earlier results do not say.
  machine: name('the machine', (machine) => (machineWords(machine) === undefined ? 'at rest' : 'busy with other work')),
  cab: 'free',
  furtherPatterns: 'free',
  state: 'free',
  seconds: 'free',
};

const model: Fields<ModelSummary> = {
  name: name('model'),
  hash: long('weights'),
  // The hash covers what the folder holds.
  folder: 'free',
  adapter: 'free',
  family: 'free',
  layers: 'free',
  heads: 'free',
  kvHeads: 'free',
  headDim: 'free',
  hiddenSize: 'free',
  vocabulary: 'free',
  contextLength: 'free',
  causal: 'free',
  weightBytes: 'free',
  dtypes: 'free',
  quantised: 'free',
  windows: 'free',
  tokenizer: 'free',
  chatTemplate: 'free',
  vision: 'free',
  unread: 'free',
  captured: 'free',
  source: 'free',
  notes: 'free',
  // The result says them.
  device: 'free',
  weights: 'free',
};

/** The picture by its content: files of one name may differ. */
const image: Fields<ImageSpan> = {
  name: name('picture'),
  sha256: long('content of the picture'),
  path: 'free',
  width: 'free',
  height: 'free',
  // How it was cut, and where it stands among the tokens, follow from picture, model and prompt.
  start: 'free',
  end: 'free',
  tokens: 'free',
  tiles: 'free',
};

const changesInWords = (list: readonly Intervention[] | undefined): string =>
  list === undefined || list.length === 0 ? 'none' : interventionWords(list);

/** What both kinds of results of pictures have in common. */
const measure = {
  distance: refuse<string>('distance'),
  model: { fields: model },
  outliers: name<string>('outlier rule'),
  positions: name<string>('positions'),
  k: name<number>('k'),
  seed: name<number>('seed'),
  kind: 'free' as const,
  version: 'free' as const,
  seconds: 'free' as const,
};

const captionSettings = {
  maxNewTokens: name('most tokens of a caption'),
  chat: name('chat template', (chat) => (chat === true ? 'on' : 'off')),
  lexicon: name('lexicon'),
  chunk: 'free',
  // The command line writes these beside the fields that say them; `steps` are the most tokens.
  distance: 'free',
  outliers: 'free',
  positions: 'free',
  removed: 'free',
  steps: 'free',
} as const;

const hallucination: Fields<HallucinationResult> = {
  layers: refuse('layers'),
  heads: refuse('heads'),
  ...measure,
  promptIds: long('prompt'),
  image: { fields: image },
  removed: name('what is removed', (removed) =>
    removed?.kind === 'span' ? `tokens ${removed.start} to ${removed.end - 1}` : 'the picture',
  ),
  truth: long('objects of the picture'),
  references: long('captions by people'),
  ...provenance(captionSettings),
  prompt: 'free',
  chatPrompt: 'free',
  promptTokens: 'free',
  vhd: 'free',
  textEnergy: 'free',
  outlier: 'free',
  selected: 'free',
  visualAttention: 'free',
  steps: 'free',
  caption: 'free',
  variants: 'free',
  sinks: 'free',
  parity: 'free',
  truthLabels: 'free',
};

const set: Fields<HallucinationSet> = {
  ...measure,
  prompt: long('prompt'),
  chatPrompt: long('prompt as the chat template renders it', (chat) => chat?.text ?? ''),
  // The pictures that were drawn are compared themselves.
  sample: 'free',
  entries: long('pictures', (entries) =>
    (entries ?? []).map(({ name: file, truth }) => `${file}: ${[...truth].sort().join()}`).join('\n'),
  ),
  ...provenance(captionSettings),
  // Each reinforcement is a row of its own, named by what it does; those of one name may differ in their layers or their seed.
  variants: long('reinforcements', (variants) =>
    JSON.stringify((variants ?? []).map(({ reinforcement }) => reinforcement)),
  ),
  failures: 'free',
  plain: 'free',
  parity: 'free',
  truthLabels: 'free',
  separation: 'free',
  total: 'free',
  state: 'free',
};

const analysis: Fields<AnalysisResult> = {
  analysis: refuse('analysis'),
  file: long<AnalysisResult['file']>('text of the analysis file', (file) => file?.sha256 ?? 'none'),
  taskFile: long<AnalysisResult['taskFile']>('text of the task file', (file) => file?.sha256 ?? 'none'),
  corpus: long<AnalysisResult['corpus']>('documents of the corpus', (corpus) => corpus?.sha256 ?? 'none'),
  model: { fields: model },
  input: long('input'),
  interventions: name('interventions', changesInWords),
  // The settings are its parameters, by any name.
  ...provenance({}),
  seed: name('seed'),
  kind: 'free',
  version: 'free',
  title: 'free',
  parameters: 'free',
  // What the input became for this model's tokenizer is not compared; a file of the same name may hold another picture.
  prompts: long('content of the picture', (prompts) =>
    (prompts ?? []).flatMap(({ image: picture }) => picture?.sha256 ?? []).join(),
  ),
  finding: 'free',
  result: 'free',
  sections: 'free',
  offers: 'free',
  stopped: 'free',
  parity: 'free',
  seconds: 'free',
};

const moduleSetup: Fields<ModuleSetup> = {
  module: refuse('module'),
  precision: name('precision'),
  input: name('input', (input) => (input === undefined ? 'none' : inputWords(input))),
  weights: name('weights', (weights) => weights?.file ?? 'drawn from the seed'),
  // The result has them as it ran.
  parameters: 'free',
  seed: 'free',
  // What was asked for: the device of the result is where it ran.
  device: 'free',
  threads: 'free',
  seconds: 'free',
};

const inputWords = (input: ModuleSetup['input']): string => {
  switch (input.kind) {
    case 'sample':
      return `sample ${input.sample}`;
    case 'written':
      return 'what is written';
    case 'picture':
    case 'tensors':
      return input.file;
  }
};

const moduleRun: Fields<ModuleResult> = {
  ...provenance({ memoryLimitBytes: 'free' }),
  plan: { fields: moduleSetup },
  parameters: name('sizes', (parameters) =>
    Object.entries(parameters ?? {})
      .map(([key, value]) => `${key} ${value}`)
      .join(', '),
  ),
  seed: name('seed'),
  kind: 'free',
  version: 'free',
  title: 'free',
  notes: 'free',
  proofs: 'free',
  // They follow from the sizes.
  cost: 'free',
  plain: 'free',
  timing: 'free',
  finding: 'free',
  sections: 'free',
  state: 'free',
  seconds: 'free',
};

interface Kinds {
  'headscope-bench': BenchmarkResult;
  'headscope-hallucination': HallucinationResult;
  'headscope-hallucination-set': HallucinationSet;
  'headscope-analysis': AnalysisResult;
  'headscope-module': ModuleResult;
}
export type Comparable = Kinds[keyof Kinds];

export const classified: { readonly [K in keyof Kinds]: Fields<Kinds[K]> } = {
  'headscope-bench': benchmark,
  'headscope-hallucination': hallucination,
  'headscope-hallucination-set': set,
  'headscope-analysis': analysis,
  'headscope-module': moduleRun,
};

/** A field that differs; `long`: too long to be written out. */
export interface Difference {
  readonly name: string;
  readonly here: string;
  readonly there: string;
  readonly weight: 'refuse' | 'name';
  readonly long?: true;
}

type LooseFields = Readonly<
  Record<string, 'free' | Rule<unknown> | { readonly fields: LooseFields; readonly open?: true }>
>;
type Table = Readonly<Record<string, unknown>>;
const fieldsOf = (kind: keyof Kinds): LooseFields => classified[kind] as unknown as LooseFields;
const tableOf = (value: unknown): Table => (value !== null && typeof value === 'object' ? (value as Table) : {});

/** Settings without an entry, of a version or a job that this one does not know, are never passed over. */
const withOthers = (fields: LooseFields, ...tables: readonly Table[]): LooseFields => ({
  ...Object.fromEntries(tables.flatMap((table) => Object.keys(table).map((key) => [key, name(key)]))),
  ...fields,
});

function differencesIn(fields: LooseFields, here: Table, there: Table): readonly Difference[] {
  return Object.entries(fields).flatMap(([key, entry]): readonly Difference[] => {
    if (entry === 'free') return [];
    if ('fields' in entry) {
      const [a, b] = [tableOf(here[key]), tableOf(there[key])];
      return differencesIn(entry.open ? withOthers(entry.fields, a, b) : entry.fields, a, b);
    }
    const [a, b] = [entry.words(here[key]), entry.words(there[key])];
    const { title, weight, long: only } = entry;
    return a === b ? [] : [{ name: title, here: a, there: b, weight, ...(only ? { long: only } : {}) }];
  });
}

/** What differs between two results of one kind, besides what is compared. */
export function differencesBetween<T extends Comparable>(here: T, there: T): readonly Difference[] {
  return differencesIn(fieldsOf(here.kind), here, there);
}

/** `mode (prefill, there decode); batch (1, there 8)`. */
const differenceList = (differences: readonly Difference[]): string =>
  differences.map((one) => (one.long ? one.name : `${one.name} (${one.here}, there ${one.there})`)).join('; ');

/** Why no ratio and no difference of the two is given; undefined: they can be compared. */
export function whyNotCompared<T extends Comparable>(here: T, there: T, other: string): string | undefined {
  const refused = differencesBetween(here, there).filter(({ weight }) => weight === 'refuse');
  return refused.length === 0
    ? undefined
    : `It cannot be compared with ${other}, which measured something else: ${differenceList(refused)}.`;
}

/** What besides the numbers differs, as a sentence. */
export function differenceSentence<T extends Comparable>(here: T, there: T): string {
  const differences = differencesBetween(here, there);
  return differences.length === 0
    ? 'Made with the same settings on the same device.'
    : `Not the same: ${differenceList(differences)}.`;
}

/** Paths of fields of a result that have no entry. */
export function unclassified(result: Comparable): readonly string[] {
  const walk = (fields: LooseFields, table: Table, place: string): readonly string[] =>
    Object.keys(table).flatMap((key) => {
      const entry = fields[key];
      if (entry === undefined) return [`${place}${key}`];
      return entry !== 'free' && 'fields' in entry ? walk(entry.fields, tableOf(table[key]), `${place}${key}.`) : [];
    });
  return walk(fieldsOf(result.kind), result, '');
}
