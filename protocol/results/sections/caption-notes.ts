/** What must be said beside the scores of captions. */
import { unknownLabels } from '../unknown-labels';
import type { HallucinationSet } from '../hallucination-schema';
import * as build from '../../sections/builders';
import type { Section } from '../../sections/section';

/** Notes on the pictures, and on labels that say nothing; `more` are paragraphs of the analysis. */
export function notesOf(
  { truthLabels, sample, total }: Partial<Pick<HallucinationSet, 'truthLabels' | 'sample' | 'total'>>,
  more: readonly string[] = [],
): readonly Section[] {
  const unknown = truthLabels && unknownLabels(truthLabels);
  const paragraphs = [
    ...(sample && total !== undefined && total < sample.of
      ? [`${total} of ${sample.of} pictures, drawn by seed ${sample.seed}.`]
      : []),
    ...(unknown === undefined ? [] : [`${unknown}.`]),
    ...more,
  ];
  return paragraphs.length > 0 ? [build.paragraphs('notes', 'Notes', paragraphs)] : [];
}
