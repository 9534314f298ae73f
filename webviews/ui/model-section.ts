/** The parts of the settings that every panel which runs a model has: the model, and how its prompt is read. */
import { html, nothing, type TemplateResult } from 'lit';
import type { FromModelRunPanel } from '../../protocol/panels/messages';
import type { ModelSummary } from '../../protocol/schema/parts';
import { checkbox } from './controls';
import { deviceField } from './device-field';
import { lastName, modelField, type ModelProblem } from './model-field';
import { modelOfForm, whyModelOfFormDoesNotRun, type ModelState } from './run-state';

export interface ModelPart {
  readonly state: Pick<ModelState, 'models' | 'model' | 'devices'> & {
    readonly form: { readonly folder: string; readonly device: string } | undefined;
  };
  readonly actions: {
    chooseModel(folder: string): void;
    chooseDevice(id: string): void;
    testDevices(): void;
    post(message: Extract<FromModelRunPanel<never>, { kind: 'browseModel' }>): void;
  };
}

/** `facts`: of the model in the form, once it is read. */
export function modelSection(
  { state, actions }: ModelPart,
  facts: (model: ModelSummary) => TemplateResult,
  problem?: ModelProblem,
): TemplateResult {
  const folder = state.form?.folder ?? '';
  const model = modelOfForm(state);
  const why = whyModelOfFormDoesNotRun(state, problem);
  const below =
    why !== undefined
      ? html`<p class="problem" role="alert">
          ${why}
          <button type="button" class="link" id="open-again" @click=${() => actions.chooseModel(folder)}>
            Try again
          </button>
        </p>`
      : model
        ? facts(model)
        : html`<p class="reason">
            ${folder ? 'Reading its files…' : 'A checkpoint folder with config.json and safetensors.'}
          </p>`;
  return html`<section aria-label="Model">
    <h2>Model</h2>
    ${modelField({
      models: state.models,
      folder,
      onChoose: (chosen) => actions.chooseModel(chosen),
      onBrowse: () => actions.post({ kind: 'browseModel' }),
    })}
    ${below} ${deviceOf({ state, actions })}
  </section>`;
}

/** Where the next runs take place. */
export const deviceOf = ({ state: { form, devices }, actions }: ModelPart): TemplateResult =>
  html`<h2
      class="device"
      title="Where the next runs of this panel take place; the default is headscope.compute.device."
    >
      Device
    </h2>
    ${deviceField({
      ...devices,
      chosen: form?.device || devices.setting,
      onChoose: (id) => actions.chooseDevice(id),
      onTest: () => actions.testDevices(),
    })}`;

/** The field of a model that has a chat template. */
export const chatField = (
  model: ModelSummary | undefined,
  checked: boolean,
  more: string,
  onChange: (chat: boolean) => void,
): TemplateResult | typeof nothing =>
  model?.chatTemplate === true
    ? checkbox({
        label: 'Chat template',
        checked,
        hint: `Put the text into the model’s chat template as one user message${more}.`,
        onChange,
      })
    : nothing;

/** The strip in one line, for when it is folded. */
export const stripWords = (form: { readonly folder: string } | undefined, subject: string): string =>
  form ? `${lastName(form.folder) || 'no model'} · ${subject}` : '';
