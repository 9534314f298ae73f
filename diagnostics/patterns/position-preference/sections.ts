import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Section } from '../../../protocol/sections/section';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import type { PositionPreferenceResult } from './result';
import * as build from '../../../protocol/sections/builders';

const isMeasured = (result: Partial<PositionPreferenceResult>): result is PositionPreferenceResult =>
  result.slope !== undefined;

const nameOf = ({ layer, head }: HeadPlace): string => `L${layer}H${head}`;

interface Ranked extends HeadPlace {
  readonly slope: number;
}

/** Heads with a slope, those that prefer what is near most first. */
const ranked = ({ slope }: PositionPreferenceResult): readonly Ranked[] =>
  slope
    .flatMap((row, layer) => row.map((value, head) => ({ layer, head, slope: value })))
    .filter((one) => !Number.isNaN(one.slope))
    .sort((a, b) => b.slope - a.slope || a.layer - b.layer || a.head - b.head);

const placeWord = ({ matched }: PositionPreferenceResult): string => (matched === 'tokens' ? 'position' : 'patch');

export function finding(result: Partial<PositionPreferenceResult>): string {
  if (!isMeasured(result)) return 'Nothing is measured yet.';
  const all = ranked(result);
  const [first] = all;
  if (!first) {
    return 'No token stands twice where a query reads it, so distance cannot be separated from content. Give more copies.';
  }
  const near = all.filter(({ slope }) => slope > 0).length;
  const unit = placeWord(result);
  const matched =
    result.matched === 'tokens'
      ? 'Among equal tokens'
      : 'Over the patches of the picture (their content is the same only where it is of one colour)';
  return `${matched}, ${near} of ${counted(all.length, 'head prefers', 'heads prefer')} what is near; ${nameOf(first)} most: its attention falls by ${threeDigits(first.slope)} nats a ${unit}, a factor of ${threeDigits(Math.exp(-first.slope))}.`;
}

export const sections = (result: Partial<PositionPreferenceResult>): readonly Section[] =>
  isMeasured(result) ? [headsSection(result), curveSection(result)] : [];

function headsSection(result: PositionPreferenceResult): Section {
  const { slope, share, matched, copies, rows, pairs, firstQuery, zeros } = result;
  const [first] = ranked(result);
  const unit = placeWord(result);
  const read =
    matched === 'tokens'
      ? `Equal tokens in ${rows} tokens${copies > 1 ? ` (the prompt ${copies} times over)` : ''}, ${pairs} pairs of query and key.`
      : `All ${pairs} pairs of patches.`;
  const from = firstQuery
    ? ` Queries are the tokens from position ${firstQuery} on; the tokens before them are only read.`
    : '';
  return build.heads(
    'heads',
    'Preference for what is near',
    `${read}${from} Above 0 a head prefers the near one, below 0 the far one.`,
    [
      build.signed(
        'slope',
        'Preference',
        `- slope of ln A_ij on the distance of query i and key j, least squares with a constant for each query and ${matched === 'tokens' ? 'token' : 'picture'}`,
        slope,
        `nats a ${unit}`,
      ),
      build.shares(
        'share',
        'Explained',
        'share of the variance of ln A_ij within a query and content that the line explains',
        share,
      ),
      zeros &&
        build.amounts(
          'zeros',
          'Left out',
          'pairs whose weight is 0 in float32, which has no logarithm: preference and explained share are without them',
          zeros,
          'pairs',
        ),
    ],
    { marked: first ? [{ layer: first.layer, head: first.head }] : undefined },
  );
}

function curveSection(result: PositionPreferenceResult): Section {
  const { curves, distances } = result;
  const all = ranked(result);
  // The strongest preference, the one in the middle and the weakest.
  const drawn = [...new Set([0, (all.length - 1) >> 1, all.length - 1])].flatMap((at) => all[at] ?? []);
  const largest = distances.at(-1) ?? 1;
  return build.chart(
    'curve',
    'Attention by distance, the content being the same',
    'The head that prefers near tokens most, the median head, and the head that prefers them least.',
    build.logAxis('distance, from 2^k to below 2^(k+1)', 'log2', result.matched === 'tokens' ? 'positions' : 'patches'),
    build.axis('attention / mean of its group', '', { min: 0 }),
    drawn.map((place) =>
      build.line(
        nameOf(place),
        nameOf(place),
        (curves[place.layer]?.[place.head] ?? []).flatMap((y, bin) => {
          const x = distances[bin] ?? 0;
          return x < 1 || Number.isNaN(y) ? [] : [{ x, y }];
        }),
      ),
    ),
    { references: [{ label: 'no preference', from: [1, 1], to: [largest, 1] }] },
  );
}
