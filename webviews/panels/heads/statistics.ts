/** The statistics of a head in words: titles, definitions as measured, and the range they are coloured over. */
import { headStatisticNames, type HeadStatistics, type HeadsResult } from '../../../protocol/results/heads';

export type StatisticName = keyof HeadStatistics;
export type PartialStatistics = Readonly<Record<StatisticName, readonly (readonly number[] | undefined)[]>>;

export interface StatisticInfo {
  readonly id: StatisticName;
  readonly title: string;
  /** The title inside a sentence. */
  readonly words: string;
  /** Absent: a probability mass, 0..1. */
  readonly unit?: 'nats' | 'tokens';
  readonly definition: string;
}

export const statisticInfos: readonly StatisticInfo[] = [
  {
    id: 'previousToken',
    title: 'Previous token',
    words: 'previous-token mass',
    definition: 'Mean over the queries i = 1..T-1 of p(i, i-1): the mass on the token just before.',
  },
  {
    id: 'firstToken',
    title: 'First token',
    words: 'first-token mass',
    definition: 'Mean over the queries i = 1..T-1 of p(i, 0): the mass on the first token, the usual attention sink.',
  },
  {
    id: 'selfToken',
    title: 'Self',
    words: 'self mass',
    definition: 'Mean over all queries i of p(i, i): the mass on the query’s own token.',
  },
  {
    id: 'entropy',
    title: 'Entropy',
    words: 'entropy',
    unit: 'nats',
    definition: 'Mean over all queries of -sum p ln p, in nats: 0 for one key, ln n for n keys alike.',
  },
  {
    id: 'meanDistance',
    title: 'Mean distance',
    words: 'mean distance',
    unit: 'tokens',
    definition: 'Mean over all queries i of sum_j p(i, j) (i - j): how many tokens back the head looks.',
  },
  {
    id: 'localWindow',
    title: 'Local window',
    words: 'local-window mass',
    definition: 'Mean over all queries i of the mass on the keys i-15..i: 16 tokens, the query’s own among them.',
  },
  {
    id: 'induction',
    title: 'Induction',
    words: 'induction mass',
    definition:
      'Mean, over the queries whose token occurred before, of the mass on the tokens after its (4 latest) earlier occurrences.',
  },
  {
    id: 'duplicateToken',
    title: 'Duplicate token',
    words: 'duplicate-token mass',
    definition: 'The same queries as induction: mass on the earlier occurrences of their own token.',
  },
];

const infos = new Map(statisticInfos.map((info) => [info.id, info]));

export const statisticInfo = (id: StatisticName): StatisticInfo =>
  infos.get(id) ?? (statisticInfos[0] as StatisticInfo);

export const noStatistics = (layers: number): PartialStatistics =>
  Object.fromEntries(
    headStatisticNames.map((name) => [name, new Array<undefined>(layers).fill(undefined)]),
  ) as unknown as PartialStatistics;

export const statisticsOf = ({ statistics }: HeadsResult): PartialStatistics => statistics;

/** NaN where it is not there (yet). */
export const valueOf = (statistics: PartialStatistics, name: StatisticName, layer: number, head: number): number =>
  statistics[name][layer]?.[head] ?? Number.NaN;

/** 0 and the largest value of all heads: what the colours of this statistic span. */
export function domainOf(statistics: PartialStatistics, name: StatisticName): readonly [number, number] {
  let largest = 0;
  for (const row of statistics[name]) for (const value of row ?? []) if (value > largest) largest = value;
  return [0, largest > 0 ? largest : 1];
}
