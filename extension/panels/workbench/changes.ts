/** What an analysis says of the result on show and the one that it is compared with. */
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import type { Section } from '../../../protocol/sections/section';
import type { Compute } from '../../platform/compute';

/** Each change is `shown` less `other`. */
export const changesBetween = (
  server: Pick<Compute, 'compareAnalyses'>,
  shown: AnalysisResult,
  other: AnalysisResult,
): Promise<readonly Section[]> => server.compareAnalyses(other, shown);
