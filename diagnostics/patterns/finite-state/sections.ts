/** What a result shows: the degree of every head, and how the error falls with it. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { SectionSeries } from '../../../protocol/sections/chart';
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import { threeDigits } from '../../../protocol/wire/number-words';
import type { FiniteStateResult } from './result';
import * as build from '../../../protocol/sections/builders';

export const sections = (result: Partial<FiniteStateResult>): readonly Section[] =>
  isMeasured(result) ? [headsSection(result), errorsSection(result)] : [];

const isMeasured = (result: Partial<FiniteStateResult>): result is FiniteStateResult => result.degree !== undefined;

export const nameOf = ({ layer, head }: HeadPlace): string => `L${layer}H${head}`;

/** Heads that were looked at, smallest degree first, those beyond the largest last; of equals the smaller first error. */
export function rankedHeads({ degree, errors }: FiniteStateResult): readonly HeadPlace[] {
  const all = errors.flatMap((row, layer) => row.flatMap((own, head) => (own.length > 0 ? [{ layer, head }] : [])));
  const key = ({ layer, head }: HeadPlace): number => {
    const own = degree[layer]?.[head] ?? Number.NaN;
    return Number.isNaN(own) ? Infinity : own;
  };
  const first = ({ layer, head }: HeadPlace): number => errors[layer]?.[head]?.[0] ?? 0;
  return all.sort((a, b) => (key(a) === key(b) ? first(a) - first(b) : key(a) - key(b)));
}

const degreeWords = ({ tolerance, largestDegree }: FiniteStateResult) => ({
  name: 'degree',
  title: 'Degree',
  unit: '',
  definition: `Smallest even degree p of sum s^j / j!, j = 0 .. p, in place of exp(s), by which the outputs of the head differ from its softmax by at most ${threeDigits(tolerance)} of their norm; none up to ${largestDegree}: empty.`,
});

function headsSection(result: FiniteStateResult) {
  const { degree, digits, largestScore, rows, largestDegree } = result;
  const layer = (words: Omit<HeadsLayer, 'scale' | 'values'>, values: HeadsLayer['values']): HeadsLayer => ({
    ...words,
    scale: build.ranges.sequential,
    values,
  });
  return build.heads(
    'heads',
    'How far each head is from a finite state',
    `On the first ${rows} tokens. An empty cell needs more than degree ${largestDegree}.`,
    [
      layer(degreeWords(result), degree),
      layer(
        {
          name: 'digits',
          title: 'State size',
          unit: 'log10',
          definition:
            'log10 of C(d + p, p), the monomials up to degree p of d numbers: numbers that a decoder would keep for each channel of a value, d the head width.',
        },
        digits,
      ),
      layer(
        {
          name: 'largest-score',
          title: 'Top score',
          unit: '',
          definition: 'Largest |score| before softmax, scaled and capped: what the series has to reach.',
        },
        largestScore,
      ),
    ],
  );
}

function errorsSection(result: FiniteStateResult) {
  const { errors, tried, tolerance, largestDegree } = result;
  const ranked = rankedHeads(result);
  // The first, the one in the middle and the last.
  const drawn = [...new Set([0, (ranked.length - 1) >> 1, ranked.length - 1])].flatMap((at) => ranked[at] ?? []);
  return build.chart(
    'errors',
    'Error of the cut exponential',
    'Heads with the smallest, the median and the largest degree.',
    build.axis('degree of the series', '', { min: 0, max: largestDegree }),
    build.logAxis('error of the outputs', 'log10', 'of their norm'),
    drawn.map((place): SectionSeries =>
      build.line(
        nameOf(place),
        nameOf(place),
        (errors[place.layer]?.[place.head] ?? []).map((error, at) => ({
          x: tried[at] ?? Number.NaN,
          y: error > 0 ? error : Number.NaN,
        })),
      ),
    ),
    { references: [{ label: 'tolerance', from: [0, tolerance], to: [largestDegree, tolerance] }] },
  );
}
