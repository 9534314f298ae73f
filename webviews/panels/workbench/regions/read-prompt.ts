/** What is drawn on the prompt as the model reads it, or why it is not there. */
import { html, type TemplateResult } from 'lit';
import type { Tokenised } from '../../../../protocol/compute/models';
import { promptToRead } from '../shown';
import type { State } from '../state';

/** `what` is shown of it. `isOld`: it is that of the prompt before, until the one that is typed has been read. */
export function drawnOnPrompt(
  state: State,
  what: string,
  draw: (prompt: Tokenised, isOld: boolean) => TemplateResult,
): TemplateResult {
  const asked = promptToRead(state);
  const { read } = state;
  if (!asked) return html`<p class="reason">${what} of the prompt appear here once there is one.</p>`;
  const isOf = read?.of === asked.key;
  if (!read || (!isOf && read.folder !== asked.folder)) {
    return html`<p class="reason">${what} of the prompt appear here.</p>`;
  }
  if (isOf && read.problem !== undefined) return html`<p class="problem" role="alert">${read.problem}</p>`;
  if (!read.prompt) return html`<p class="reason" role="status">Reading the prompt…</p>`;
  return draw(read.prompt, !isOf || read.isOld === true);
}
