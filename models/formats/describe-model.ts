import type { JsonObject } from './config/config-reader';
import { ConfigReader, isObject } from './config/config-reader';
import { readDtype } from './config/dtype';
import { findQuantisation } from './config/quantisation';
import { findDepartures } from './departures';
import { isDraft, isOwnClass } from './families/shared/class-names';
import { familyOf, wholeOf } from './families/catalogue';
import { readFlat } from './families/encoders/encoder-decoder';
import { defaultsOf } from './families/shared/family';
import type { Family } from './families/shared/family';
import type { OwnFamily } from './workspace-family';
import { familyOfOwn } from './families/workspace-families';
import { findParts, looksLikeStack, readGeneric } from './families/generic';
import { readStack, stackFamily } from './families/stacks';
import { unnamedType } from './families/type-by-keys';
import type {
  DescriptionProblem,
  ModelDescription,
  ModelPart,
  Projector,
  Task,
  TokenId,
  ValueSource,
} from './model-description';

interface Reading {
  readonly parts: readonly ModelPart[];
  readonly projector?: Projector;
  readonly exact: boolean;
}

const strings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];

/**
 * Whether a JSON value is the configuration of a model with layers: by content, since the file may have any name and any
 * `config.json` may be something else.
 */
export function isModelConfig(value: unknown, own: readonly OwnFamily[] = []): boolean {
  if (!isObject(value)) return false;
  const reader = new ConfigReader(value, [], []);
  const type = value['model_type'];
  if (own.some(({ modelType }) => modelType === type)) return true;
  if (unnamedType(value) !== undefined) return true;
  if (typeof type === 'string' && (familyOf(type, []) !== undefined || value['architectures'] !== undefined))
    return true;
  const classes = strings(value['architectures']);
  if (classes.length > 0 && (typeof type === 'string' || value['transformers_version'] !== undefined)) return true;
  return looksLikeStack(reader) || findParts(reader, (name) => stackFamily(name) !== undefined).length > 0;
}

/** The normalised description of a config. Any value is accepted; what cannot be read is left out and named. */
export function describeModel(config: unknown, own: readonly OwnFamily[] = []): ModelDescription {
  const problems: DescriptionProblem[] = [];
  if (!isObject(config)) {
    problems.push({ path: [], code: 'not-an-object', message: 'A model configuration is a JSON object.' });
  }
  const object = isObject(config) ? config : {};
  const written = object['model_type'];
  const modelType = typeof written === 'string' ? written : undefined;
  const architectures = strings(object['architectures']);
  const ownFamily = own.find((one) => one.modelType === modelType);
  const type = modelType ?? unnamedType(object);
  const family = ownFamily === undefined ? wholeOf(familyOf(type, architectures), object) : familyOfOwn(ownFamily);
  const reader = new ConfigReader(object, [], problems, family && defaultsOf(family, type));
  const reading =
    family === undefined ? readUnknown(reader, problems) : readFamily(family, reader, modelType, architectures[0]);
  const [main] = reading.parts;
  const quantisation = findQuantisation(reader);
  const dtype = readDtype(object, quantisation);
  const version = object['transformers_version'];
  if (family === undefined && isObject(config)) {
    const name = modelType === undefined ? 'This file names no model_type' : `No family here is called "${modelType}"`;
    problems.push({
      path: modelType === undefined ? [] : ['model_type'],
      code: 'unknown-family',
      message: `${name}: only what its keys say by themselves is described.`,
    });
  }
  return {
    ...(ownFamily === undefined ? {} : { ownFamily }),
    family: family?.id ?? 'generic',
    title: family?.title ?? modelType ?? architectures[0] ?? 'unknown model',
    exact:
      reading.exact &&
      !isDraft(object) &&
      !isOwnClass(architectures[0] ?? '', modelType ?? '', isObject(object['auto_map'])),
    ...(modelType === undefined ? {} : { modelType }),
    architectures,
    task: readTask(object, architectures, family),
    parts: reading.parts,
    ...(reading.projector === undefined ? {} : { projector: reading.projector }),
    fields: reader.fields,
    ...(dtype === undefined
      ? {}
      : { dtype: dtype.name, ...(dtype.from === undefined ? {} : { dtypeFrom: dtype.from }) }),
    ...(quantisation === undefined ? {} : { quantisation }),
    tiedEmbeddings: readTied(object, family, main),
    tokenIds: readTokenIds(reader, main),
    ...(typeof version === 'string' ? { transformersVersion: version } : {}),
    problems,
    departures: findDepartures(
      {
        parts: reading.parts,
        architectures,
        ...(modelType === undefined ? {} : { modelType }),
        ...(ownFamily === undefined ? {} : { ownFamily }),
      },
      object,
      family,
    ),
  };
}

