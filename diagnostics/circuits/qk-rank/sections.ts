/** What the analysis shows and says. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import { counted, percent } from '../../../protocol/wire/number-words';
import { energies } from './energy';
import { median, type RankedHead, type RankResult } from './result';
import * as build from '../../../protocol/sections/builders';

/** Heads of the table. */
const listed = 100;

const nameOf = ({ layer, head }: HeadPlace): string => `L${layer}H${head}`;
const isMeasured = (result: Partial<RankResult>): result is RankResult =>
  result.spectra?.some((heads) => heads.length > 0) === true;

export function finding(result: Partial<RankResult>): string {
  if (!isMeasured(result)) return 'No layer has been looked at yet.';
  const { heads, widths } = result;
  const [lowest] = heads;
  const highest = heads.at(-1);
  if (!lowest || !highest) return 'All query-key forms are zero.';
  const most = heads.reduce((best, head) => (head.one > best.one ? head : best));
  const ranks = heads.map(({ enough }) => enough);
  return `${percent(result.share)} of the energy of a query-key form takes a rank of ${lowest.enough} (${nameOf(lowest)}) to ${highest.enough} (${nameOf(highest)}), ${median(ranks)} in the median of ${counted(heads.length, 'head', 'heads')} of width ${widths.join(', ')}. Rank 1 keeps ${percent(median(heads.map(({ one }) => one)))} in the median, and most in ${nameOf(most)}: ${percent(most.one)}.`;
}

function grid({ spectra, rank, share, heads }: RankResult) {
  const layer = (
    words: Pick<HeadsLayer, 'name' | 'title' | 'definition'>,
    of: (head: RankedHead) => number,
    max?: number,
  ): HeadsLayer => {
    const values = spectra.map((row) => row.map(() => Number.NaN));
    for (const head of heads) {
      const row = values[head.layer];
      if (row) row[head.head] = of(head);
    }
    return { ...words, unit: '', scale: { kind: 'sequential', min: 0, ...(max === undefined ? {} : { max }) }, values };
  };
  return build.heads(
    'ranks',
    'Rank of each head',
    'Choose a head for its singular values.',
    [
      layer(
        {
          name: 'enough',
          title: `Rank for ${percent(share)}`,
          definition: `Smallest r whose best form keeps ${percent(share)} of the sum of squared entries of W_Q^T W_K.`,
        },
        ({ enough }) => enough,
      ),
      layer(
        {
          name: 'one',
          title: 'Energy of rank 1',
          definition: 's_1^2 over the sum of the squares of all singular values of W_Q^T W_K: 1 for a head of LAMA.',
        },
        ({ one }) => one,
        1,
      ),
      layer(
        {
          name: 'some',
          title: `Energy of rank ${rank}`,
          definition: `The ${rank} largest squares of singular values over the sum of all.`,
        },
        ({ some }) => some,
        1,
      ),
    ],
    { ask: 'Show its singular values' },
  );
}

const sortedChart = ({ heads, share, widths }: RankResult) =>
  build.chart(
    'sorted',
    `Heads by their rank for ${percent(share)} of the energy`,
    `From the lowest. The width of a head is the largest rank that it can have; a head whose values are all alike needs ${percent(share)} of it.`,
    build.axis('place of the head, from the lowest rank (0)', '', { min: 0 }),
    build.axis('rank', '', { min: 0 }),
    [
      build.points(
        'heads',
        'heads',
        heads.map((head, x) => ({ x, y: head.enough, label: nameOf(head) })),
      ),
    ],
    {
      references: widths.map((width) => ({
        label: `width ${width}`,
        from: [0, width],
        to: [Math.max(1, heads.length - 1), width],
      })),
    },
  );

const energyChart = ({ byRank }: RankResult) =>
  build.chart(
    'energy',
    'Energy by rank',
    'What the best form of each rank keeps of a head. Values that are all alike would give a straight line; a head of LAMA has 1 at rank 1.',
    build.axis('rank', '', { min: 0 }),
    build.shareAxis('energy kept'),
    [
      build.line(
        'median',
        'median of the heads',
        byRank.map(({ rank, median: y, low, high }) => ({ x: rank, y, low, high })),
      ),
    ],
    { interval: 'smallest and largest of the heads' },
  );

const rankTable = ({ heads, share, rank }: RankResult) =>
  build.table(
    'heads',
    'Heads of the lowest rank',
    `${heads.length > listed ? `The first ${listed} of ${heads.length}. ` : ''}Choose a row for its singular values.`,
    heads.slice(0, listed),
    [
      build.head(),
      {
        ...build.number(
          'enough',
          `Rank for ${percent(share)}`,
          'Smallest rank whose best form keeps this share of the energy.',
        ),
        digits: 6,
        cell: ({ enough }) => enough,
      },
      build.number(
        'one',
        'Energy of rank 1',
        'Share of the sum of squared entries that the best form of rank 1 keeps.',
      ),
      build.number('some', `Energy of rank ${rank}`, 'The same of that rank.'),
      {
        ...build.number(
          'numbers',
          'Numbers at this rank',
          'Numbers in both factors at that rank: 2 r w, where w is the width of what the head reads.',
        ),
        digits: 9,
        cell: ({ numbers }) => numbers,
      },
      {
        ...build.number('full', 'Numbers of the head', 'Numbers of the query and key maps of a head: 2 d w.'),
        digits: 9,
        cell: ({ full }) => full,
      },
    ],
    { ask: 'Show its singular values' },
  );

/** Singular values of one head, and the energy of each rank. */
export function spectrumSection({ spectra, share }: RankResult, { layer, head }: HeadPlace, id: string) {
  const values = spectra[layer]?.[head] ?? [];
  const largest = values[0] ?? 0;
  const kept = energies(values);
  return build.chart(
    `${id}-L${layer}H${head}`,
    `Singular values of the query-key form of L${layer}H${head}`,
    `Each as a share of the largest, and the energy that so many of them keep; ${percent(share)} is reached at the rank of the grid.`,
    build.axis('rank', '', { min: 0 }),
    build.shareAxis('share'),
    [
      build.points(
        'values',
        'singular value over the largest',
        values.map((value, at) => ({ x: at + 1, y: largest === 0 ? Number.NaN : value / largest })),
      ),
      build.line(
        'energy',
        'energy kept',
        kept.map((energy, at) => ({ x: at + 1, y: energy })),
      ),
    ],
  );
}

export function sections(result: Partial<RankResult>): readonly Section[] {
  if (!isMeasured(result)) return [];
  if (result.heads.length === 0) return [grid(result)];
  return [grid(result), sortedChart(result), energyChart(result), rankTable(result)];
}
