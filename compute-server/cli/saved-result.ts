/** A saved result of any kind, read for its numbers. */
import { parseAnalysis, type AnalysisResult } from '../../protocol/analysis/schema';
import { exportedBenchmark } from '../../protocol/exports/benchmark-table';
import type { Exported } from '../../protocol/exports/exported';
import { exportedSections } from '../../protocol/exports/section-tables';
import { savedBenchmark } from '../../protocol/results/benchmark-schema';
import { earlierKinds } from '../../protocol/results/earlier/earlier';
import { savedModule } from '../../protocol/results/module-schema';
import { isScoredTask, parseScoredTask } from '../../protocol/results/scored-task';
import { check, type Checked } from '../../protocol/schema/check';
import { fieldsIn } from '../../protocol/schema/fields';
import type { Section } from '../../protocol/sections/section';
import { wrongUsage } from './exit-codes';
import { jsonFile } from './text-files';

export interface SavedResult {
  readonly exported: Exported;
  /** What made it, for the files that its numbers go to. */
  readonly of: Readonly<Record<string, unknown>>;
  /** As they stand in the file; absent where the file has none, as those of earlier versions and benchmarks. */
  readonly sections?: readonly Section[];
  readonly isBenchmark: boolean;
}

export async function savedResult(path: string): Promise<SavedResult> {
  const value = await jsonFile(path);
  const fields = fieldsIn(value);
  const { kind } = fields;
  const why = (reason: string) => wrongUsage(`${path} is no result whose numbers can be written: ${reason}`);
  const must = <T>(checked: Checked<T>): T => {
    if (!checked.ok) throw why(checked.why);
    return checked.result;
  };
  if (kind === 'headscope-bench') {
    const result = must(check(savedBenchmark, value, 'The file'));
    const { headscope, created, device, plan, finding } = { finding: undefined, ...result };
    const of = { kind, headscope, created, device, plan, ...(finding === undefined ? {} : { finding }) };
    return { exported: exportedBenchmark(result.rows), of, isBenchmark: true };
  }
  if (kind === 'headscope-module') {
    const { sections, title, finding, headscope, created, plan } = must(check(savedModule, value, 'The file'));
    const of = { kind, title, finding, headscope, created, plan };
    return { exported: exportedSections(sections), of, sections, isBenchmark: false };
  }
  const text = JSON.stringify(value);
  if (kind === 'headscope-analysis') {
    const result = must(parseAnalysis(text));
    return { ...ofAnalysis(result), sections: result.sections, isBenchmark: false };
  }
  if (isScoredTask(fields)) return { ...ofAnalysis(must(parseScoredTask(text))), isBenchmark: false };
  if (kind === 'headscope-heads') return { ...ofAnalysis(must(earlierKinds.heads(text))), isBenchmark: false };
  if (kind === 'headscope-hallucination' || kind === 'headscope-hallucination-set')
    return { ...ofAnalysis(must(earlierKinds.hallucination(text))), isBenchmark: false };
  throw why(
    'its "kind" is not that of an analysis, a module, a benchmark, heads or hallucination. Name a saved result.',
  );
}

const ofAnalysis = ({ sections, ...result }: AnalysisResult) => {
  const { kind, analysis, title, finding, headscope, created, model, input, parameters, interventions, seed } = result;
  const of = { kind, analysis, title, finding, headscope, created, model, input, parameters, interventions, seed };
  return { exported: exportedSections(sections), of };
};