function readFamily(
  family: Family,
  reader: ConfigReader,
  modelType: string | undefined,
  className: string | undefined,
): Reading {
  if (family.kind === 'composite') return family.read(reader);
  const part = family.read(reader);
  const known = modelType ?? family.modelTypes[0];
  const whole = part.hiddenSize > 0 && part.layers.length > 0;
  // A tower beside a known text model (Qwen-VL): described, but the whole is then of no known layout.
  const alone = className !== undefined && family.alone?.test(className) === true;
  const beside = alone
    ? []
    : findParts(reader, (type) => stackFamily(type) !== undefined).map(({ reader: child }) => readStack(child).part);
  return {
    parts: [known === undefined ? part : { ...part, modelType: known }, ...beside],
    exact: family.tensors !== undefined && whole && beside.length === 0 && family.exact?.(part, className) !== false,
  };
}

function readUnknown(reader: ConfigReader, problems: DescriptionProblem[]): Reading {
  if (reader.has('encoder_layers') && reader.has('decoder_layers')) {
    const parts = readFlat(reader, {
      family: 'generic',
      positions: 'learned',
      encoderLength: 'max_position_embeddings',
      decoderLength: 'max_position_embeddings',
      encoderRole: 'encoder',
      record: [],
    });
    return { parts, exact: false };
  }
  const found = findParts(reader, (type) => stackFamily(type) !== undefined);
  const nested = found.flatMap(({ reader: child, key }) => {
    if (!isFlatPair(child)) return [readStack(child).part];
    // Half of a pair (Donut's decoder is an mBART config of which only the decoder is used).
    const pair = readFlatPair(child);
    const half = pair.filter(({ role }) => role === key);
    return half.length > 0 ? half : pair;
  });
  const parts = [...nested];
  // The text fields may lie flat beside the parts (Qwen-VL, MiniCPM-V); where a nested part has them, those at the top repeat it.
  if (looksLikeStack(reader) && !nested.some(({ role }) => role === 'decoder')) parts.unshift(readGeneric(reader));
  // A talker speaks what the thinker wrote: it comes after the part that reads the text.
  const rank = (part: ModelPart): number =>
    ['decoder', 'encoder', 'vision', 'audio'].indexOf(part.role) + (part.name.startsWith('talker') ? 0.5 : 0);
  parts.sort((one, other) => rank(one) - rank(other));
  if (parts.length === 0 && Object.keys(reader.object).length > 0) {
    problems.push({ path: [], code: 'missing', message: 'No width and depth of a stack of layers is given.' });
  }
  return { parts, exact: false };
}

const isFlatPair = (reader: ConfigReader): boolean => reader.has('encoder_layers') && reader.has('decoder_layers');

const readFlatPair = (reader: ConfigReader): readonly ModelPart[] =>
  readFlat(reader, {
    family: 'generic',
    positions: 'learned',
    encoderLength: 'max_position_embeddings',
    decoderLength: 'max_position_embeddings',
    encoderRole: 'encoder',
    record: [],
  });

const taskEndings: readonly (readonly [RegExp, Task['kind']])[] = [
  [/ForMaskedLM$/, 'masked-lm'],
  [/ForSequenceClassification$/, 'sequence-classification'],
  [/ForTokenClassification$/, 'token-classification'],
  [/ForQuestionAnswering$/, 'question-answering'],
  [/ForImageClassification(WithTeacher)?$/, 'image-classification'],
  [/ForPreTraining$/, 'pretraining'],
  [/(ForCausalLM|LMHeadModel|WithLMHead|ForConditionalGeneration|MTModel)$/, 'causal-lm'],
  [/Model(WithProjection)?$/, 'base'],
];

