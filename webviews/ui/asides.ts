/**
 * What is said beside a result: that the model which a saved file names waits for a click, and what happened outside a run (a
 * file was written, nothing is there to compare with), which stays until it is dismissed.
 */
import { html, nothing, type TemplateResult } from 'lit';
import type { Notice, WaitingModel } from '../../protocol/panels/run-panel';
import { button } from './controls';
import { bytes } from './numbers';
import { banner } from './run-status';

export interface Asides {
  readonly waiting: WaitingModel | undefined;
  /** The model that waits was asked for, and has not answered. */
  readonly loading: boolean;
  readonly notice: Notice | undefined;
}

export const noAsides: Asides = { waiting: undefined, loading: false, notice: undefined };

/** The asides of a panel that was opened, or opened again with its whole state. */
export const opened = (asides: Asides, { waiting }: { readonly waiting?: WaitingModel }): Asides => ({
  ...asides,
  waiting,
  loading: false,
});

/** `action` says what loading is for, as in "see single heads". */
export function asideBanners(
  { waiting, loading, notice }: Asides,
  action: string,
  act: { loadModel(): void; dismissNotice(): void },
): TemplateResult {
  return html`${waiting ? waitingBanner(waiting, loading, action, () => act.loadModel()) : nothing}
  ${
    notice
      ? banner(
          notice.tone,
          html`<span id="notice">${notice.sentence}</span>
            <button type="button" class="link" @click=${() => act.dismissNotice()}>Dismiss</button>
            ${
              notice.details
                ? html`<details>
                    <summary>Details</summary>
                    <pre>${notice.details}</pre>
                  </details>`
                : nothing
            }`,
        )
      : nothing
  }`;
}

function waitingBanner(
  { folder, bytes: size, refused }: WaitingModel,
  loading: boolean,
  action: string,
  load: () => void,
): TemplateResult {
  if (refused !== undefined) return banner('warning', html`<span id="model-refused">${refused}</span>`);
  return banner(
    'info',
    html`<span id="model-waits"
        >Everything below is from the file. To ${action}, its model has to be loaded:
        <code class="path">${folder}</code>, ${bytes(size)} by the file.</span
      >
      <p>
        ${button({
          label: loading ? 'Loading' : 'Load the model',
          icon: 'play',
          id: 'load-model',
          disabled: loading,
          hint: folder,
          onClick: load,
        })}
      </p>`,
  );
}
