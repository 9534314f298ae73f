import { stat } from 'node:fs/promises';
import { runnable } from '../../../models/architectures/catalogue';
import { alibiHeads } from '../../../models/formats/estimates/alibi-scope';
import type { Estimate } from '../../../models/formats/estimates/estimate';
import { decodeFlops, prefillFlops } from '../../../models/formats/estimates/flops';
import { kvBytesPerToken, kvCache } from '../../../models/formats/estimates/kv-cache';
import { weightBytes } from '../../../models/formats/estimates/weights';
import { describeModel } from '../../../models/formats/describe-model';
import type { AttentionKind, ModelDescription, ModelPart } from '../../../models/formats/model-description';
import type { Companions } from '../../../models/formats/companions/companions';
import { countVocabulary, largestTokenizer } from '../../../models/formats/companions/tokenizer-vocabulary';
import type { StageRun } from '../../../models/formats/stage-runs';
import { stageRuns } from '../../../models/formats/stage-runs';
import type { TokenizerVocabulary } from '../../../models/formats/companions/tokenizer-vocabulary';
import { resolveInside } from '../../../models/formats/safetensors/containment';
import { readCompanions, readModelFolder } from '../../../models/formats/model-folder';
import type { OtherModel } from '../../../models/formats/other-model';
import { notRun } from '../../../models/formats/other-model';
import type { OnnxDescription } from '../../../models/formats/onnx/read-onnx';
import { readOnnxFolder } from '../../../models/formats/onnx/onnx-folder';
import type { Checkpoint } from '../../../models/formats/safetensors/checkpoint';
import { openCheckpoint } from '../../../models/formats/safetensors/checkpoint';
import { compareTensors } from '../../../models/formats/tensors/compare-tensors';
import { countParameters } from '../../../models/formats/tensors/expected-tensors';
import { CommandError, exitCodes, wrongUsage } from '../exit-codes';
import { provenance } from '../../provenance';
import { otherModelAt } from '../other-model';
import { countHeader, notesOf } from '../stored-weights';
import type { Registration } from '../registration';
import { textTable } from '../table';
import { serving, servingText } from '../serving';
import { addServingOptions, requireServing, type ServingOptions } from '../serving-options';

interface InspectOptions extends ServingOptions {
  readonly json?: string;
  readonly base?: string;
}

/** What `headscope inspect --json` writes beside the provenance; names are fixed, more may be added. */
export interface Inspection {
  readonly model: string;
  readonly family: string;
  readonly modelType: string | null;
  /** Of the main part; 0 where the file and its family do not say. */
  readonly layers: number;
  /** Layers of the main part by what they do: full, window, chunked, linear, mamba, none. */
  readonly layerKinds: Readonly<Record<string, number>>;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly valueDim: number;
  readonly hiddenSize: number;
  /** Of a tower in stages (Swin, SegFormer), stage by stage; absent for all others. */
  readonly stages?: readonly StageRun[];
  readonly vocabularySize: number | null;
  readonly contextLength: number | null;
  /**
   * Elements of all learned tensors: counted in the safetensors headers where the weights are there unquantised, else from
   * the config when the family's layout is known in full, else null.
   */
  readonly parameters: number | null;
  readonly parametersFrom: 'header' | 'config' | null;
  readonly activeParameters: number | null;
  readonly parameterSplit: readonly { readonly name: string; readonly count: number; readonly active: number }[];
  /** Bytes of the tensors in the safetensors files; from the config where there are none. */
  readonly bytes: number | null;
  readonly bytesFrom: 'header' | 'config' | null;
  /** Bytes by dtype of the safetensors headers; from the config, its dtype alone. */
  readonly dtypes: Readonly<Record<string, number>>;
  readonly attention: ModelPart['attention'];
  /** Positions of the window, where layers have one. */
  readonly window?: number;
  readonly windowLayers: number;
  /** With ALiBi, by query head: slope, and tokens behind which no key has a weight above 0.1 % where queries prefer none. */
  readonly alibi?: readonly { readonly slope: number; readonly scope: number }[];
  /** Bytes that one token adds to the KV cache over all layers, in the model's dtype; 0 for encoders. */
  readonly kvBytesPerToken: number;
  /** Under MLA, the same where keys and values of every head are kept instead of the latent. */
  readonly kvBytesPerTokenExpanded?: number;
  /** KV cache of one sequence at these lengths, windows and latents taken into account. */
  readonly kvBytes: Readonly<Record<string, number>>;
  /** Operations of one token with nothing before it; a multiply-add is two. */
  readonly flopsPerToken: number | null;
  readonly flopsPerTokenAt: Readonly<Record<string, number>>;
  readonly prefillFlops: Readonly<Record<string, number>>;
  readonly quantisation: { readonly method: string; readonly bits: number | null } | null;
  readonly supported: true | string;
  readonly parts: readonly {
    readonly name: string;
    readonly role: ModelPart['role'];
    readonly family: string;
    readonly layers: number;
    readonly heads: number;
    readonly kvHeads: number;
    readonly headDim: number;
    readonly hiddenSize: number;
  }[];
  readonly formulas: Readonly<Record<string, { readonly formula: string; readonly assumptions: readonly string[] }>>;
  /** What generation, tokenizer, processor, adapter and genai files beside the config say. */
  readonly companions: Companions;
  /** Entries and ids of the `tokenizer.json` beside the config. */
  readonly tokenizer: TokenizerVocabulary | null;
  /** The .onnx files of the folder and of its `onnx` folder. */
  readonly onnx: readonly (Pick<OnnxDescription, 'inputs' | 'outputs' | 'attention' | 'elements' | 'opsets'> & {
    readonly file: string;
  })[];
  /** What could not be read, and where weights and config disagree. */
  readonly notes: readonly string[];
  readonly headerBytesRead: number;
  /** What a GGUF file, a graph without a config.json or an adapter says beside this; absent for a config. */
  readonly file?: Pick<OtherModel, 'kind' | 'title' | 'bitsPerWeight' | 'formats' | 'details'> & {
    readonly path: string;
  };
}

