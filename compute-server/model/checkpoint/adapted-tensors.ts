/** The tensors of a base model with an adapter of PEFT on them: LoRA, rsLoRA, DoRA, and modules that are kept whole. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExternalData } from '../../../kernels/graph/records';
import type { SpecifiedModel } from '../../../models/architectures/catalogue';
import { ModelError } from '../../../models/architectures/model-spec';
import { isEncoded, storedAxes } from '../weights/tensor-source';
import type { StoredTensor, SummedWeight } from '../../../models/architectures/stored-weights';
import { baseNames, isNamed } from '../../../models/formats/adapter/base-names';
import { mergeIt, unreadAdapter, type AdapterConfig } from '../../../models/formats/adapter/adapter-config';
import { lastName } from '../../../models/formats/adapter/describe-adapter';
import { adaptedFormat, reorderedRows, withRows } from '../../../models/formats/adapter/adapted-matrix';
import { mainPart, type ModelDescription } from '../../../models/formats/model-description';
import { bfloat16, float16, float32 } from '../../../models/formats/number-formats/floats';
import type { NumberFormat } from '../../../models/formats/number-formats/number-format';
import { expectedTensors } from '../../../models/formats/expected-tensors';
import { matchedNames } from '../../../models/formats/python-patterns';
import { adapterFile } from '../../../models/formats/read-adapter';
import { holdsNumbers } from '../../../models/formats/quantised/part-bytes';
import { byInputs } from './quantised-weights';

const floats = { F32: float32, F16: float16, BF16: bfloat16 } as const;

/** Tensor names of PEFT: the module, then the part; in some files the name of the adapter follows. */
const partName =
  /^base_model\.model\.(?<module>.+)\.(?<part>lora_A|lora_B|lora_embedding_A|lora_embedding_B|lora_magnitude_vector)(\.(?!bias$)[\w-]+?)??(\.weight)?$/;

const tokenName = /^base_model\.model\.(.+)\.token_adapter\.trainable_tokens_delta(?:\.[\w-]+)?$/;

type Part = 'lora_A' | 'lora_B' | 'lora_embedding_A' | 'lora_embedding_B' | 'lora_magnitude_vector';

export interface AdaptedTensors {
  /** As the model that PEFT merges. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** What weights are sums of, and the tensors that the sums name, which are no tensors of the model. */
  readonly sums: ReadonlyMap<string, SummedWeight>;
  readonly summed: ReadonlyMap<string, StoredTensor>;
  /** The base has one tensor for embedding and language head, but the adapter is on one of the two, so they become two tensors. */
  readonly description: ModelDescription;
}

interface Adapter extends Named {
  readonly tensors: readonly StoredTensor[];
}

/** How matrices in the files of the base differ from those of its class. */
export interface BaseStores {
  /** All matrices are [outputs, inputs], and gains are not those of the class (GGUF). */
  readonly converted?: true;
  /** For a map of queries or keys whose rows are in another order: the row of the class that is in each place. */
  readonly rowOrder?: (module: string) => ((row: number) => number) | undefined;
}

