/** What must be said beside the scores of captions. */
import { chatPromptWords } from '../chat-prompt';
import { unknownLabels } from '../unknown-labels';
import type { HallucinationSet } from '../hallucination-schema';
import * as build from '../../sections/builders';
import type { Section } from '../../sections/section';

/** Notes on the pictures, and on labels that say nothing; `more` are paragraphs of the analysis. */
export function notesOf(
  {
    truthLabels,
    sample,
    total,
    chatPrompt,
  }: Partial<Pick<HallucinationSet, 'truthLabels' | 'sample' | 'total' | 'chatPrompt'>>,
  more: readonly string[] = [],
): readonly Section[] {
  const unknown = truthLabels && unknownLabels(truthLabels);
  const chat = chatPromptWords(chatPrompt);
  const paragraphs = [
    ...(sample && total !== undefined && total < sample.of
      ? [`${total} of ${sample.of} pictures, drawn by seed ${sample.seed}.`]
      : []),
    ...(unknown === undefined ? [] : [`${unknown}.`]),
    ...(chat === undefined ? [] : [chat]),
    ...more,
  ];
  return paragraphs.length > 0 ? [build.paragraphs('notes', 'Notes', paragraphs)] : [];
}
