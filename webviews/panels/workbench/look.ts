/** Which question is in the form: that of Look, which follows the model and the input, or one that was chosen. Pure. */
import { lookOf, type Look, type LookRequest } from '../../../protocol/analysis/look';
import type { WorkbenchTab } from '../../../protocol/panels/workbench-tabs';
import { modelOfForm } from '../../ui/run-state';
import { typedOf, type Typed } from '../../ui/typed-parameters';
import type { InputForm } from './input-form';
import type { Front, State } from './state';

/** The newest Look, first in the row; undefined before there is one. */
export const lookTab = ({ tabs }: Pick<State, 'tabs'>): WorkbenchTab | undefined =>
  tabs?.find(({ look }) => look === true);

/** Look is in front, with a result or before its first. */
export const isLook = ({ tabs, view: { look, front } }: State): boolean =>
  tabs !== undefined && look && (front === 'tab' || front === 'look');

const lookedAt = ({ kind, mode, image }: InputForm): Pick<LookRequest, 'input' | 'prompt'> => ({
  input: kind,
  prompt: mode === 'picture' ? 'picture' : image === '' ? 'text' : 'text-with-picture',
});

/** The analysis that Look asks of the request in the form, or why it asks none. */
export function lookIn(state: State): Look | undefined {
  return state.form && lookOf({ model: modelOfForm(state), ...lookedAt(state.form.input) });
}

/** Under which `View.typed` keeps the parameters of a question that is not in the form: those of Look are its own. */
export const questionKey = (analysis: string, look: boolean): string => (look ? `look ${analysis}` : analysis);

interface NextQuestion {
  readonly analysis: string;
  readonly look: boolean;
  readonly front: Front;
  /** Absent: as they were typed for it last, else their defaults. */
  readonly parameters?: Typed | undefined;
}

/** Another question in the form: the request beside it stays, and what was typed of each is kept. */
export function withQuestion(
  { form, view }: State,
  { analysis, look, front, parameters }: NextQuestion,
): Pick<State, 'form' | 'view'> {
  if (!form) return { form, view: { ...view, look, front } };
  const typed = { ...view.typed, [questionKey(form.analysis, view.look)]: form.parameters };
  return {
    form: { ...form, analysis, parameters: parameters ?? typed[questionKey(analysis, look)] ?? {} },
    view: { ...view, look, front, typed },
  };
}

/** The question of a tab in the form, with its parameters; Look keeps those that were typed for it. */
export function toQuestionOf(
  state: State,
  { setup, look }: Pick<WorkbenchTab, 'setup' | 'look'>,
): Pick<State, 'form' | 'view'> {
  const parameters = look ? undefined : typedOf(setup.parameters);
  return withQuestion(state, { analysis: setup.analysis, look: look === true, front: 'tab', parameters });
}

/** The question of Look in the form: its result in front, where there is one. */
export function toLook(state: State): Pick<State, 'form' | 'view'> {
  const { form } = state;
  const look = lookIn(state);
  const analysis = look && 'analysis' in look ? look.analysis : (form?.analysis ?? '');
  const front = lookTab(state) === undefined ? 'look' : 'tab';
  return withQuestion(state, { analysis, look: true, front });
}

/** While the question in the form is that of Look, it is the one that fits the request. */
export function followed(state: State): State {
  const { form, view } = state;
  if (!view.look || !form) return state;
  const look = lookIn(state);
  if (!look || 'why' in look || look.analysis === form.analysis) return state;
  return { ...state, ...withQuestion(state, { analysis: look.analysis, look: true, front: view.front }) };
}
