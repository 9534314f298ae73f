/** The picture with the map of the selected head or set, for the selected word. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Part } from './actions';
import { mapChooser } from './map-words';
import { pictureSection } from './picture-section';
import { oneSection } from './section-list';
import { stepOf } from './shown';
import type { State } from './state';

export function imageView(part: Part): TemplateResult | typeof nothing {
  const { state } = part;
  const section = pictureSection(state);
  if (!section) return missingPicture(state);
  return html`<div class="image-view">
    ${stepOf(state) ? html`<div class="image-tools">${mapChooser(part)}</div>` : nothing} ${oneSection(part, section)}
  </div>`;
}

function missingPicture({ form, pictureProblem, result, place }: State): TemplateResult | typeof nothing {
  if (pictureProblem) return html`<p class="problem" role="alert">${pictureProblem}</p>`;
  if (place === 'file' && result?.image) {
    return html`<p class="reason">
      ${result.image.name} is not shown: the file holds the numbers, the picture lies where it was
      (${result.image.path}).
    </p>`;
  }
  return form?.mode === 'image' && form.image !== '' ? html`<p class="reason">Reading the picture…</p>` : nothing;
}