/** `tensors` are those of the base by name; those of the adapter are as in its file. Throws ModelError if they do not fit together. */
export function adaptedTensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  adapter: Adapter,
  model: ModelDescription,
  stores: BaseStores = {},
): AdaptedTensors {
  const { config } = adapter;
  const unread = unreadAdapter(config);
  if (unread !== undefined) throw new ModelError(unread);
  const { modules, whole, tables } = partsOf(adapter);
  const found = new Map(tensors);
  const nameOf = baseNames(new Set(tensors.keys()));
  const isShared = sharedBy(model);
  const head = tiedHead(model);
  const changes = [...modules.keys(), ...whole.flatMap(({ module }) => (isSaved(module, config) ? [module] : []))];
  const isApart = changes.some((module) => {
    const name = nameOf(`${module}.weight`);
    const base = name === undefined ? undefined : tensors.get(name);
    return `${module}.weight` === head || (base !== undefined && isShared(base));
  });
  const { description, table } = isApart ? headApart(found, model, head, isShared, changes) : { description: model };
  const stored = (name: string): StoredTensor | undefined => {
    const direct = found.get(name);
    const other = direct ? undefined : nameOf(name);
    return direct ?? (other === undefined ? undefined : found.get(other));
  };
  for (const { tensor, name } of whole) keepWhole(found, stored(name), tensor, adapter, stores);
  for (const [module, tensor] of tables) {
    const base = stored(`${module}.weight`);
    const put = withTokens(base, module, tensor, adapter);
    found.set(put.name, put);
    // PEFT learns the tokens of an embedding for the head that is tied to it too.
    const own = head === undefined || table === undefined || put.name !== table ? undefined : found.get(head);
    if (own) found.set(own.name, withTokens(own, module, tensor, adapter));
  }
  const isTurned = stores.converted ? () => false : byInputs(description);
  const alphaOf = alphasOf(config, [...modules.keys()]);
  const sums = new Map<string, SummedWeight>();
  const summed = new Map<string, StoredTensor>();
  for (const [module, parts] of modules) {
    const base = stored(`${module}.weight`);
    if (!base) {
      throw new ModelError(`The adapter is on ${module}, which the base model does not have. ${madeFor(adapter)}`);
    }
    const rowOrder = stores.rowOrder?.(module);
    const { name } = base;
    const put = adapted(base, module, parts, { adapter, alpha: alphaOf(module), isTurned: isTurned(name), rowOrder });
    found.set(name, put.tensor);
    if (put.sum) {
      const own = `${name} without the adapter`;
      sums.set(name, { ...put.sum, base: own });
      summed.set(own, { ...base, name: own });
      for (const part of put.parts) summed.set(part.name, part);
    }
  }
  return { tensors: found, sums, summed, description };
}

/** The tensors of an adapter by what they are. */
function partsOf(adapter: Adapter): {
  readonly modules: ReadonlyMap<string, ReadonlyMap<Part, StoredTensor>>;
  readonly whole: readonly { readonly tensor: StoredTensor; readonly name: string; readonly module: string }[];
  readonly tables: ReadonlyMap<string, StoredTensor>;
} {
  const modules = new Map<string, Map<Part, StoredTensor>>();
  const tables = new Map<string, StoredTensor>();
  const whole: { tensor: StoredTensor; name: string; module: string }[] = [];
  for (const tensor of adapter.tensors) {
    const named = partName.exec(tensor.name)?.groups;
    const table = tokenName.exec(tensor.name)?.[1];
    if (named) {
      const [module, part] = [named['module']!, named['part'] as Part];
      const parts = modules.get(module) ?? new Map<Part, StoredTensor>();
      if (parts.has(part))
        throw new ModelError(`The file holds two ${part} of ${module}: of which adapter, is not known. ${mergeIt}`);
      parts.set(part, tensor);
      modules.set(module, parts);
    } else if (table === undefined) {
      const name = tensor.name
        .replace(/^base_model\.model\./, '')
        .replace(/\.(modules_to_save(\.[\w-]+)?|(token_adapter\.)?base_layer)(?=\.)/, '');
      whole.push({ tensor, name, module: name.replace(/\.(weight|bias)$/, '') });
    } else tables.set(table, tensor);
  }
  return { modules, whole, tables };
}

/** Whether a module is one of `modules_to_save`. An embedding that is not is filled by PEFT where both read it. */
const isSaved = (module: string, { saved }: AdapterConfig): boolean => saved.some((target) => isNamed(module, target));

/** Name of the language head that a class has as a module of its own although it reads the embedding. */
function tiedHead(model: ModelDescription): string | undefined {
  if (!model.tiedEmbeddings.value) return undefined;
  const tied = new Set(expectedTensors(model)?.map(({ pattern }) => pattern));
  const own = expectedTensors(untied(model))?.filter(
    ({ pattern }) => !tied.has(pattern) && pattern.endsWith('.weight'),
  );
  return own?.length === 1 ? own[0]?.pattern : undefined;
}

