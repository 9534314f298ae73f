/** The statistics of the heads of a result, and the range that they are coloured over. */
import { statisticInfos, type StatisticInfo, type StatisticName } from '../../../protocol/results/head-words';
import { headStatisticNames } from '../../../protocol/results/heads';
import { type HeadsResult } from '../../../protocol/results/heads-schema';

export { statisticInfos, type StatisticInfo, type StatisticName };
export type PartialStatistics = Readonly<Record<StatisticName, readonly (readonly number[] | undefined)[]>>;

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
