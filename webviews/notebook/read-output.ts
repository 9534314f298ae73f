/** An output of a notebook, read as the file of a result is. */
import { checkAnalysis, type AnalysisResult } from '../../protocol/analysis/schema';
import { savedModule, type ModuleResult } from '../../protocol/results/module-schema';
import { check, type Checked } from '../../protocol/schema/check';
import { fieldsIn } from '../../protocol/schema/fields';
import { parseJsonText } from '../../protocol/wire/json-text';

export type NotebookResult = AnalysisResult | ModuleResult;

/** Characters: more make a notebook that no editor opens well. */
const largest = 2 ** 26;

export function readOutput(text: string): Checked<NotebookResult> {
  if (text.length > largest) {
    return no(
      `This result has ${text.length} characters, and a notebook draws at most ${largest}. Open its file in VS Code.`,
    );
  }
  const parsed = parseJsonText(text);
  if (!parsed.ok) return no(`This output is not valid JSON (${parsed.fault}). Run the cell again.`);
  const { kind } = fieldsIn(parsed.value);
  const read: Checked<NotebookResult> =
    kind === 'headscope-module' ? check(savedModule, parsed.value, 'The result') : checkAnalysis(parsed.value);
  return read.ok
    ? read
    : no(`This output is no result that Headscope draws: ${read.why} Show a saved result of an analysis or a module.`);
}

const no = (why: string): Checked<never> => ({ ok: false, why });