const untied = (model: ModelDescription): ModelDescription => ({
  ...model,
  tiedEmbeddings: { ...model.tiedEmbeddings, value: false },
});

/** The head gets a tensor of its own with the numbers of the embedding: PEFT changes the module that an adapter is on, and no other. */
function headApart(
  found: Map<string, StoredTensor>,
  model: ModelDescription,
  head: string | undefined,
  isShared: (tensor: StoredTensor) => boolean,
  changes: readonly string[],
): { readonly description: ModelDescription; readonly table: string } {
  const [table, ...more] = [...found.values()].filter((tensor) => tensor.name !== head && isShared(tensor));
  if (!table || more.length > 0 || head === undefined) throw new ModelError(onHead(changes.at(-1) ?? ''));
  found.set(head, { ...table, name: head });
  return { description: untied(model), table: table.name };
}

/** The specification of a model whose head was put apart has to read it. */
export function requireHeadApart(specified: SpecifiedModel, tensors: ReadonlyMap<string, StoredTensor>): void {
  const { head } =
    specified.kind === 'multimodal'
      ? specified.spec.text
      : specified.kind === 'vision'
        ? specified.vision.stack
        : specified.text;
  const read = head.vocabulary?.weight;
  if (read === undefined || !tensors.has(read)) throw new ModelError(onHead('the embedding or the language head'));
}

/** The alpha of each module: of the first pattern that matches its name, else that of all. */
function alphasOf({ alpha = 8, alphas = [] }: AdapterConfig, modules: readonly string[]): (module: string) => number {
  const own = new Map<string, number>();
  for (const { pattern, alpha: value } of alphas) {
    const matched = matchedNames(`(?:.*\\.)?(?:${pattern})`, modules);
    if (typeof matched === 'string')
      throw new ModelError(
        `The adapter has alpha_pattern ${JSON.stringify(pattern)}, which ${matched === 'too-long' ? 'takes too long to match' : 'Headscope cannot read'}. ${mergeIt}`,
      );
    for (const module of matched) if (!own.has(module)) own.set(module, value);
  }
  return (module) => own.get(module) ?? alpha;
}

interface Named {
  readonly config: AdapterConfig;
  /** Name of the model that it is put on. */
  readonly base: string;
}

/** The next step for an adapter that does not fit. */
const madeFor = ({ config: { baseModel }, base }: Named): string =>
  baseModel === undefined
    ? `It was not made for ${base}: put it on the model that it was made for.`
    : `It was made for ${baseModel} but was put on ${base}: name the folder of the model that it was made for.`;

/** What a person should know: of an adapter that was made for a model of another name, where shapes fit, and how it is computed. */
export function adapterNotes(
  { config: { baseModel }, base }: Named,
  folder: string,
  { sums, description }: AdaptedTensors,
  source: ModelDescription,
): readonly string[] {
  const [named, own] = [baseModel ?? folder, folder].map((path) => lastName(path).toLowerCase());
  const count = sums.size;
  return [
    ...(named === own ? [] : [`The adapter names ${baseModel ?? ''} as its base model, but it is used on ${base}.`]),
    ...(count === 0
      ? []
      : [
          `The adapter is multiplied beside ${count === 1 ? 'one matrix, which stays as it is' : `${count} matrices, which stay as they are`} stored.`,
        ]),
    ...(description === source
      ? []
      : [
          'The base has one tensor for its embedding and its language head. The adapter changes one of the two, so each has its own numbers here, as when PEFT runs the adapter without merging it.',
        ]),
  ];
}

/** A note where the folder of a model holds an adapter too, which other programs put on the model by themselves. */
export async function adapterBeside(folder: string): Promise<readonly string[]> {
  return (await stat(join(folder, adapterFile)).catch(() => undefined)) === undefined
    ? []
    : [
        `Its folder holds the ${adapterFile} of an adapter, which is not put on it. Name the folder as the adapter too, to put it on.`,
      ];
}

