/** The task that an analysis reads: one of the catalogue with its parameters, or a file of the person's own. */
import { html, nothing, type TemplateResult } from 'lit';
import { dropdown, field } from '../../ui/controls';
import type { Part } from './actions';
import type { InputForm, InputProblems } from './input-form';
import { tableFields } from '../../ui/table-fields';
import { pathField } from '../../ui/path-field';
import { ofTask } from './state';
import { readParameters } from '../../ui/typed-parameters';

const ownFile = 'file';

/** `samples`: the field of their number. */
export function taskFields(
  { state, actions }: Part,
  input: InputForm,
  problems: InputProblems,
  samples: TemplateResult,
): TemplateResult {
  const own = input.taskFrom === 'file';
  const task = own ? undefined : state.tasks.find(({ id }) => id === input.task);
  const known = state.tasks.map(({ id, title, source }) => ({ value: id, label: title, hint: source.reference }));
  const choose = (id: string): void =>
    actions.editInput(id === ownFile ? { taskFrom: 'file' } : { taskFrom: 'catalogue', task: id, taskParameters: {} });
  return html`<div class="fields">
      ${field(
        'Task',
        dropdown({
          label: 'Task',
          choices: [
            ...(own || task ? [] : [{ value: '', label: input.task === '' ? 'Choose a task' : input.task }]),
            ...known,
            {
              value: ownFile,
              label: 'A file of your own…',
              hint: 'JSONL: one prompt with its answer a line; CSV: facts',
            },
          ],
          value: own ? ownFile : (task?.id ?? ''),
          onChange: choose,
        }),
      )}
      ${samples}
    </div>
    ${
      own
        ? html`${pathField({
              label: 'Task file',
              value: input.taskFile,
              placeholder: 'prompts.jsonl',
              problem: input.taskFile === '' ? undefined : problems.task,
              what: 'file',
              onInput: (taskFile) => actions.editInput({ taskFile }),
              onBrowse: () => actions.choosePath('input.taskFile', 'file'),
            })}
            <p class="reason">
              One prompt a line: {"prompt": "The capital of France is", "answer": " Paris"}. Or CSV with the columns
              template (with {topic}), topic, answer.
            </p>`
        : nothing
    }
    ${
      task
        ? html`<p class="reason">${task.source.reference}.</p>
            <div class="parameters">
              ${tableFields({
                table: task.parameters,
                typed: input.taskParameters,
                problems: readParameters(task.parameters, input.taskParameters).problems,
                onChange: (taskParameters) => actions.editInput({ taskParameters }),
                onBrowse: (name, what) => actions.choosePath(`${ofTask}${name}`, what),
              })}
            </div>`
        : nothing
    }`;
}
