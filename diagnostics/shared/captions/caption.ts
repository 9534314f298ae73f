/** A generated text as it is shown: pieces that join to it, the objects that its words name, its score. */
import { chairScores, countLabels, judgeCaption, trueObjects, type JudgedCaption } from './chair';
import { cocoLexicon } from './coco-lexicon';
import { ObjectFinder } from './lexicon';
import { brokenWords } from './repetition';
import type { Lexicon } from '../../../protocol/inputs/lexicon';
import type { Caption, CaptionScore, ObjectMention, TruthLabels } from '../../../protocol/results/hallucination-schema';

/**
 * Texts of the tokens, which joined are the text of them all. A character of several tokens belongs to the last of them: until
 * it is whole, the text ends in the sign of a broken character, which is held back.
 */
export class TextPieces {
  private readonly ids: number[] = [];
  private said = '';

  constructor(private readonly decode: (ids: readonly number[]) => string) {}

  next(id: number): string {
    this.ids.push(id);
    const text = this.decode(this.ids);
    const whole = text.replace(/\uFFFD+$/, '');
    if (!whole.startsWith(this.said)) return '';
    const piece = whole.slice(this.said.length);
    this.said = whole;
    return piece;
  }
}

/** How the words of a caption are judged. */
export interface Judging {
  /** Objects in the picture; absent: words are marked, not judged. */
  readonly truth?: readonly string[];
  /** Captions of the picture by people; with a truth, the objects that they name count as true. */
  readonly references?: readonly string[];
  /** Absent: the 80 classes of COCO. */
  readonly lexicon?: Lexicon;
}

/** Judges captions of one image. */
export class CaptionJudge {
  private readonly finder: ObjectFinder;
  /** Classes that the image has. */
  readonly truth: ReadonlySet<string> | undefined;
  readonly labels: TruthLabels | undefined;

  constructor({ truth, references = [], lexicon }: Judging) {
    this.finder = finderOf(lexicon);
    this.truth = truth && trueObjects(this.finder, { objects: truth, captions: references });
    this.labels = truth && countLabels(this.finder, [{ objects: truth }]);
  }

  judged(text: string): JudgedCaption {
    return judgeCaption(this.finder, text, this.truth ?? new Set());
  }

  /** What stands beside the text in a caption. */
  parts(text: string): Pick<Caption, 'mentions' | 'score' | 'broken'> {
    const judged = this.judged(text);
    const broken = brokenWords(text);
    return {
      mentions: judged.mentions.map(({ inTruth, ...mention }): ObjectMention =>
        this.truth ? { ...mention, inTruth } : mention,
      ),
      ...(this.truth ? { score: scoreOf(judged) } : {}),
      ...(broken === undefined ? {} : { broken }),
    };
  }
}

export const finderOf = (lexicon: Judging['lexicon']): ObjectFinder =>
  lexicon === undefined ? new ObjectFinder(cocoLexicon) : new ObjectFinder(lexicon.classes, !lexicon.publishedNames);

function scoreOf(judged: JudgedCaption): CaptionScore {
  const { mentions, hallucinated, chairI, recall } = chairScores([judged]);
  return { length: judged.words, mentions, hallucinated, chairI, recall };
}