/** A module of `modules_to_save`, or a bias that was learned with the adapter. */
function keepWhole(
  found: Map<string, StoredTensor>,
  base: StoredTensor | undefined,
  tensor: StoredTensor,
  adapter: Named,
  { converted, rowOrder }: BaseStores,
): void {
  if (!base || !Object.hasOwn(floats, tensor.dtype)) {
    throw new ModelError(
      `${tensor.name} of the adapter ${base ? `is stored as ${tensor.dtype}` : 'belongs to no tensor of the base model'}. Merge the adapter into its base with PEFT, and open the merged model.`,
    );
  }
  const { name } = base;
  if (base.shape.join() !== tensor.shape.join())
    throw new ModelError(otherShape(tensor, tensor.shape, name, base.shape, adapter));
  const isGain = base.shape.length === 1 && name.endsWith('.weight');
  if (converted && (isGain || rowOrder?.(name.replace(/\.(weight|bias)$/, ''))))
    throw new ModelError(
      `The adapter keeps ${name} as a whole, which a GGUF file may hold in another form. Put the adapter on the base in a folder of safetensors.`,
    );
  found.set(name, { ...tensor, name });
}

const onHead = (module: string): string =>
  `The adapter changes ${module} alone, and in this model the embedding and the language head are one tensor. ${mergeIt}`;

/** Whether a tensor is the table of the vocabulary that embedding and head share. */
function sharedBy(description: ModelDescription): (tensor: StoredTensor) => boolean {
  const vocabulary = description.tiedEmbeddings.value ? mainPart(description)?.vocabularySize : undefined;
  return ({ name, shape }) =>
    vocabulary !== undefined && shape.length === 2 && shape[0] === vocabulary && !/\.\d+\./.test(name);
}

/** `trainable_token_indices`: rows of the embedding that were learned, whole and not as differences. */
function withTokens(base: StoredTensor | undefined, table: string, tensor: StoredTensor, adapter: Named): StoredTensor {
  const { tokens = [] } = adapter.config;
  const ids = tokens.find(({ target }) => target === '' || isNamed(table, target))?.ids ?? [];
  const [rows = 0, columns = 0] = base?.shape ?? [];
  if (!base || !holdsNumbers(tensor.dtype) || tensor.shape.join() !== [ids.length, columns].join()) {
    throw new ModelError(
      `${tensor.name} of the adapter has the shape [${tensor.shape.join(', ')}], but ${ids.length} tokens in trainable_token_indices and a table of [${rows}, ${columns}] need [${ids.length}, ${columns}]. ${madeFor(adapter)}`,
    );
  }
  const beyond = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= rows);
  if (beyond !== undefined) {
    throw new ModelError(
      `trainable_token_indices names token ${beyond}, but ${table} has ${rows} rows. ${madeFor(adapter)}`,
    );
  }
  return onBase(base, withRows(formatOf(base), ids, tensor.dtype), { tokens: tensor });
}

function formatOf(base: StoredTensor): NumberFormat {
  if (isEncoded(base)) return base.encoded.format;
  const { name, dtype } = base;
  if (Object.hasOwn(floats, dtype)) return floats[dtype as keyof typeof floats];
  throw new ModelError(
    `${name} of the base model is stored as ${dtype}, and Headscope adds no adapter to that. ${mergeIt}`,
  );
}

const place = ({ location, offset, length }: StoredTensor): ExternalData => ({ location, offset, length });

/** A tensor of the base with parts of the adapter beside its own. */
const onBase = (
  base: StoredTensor,
  format: NumberFormat,
  added: Readonly<Record<string, StoredTensor>>,
): StoredTensor => ({
  ...base,
  dtype: format.name,
  encoded: {
    ...base.encoded,
    format,
    parts: {
      ...(base.encoded?.parts ?? { values: place(base) }),
      ...Object.fromEntries(Object.entries(added).map(([part, tensor]) => [part, place(tensor)])),
    },
  },
});

