/** What the language head makes of the last residual stream: logits, or the loss of the next tokens. */
import type { NextTokens } from '../../../diagnostics/model-runner/run-request';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import type { RuntimeArray } from '../../runtime/session';
import { requireFinite } from './finite';
import type { LayerSessions } from './layer-sessions';
import { floats, range } from './runtime-arrays';
import type { ResidualStream, RunRequest } from './run-request';

export async function logitsOf(
  model: ModelSpec,
  sessions: LayerSessions,
  stream: ResidualStream,
  request: RunRequest,
  signal: AbortSignal | undefined,
): Promise<RuntimeArray | undefined> {
  if (!model.head.vocabulary) return undefined;
  const session = await sessions.session({ kind: 'head' });
  const width = model.hiddenSize;
  const { batch } = stream;
  if (request.logits === 'last') {
    const chunk = stream.chunks.at(-1) ?? new Float32Array(0);
    const length = chunk.length / (batch * width);
    const rows = new Float32Array(batch * width);
    for (let b = 0; b < batch; b++) {
      rows.set(chunk.subarray((b * length + length - 1) * width, (b + 1) * length * width), b * width);
    }
    const values = await session.run({ residual: { data: rows, shape: [batch, 1, width] } });
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
    const length = chunk.length / (batch * width);
    const logits = floats(await session.run({ residual: { data: chunk, shape: [batch, length, width] } }), 'logits');
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

/** Logits that exist at once, in numbers: 64 MiB of float32. */
const mostLogits = 2 ** 24;

/** By variant; of some rows at a time, for the vocabulary times the whole prompt would not fit. */
export async function nextTokensOf(
  model: ModelSpec,
  sessions: LayerSessions,
  stream: ResidualStream,
  { ids, variantIds, past }: Pick<RunRequest, 'ids' | 'variantIds' | 'past'>,
  positions: readonly number[],
  signal: AbortSignal | undefined,
): Promise<readonly NextTokens[]> {
  const vocabulary = model.head.vocabulary?.outputs;
  if (vocabulary === undefined) throw new RangeError('the model has no language head');
  const session = await sessions.session({ kind: 'head' });
  const { width, batch } = stream;
  const first = past?.length ?? 0;
  const wanted = new Set(positions.filter((position) => position >= first && position + 1 < ids.length));
  const found = Array.from({ length: batch }, () => ({
    loss: new Float64Array(wanted.size),
    best: new Int32Array(wanted.size),
  }));
  const together = Math.max(1, Math.floor(mostLogits / (vocabulary * batch)));
  let [start, done] = [first, 0];
  for (const chunk of stream.chunks) {
    const length = chunk.length / (batch * width);
    const all = range(start, length).filter((position) => wanted.has(position));
    for (let from = 0; from < all.length; from += together) {
      signal?.throwIfAborted();
      const rows = all.slice(from, from + together);
      const picked = new Float32Array(batch * rows.length * width);
      for (let b = 0; b < batch; b++) {
        rows.forEach((position, row) => {
          const at = (b * length + position - start) * width;
          picked.set(chunk.subarray(at, at + width), (b * rows.length + row) * width);
        });
      }
      const values = await session.run({ residual: { data: picked, shape: [batch, rows.length, width] } });
      const logits = floats(values, 'logits');
      for (const [b, { loss, best }] of found.entries()) {
        rows.forEach((position, row) => {
          const at = (b * rows.length + row) * vocabulary;
          const line = logits.subarray(at, at + vocabulary);
          const { logSum, largest } = summed(line);
          loss[done + row] = logSum - (line[(variantIds?.[b] ?? ids)[position + 1] ?? 0] ?? 0);
          best[done + row] = line.indexOf(largest);
        });
      }
      done += rows.length;
    }
    start += length;
  }
  return found;
}

export const meanLoss = ({ loss }: NextTokens): number => loss.reduce((sum, each) => sum + each, 0) / loss.length;

function summed(values: Float32Array): { readonly logSum: number; readonly largest: number } {
  let largest = -Infinity;
  for (const value of values) largest = Math.max(largest, value);
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  return { logSum: largest + Math.log(sum), largest };
}
