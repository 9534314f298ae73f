/** What is said of truth labels that the lexicon does not know: by the command line and on the panel alike. */
import type { TruthLabels } from './hallucination-schema';

/** That a part of the truth is not scored; undefined where all of it is. */
export const unknownLabels = ({ total, unknown, names }: TruthLabels): string | undefined =>
  unknown === 0
    ? undefined
    : `${unknown} of ${total} truth labels are unknown to the lexicon and count for nothing: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`;