const otherShape = (
  tensor: StoredTensor,
  own: readonly number[],
  name: string,
  base: readonly number[],
  adapter: Named,
): string =>
  `${tensor.name} of the adapter is for a shape of [${own.join(', ')}], but ${name} is [${base.join(', ')}]: the adapter is for another model. ${madeFor(adapter)}`;

interface Adapted {
  readonly tensor: StoredTensor;
  /** What the tensor is the sum of, where it is no more than that. */
  readonly sum?: Omit<SummedWeight, 'base'>;
  readonly parts: readonly StoredTensor[];
}

function adapted(
  base: StoredTensor,
  module: string,
  parts: ReadonlyMap<Part, StoredTensor>,
  on: {
    readonly adapter: Named;
    readonly alpha: number;
    readonly isTurned: boolean;
    readonly rowOrder: ((row: number) => number) | undefined;
  },
): Adapted {
  const { adapter, alpha, isTurned, rowOrder } = on;
  const isTable = parts.has('lora_embedding_A');
  const [a, second] = isTable
    ? [parts.get('lora_embedding_A'), parts.get('lora_embedding_B')]
    : [parts.get('lora_A'), parts.get('lora_B')];
  const magnitudes = parts.get('lora_magnitude_vector');
  const [rank = 0, inputs = 0] = a?.shape ?? [];
  const [outputs = 0, other] = second?.shape ?? [];
  if (
    !a ||
    !second ||
    rank < 1 ||
    other !== rank ||
    ![a, second, ...(magnitudes ? [magnitudes] : [])].every(({ dtype }) => holdsNumbers(dtype))
  ) {
    throw new ModelError(
      `The adapter needs two float matrices with one rank for ${module}; it has [${(a?.shape ?? []).join(', ')}] and [${(second?.shape ?? []).join(', ')}]. Fetch the adapter again.`,
    );
  }
  // Quantisers store a matrix by outputs.
  const rowsAreInputs = isTable || (isTurned && base.encoded?.transposed !== true);
  const { rows, columns } = storedAxes(base);
  const shape = rowsAreInputs ? [inputs, outputs] : [outputs, inputs];
  if (base.shape.length !== 2 || shape.join() !== [rows, columns].join())
    throw new ModelError(otherShape(a, shape, base.name, [rows, columns], adapter));
  if (magnitudes && magnitudes.shape.reduce((size, axis) => size * axis, 1) !== outputs) {
    throw new ModelError(
      `The DoRA magnitudes of the adapter for ${module} have the shape [${magnitudes.shape.join(', ')}]; there is one for each of ${outputs} outputs. Fetch the adapter again.`,
    );
  }
  // alpha over the rank, or over its root (rsLoRA, arXiv:2312.03732).
  const scaling = alpha / (adapter.config.rootScaling === true ? Math.sqrt(rank) : rank);
  const format = adaptedFormat({
    ...{ base: formatOf(base), rank, inputs, outputs, byInputs: rowsAreInputs, scaling },
    ...(rowOrder ? { rowOrder } : {}),
    types: { a: a.dtype, b: second.dtype, ...(magnitudes ? { magnitudes: magnitudes.dtype } : {}) },
  });
  const tensor = onBase(base, format, { adapterA: a, adapterB: second, ...(magnitudes ? { magnitudes } : {}) });
  if (magnitudes || isTable || !Object.hasOwn(floats, a.dtype) || !Object.hasOwn(floats, second.dtype))
    return { tensor, parts: [] };
  const up = rowOrder
    ? { ...second, encoded: { format: reorderedRows(second.dtype, rowOrder), parts: { values: place(second) } } }
    : second;
  return { tensor, sum: { down: a.name, up: up.name, rank, factor: scaling }, parts: [a, up] };
}
