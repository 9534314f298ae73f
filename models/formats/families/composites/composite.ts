import { classDefaults } from '../../config/class-defaults';
import type { ConfigReader, JsonObject } from '../../config/config-reader';
import type { ModelDescription, ModelPart, PartRole, Projector } from '../../model-description';
import type { TensorTable, TensorWriter } from '../../tensors/tensor-table';
import { defaultsOf } from '../shared/family';
import type { CompositeFamily, CompositeReading, StackFamily } from '../shared/family';
import { readGeneric } from '../generic';
import { readStack, stackFamily } from '../stacks';

type Keys = readonly string[];

/** One part of a composite: where its object is in the file, and how the checkpoint calls its tensors. */
export interface PartRow {
  /** Keys from the top of the file to the part's object, `[]` where its fields lie at the top; the first that is there is read. */
  readonly at: readonly Keys[];
  /** The model_type that it is read as when it names none, or the whole's; a function of the whole file where that decides. */
  readonly type: string | ((reader: ConfigReader) => string);
  /** Other names that published files write for `type`. */
  readonly named?: readonly string[];
  /** What the class of the whole fills in where the file has no such object, or names an outside model in its place. */
  readonly whole?: JsonObject | ((reader: ConfigReader) => JsonObject);
  /** Defaults of the part inside this whole, where they are not those of its own class. */
  readonly values?: JsonObject;
  /** Without such an object there is no such part. */
  readonly optional?: boolean;
  /** Only such files have the part. */
  readonly when?: (reader: ConfigReader) => boolean;
  /** In front of the tensors' own names, or what becomes of them. */
  readonly names?: string | ((name: string) => string);
  /** Families of an encoder and a decoder that the object may belong to, by its model_type. */
  readonly pairs?: Readonly<Record<string, CompositeFamily>>;
  /** Positions that the language model sees of it, where they are not those of the tower. */
  readonly outputTokens?: (tower: ModelPart, reader: ConfigReader) => number | undefined;
}

interface CompositeParts {
  readonly text: ModelPart;
  /** In the order of the rows; undefined where the file has no such part. */
  readonly towers: readonly (ModelPart | undefined)[];
  /** The encoder, where the text model is a pair of which `text` is the decoder. */
  readonly beside: readonly ModelPart[];
}

export interface CompositeRow {
  readonly id: string;
  readonly title: string;
  /** Values of model_type, when they are not the id. */
  readonly types?: readonly string[];
  readonly architectures?: RegExp;
  readonly tied?: boolean;
  readonly tiedIn?: CompositeFamily['tiedIn'];
  readonly task?: CompositeFamily['task'];
  readonly run?: CompositeFamily['run'];
  readonly runText?: CompositeFamily['runText'];
  readonly textAlone?: CompositeFamily['textAlone'];
  /** Further keys at the top that decide tensors. */
  readonly record?: readonly string[];
  /** The part that reads and writes text. */
  readonly text: PartRow;
  readonly towers: readonly PartRow[];
  /** What one part alone does not say: cross-attention to another part, parts of outside models. */
  readonly join?: (parts: CompositeParts, reader: ConfigReader) => readonly ModelPart[];
  readonly projector?: (parts: CompositeParts, reader: ConfigReader) => Projector | undefined;
  /** Whether the file is of the form whose layout is known; absent: always. */
  readonly known?: (parts: CompositeParts, reader: ConfigReader) => boolean;
  /** Tensors beside those of the parts. Absent: the layout of the whole is not known in full. */
  readonly tensors?: (writer: TensorWriter, parts: CompositeParts, model: ModelDescription, table: TensorTable) => void;
}

function locate(reader: ConfigReader, paths: readonly Keys[]): ConfigReader | undefined {
  for (const keys of paths) {
    let at: ConfigReader | undefined = reader;
    for (const key of keys) at = at?.child(key);
    if (at !== undefined) return at;
  }
  return undefined;
}

