import { refusal } from '../../../protocol/wire/failures';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';

export type WeightParameters = {
  readonly layer: number;
  readonly head: number;
  readonly query: number;
  readonly key: number;
  readonly against: number;
};

const most = 1_000_000;

export const parameters: ParameterTable<WeightParameters> = {
  layer: field.integer('Layer', 'From 0; -1 is the last.', { min: -1, max: 10_000, default: -1 }),
  head: field.integer(
    'Head',
    'From 0; -1 is the head of the layer that gives one key the largest weight (the first token left out).',
    { min: -1, max: 10_000, default: -1 },
  ),
  query: field.integer('Query position', 'Token that reads, from 0; -1 is the last.', {
    min: -1,
    max: most,
    default: -1,
  }),
  key: field.integer(
    'Key position',
    'Token that is read, from 0; -1 is the one that the head reads most (the first token left out).',
    { min: -1, max: most, default: -1 },
  ),
  against: field.integer(
    'Against key position',
    'A second key: why is the first read more than this one? Scores are subtracted, so that what both have in common drops out. -1: none.',
    { min: -1, max: most, default: -1 },
  ),
};

/** One of `count` things, from 0; negative: the last. Fails where there is none. */
export function placeOf(value: number, count: number, one: string, many: string): number {
  if (value < 0) return count - 1;
  if (value < count) return value;
  throw refusal(`There is no ${one} ${value}: there are ${count} ${many}, from 0. Name one of them.`);
}