/** headscope inspect: what a model is and costs, from its config and the headers of its weights. */
export const inspect: Registration = (program, session) => {
  const command = program
    .command('inspect')
    .argument('<model>', 'a model folder or its config.json, a .gguf or .onnx file, or the folder of an adapter')
    .description(
      'Show what the attention of a model is and what it costs, from its config and the headers of its weights.',
    )
    .option('--json <file>', 'write the result as JSON, - for stdout')
    .option('--base <folder>', 'of an adapter: the folder of its base model, where it does not lie beside it');
  addServingOptions(command).action(async (model: string, options: InspectOptions) => {
    requireServing(options);
    const inspection = await inspectModel(model, options.base);
    const report = options.serve ? await serving(model, await descriptionOf(model), options, session) : undefined;
    if (options.json !== undefined) {
      const made = await provenance({ model });
      await session.writeJson(options.json, { ...made, ...inspection, ...(report ? { serving: report } : {}) });
    }
    if (options.json !== '-') session.print(report ? servingText(report) : asText(inspection));
  });
};

async function descriptionOf(path: string): Promise<ModelDescription> {
  const read = await readModelFolder(path);
  if (!read.ok) throw new CommandError(exitCodes.failed, read.message);
  return read.model;
}

export async function inspectModel(path: string, base?: string): Promise<Inspection> {
  if ((await stat(path).catch(() => undefined)) === undefined) {
    throw wrongUsage(`${path} does not exist: name a model folder or its config.json, a .gguf or an .onnx file.`);
  }
  const other = await otherModelAt(path, base);
  if (other !== undefined) return inspectionOfOther(path, other.path, other.model);
  if (base !== undefined) throw wrongUsage(`--base is for adapters, and ${path} is none.`);
  const read = await readModelFolder(path);
  if (!read.ok) throw new CommandError(exitCodes.failed, read.message);
  const checkpoint = await openCheckpoint(read.folder);
  const [companions, graphs, tokenizer] = await Promise.all([
    readCompanions(read.folder),
    readOnnxFolder(read.folder),
    tokenizerOf(read.folder),
  ]);
  const found = inspectionOf(path, read.model, checkpoint);
  const onnx = graphs.flatMap(({ file, read: graph }) => {
    if (!graph.ok) return [];
    const { inputs, outputs, attention, elements, opsets } = graph.onnx;
    return [{ file, inputs, outputs, attention, elements, opsets }];
  });
  const unreadable = graphs.flatMap(({ file, read: graph }) => (graph.ok ? [] : [`${file}: ${graph.message}`]));
  return { ...found, companions, tokenizer, onnx, notes: [...found.notes, ...unreadable] };
}

