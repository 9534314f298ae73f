/** Captions of one picture side by side: their texts, and their scores where there is a truth. */
import type { Caption } from '../hallucination-schema';
import type { TableSection } from '../../sections/table';
import * as build from '../../sections/builders';
import { verdictMarks, verdictOf } from './word-classes';

interface Named {
  readonly name: string;
  readonly caption: Pick<Caption, 'text' | 'mentions' | 'score' | 'stoppedAt'>;
}

/** `caption`: what must be known before the numbers are read. */
export function captionScores(captions: readonly Named[], caption = ''): TableSection {
  const judged = captions.some(({ caption: { score } }) => score !== undefined);
  const share = (name: 'chairI' | 'recall', title: string, definition: string) => ({
    ...build.number<Named>(name, title, definition, ({ caption: { score } }) => score?.[name]),
    as: 'percent' as const,
  });
  return build.table('scores', 'Captions and their scores', caption, captions, [
    build.text<Named>('caption', 'Caption', ({ name }) => name),
    judged && build.count<Named>('words', 'Words', 'length of the caption', ({ caption: { score } }) => score?.length),
    judged
      ? build.count<Named>(
          'objects',
          'Objects',
          'mentions of objects of the lexicon, repeats counted',
          ({ caption: { score } }) => score?.mentions,
        )
      : build.count<Named>(
          'objects',
          'Objects',
          'mentions of objects of the lexicon',
          ({ caption: { mentions } }) => mentions.length,
        ),
    judged &&
      build.count<Named>(
        'hallucinated',
        'Not there',
        'mentions whose object is not in the picture',
        ({ caption: { score } }) => score?.hallucinated,
      ),
    judged && { ...share('chairI', 'CHAIR_I', 'hallucinated mentions / mentions'), wide: true },
    judged && share('recall', 'Recall', 'distinct true objects mentioned / objects in the picture'),
    {
      ...build.count<Named>('stopped_at', 'Stopped at', 'tokens after which the caption was cut', 'tokens', (row) => {
        return row.caption.stoppedAt;
      }),
      wide: true,
    },
    {
      ...build.text<Named>(
        'text',
        'Text',
        ({ caption }) => markedText(caption),
        '✓: the object is in the picture; ✗: it is not; ?: not judged',
      ),
      wide: true,
    },
  ]);
}

/** The caption with a mark behind each word that names an object. */
function markedText({ text, mentions }: Pick<Caption, 'text' | 'mentions'>): string {
  let [written, from] = ['', 0];
  for (const mention of mentions.toSorted((a, b) => a.end - b.end)) {
    written += text.slice(from, mention.end) + verdictMarks[verdictOf(mention)];
    from = mention.end;
  }
  return (written + text.slice(from)).trim();
}
