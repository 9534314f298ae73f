import type { Output } from '../schema/check';
import { exactly, list, numberFrom, object, optional } from '../schema/fields';
import type { InterventionKind } from './kind';
import { regionField, regionListOf, regionOf, regionsOf, regionsText, regionText } from './regions';
import { decimal, halves } from '../schema/written-form';
import { whichHeadsField, whichHeadsOf, whichHeadsText } from './which';

/** e^-10000 is nothing beside any other score. */
export const largestIsolation = 1e4;

/** `A/B/C`, or `A>B/C` of one way. */
function parsed(text: string): Pick<Isolate, 'regions' | 'oneWay'> | undefined {
  const [first = '', rest, ...more] = text.split('>');
  if (rest === undefined) {
    const regions = regionsOf(first);
    return regions && { regions };
  }
  const [reading, others] = [regionOf(first), regionListOf(rest)];
  return reading && others && more.length === 0 ? { regions: [reading, ...others], oneWay: true } : undefined;
}

const isolationText = ({ regions, oneWay }: Pick<Isolate, 'regions' | 'oneWay'>): string => {
  const [first = [], ...others] = regions;
  return oneWay ? `${regionText(first)}>${regionsText(others)}` : regionsText(regions);
};

/**
 * For each query i in region s and each key j in another region: score - beta before softmax (after soft capping and uniform
 * attention); one way for s the first region alone. Positions of no region read everything and are read by all (isolation attention, arXiv:2411.19261).
 */
const isolateSchema = object({
  kind: exactly('isolate'),
  heads: whichHeadsField,
  regions: list(regionField, 'a list of regions', { least: 2, most: 64 }),
  /** The first region does not read the others; all else passes. Absent: no region reads another. */
  oneWay: optional(exactly(true)),
  /** Taken from the scores between two regions; from `largestIsolation` on nothing passes. */
  beta: numberFrom(0, largestIsolation),
});
export type Isolate = Output<typeof isolateSchema>;

export const isolate: InterventionKind<Isolate> = {
  kind: 'isolate',
  name: 'isolation of regions',
  meaning:
    'Lowers the scores of heads between positions of different regions by beta before softmax, in both ways or in one; 10000 cuts the regions off from each other, 0 changes nothing.',
  form: 'isolate:HEADS:REGION/REGION[/REGION…]=BETA',
  example: 'isolate:*.*:1-4/6-9=10000',
  parameters: [
    { name: 'heads', takes: 'heads (`2.5`, `2.*`, `*.*`), separated by commas', meaning: 'the heads' },
    {
      name: 'regions',
      takes:
        'two or more, separated by slashes: positions such as `3-9`, rows x columns of image patches such as `0-3x2-5`, or `image`, joined by commas',
      meaning: 'the regions; they share no position. `A>B/C`: A does not read B and C, and they read it as before',
    },
    { name: 'beta', takes: `a number from 0 to ${largestIsolation}`, meaning: 'what is taken from the scores' },
  ],
  schema: isolateSchema,
  parse(text) {
    const [place, number] = halves(text) ?? [];
    const [headText, between, ...more] = (place ?? '').split(':');
    const heads = whichHeadsOf(headText ?? '');
    const apart = parsed(between ?? '');
    const beta = decimal(number ?? '');
    return heads && apart && beta !== undefined && more.length === 0
      ? { kind: 'isolate', heads, ...apart, beta }
      : undefined;
  },
  print: (one) => `${whichHeadsText(one.heads)}:${isolationText(one)}=${one.beta}`,
  words: (one) =>
    `${whichHeadsText(one.heads)} isolates ${isolationText(one)}${one.beta === largestIsolation ? '' : ` by ${one.beta}`}`,
  sentence({ heads, regions, oneWay, beta }) {
    const [first = [], ...others] = regions;
    const where = `In the heads ${whichHeadsText(heads)}`;
    if (oneWay) {
      return beta === largestIsolation
        ? `${where} the region ${regionText(first)} does not read ${regionsText(others)}.`
        : `${where} the scores of ${regionText(first)} on ${regionsText(others)} are lowered by ${beta}.`;
    }
    return beta === largestIsolation
      ? `${where} the regions ${regionsText(regions)} do not read each other.`
      : `${where} the scores between the regions ${regionsText(regions)} are lowered by ${beta}.`;
  },
  neutral: ({ beta }) => beta === 0,
  anywhere: () => false,
};
