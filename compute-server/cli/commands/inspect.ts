import { stat } from 'node:fs/promises';
import { runnable, unreadParts } from '../../../models/architectures/catalogue';
import { alibiHeads } from '../../../models/formats/estimates/alibi-scope';
import type { Estimate } from '../../../models/formats/estimates/estimate';
import { decodeFlops, prefillFlops } from '../../../models/formats/estimates/flops';
import { kvBytesPerToken, kvCache } from '../../../models/formats/estimates/kv-cache';
import { weightBytes } from '../../../models/formats/estimates/weights';
import { describeModel } from '../../../models/formats/describe-model';
import type {
  AttentionKind,
  ModelDescription,
  ModelPart,
  Quantisation,
} from '../../../models/formats/model-description';
import { countVocabulary, largestTokenizer } from '../../../models/formats/companions/tokenizer-vocabulary';
import { stageRuns } from '../../../models/formats/stage-runs';
import type { TokenizerVocabulary } from '../../../models/formats/companions/tokenizer-vocabulary';
import { resolveInside } from '../../../models/formats/containment';
import { formsIn } from '../../../models/formats/gguf/other-form';
import { readCompanions, readModelFolder } from '../../../models/formats/model-folder';
import type { OtherModel } from '../../../models/formats/other-model';
import { runnableOther } from '../../../models/architectures/other-verdict';
import { readOnnxFolder } from '../../../models/formats/onnx/onnx-folder';
import type { Checkpoint } from '../../../models/formats/safetensors/checkpoint';
import { openCheckpoint } from '../../../models/formats/safetensors/checkpoint';
import { compareTensors } from '../../../models/formats/compare-tensors';
import { countParameters } from '../../../models/formats/expected-tensors';
import { CommandError, exitCodes, wrongUsage } from '../exit-codes';
import { provenance } from '../../provenance';
import type { Inspection } from '../inspection';
import { inspectionText } from '../inspection-text';
import { otherModelAt } from '../other-model';
import { jsonOption } from '../output-options';
import { countHeader, notesOf } from '../stored-weights';
import type { Registration } from '../registration';
import { serving, servingText } from '../serving';
import { addServingOptions, requireServing, type ServingOptions } from '../serving-options';

interface InspectOptions extends ServingOptions {
  readonly json?: string;
  readonly base?: string;
}

/** headscope inspect: what a model is and costs, from its config and the headers of its weights. */
export const inspect: Registration = (program, session) => {
  const command = program
    .command('inspect')
    .argument('<model>', 'a model folder or its config.json, a .gguf or .onnx file, or the folder of an adapter')
    .description(
      'Show what the attention of a model is and what it costs, from its config and the headers of its weights.',
    )
    .addOption(jsonOption())
    .option('--base <folder>', 'of an adapter: the folder of its base model, where it does not lie beside it');
  addServingOptions(command).action(async (model: string, options: InspectOptions) => {
    requireServing(options);
    const inspection = await inspectModel(model, options.base);
    const report = options.serve
      ? await serving(model, await servedModel(model, inspection), options, session)
      : undefined;
    if (options.json !== undefined) {
      const made = await provenance({ model });
      await session.writeJson(options.json, { ...made, ...inspection, ...(report ? { serving: report } : {}) });
    }
    if (options.json !== '-') session.print(report ? servingText(report) : inspectionText(inspection));
  });
};

/** Serving is counted from a config: other files do not say all that it takes. */
export async function servedModel(path: string, { file }: Pick<Inspection, 'file'>): Promise<ModelDescription> {
  if (file !== undefined) {
    throw wrongUsage(
      `--serve needs the config.json of a model, and ${path} has none. Name the folder of the model it was made of.`,
    );
  }
  const read = await readModelFolder(path);
  if (!read.ok) throw new CommandError(exitCodes.failed, read.message);
  return read.model;
}

export async function inspectModel(path: string, base?: string): Promise<Inspection> {
  if ((await stat(path).catch(() => undefined)) === undefined) {
    throw wrongUsage(`${path} does not exist: name a model folder or its config.json, a .gguf or an .onnx file.`);
  }
  const other = await otherModelAt(path, base);
  if (other !== undefined) {
    const supported = await runnableOther(other.model.kind, other.file);
    return inspectionOfOther(path, other.path, other.model, supported);
  }
  if (base !== undefined) throw wrongUsage(`--base is for adapters, and ${path} is none.`);
  const read = await readModelFolder(path);
  if (!read.ok) throw new CommandError(exitCodes.failed, read.message);
  const checkpoint = await openCheckpoint(read.folder);
  const [companions, graphs, tokenizer, forms] = await Promise.all([
    readCompanions(read.folder),
    readOnnxFolder(read.folder),
    tokenizerOf(read.folder),
    formsIn(read.folder, read.model),
  ]);
  const found = inspectionOf(path, read.model, checkpoint);
  const onnx = graphs.flatMap(({ file, read: graph }) => {
    if (!graph.ok) return [];
    const { inputs, outputs, attention, elements, opsets } = graph.onnx;
    return [{ file, inputs, outputs, attention, elements, opsets }];
  });
  const unreadable = graphs.flatMap(({ file, read: graph }) => (graph.ok ? [] : [`${file}: ${graph.message}`]));
  const others = forms.map(
    ({ file, title }) => `${file} (${title}) holds the same model. To run that form, give the path of the file.`,
  );
  return { ...found, companions, tokenizer, onnx, notes: [...read.notes, ...found.notes, ...unreadable, ...others] };
}

const noWeights: Checkpoint = { folder: '', tensors: [], files: [], problems: [], bytesRead: 0 };

/** Sizes as for a config, counts from the headers of the file. */
function inspectionOfOther(
  path: string,
  file: string,
  other: OtherModel,
  supported: Inspection['supported'],
): Inspection {
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
    supported,
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
  const weights = weightBytes(model, checkpoint.index?.weightMap.keys());
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
    quantisation: model.quantisation === undefined ? null : quantisationOf(model.quantisation),
    supported: runnable(model),
    ...unreadOf(model),
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

const unreadOf = (model: ModelDescription): Pick<Inspection, 'unread'> => {
  const unread = unreadParts(model);
  return unread === undefined ? {} : { unread };
};

/** Mixed precision has no one number of bits. */
const quantisationOf = ({
  method,
  bits,
  modules,
  groups = [],
}: Quantisation): NonNullable<Inspection['quantisation']> => {
  const isMixed = modules !== undefined || groups.some((group) => group.bits !== bits);
  return { method: isMixed ? `${method}, mixed` : method, bits: isMixed ? null : (bits ?? null) };
};

/** 2k and 8k, and the whole context; nothing longer than the model takes. */
function lengthsFor(context: number | undefined): readonly number[] {
  const usual = [2048, 8192].filter((length) => context === undefined || length <= context);
  return context === undefined || usual.includes(context) ? usual : [...usual, context];
}

const kindsOf = (part: ModelPart | undefined): Readonly<Record<string, number>> => {
  const kinds: Partial<Record<AttentionKind | 'cross', number>> = {};
  for (const { attention, crossAttention } of part?.layers ?? []) {
    const kind = attention.kind === 'none' && crossAttention !== undefined ? 'cross' : attention.kind;
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return kinds;
};

/** Lengths for which there is no figure are left out: 0 would be one. */
const byLength = (lengths: readonly number[], value: (length: number) => number | undefined): Record<string, number> =>
  Object.fromEntries(
    lengths.flatMap((length): [string, number][] => {
      const figure = value(length);
      return figure === undefined ? [] : [[String(length), figure]];
    }),
  );
