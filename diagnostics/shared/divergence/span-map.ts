/** What the query of the next token reads from each row of a span: image tokens, or the tokens of a text. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import { mean } from '../../../kernels/tensors/vectors';

export interface SpanMapRequest {
  /** With the generated tokens behind it. */
  readonly sequence: Sequence;
  readonly rows: readonly number[];
  /** More than one: their mean. */
  readonly heads: readonly HeadPlace[];
  readonly variant?: Variant;
}

/** Mean over the heads, [rows]. */
export async function spanMap(
  model: ModelRunner,
  { sequence, rows, heads, variant = [] }: SpanMapRequest,
): Promise<Float32Array> {
  const run = await model.run({
    ...sequence,
    depth: 1 + Math.max(...heads.map(({ layer }) => layer)),
    // A group of its own for each row: what is given is the last query's probability on it.
    groups: rows.map((row) => ({ name: String(row), positions: [row] })),
    variants: [variant],
    logits: 'none',
    lastMass: true,
  });
  const maps = heads.map(({ layer, head }) =>
    run.layers[layer]?.lastMass?.subarray(head * rows.length, (head + 1) * rows.length),
  );
  return Float32Array.from(rows, (_, at) => mean(maps.map((map) => map?.[at] ?? 0)));
}
