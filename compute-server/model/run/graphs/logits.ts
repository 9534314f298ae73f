/** What the language head makes of the last residual stream: logits, or the loss of the next tokens. */
import type { AskedRow, NextTokens, RowAnswer, RunRequest } from '../../../../diagnostics/model-runner/run-request';
import type { ModelSpec } from '../../../../models/architectures/model-spec';
import type { RuntimeArray } from '../../../runtime/session';
import { dispose } from '../../../runtime/values';
import { requireFinite, rowsOfChunk, type RunStream } from './run-stream';
import type { LayerSessions } from './layer-sessions';
import { floats, range } from './runtime-arrays';

export async function logitsOf(
  model: ModelSpec,
  sessions: LayerSessions,
  stream: RunStream,
  request: Pick<RunRequest, 'ids' | 'logits' | 'past'>,
  signal: AbortSignal | undefined,
): Promise<RuntimeArray | undefined> {
  if (!model.head.vocabulary) return undefined;
  const session = await sessions.session({ kind: 'head' });
  const { batch } = stream;
  if (request.logits === 'last') {
    const chunk = stream.chunks.at(-1);
    if (!chunk) throw new RangeError('a prompt without rows has no logits');
    const residual = await rowsOfChunk(chunk, [(chunk.shape[1] ?? 0) - 1]);
    const values = await session.run({ residual }).finally(() => dispose(residual));
    const last = request.ids.length - 1;
    requireFinite(floats(values, 'logits'), model.head.vocabulary.outputs, batch, last, 'The language head');
    return values['logits'];
  }
  const vocabulary = model.head.vocabulary.outputs;
  const first = request.past?.length ?? 0;
  const rows = request.ids.length - first;
  const whole = new Float32Array(batch * rows * vocabulary);
  let start = first;
  for (const chunk of stream.chunks) {
    signal?.throwIfAborted();
    const [, length = 0] = chunk.shape;
    const logits = floats(await session.run({ residual: chunk }), 'logits');
    requireFinite(logits, vocabulary, batch, start, 'The language head');
    for (let b = 0; b < batch; b++) {
      whole.set(
        logits.subarray(b * length * vocabulary, (b + 1) * length * vocabulary),
        (b * rows + start - first) * vocabulary,
      );
    }
    start += length;
  }
  return { data: whole, shape: [batch, rows, vocabulary] };
}

/** What the rows at the positions predict, by variant. */
export async function nextTokensOf(
  model: ModelSpec,
  sessions: LayerSessions,
  stream: RunStream,
  { ids, variantIds, past }: Pick<RunRequest, 'ids' | 'variantIds' | 'past'>,
  positions: readonly number[],
  signal: AbortSignal | undefined,
): Promise<readonly NextTokens[]> {
  const first = past?.length ?? 0;
  const wanted = [...new Set(positions)].filter((position) => position >= first && position + 1 < ids.length);
  wanted.sort((a, b) => a - b);
  const placeOf = new Map(wanted.map((row, at) => [row, at]));
  const found = Array.from({ length: stream.batch }, () => ({
    loss: new Float64Array(wanted.length),
    best: new Int32Array(wanted.length),
  }));
  for await (const { variant, row, logits } of logitsAt(model, sessions, stream, first, wanted, signal)) {
    const [own, at] = [found[variant], placeOf.get(row)];
    if (!own || at === undefined) continue;
    const next = (variantIds?.[variant] ?? ids)[row + 1] ?? 0;
    const { logSum, largest } = summed(logits);
    own.loss[at] = logSum - (logits[next] ?? 0);
    own.best[at] = logits.indexOf(largest);
  }
  return found;
}

/** What is asked of the logits of rows, [variants][asked]. */
export async function answersOf(
  model: ModelSpec,
  sessions: LayerSessions,
  stream: RunStream,
  { past }: Pick<RunRequest, 'past'>,
  asked: readonly AskedRow[],
  signal: AbortSignal | undefined,
): Promise<readonly (readonly RowAnswer[])[]> {
  const first = past?.length ?? 0;
  const found = Array.from({ length: stream.batch }, (): RowAnswer[] => []);
  const rows = [...new Set(asked.map(({ row }) => row))];
  for await (const { variant, row, logits } of logitsAt(model, sessions, stream, first, rows, signal)) {
    asked.forEach((one, at) => {
      if (one.row === row) (found[variant] ?? [])[at] = answerOf(logits, one.tokens);
    });
  }
  return found;
}

function answerOf(logits: Float32Array, tokens: readonly number[]): RowAnswer {
  let largest = 0;
  for (let id = 1; id < logits.length; id++) if ((logits[id] ?? 0) > (logits[largest] ?? 0)) largest = id;
  const most = logits[largest] ?? 0;
  let [sum, weighted] = [0, 0];
  for (let id = 0; id < logits.length; id++) {
    const below = (logits[id] ?? 0) - most;
    const weight = Math.exp(below);
    sum += weight;
    weighted += weight * below;
  }
  return {
    logits: tokens.map((id) => logits[id] ?? Number.NaN),
    logSumExp: most + Math.log(sum),
    entropy: Math.log(sum) - weighted / sum,
    largest,
  };
}

/** Logits of one call of the language head at most: all rows of a prompt at once would not fit. */
const mostLogits = 2 ** 24;

/** The logits of chosen rows, every variant in turn; the array is good until the next one. */
export async function* logitsAt(
  model: ModelSpec,
  sessions: LayerSessions,
  { chunks, batch }: RunStream,
  /** Row of the first chunk. */
  first: number,
  wanted: readonly number[],
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly variant: number; readonly row: number; readonly logits: Float32Array }> {
  const vocabulary = model.head.vocabulary?.outputs;
  if (vocabulary === undefined) throw new RangeError('the model has no language head');
  const session = await sessions.session({ kind: 'head' });
  const most = Math.max(1, Math.floor(mostLogits / (batch * vocabulary)));
  const isWanted = new Set(wanted);
  let start = first;
  for (const chunk of chunks) {
    const [, length = 0] = chunk.shape;
    const inside = range(start, length).filter((row) => isWanted.has(row));
    for (let at = 0; at < inside.length; at += most) {
      signal?.throwIfAborted();
      const rows = inside.slice(at, at + most);
      const inChunk = rows.map((row) => row - start);
      const residual = await rowsOfChunk(chunk, inChunk);
      const values = await session.run({ residual }).finally(() => dispose(residual));
      const logits = floats(values, 'logits');
      for (let variant = 0; variant < batch; variant++) {
        for (const [to, row] of rows.entries()) {
          const from = (variant * rows.length + to) * vocabulary;
          yield { variant, row, logits: logits.subarray(from, from + vocabulary) };
        }
      }
    }
    start += length;
  }
}

export const meanLoss = ({ loss }: NextTokens): number => loss.reduce((sum, each) => sum + each, 0) / loss.length;

function summed(values: Float32Array): { readonly logSum: number; readonly largest: number } {
  let largest = -Infinity;
  for (const value of values) largest = Math.max(largest, value);
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  return { logSum: largest + Math.log(sum), largest };
}
