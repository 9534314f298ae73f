/** A result outside its panel, in a notebook or a page: read as a file is. */
import type { AnalysisResult } from '../../protocol/analysis/schema';
import type { BenchmarkResult } from '../../protocol/results/benchmark-schema';
import { savedComparison, type Comparison } from '../../protocol/results/comparison-schema';
import type { ModuleResult } from '../../protocol/results/module-schema';
import { checkResult } from '../../protocol/results/saved-result';
import { check, type Checked } from '../../protocol/schema/check';
import { fieldsIn } from '../../protocol/schema/fields';
import { parseJsonText } from '../../protocol/wire/json-text';

/** What is drawn as sections. */
export type SectionsResult = AnalysisResult | ModuleResult | Comparison;
type OutputResult = SectionsResult | BenchmarkResult;

/** Characters: more make a notebook that no editor opens well. */
const largest = 2 ** 26;

export function readOutput(text: string): Checked<OutputResult> {
  if (text.length > largest) {
    return no(`This result has ${text.length} characters, and at most ${largest} are drawn. Open its file in VS Code.`);
  }
  const parsed = parseJsonText(text);
  if (!parsed.ok) return no(`This output is not valid JSON (${parsed.fault}). Run the cell again.`);
  const { kind } = fieldsIn(parsed.value);
  const read: Checked<OutputResult> =
    kind === 'headscope-comparison'
      ? check(savedComparison, parsed.value, 'The comparison')
      : checkResult(parsed.value);
  return read.ok
    ? read
    : no(
        `This output is no result that Headscope draws: ${read.why} Show a saved result of an analysis, a module or a benchmark.`,
      );
}

const no = (why: string): Checked<never> => ({ ok: false, why });
