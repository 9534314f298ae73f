/** The plan as a person edits it: text stays as typed; `readForm` makes a plan of it or says what to correct. Pure. */
import type { AnalysisInfo, InputKind } from '../../../protocol/analysis/analysis';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { whyNotFit } from '../../../protocol/analysis/fit';
import type { TaskInfo } from '../../../protocol/analysis/tasks';
import { noDemos, startOf, type Demos } from '../../../protocol/analysis/next-start';
import type { ChosenTask, UsualTask } from '../../../protocol/analysis/usual-task';
import { parseDo, printDo } from '../../../protocol/interventions/do-form';
import type { AnalysisSetup } from '../../../protocol/analysis/schema';
import type { WeightChoice } from '../../../protocol/inputs/weights';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { deviceOfSetup, setupOfDevice } from '../../ui/device-field';
import { readSeed, seedProblem } from '../../ui/form-fields';
import { ofKind, readInput, toInputForm, type InputForm, type InputProblems } from './input-form';
import { firstProblem, readParameters, typedOf, type Typed } from '../../ui/typed-parameters';

export interface Form {
  readonly analysis: string;
  readonly folder: string;
  /** Folder of the adapter on the model; empty: none. */
  readonly adapter: string;
  /** Empty: the device of the setting. */
  readonly device: string;
  /** Empty: as the setting says. */
  readonly weights: '' | WeightChoice;
  readonly input: InputForm;
  /** Parameters as typed, by name; those left out have their default. */
  readonly parameters: Typed;
  /** Interventions in their written form, as typed. */
  readonly interventions: readonly string[];
  readonly seed: string;
}

export const toForm = (plan: AnalysisSetup, before?: Form): Form => ({
  analysis: plan.analysis,
  folder: plan.folder,
  adapter: plan.adapter ?? '',
  device: deviceOfSetup(plan),
  weights: plan.weights ?? '',
  input: toInputForm(plan.input, before?.input),
  parameters: typedOf(plan.parameters),
  interventions: plan.interventions.map(printDo),
  seed: String(plan.seed),
});

interface Problems {
  readonly analysis?: string;
  readonly folder?: string;
  readonly input?: InputProblems;
  readonly parameters?: Readonly<Record<string, string>>;
  /** The first that cannot be read. */
  readonly interventions?: string;
  readonly seed?: string;
}

export type FormReading =
  | { readonly ok: true; readonly plan: AnalysisSetup }
  | {
      readonly ok: false;
      readonly problems: Problems;
      /** The first of them: why Run is off. */
      readonly why: string;
    };

export function readForm(
  form: Form,
  info: AnalysisInfo | undefined,
  model?: ModelSummary,
  tasks: readonly TaskInfo[] = [],
): FormReading {
  if (!info) return refused({ analysis: 'Choose an analysis first.' });
  const unread = whyNotFit(info, { input: form.input.kind, model: undefined });
  if (unread !== undefined) return refused({ analysis: `${unread} Change the input, or ask something else.` });
  const input = readInput(inputFor(info, form.input), model, tasks, info.readsPictures);
  const parameters = readParameters(info.parameters, form.parameters);
  const seed = readSeed(form.seed);
  const interventions = form.interventions.map(parseDo);
  const unreadable = interventions.find((one) => !one.ok);
  const problems: Problems = {
    ...(form.folder === '' && !info.trains ? { folder: 'Choose a model first.' } : {}),
    ...(input.ok ? {} : { input: input.problems }),
    ...(Object.keys(parameters.problems).length > 0 ? { parameters: parameters.problems } : {}),
    ...(unreadable && !info.trains ? { interventions: unreadable.why } : {}),
    ...(seed === undefined ? { seed: seedProblem } : {}),
  };
  if (!input.ok || seed === undefined || Object.keys(problems).length > 0) return refused(problems, info.parameters);
  return {
    ok: true,
    plan: {
      analysis: form.analysis,
      // The form keeps its model and where it runs for the next analysis.
      ...(info.trains
        ? { folder: '' }
        : {
            folder: form.folder,
            ...(form.adapter === '' ? {} : { adapter: form.adapter }),
            ...setupOfDevice(form.device),
            ...(form.weights === '' ? {} : { weights: form.weights }),
          }),
      input: input.input,
      parameters: parameters.values,
      interventions: info.trains ? [] : interventions.flatMap((one) => (one.ok ? one.value : [])),
      seed,
    },
  };
}

/** What is typed for other questions stays, where this one reads the weights alone. */
const inputFor = ({ inputs }: AnalysisInfo, input: InputForm): InputForm =>
  !inputs.includes(input.kind) && inputs.includes('none') ? { ...input, kind: 'none' } : input;

function refused(problems: Problems, table: ParameterTable = {}): FormReading {
  const why =
    problems.analysis ??
    problems.folder ??
    Object.values(problems.input ?? {})[0] ??
    firstProblem(table, problems.parameters ?? {}) ??
    problems.interventions ??
    problems.seed ??
    'Something is missing.';
  return { ok: false, problems, why };
}

interface Around {
  /** The analysis that the form is of. */
  readonly from?: AnalysisInfo | undefined;
  readonly tasks?: readonly TaskInfo[];
  readonly demos?: Demos;
}

/** The form for another analysis: model, seed and what was typed as input stay, as far as `startOf` leaves them. */
export function withAnalysis(form: Form, info: AnalysisInfo, { from, tasks = [], demos = noDemos }: Around = {}): Form {
  const { input, folder } = form;
  const { kind, file } = input;
  const start = startOf(info, { analysis: from, folder, kind, task: taskOf(input), file }, demos, tasks);
  const { task, demo } = start;
  const own: InputForm = {
    ...ofKind(
      { ...input, ...(task ? { task: task.task, samples: samplesFor(input, start.kind, task) } : {}) },
      start.kind,
    ),
    file: start.file,
  };
  return {
    ...form,
    analysis: info.id,
    input: demo?.input ? toInputForm(demo.input, own) : own,
    parameters: typedOf(demo?.parameters ?? {}),
    ...(demo ? { folder: demo.folder, adapter: demo.folder === folder ? form.adapter : '', interventions: [] } : {}),
  };
}

/** The number of pictures is not that of a task. */
const samplesFor = ({ kind, samples }: InputForm, next: InputKind, task: UsualTask): string =>
  kind === 'image-set' && next === kind ? samples : String(task.samples);

function taskOf({ taskFrom, task, taskFile, samples, taskParameters }: InputForm): ChosenTask | undefined {
  if (taskFrom === 'file') return { task: taskFile, samples: Number(samples) };
  return task === '' ? undefined : { task, samples: Number(samples), taskParameters };
}
