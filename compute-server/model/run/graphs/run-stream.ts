/** The residual stream inside a run: its chunks stay on the device where the layers on both sides run there. */
import { ModelError, type BlockSpec } from '../../../../models/architectures/model-spec';
import type { RuntimeArray } from '../../../runtime/session';
import { dispose, fetched, isOnDevice, sizeOf, type RuntimeValue } from '../../../runtime/values';
import type { ResidualStream } from '../../../../diagnostics/model-runner/run-request';

/** Chunks are [b, n, w]. */
export interface RunStream extends Omit<ResidualStream, 'chunks' | 'shortcut'> {
  readonly chunks: readonly RuntimeValue[];
  readonly shortcut?: readonly RuntimeValue[];
}

export const disposeStream = ({ chunks, shortcut = [] }: Pick<RunStream, 'chunks' | 'shortcut'>): void =>
  dispose(...chunks, ...shortcut);

export function streamOf(stream: ResidualStream): RunStream {
  const { chunks, shortcut, ...rest } = stream;
  const { batch, width } = rest;
  const shaped = (data: Float32Array) => ({ data, shape: [batch, data.length / (batch * width), width] });
  return { ...rest, chunks: chunks.map(shaped), ...(shortcut ? { shortcut: shortcut.map(shaped) } : {}) };
}

/** The stream on the host. */
export async function hostStream(stream: RunStream): Promise<ResidualStream> {
  const chunks: Float32Array[] = [];
  for (const chunk of stream.chunks) chunks.push(await numbersOf(chunk));
  const { shortcut, ...rest } = stream;
  if (!shortcut) return { ...rest, chunks };
  const beside: Float32Array[] = [];
  for (const chunk of shortcut) beside.push(await numbersOf(chunk));
  return { ...rest, chunks, shortcut: beside };
}

/** The shortcut that the previous block left, for the graph of the block that joins it. */
export function shortcutFeed<T>({ index, shortcut }: BlockSpec, held: T | undefined): Readonly<Record<string, T>> {
  if (shortcut !== 'joins') return {};
  if (held === undefined) throw new RangeError(`the layer in front of layer ${index} left no shortcut`);
  return { shortcut: held };
}

export async function numbersOf(value: RuntimeValue): Promise<Float32Array> {
  const { data } = await fetched(value);
  if (data instanceof Float32Array) return data;
  throw new TypeError('the graph gave other numbers than float32');
}

/** Rows of a value, whose last axes are as wide as the shape has numbers for each row named, where the value lies. */
export async function rowsOf(
  value: RuntimeValue,
  rows: readonly number[],
  shape: readonly number[],
): Promise<RuntimeValue> {
  if (rows.length === 0) return { data: new Float32Array(0), shape };
  if (isOnDevice(value)) return value.memory.rows(value, rows, shape);
  const data = await numbersOf(value);
  const width = sizeOf(shape) / rows.length;
  const out = new Float32Array(rows.length * width);
  rows.forEach((row, to) => out.set(data.subarray(row * width, (row + 1) * width), to * width));
  return { data: out, shape };
}

/** Rows of a chunk [b, n, w], of every variant: [b, rows, w]. */
export function rowsOfChunk(chunk: RuntimeValue, rows: readonly number[]): Promise<RuntimeValue> {
  const [batch = 0, length = 0, width = 0] = chunk.shape;
  const all = Array.from({ length: batch }, (_, variant) => variant).flatMap((variant) =>
    rows.map((row) => variant * length + row),
  );
  return rowsOf(chunk, all, [batch, rows.length, width]);
}

/** The same for a chunk of a stream on the host. */
export const heldShortcut = (
  block: BlockSpec,
  { shortcut, batch, width }: Pick<ResidualStream, 'shortcut' | 'batch' | 'width'>,
  index: number,
): Readonly<Record<string, RuntimeArray>> => {
  const data = shortcut?.[index];
  return shortcutFeed(block, data && { data, shape: [batch, data.length / (batch * width), width] });
};

/** Repeats a stream of one for every variant. */
export async function spread(stream: RunStream, batch: number): Promise<RunStream> {
  if (stream.batch !== 1) throw new RangeError(`a stream of ${stream.batch} variants cannot become ${batch}`);
  const made: RuntimeValue[] = [];
  const { chunks, shortcut } = stream;
  try {
    for (const chunk of [...chunks, ...(shortcut ?? [])]) {
      const [, length = 0, width = 0] = chunk.shape;
      const rows = Array.from({ length: batch * length }, (_, at) => at % length);
      made.push(await rowsOf(chunk, rows, [batch, length, width]));
    }
  } catch (error) {
    dispose(...made);
    throw error;
  }
  const beside = shortcut ? { shortcut: made.slice(chunks.length) } : {};
  return { ...stream, chunks: made.slice(0, chunks.length), ...beside, batch };
}

/** As `requireFinite`; of a value on a device a flag a row is fetched. */
export async function requireFiniteChunk(value: RuntimeValue, start: number, where: Where): Promise<void> {
  const [batch = 1, , width = 1] = value.shape;
  if (isOnDevice(value)) requireFinite(await value.memory.faults(value, width), 1, batch, start, where);
  else requireFinite(await numbersOf(value), width, batch, start, where);
}

/** NaN and infinity spread to every later number that a model computes, so a run ends at the first of them. */
const advice =
  'Its weights are damaged or too large for float32: fetch them again. Gains and replacements that are very large do the same.';

/** Begins the sentence. */
export type Where = 'The embedding' | 'The projector' | 'The language head' | `Layer ${number}`;

/** `rows` is [batch, positions, width]; `start` the token position of the first one. */
export function requireFinite(rows: Float32Array, width: number, batch: number, start: number, where: Where): void {
  // 0 times anything finite is 0: one pass without a branch.
  let sum = 0;
  for (let i = 0; i < rows.length; i++) sum += (rows[i] ?? 0) * 0;
  if (sum === 0) return;
  const positions = rows.length / (width * batch);
  const at = rows.findIndex((number) => !Number.isFinite(number));
  const position = start + (Math.floor(at / width) % positions);
  throw new ModelError(
    `${where} gives numbers that are not finite (NaN or infinity) at token ${position} of the prompt. ${advice}`,
  );
}