/** What a name of a class has of characters at most: it stands in sentences. */
const longestLabel = 80;

const remoteWriters = ['AutoModelForCausalLM', 'AutoModelForSeq2SeqLM'];

function readTask(object: JsonObject, architectures: readonly string[], family: Family | undefined): Task {
  const names = object['id2label'];
  const count = object['num_labels'];
  const labels = isObject(names) ? Object.keys(names).length : typeof count === 'number' && count > 0 ? count : 2;
  const [first] = architectures;
  const ending = first === undefined ? undefined : taskEndings.find(([pattern]) => pattern.test(first))?.[1];
  const absent = family?.task ?? 'base';
  // Remote code may name the bare class and say beside it what loads the whole (ChatGLM).
  const remote = object['auto_map'];
  const writes = ending === 'base' && isObject(remote) && remoteWriters.some((name) => remote[name] !== undefined);
  const kind = writes
    ? 'causal-lm'
    : ending === 'causal-lm' && family?.task === 'sequence-to-sequence' && first?.endsWith('ForCausalLM') !== true
      ? 'sequence-to-sequence'
      : (ending ?? absent);
  const named = isObject(names) ? Array.from({ length: labels }, (_, at) => names[at]) : [];
  const texts = named.filter((name) => typeof name === 'string').map((name) => name.slice(0, longestLabel));
  return { kind, labels, ...(labels > 0 && texts.length === labels ? { names: texts } : {}) };
}

function readTied(
  object: JsonObject,
  family: Family | undefined,
  main: ModelPart | undefined,
): ModelDescription['tiedEmbeddings'] {
  const top = object['tie_word_embeddings'];
  if (typeof top === 'boolean' && !(family?.kind === 'composite' && family.tiedIn === 'text'))
    return { value: top, source: { kind: 'file', path: ['tie_word_embeddings'] } };
  if (main !== undefined && main.path.length > 0) {
    const inner = main.path.reduce<unknown>(
      (at, key) => (isObject(at) && typeof key === 'string' ? at[key] : undefined),
      object,
    );
    const value = isObject(inner) ? inner['tie_word_embeddings'] : undefined;
    if (typeof value === 'boolean')
      return { value, source: { kind: 'file', path: [...main.path, 'tie_word_embeddings'] } };
  }
  // Names of MobileLLM and OpenELM.
  for (const key of ['share_embedding', 'share_input_output_layers']) {
    const shares = object[key];
    if (typeof shares === 'boolean') return { value: shares, source: { kind: 'file', path: [key] } };
  }
  const text = main?.modelType === undefined ? undefined : stackFamily(main.modelType);
  const decides = text ?? family;
  const source: ValueSource = {
    kind: 'default',
    from: (decides && defaultsOf(decides, main?.modelType))?.from ?? 'transformers 4.57 PretrainedConfig',
  };
  return { value: decides?.tied ?? true, source };
}

const tokenKey = /(_token_id|_token_index|_token_ids)$/;

function readTokenIds(reader: ConfigReader, main: ModelPart | undefined): readonly TokenId[] {
  const found = new Map<string, TokenId>();
  const collect = (object: JsonObject, path: TokenId['path']): void => {
    for (const [key, value] of Object.entries(object)) {
      if (!tokenKey.test(key) || found.has(key)) continue;
      const ids = typeof value === 'number' ? [value] : Array.isArray(value) ? value : [];
      const numbers = ids.filter((id): id is number => typeof id === 'number');
      if (numbers.length > 0) found.set(key, { key, ids: numbers, path: [...path, key] });
    }
  };
  collect(reader.object, reader.path);
  if (main !== undefined && main.path.length > 0) {
    const child = main.path.reduce<unknown>(
      (at, key) => (isObject(at) && typeof key === 'string' ? at[key] : undefined),
      reader.object,
    );
    if (isObject(child)) collect(child, main.path);
  }
  return [...found.values()];
}
