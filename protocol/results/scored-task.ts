/** What `headscope task` writes of a model, as a result of the analysis that scores prompts. */
import { analysisResult, type AnalysisResult } from '../analysis/schema';
import { check, type Checked } from '../schema/check';
import { fieldsIn } from '../schema/fields';
import { parseJsonText } from '../wire/json-text';

/** Whether a file is one of these: it says no kind of itself. */
export const isScoredTask = ({ kind, scored, samples }: Readonly<Record<string, unknown>>): boolean =>
  kind === undefined && typeof scored === 'object' && scored !== null && Array.isArray(samples);

export function parseScoredTask(content: string): Checked<AnalysisResult> {
  const parsed = parseJsonText(content);
  const fields = parsed.ok ? fieldsIn(parsed.value) : {};
  if (!isScoredTask(fields)) return { ok: false, why: 'The file is no result of a task that a model has answered.' };
  const {
    headscope,
    created,
    device,
    weights,
    settings,
    seed,
    model,
    seconds,
    task,
    samples,
    parameters,
    finding,
    taskFile,
  } = fields;
  const taskParameters = Object.keys(fieldsIn(parameters)).length === 0 ? {} : { taskParameters: parameters };
  const result = {
    ...fieldsIn(fields['scored']),
    ...{ headscope, created, device, settings, seed, model, seconds, finding },
    ...(weights === undefined ? {} : { weights }),
    ...(taskFile === undefined ? {} : { taskFile }),
    kind: 'headscope-analysis',
    version: 1,
    input: { kind: 'task', task, samples: Math.max(1, (samples as readonly unknown[]).length), ...taskParameters },
    prompts: [],
    parameters: {},
    interventions: [],
  };
  return check(analysisResult, result, 'The result');
}