function emptyAt(reader: ConfigReader, keys: Keys): ConfigReader {
  let at = reader;
  for (const key of keys) at = at.childOrEmpty(key);
  return at;
}

interface ReadPart {
  readonly part: ModelPart;
  readonly known: boolean;
  /** The encoder of a pair whose decoder `part` is. */
  readonly beside?: readonly ModelPart[];
}

const pairOf = (row: PartRow, modelType: unknown): CompositeFamily | undefined =>
  typeof modelType === 'string' && row.pairs !== undefined && Object.hasOwn(row.pairs, modelType)
    ? row.pairs[modelType]
    : undefined;

/** Both halves of a pair, under the path of the object that describes them. */
function readPair(reader: ConfigReader, pair: CompositeFamily, modelType: string): ReadPart | undefined {
  const { parts, exact } = pair.read(reader.withDefaults(defaultsOf(pair, modelType)));
  const [part, ...beside] = parts.map((half) => ({
    ...half,
    name: [...reader.path, lastWord(half.name)].join('.'),
    path: reader.path,
    modelType,
  }));
  return part === undefined ? undefined : { part, known: exact, beside };
}

const lastWord = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

const knows = (family: StackFamily | undefined, part: ModelPart): boolean =>
  family?.tensors !== undefined && family.exact?.(part, undefined) !== false;

/** `role` is what a part of no known family is for the whole; absent: its keys say it. */
function readPart(
  reader: ConfigReader,
  row: PartRow,
  types: readonly string[],
  from: string,
  role?: PartRole,
): ReadPart | undefined {
  const found = locate(reader, row.at);
  if ((found === undefined && row.optional === true) || row.when?.(reader) === false) return undefined;
  const own = found ?? emptyAt(reader, row.at[0] ?? []);
  const written = own.object['model_type'];
  const pair = pairOf(row, written);
  if (pair !== undefined && typeof written === 'string') return readPair(own, pair, written);
  const type = typeof row.type === 'string' ? row.type : row.type(reader);
  const named =
    typeof written !== 'string' ||
    written === '' ||
    written === type ||
    types.includes(written) ||
    (row.named?.includes(written) ?? false);
  const family = stackFamily(type);
  let read: ReadPart;
  if (!named || family === undefined) {
    const stack = readStack(own, type);
    const part = stack.family === undefined && role !== undefined ? readGeneric(own, undefined, role) : stack.part;
    read = { part, known: knows(stack.family, part) };
  } else {
    const { values = {}, from: source = from } = defaultsOf(family, type) ?? {};
    const absent = typeof row.whole === 'function' ? row.whole(reader) : row.whole;
    const whole = { ...row.values, ...(found === undefined ? absent : undefined) };
    const changed = Object.keys(whole).length > 0;
    const part = {
      ...family.read(own.withDefaults({ from: changed ? from : source, values: { ...values, ...whole } })),
      modelType: type,
    };
    read = { part, known: knows(family, part) };
  }
  const { image } = read.part;
  const outputTokens = image === undefined ? undefined : row.outputTokens?.(read.part, reader);
  const part = outputTokens === undefined ? read.part : { ...read.part, image: { ...image, outputTokens } };
  return { part: part as ModelPart, known: read.known && part.hiddenSize > 0 && part.layers.length > 0 };
}

const nameOf = (path: Keys): string => path.join('.');
const isOf = (row: PartRow) => (part: ModelPart) => row.at.some((path) => nameOf(path) === part.name);

/** Tensors of one nested part in the names of the checkpoint that holds it. */
export function writePart(
  model: ModelDescription,
  table: TensorTable,
  part: ModelPart | undefined,
  names: PartRow['names'] = '',
  isBare = false,
): void {
  if (part === undefined) return;
  const family = part.modelType === undefined ? undefined : stackFamily(part.modelType);
  const rename = typeof names === 'function' ? names : (name: string): string => names + name;
  const task =
    part.role === 'decoder' && !isBare
      ? { kind: 'causal-lm' as const, labels: 2 }
      : { kind: 'base' as const, labels: 2 };
  family?.tensors?.(part, table.writer(part, rename), { task, tied: model.tiedEmbeddings.value });
}

