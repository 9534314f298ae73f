/** Schemas of the fields that several kinds share. The limits are those of requests: what a model has is checked when it runs. */
import { ensure, wholeFrom } from '../schema/fields';
import { range } from '../schema/written-form';

export const layerField = wholeFrom(0, 1 << 16);
export const headField = wholeFrom(0, 1 << 16);

export const rangeField = ensure(range, ({ start, end }) => start < end, 'a range whose end is not before its start');
