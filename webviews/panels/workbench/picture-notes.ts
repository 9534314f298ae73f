/** What is known of the pictures of a request before it runs: what one looks like, what a folder holds, how the prompt is read. */
import { html, nothing, type TemplateResult } from 'lit';
import { chatPromptWords } from '../../../protocol/results/chat-prompt';
import type { ImageSpan } from '../../../protocol/schema/parts';
import { icon } from '../../ui/icons';
import { count, plural } from '../../ui/numbers';
import { offeredPrompt } from '../../ui/own-prompt';
import { modelOfForm } from '../../ui/run-state';
import type { Part } from './actions';
import { besideOf } from './beside';
import { isForPictures, type InputForm } from './input-form';
import { isDrawnOn, readOf } from './shown';
import type { State } from './state';

/** The picture as it will be read, or why it cannot be; regions are drawn on it in a place of their own. */
export function picturePreview(state: State): TemplateResult | typeof nothing {
  const read = readOf(state);
  if (read?.problem !== undefined && !isDrawnOn(state))
    return html`<p class="problem" role="alert">${read.problem}</p>`;
  const image = read?.prompt?.image;
  if (!image) return nothing;
  const address = isDrawnOn(state) ? undefined : state.pictures.get(image.sha256)?.address;
  return html`${address === undefined ? nothing : html`<img class="input-picture" src=${address} alt=${image.name} />`}
    <p class="reason">${sizeWords(image)}</p>`;
}

/** `160 x 160 pixels, 49 image tokens (7 x 7 patches)`. */
function sizeWords({ width, height, tokens, tiles }: ImageSpan): string {
  const [tile] = tiles;
  const cut =
    tile === undefined
      ? ''
      : tiles.length === 1
        ? ` (${tile.rows} x ${tile.columns} patches)`
        : ` in ${tiles.length} tiles`;
  return `${count(width)} x ${count(height)} pixels, ${count(tokens)} image tokens${cut}`;
}

/** How many pictures of the folder can be judged, how many are drawn, and what was left out. */
export function folderNotes(state: State): TemplateResult | typeof nothing {
  const { pictures, note } = besideOf(state) ?? {};
  const { form } = state;
  if (pictures === undefined || !form) return nothing;
  const samples = Number(form.input.samples);
  const drawn =
    samples > 0 && samples < pictures
      ? `${count(samples)} of ${plural(pictures, 'picture')}, drawn by seed ${form.seed}`
      : undefined;
  return html`<p class="reason" id="planned-pictures">
    ${plural(pictures, 'picture')} with a
    truth.${note === undefined ? '' : ` ${note}`}${drawn === undefined ? '' : ` The run takes ${drawn}.`}
  </p>`;
}

/** The prompt that the family of the model was trained with, where another one is typed. */
export function familyPrompt({ state, actions }: Part, input: InputForm): TemplateResult | typeof nothing {
  if (!isForPictures(input)) return nothing;
  const typed = { prompt: input.text, chat: input.chat };
  const offered = offeredPrompt(typed, modelOfForm(state), state.models);
  if (!offered) return nothing;
  return html`<p class="reason">
    <button
      type="button"
      class="link"
      id="own-prompt"
      title=${offered.chat ? `“${offered.prompt}” in the chat template` : offered.prompt}
      @click=${() => actions.editInput({ text: offered.prompt, chat: offered.chat })}
    >
      Use the prompt of this family
    </button>
  </p>`;
}

/** A text without an image token is not what the model reads. */
export function chatNote(state: State): TemplateResult | typeof nothing {
  const words = chatPromptWords(readOf(state)?.prompt?.chatPrompt);
  return words === undefined ? nothing : html`<p class="reason" id="chat-prompt">${icon('info')} ${words}</p>`;
}