function writeText(model: ModelDescription, table: TensorTable, text: ModelPart, row: PartRow, isBare: boolean): void {
  const pair = pairOf(row, text.modelType);
  if (pair === undefined) {
    writePart(model, table, text, row.names, isBare);
    return;
  }
  const { names = '' } = row;
  const inner = table.inside(
    (name) => (typeof names === 'function' ? names(name) : names + name),
    (name) => [...text.path, name].join('.'),
  );
  const halves = model.parts.filter(({ modelType }) => modelType === text.modelType);
  const parts = halves.map((half) => ({ ...half, name: lastWord(half.name) }));
  pair.tensors?.({ ...model, parts, task: { ...model.task, kind: 'sequence-to-sequence' } }, inner);
}

const partOf = (model: ModelDescription, role: PartRole): ModelPart | undefined =>
  model.parts.find((part) => part.role === role);
export const visionOf = (model: ModelDescription): ModelPart | undefined => partOf(model, 'vision');

function readComposite(row: CompositeRow, types: readonly string[], reader: ConfigReader): CompositeReading {
  const { from = '', values = {} } = classDefaults(types[0] ?? row.id) ?? {};
  for (const key of Object.keys(values)) reader.raw(key);
  for (const key of row.record ?? []) reader.raw(key);
  const text = readPart(reader, { ...row.text, optional: false }, types, from, 'decoder');
  if (text === undefined) return { parts: [], exact: false };
  const towers = row.towers.map((tower) => readPart(reader, tower, types, from));
  const { part: main, beside = [] } = text;
  const parts: CompositeParts = { text: main, towers: towers.map((tower) => tower?.part), beside };
  const projector = row.projector?.(parts, reader);
  const present = towers.filter((tower) => tower !== undefined);
  return {
    parts: row.join?.(parts, reader) ?? [main, ...beside, ...present.map(({ part }) => part)],
    ...(projector === undefined ? {} : { projector }),
    exact:
      row.tensors !== undefined &&
      text.known &&
      present.every(({ known }) => known) &&
      row.known?.(parts, reader) !== false,
  };
}

export function compositeFamily(row: CompositeRow): CompositeFamily {
  const types = row.types ?? [row.id];
  const { tensors } = row;
  // The class of transformers without a head on its text model. What remote code calls its models says nothing.
  const bare = /^transformers \S+ (\w+)Config$/.exec(classDefaults(types[0] ?? row.id)?.from ?? '')?.[1];
  return {
    kind: 'composite',
    id: row.id,
    title: row.title,
    modelTypes: types,
    ...(row.architectures === undefined ? {} : { architectures: row.architectures }),
    tied: row.tied ?? false,
    ...(row.tiedIn === undefined ? {} : { tiedIn: row.tiedIn }),
    task: row.task ?? 'causal-lm',
    ...(row.run === undefined ? {} : { run: row.run }),
    ...(row.runText === undefined ? {} : { runText: row.runText }),
    ...(row.textAlone === undefined ? {} : { textAlone: row.textAlone }),
    ...(row.text.names === undefined ? {} : { textNames: row.text.names }),
    read: (reader): CompositeReading => readComposite(row, types, reader),
    ...(tensors === undefined
      ? {}
      : {
          tensors: (model, table) => {
            const [text] = model.parts;
            if (text === undefined) return;
            const towers = row.towers.map((tower) => model.parts.find(isOf(tower)));
            writeText(model, table, text, row.text, model.architectures[0] === `${bare}Model`);
            row.towers.forEach((tower, index) => {
              writePart(model, table, towers[index], tower.names);
            });
            const beside = model.parts.filter((part) => part !== text && part.modelType === text.modelType);
            tensors(table.writer(text).as('projector'), { text, towers, beside }, model, table);
          },
        }),
  };
}
