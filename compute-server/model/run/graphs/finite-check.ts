/** NaN and infinity in what a model computes: they spread to every later number, so a run ends at the first of them. */
import { ModelError } from '../../../../models/architectures/model-spec';

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
