/** What an analysis says of the result on show and the one that it is compared with. */
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import { codeSection } from '../../../protocol/results/sections/code-section';
import type { Section } from '../../../protocol/sections/section';
import { FailureError } from '../../../protocol/wire/failures';
import type { Compute } from '../../platform/compute';
import type { WorkbenchServices } from './services';

interface ComparingServices extends Pick<WorkbenchServices, 'codeOf'> {
  readonly server: Pick<Compute, 'compareAnalyses'>;
}

/** Each change is `shown` less `other`. Where the code of a file may not or cannot say it, a section says why. */
export async function changesBetween(
  { server, codeOf }: ComparingServices,
  shown: AnalysisResult,
  other: AnalysisResult,
): Promise<readonly Section[]> {
  const { file } = shown;
  // Results of two versions of a file are not compared by it: nobody is asked whether it may run.
  if (file === undefined || file.sha256 !== other.file?.sha256) return server.compareAnalyses(other, shown);
  try {
    return await server.compareAnalyses(other, shown, await codeOf({ file }, true));
  } catch (error) {
    if (!(error instanceof FailureError) || error.failure.code !== 'kernel-file') throw error;
    return [codeSection(error.failure.sentence)];
  }
}