const noWeights: Checkpoint = { folder: '', tensors: [], files: [], problems: [], bytesRead: 0 };

/** Sizes as for a config, counts from the headers of the file. */
function inspectionOfOther(path: string, file: string, other: OtherModel): Inspection {
  const { kind, title, bitsPerWeight, formats, details, parameters, bytes, notes, bytesRead } = other;
  const model = other.description ?? describeModel({});
  const found = inspectionOf(path, model, noWeights);
  return {
    ...found,
    ...(other.description === undefined ? { family: 'none', formulas: {} } : {}),
    parameters: parameters?.total ?? null,
    parametersFrom: parameters === undefined ? null : formats.length > 0 ? 'header' : 'config',
    activeParameters: parameters?.active ?? null,
    parameterSplit: parameters?.split ?? [],
    bytes: formats.length === 0 ? null : bytes,
    bytesFrom: formats.length === 0 ? null : 'header',
    dtypes: Object.fromEntries(formats.map((share) => [share.name, share.bytes])),
    quantisation: null,
    supported: notRun[kind],
    companions: {},
    tokenizer: null,
    onnx: [],
    notes,
    headerBytesRead: bytesRead,
    file: { path: file, kind, title, ...(bitsPerWeight === undefined ? {} : { bitsPerWeight }), formats, details },
  };
}

async function tokenizerOf(folder: string): Promise<TokenizerVocabulary | null> {
  const place = await resolveInside(folder, 'tokenizer.json');
  if (!place.ok) return null;
  const about = await stat(place.path).catch(() => undefined);
  if (about?.isFile() !== true || about.size > largestTokenizer) return null;
  return countVocabulary(place.path).catch(() => null);
}

function inspectionOf(
  path: string,
  model: ModelDescription,
  checkpoint: Checkpoint,
): Omit<Inspection, 'companions' | 'tokenizer' | 'onnx'> {
  const [part] = model.parts;
  const counted = countParameters(model);
  const weights = weightBytes(model);
  const compared = checkpoint.tensors.length === 0 ? undefined : compareTensors(model, checkpoint.tensors);
  const header = countHeader(checkpoint, compared, model);
  const context = part?.contextLength;
  const lengths = lengthsFor(context);
  const caches = lengths.map((length) => [length, kvCache(model, { length })] as const);
  const windows =
    part?.layers.filter(({ attention }) => attention.kind === 'window' || attention.kind === 'chunked') ?? [];
  const window = windows[0]?.attention.window;
  const decode = decodeFlops(model, 0);
  const alibi = part && alibiHeads(part, model.family);
  const stages = part === undefined ? [] : stageRuns(part);
  const formulas: Record<string, Estimate | undefined> = {
    bytes: weights,
    kvBytes: caches[0]?.[1],
    flopsPerToken: decode,
    prefillFlops: prefillFlops(model, lengths[0] ?? 1),
  };
  const dtypes = header.dtypes;
  return {
    model: path,
    family: model.family,
    modelType: model.modelType ?? null,
    layers: part?.layers.length ?? 0,
    layerKinds: kindsOf(part),
    heads: part?.heads ?? 0,
    kvHeads: part?.kvHeads ?? 0,
    headDim: part?.headDim ?? 0,
    valueDim: part?.valueDim ?? 0,
    hiddenSize: part?.hiddenSize ?? 0,
    ...(stages.length === 0 ? {} : { stages }),
    vocabularySize: part?.vocabularySize ?? null,
    contextLength: context ?? null,
    parameters: header.parameters ?? counted?.total ?? null,
    parametersFrom: header.parameters !== undefined ? 'header' : counted === undefined ? null : 'config',
    activeParameters: counted?.active ?? null,
    parameterSplit: counted?.split ?? [],
    bytes: header.bytes ?? weights?.value ?? null,
    bytesFrom: header.bytes !== undefined ? 'header' : weights === undefined ? null : 'config',
    dtypes:
      header.bytes !== undefined || weights === undefined ? dtypes : { [model.dtype ?? 'float32']: weights.value },
    attention: part?.attention ?? 'none',
    ...(window === undefined ? {} : { window }),
    windowLayers: windows.length,
    ...(alibi ? { alibi } : {}),
    kvBytesPerToken: kvBytesPerToken(model),
    ...(part?.attention === 'mla' ? { kvBytesPerTokenExpanded: kvBytesPerToken(model, { latents: 'expanded' }) } : {}),
    kvBytes: Object.fromEntries(caches.map(([length, cache]) => [String(length), cache?.value ?? 0])),
    flopsPerToken: decode?.value ?? null,
    flopsPerTokenAt: byLength(lengths, (length) => decodeFlops(model, length)?.value),
    prefillFlops: byLength(lengths, (length) => prefillFlops(model, length)?.value),
    quantisation:
      model.quantisation === undefined
        ? null
        : { method: model.quantisation.method, bits: model.quantisation.bits ?? null },
    supported: runnable(model),
    parts: model.parts.map(({ name, role, family, layers, heads, kvHeads, headDim, hiddenSize }) => ({
      name,
      role,
      family,
      layers: layers.length,
      heads,
      kvHeads,
      headDim,
      hiddenSize,
    })),
    formulas: Object.fromEntries(
      Object.entries(formulas).flatMap(([name, estimate]) =>
        estimate === undefined ? [] : [[name, { formula: estimate.formula, assumptions: estimate.assumptions }]],
      ),
    ),
    notes: notesOf(model, checkpoint, compared),
    headerBytesRead: checkpoint.bytesRead,
  };
}

