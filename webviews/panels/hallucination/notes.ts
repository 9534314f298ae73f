/** What must be known before the numbers are read: labels that count for nothing, captions that were cut. */
import { html, nothing, type TemplateResult } from 'lit';
import type {
  HallucinationResult,
  HallucinationSet,
  TruthLabels,
} from '../../../protocol/results/hallucination-schema';
import { chatPromptWords } from '../../../protocol/results/chat-prompt';
import { unknownLabels } from '../../../protocol/results/unknown-labels';
import { icon } from '../../ui/icons';
import { count, plural } from '../../ui/numbers';
import type { State } from './state';

/** As a sentence; undefined where the lexicon knows all of them, and in results of earlier versions. */
export function labelWords({ truthLabels }: { readonly truthLabels?: TruthLabels }): string | undefined {
  const words = truthLabels && unknownLabels(truthLabels);
  return words === undefined ? undefined : `${words}.`;
}

/** Under the prompt: a text without an image token is not what the model reads. */
export function chatNote({
  form,
  picture,
  typed,
  pictureProblem,
  typedProblem,
}: State): TemplateResult | typeof nothing {
  const read =
    form?.mode === 'image' && !pictureProblem && picture?.image.path === form.image
      ? picture.chatPrompt
      : form?.mode === 'set' && !typedProblem
        ? typed?.chatPrompt
        : undefined;
  const words = chatPromptWords(read);
  return words === undefined ? nothing : html`<p class="reason" id="chat-prompt">${icon('info')} ${words}</p>`;
}

/** What people's captions name counts as in the picture, though the field of objects does not show it. */
export const referencesNote = ({
  references = [],
}: Pick<HallucinationResult, 'references'>): TemplateResult | typeof nothing =>
  references.length === 0
    ? nothing
    : html`<p class="reason references">
        ${icon('info')} Objects that ${plural(references.length, 'caption')} of the truth file
        ${references.length === 1 ? 'names' : 'name'} count as in the picture too.
      </p>`;

/** Words on the plain and the reinforced captions together; undefined where all of them ended, and in results of earlier versions. */
export function unfinishedWords({ plain, variants }: HallucinationSet): string | undefined {
  const scores = [plain, ...variants.map(({ score }) => score)];
  const cut = scores.reduce((sum, { unfinished = 0 }) => sum + unfinished, 0);
  const all = scores.reduce((sum, { captions }) => sum + captions, 0);
  return cut === 0 ? undefined : `${count(cut)} of ${count(all)} captions stopped at the token limit, unfinished.`;
}
