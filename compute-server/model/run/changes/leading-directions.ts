/** Directions along which suppression is removed (protocol/interventions/unsuppress.ts), of the stream that enters a layer. */
import { changesOf, type Variant } from '../../../../models/instrument/changes/changes';
import { sharesOf } from '../../../../models/instrument/changes/unsuppress';
import type { ModelSpec } from '../../../../models/architectures/model-spec';
import { dispose, type RuntimeValue } from '../../../runtime/values';
import type { LayerSessions } from '../graphs/layer-sessions';
import { logitsAt } from '../graphs/logits';
import { numbersOf, rowsOf } from '../graphs/run-stream';
import { floats, int64, range } from '../graphs/runtime-arrays';

/** Rows whose directions are worked out together: their coefficients are a table of rows times tokens. */
const together = 256;

/**
 * For each row of `residual` [b, n, rowWidth], the direction of length 1 that raises the logit of the token that leads there, the final
 * norm frozen: [b, n, w]. Zero for variants that remove nothing in the layer; undefined where none does.
 */
export async function leadingDirections(
  model: ModelSpec,
  sessions: LayerSessions,
  layer: number,
  variants: readonly Variant[],
  residual: RuntimeValue,
  signal?: AbortSignal,
): Promise<Float32Array | undefined> {
  const removes = sharesOf(variants.map((variant) => changesOf(variant, 'unsuppress', layer))).map(
    (share) => share !== 0,
  );
  if (!removes.includes(true)) return undefined;
  const [batch = 1, length = 0, width = 0] = residual.shape;
  const leading = new Int32Array(batch * length);
  const stream = { layer, chunks: [residual], chunk: length, batch, width };
  for await (const { variant, row, logits } of logitsAt(model, sessions, stream, 0, range(0, length), signal)) {
    if (removes[variant]) leading[variant * length + row] = largestOf(logits);
  }
  const { hiddenSize } = model;
  const directions = new Float32Array(batch * length * hiddenSize);
  const session = await sessions.session({ kind: 'target' });
  const wanted = range(0, batch * length).filter((row) => removes[Math.floor(row / length)]);
  for (let first = 0; first < wanted.length; first += together) {
    signal?.throwIfAborted();
    const rows = wanted.slice(first, first + together);
    const tokens = [...new Set(rows.map((row) => leading[row] ?? 0))];
    const coefficients = new Float32Array(rows.length * tokens.length);
    rows.forEach((row, at) => (coefficients[at * tokens.length + tokens.indexOf(leading[row] ?? 0)] = 1));
    const own = await hiddenOf(await rowsOf(residual, rows, [rows.length, width]), hiddenSize);
    const values = await session
      .run({
        residual: own,
        token_ids: int64(tokens, [tokens.length]),
        coefficients: { data: coefficients, shape: [rows.length, tokens.length] },
      })
      .finally(() => dispose(own));
    const found = floats(values, 'direction.in');
    rows.forEach((row, at) =>
      directions.set(normed(found.subarray(at * hiddenSize, (at + 1) * hiddenSize)), row * hiddenSize),
    );
  }
  return directions;
}

/** The hidden numbers of rows, which may carry more. */
async function hiddenOf(rows: RuntimeValue, hidden: number): Promise<RuntimeValue> {
  const [count = 0, width = hidden] = rows.shape;
  if (width === hidden) return rows;
  const held = await numbersOf(rows).finally(() => dispose(rows));
  const data = new Float32Array(count * hidden);
  for (let row = 0; row < count; row++) data.set(held.subarray(row * width, row * width + hidden), row * hidden);
  return { data, shape: [count, hidden] };
}

/** The lowest of equals. */
function largestOf(logits: Float32Array): number {
  let largest = 0;
  for (let id = 1; id < logits.length; id++) if ((logits[id] ?? 0) > (logits[largest] ?? 0)) largest = id;
  return largest;
}

function normed(row: Float32Array): Float32Array {
  const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
  return length > 0 ? row.map((value) => value / length) : row;
}