/** 2k and 8k, and the whole context; nothing longer than the model takes. */
function lengthsFor(context: number | undefined): readonly number[] {
  const usual = [2048, 8192].filter((length) => context === undefined || length <= context);
  return context === undefined || usual.includes(context) ? usual : [...usual, context];
}

const kindsOf = (part: ModelPart | undefined): Readonly<Record<string, number>> => {
  const kinds: Partial<Record<AttentionKind, number>> = {};
  for (const { attention } of part?.layers ?? []) kinds[attention.kind] = (kinds[attention.kind] ?? 0) + 1;
  return kinds;
};

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

const byLength = (lengths: readonly number[], value: (length: number) => number | undefined): Record<string, number> =>
  Object.fromEntries(lengths.map((length) => [String(length), value(length) ?? 0]));

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

function bytesInWords(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[unit] ?? ''}`;
}

const grouped = (value: number): string => value.toLocaleString('en-US');

/** An adapter without its base, or a file without layers, has nothing to say of these. */
const ofLayers = new Set(['family', 'layers', 'attention', 'hidden size']);
const isOfFile = ([title = '', text]: readonly string[]): boolean =>
  !ofLayers.has(title) && text !== 'not known for this family';

function otherRows(file: Inspection['file']): readonly string[][] {
  if (file === undefined) return [];
  const { formats, bitsPerWeight, details } = file;
  return [
    ...formats.map(({ name, bytes, tensors }) => [
      `  ${name}`,
      `${bytesInWords(bytes)} in ${grouped(tensors)} ${tensors === 1 ? 'tensor' : 'tensors'}`,
    ]),
    ...(bitsPerWeight === undefined
      ? []
      : [['bits per weight', `${Number(bitsPerWeight.toPrecision(4))}, scales included`]]),
    ...details.map(({ title, text }) => [title.charAt(0).toLowerCase() + title.slice(1), text]),
  ];
}

function asText(found: Inspection): string {
  const heads =
    found.attention === 'none'
      ? 'none'
      : found.stages !== undefined
        ? `${found.attention.toUpperCase()}, heads by stage`
        : `${found.attention.toUpperCase()}, ${found.heads} query heads on ${found.kvHeads} key/value heads of ${found.headDim}`;
  const rows: string[][] = [
    ...(found.file === undefined ? [] : [['kind', found.file.title]]),
    [
      'family',
      found.modelType === null || found.modelType === found.family
        ? found.family
        : `${found.family} (${found.modelType})`,
    ],
    ['layers', String(found.layers)],
    ['attention', heads],
  ];
  const kinds = Object.entries(found.layerKinds).filter(([kind]) => kind !== 'chunked' && kind !== 'window');
  if (kinds.some(([kind]) => kind !== 'full')) {
    const words = kinds.map(([kind, count]) => `${count} ${kind === 'none' ? 'without attention' : kind}`);
    rows.splice(2, 0, ['  kinds', words.join(', ')]);
  }
  if (found.window !== undefined)
    rows.push(['window', `${grouped(found.window)} in ${found.windowLayers} of ${found.layers} layers`]);
  if (found.alibi) {
    const scopes = found.alibi.map(({ scope }) => Math.ceil(scope));
    rows.push(['ALiBi', `reaches ${grouped(Math.min(...scopes))} to ${grouped(Math.max(...scopes))} tokens, by head`]);
  }
  rows.push(['hidden size', String(found.hiddenSize)]);
  for (const [index, stage] of (found.stages ?? []).entries()) {
    const places = stage.positions === undefined ? '' : `, ${grouped(stage.positions)} positions`;
    const heads = stage.heads === 0 ? '' : `, ${plural(stage.heads, 'head')} of ${stage.headDim}`;
    const read = stage.sourcePositions === undefined ? '' : ` that read ${grouped(stage.sourcePositions)}`;
    rows.push([
      `  stage ${index + 1}`,
      `${plural(stage.layers, 'layer')}${heads}, width ${stage.hiddenSize}${places}${read}`,
    ]);
  }
  if (found.contextLength !== null) rows.push(['context', grouped(found.contextLength)]);
  if (found.parameters === null) rows.push(['parameters', 'not known for this family']);
  else {
    const active =
      found.activeParameters !== null &&
      found.activeParameters !== found.parameters &&
      (found.parametersFrom === 'config' || found.file !== undefined)
        ? `, ${grouped(found.activeParameters)} used by a token`
        : '';
    rows.push(['parameters', `${grouped(found.parameters)}${active} (from the ${found.parametersFrom ?? ''})`]);
    for (const { name, count } of found.parameterSplit) rows.push([`  ${name}`, grouped(count)]);
  }
  if (found.bytes !== null) rows.push(['weights', `${bytesInWords(found.bytes)} (from the ${found.bytesFrom ?? ''})`]);
  for (const row of otherRows(found.file)) rows.push(row);
  if (found.kvBytesPerToken > 0) {
    rows.push(['KV cache', `${bytesInWords(found.kvBytesPerToken)} a token`]);
    for (const [length, bytes] of Object.entries(found.kvBytes))
      rows.push([`  at ${grouped(Number(length))}`, bytesInWords(bytes)]);
  }
  const state = Object.values(found.kvBytes)[0] ?? 0;
  // What does not grow with the text: a recurrent state, or what cross-attention reads.
  if (found.kvBytesPerToken === 0 && state > 0) rows.push(['state', `${bytesInWords(state)} a sequence`]);
  if (found.flopsPerToken !== null && found.flopsPerToken > 0)
    rows.push(['FLOPs', `${found.flopsPerToken.toExponential(3)} a token`]);
  if (found.quantisation !== null) {
    rows.push([
      'quantisation',
      `${found.quantisation.method}${found.quantisation.bits === null ? '' : `, ${found.quantisation.bits} bits`}`,
    ]);
  }
  for (const part of found.parts.slice(1)) {
    rows.push([
      part.role,
      `${part.layers} layers, ${part.heads} heads of ${part.headDim}, hidden size ${part.hiddenSize}`,
    ]);
  }
  if (found.tokenizer !== null && found.tokenizer.entries > 0) {
    const { entries, idCount } = found.tokenizer;
    const ids = idCount > entries ? `, ids to ${grouped(idCount - 1)}` : '';
    rows.push(['tokenizer', `${grouped(entries)} tokens${ids}`]);
  }
  for (const { file, inputs, attention } of found.onnx) {
    const kinds = [...new Set(attention.map(({ operator }) => operator))].join(', ');
    const whole = attention.length === 0 ? 'no fused attention' : `${attention.length} x ${kinds}`;
    rows.push([file, `${inputs.length} inputs, ${whole}`]);
  }
  rows.push(['runs here', found.supported === true ? 'yes' : found.supported]);
  for (const note of found.notes) rows.push(['note', note]);
  return textTable([found.model, ''], found.file !== undefined && found.layers === 0 ? rows.filter(isOfFile) : rows);
}
