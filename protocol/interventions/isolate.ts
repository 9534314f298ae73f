import { exactly, list, numberFrom, object } from '../schema/fields';
import type { InterventionKind } from './kind';
import { regionField, regionsOf, regionsText, type Region } from './regions';
import { decimal, halves } from './text';
import { whichHeadsField, whichHeadsOf, whichHeadsText, type WhichHeads } from './which';

/** e^-10000 is nothing beside any other score. */
export const largestIsolation = 1e4;

export interface Isolate {
  readonly kind: 'isolate';
  readonly heads: readonly WhichHeads[];
  readonly regions: readonly Region[];
  /** Taken from the scores between two regions; from `largestIsolation` on nothing passes. */
  readonly beta: number;
}

/**
 * For each query i in region s and each key j in another region: score - beta before softmax (after soft capping and uniform
 * attention). Positions of no region read everything and are read by all (isolation attention, arXiv:2411.19261).
 */
export const isolate: InterventionKind<Isolate> = {
  kind: 'isolate',
  name: 'isolation of regions',
  meaning:
    'Lowers the scores of heads between positions of different regions by beta before softmax; 10000 cuts the regions off from each other, 0 changes nothing.',
  form: 'isolate:HEADS:REGION/REGION[/REGION…]=BETA',
  example: 'isolate:*.*:1-4/6-9=10000',
  parameters: [
    { name: 'heads', takes: 'heads (`2.5`, `2.*`, `*.*`), separated by commas', meaning: 'the heads' },
    {
      name: 'regions',
      takes:
        'two or more, separated by slashes: positions such as `3-9`, rows x columns of image patches such as `0-3x2-5`, or `image`, joined by commas',
      meaning: 'the regions; they share no position',
    },
    { name: 'beta', takes: `a number from 0 to ${largestIsolation}`, meaning: 'what is taken from the scores' },
  ],
  schema: object<Isolate>({
    kind: exactly('isolate'),
    heads: whichHeadsField,
    regions: list(regionField, 'a list of regions', { least: 2, most: 64 }),
    beta: numberFrom(0, largestIsolation),
  }),
  parse(text) {
    const [place, number] = halves(text) ?? [];
    const [headText, regionText, ...more] = (place ?? '').split(':');
    const heads = whichHeadsOf(headText ?? '');
    const regions = regionsOf(regionText ?? '');
    const beta = decimal(number ?? '');
    return heads && regions && beta !== undefined && more.length === 0
      ? { kind: 'isolate', heads, regions, beta }
      : undefined;
  },
  print: ({ heads, regions, beta }) => `${whichHeadsText(heads)}:${regionsText(regions)}=${beta}`,
  words: ({ heads, regions, beta }) =>
    `${whichHeadsText(heads)} isolates ${regionsText(regions)}${beta === largestIsolation ? '' : ` by ${beta}`}`,
  sentence: ({ heads, regions, beta }) =>
    beta === largestIsolation
      ? `In the heads ${whichHeadsText(heads)} the regions ${regionsText(regions)} do not read each other.`
      : `In the heads ${whichHeadsText(heads)} the scores between the regions ${regionsText(regions)} are lowered by ${beta}.`,
  neutral: ({ beta }) => beta === 0,
  anywhere: () => false,
};
