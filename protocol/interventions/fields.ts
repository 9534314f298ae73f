/** Schemas of the fields that several kinds share. The limits are those of requests: what a model has is checked when it runs. */
import * as v from 'valibot';
import type { Schema } from '../schema/check';
import { object, wholeFrom } from '../schema/fields';
import type { Range } from '../schema/written-form';

export const layerField = wholeFrom(0, 1 << 16);
export const headField = wholeFrom(0, 1 << 16);

export const rangeField: Schema<Range> = v.pipe(
  object<Range>(
    { start: wholeFrom(0, 1 << 24), end: wholeFrom(1, (1 << 24) + 1) },
    'a range of positions with start and end',
  ),
  v.check(({ start, end }) => start < end, 'a range whose end is not before its start'),
);
