/** Two models of the same shape, and how far their predictions are apart. */
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner } from '../../model-runner/model-runner';
import { divergence } from '../../model-runner/sampling';
import type { TextRequest } from './head-changes';

export const filled = (values: readonly number[] | undefined, count: number): readonly number[] =>
  values?.length === count ? values : new Array<number>(count).fill(Number.NaN);

export function requireSame({ facts: own }: ModelRunner, { facts: exact }: ModelRunner): void {
  const sizes = ({ blocks, hiddenSize, summary }: ModelRunner['facts']): string =>
    `${blocks.length} layers of ${[...new Set(blocks.map(({ heads, kvHeads }) => `${heads} and ${kvHeads}`))].join('; ')} heads, ${hiddenSize} channels and ${summary.vocabulary} tokens`;
  if (sizes(own) === sizes(exact)) return;
  throw refusal(
    `${own.summary.name} has ${sizes(own)}, but ${exact.summary.name} has ${sizes(exact)}: one was not made from the other. Name the checkpoint that it was made from.`,
  );
}

export async function logitsOf(model: ModelRunner, request: TextRequest): Promise<Float32Array> {
  const { logits } = await model.run({ ...request, logits: 'all' });
  if (!(logits?.data instanceof Float32Array)) throw new TypeError('the run gave no logits');
  return logits.data;
}

export const rowsOf = (logits: Float32Array, rows: number): readonly Float32Array[] => {
  const width = logits.length / rows;
  return Array.from({ length: rows }, (_, row) => logits.subarray(row * width, (row + 1) * width));
};

/** KL by row; rounding may leave it a hair below 0. */
export function divergencesOf(exact: Float32Array, own: Float32Array, rows: number): readonly number[] {
  const others = rowsOf(own, rows);
  return rowsOf(exact, rows).map((row, at) => Math.max(0, divergence(row, others[at] ?? row)));
}
