/** A saved result of any kind, by what it says of itself; those of earlier versions as results of today. */
import { checkAnalysis, type AnalysisResult } from '../analysis/schema';
import { check, type Checked } from '../schema/check';
import { fieldsIn } from '../schema/fields';
import { savedBenchmark, type BenchmarkResult } from './benchmark-schema';
import { earlierKinds } from './earlier/earlier';
import { savedModule, type ModuleResult } from './module-schema';
import { isScoredTask, parseScoredTask } from './scored-task';

export type SavedResult = AnalysisResult | ModuleResult | BenchmarkResult;

/** Whether the value says that it is a saved result; what is wrong with it besides is said by `checkResult`. */
export const saysResult = (value: unknown): boolean => readerOf(fieldsIn(value)) !== undefined;

export function checkResult(value: unknown): Checked<SavedResult> {
  const read = readerOf(fieldsIn(value));
  return (
    read?.(value) ?? {
      ok: false,
      why: 'its "kind" is not that of an analysis, a module, a benchmark, heads or hallucination.',
    }
  );
}

type Reader = (value: unknown) => Checked<SavedResult>;

function readerOf(fields: Readonly<Record<string, unknown>>): Reader | undefined {
  switch (fields['kind']) {
    case 'headscope-analysis':
      return checkAnalysis;
    case 'headscope-module':
      return (value) => check(savedModule, value, 'The result');
    case 'headscope-bench':
      return (value) => check(savedBenchmark, value, 'The result');
    case 'headscope-heads':
      return (value) => earlierKinds.heads(JSON.stringify(value));
    case 'headscope-hallucination':
    case 'headscope-hallucination-set':
      return (value) => earlierKinds.hallucination(JSON.stringify(value));
    default:
      return isScoredTask(fields) ? (value) => parseScoredTask(JSON.stringify(value)) : undefined;
  }
}
