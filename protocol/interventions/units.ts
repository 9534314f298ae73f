import type { Output } from '../schema/check';
import { exactly, list, numberFrom, object } from '../schema/fields';
import { layerField, rangeField } from './fields';
import { largestGain } from './gain';
import type { InterventionKind } from './kind';
import { type Range, decimal, halves, rangeOf, rangeText } from '../schema/written-form';

const unitsText = (units: readonly Range[]): string => units.map(rangeText).join(',');

/** The input z of the down projection (of a gated network act(gate x) * (up x)) becomes gain z at the units, at every position. */
const unitsSchema = object({
  kind: exactly('units'),
  layer: layerField,
  /** Units of the input of the down projection. */
  units: list(rangeField, 'a list of ranges of units', { least: 1, most: 1 << 17 }),
  gain: numberFrom(-largestGain, largestGain),
});
export type Units = Output<typeof unitsSchema>;

export const units: InterventionKind<Units> = {
  kind: 'units',
  name: 'unit gain',
  meaning:
    'Multiplies units of the MLP of a layer before the down projection, at every position; 0 removes them, 1 changes nothing.',
  form: 'units:L.UNITS=g',
  example: 'units:3.0-9,12=0',
  parameters: [
    { name: 'layer', takes: 'a layer, from 0', meaning: 'the layer' },
    { name: 'units', takes: 'units from 0 such as `12` or `0-9`, separated by commas', meaning: 'the units' },
    { name: 'gain', takes: `a number from -${largestGain} to ${largestGain}`, meaning: 'the factor' },
  ],
  schema: unitsSchema,
  parse(text) {
    const [place, factor] = halves(text) ?? [];
    const parts = /^\s*L?(\d+)\.([\d\s,-]+)$/i.exec(place ?? '');
    const gain = decimal(factor ?? '');
    const ranges = (parts?.[2] ?? '').split(',').map(rangeOf);
    const known = ranges.filter((range) => range !== undefined);
    return parts && gain !== undefined && known.length === ranges.length
      ? { kind: 'units', layer: Number(parts[1]), units: known, gain }
      : undefined;
  },
  print: ({ layer, units: ranges, gain }) => `${layer}.${unitsText(ranges)}=${gain}`,
  words: ({ layer, units: ranges, gain }) => `${countOf(ranges)} of MLP ${layer} x ${gain}`,
  sentence: ({ layer, units: ranges, gain }) =>
    gain === 0
      ? `${countOf(ranges)} of the MLP of layer ${layer} are removed.`
      : `${countOf(ranges)} of the MLP of layer ${layer} are multiplied by ${gain}.`,
  neutral: ({ gain }) => gain === 1,
  anywhere: () => true,
};

function countOf(ranges: readonly Range[]): string {
  const count = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  return `${count} ${count === 1 ? 'unit' : 'units'}`;
}
