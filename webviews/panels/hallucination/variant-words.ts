/** How captions are named and scored in words. */
import type { Caption, CaptionScore } from '../../../protocol/results/hallucination-schema';
import type { Reinforcement } from '../../../protocol/interventions/reinforcement';
import { percent, plural } from '../../ui/numbers';
import { writeLayers } from '../../ui/layers';

const plainName = 'Plain';

/** 2, not 2.0: as a person sets it. */
export const writeAlpha = (alpha: number): string => String(Number(alpha.toFixed(2)));

export function variantName({
  alpha,
  heads,
  normMatched,
  outliers,
}: Pick<Reinforcement, 'alpha' | 'heads' | 'normMatched' | 'outliers'>): string {
  const by = `x ${writeAlpha(alpha)}`;
  // The rule of the paper is not named: with it, names are as short as they can be.
  const rule = outliers === 'paper' ? '' : `, rule ${outliers}`;
  if (heads === 'all') return `All heads, norm of ${by}${rule}`;
  if (heads === 'random') return `Random heads ${by}${rule}`;
  return `Reinforced ${by}${rule}${normMatched ? ', norm kept' : ''}`;
}

export const variantHint = ({ heads, normMatched, layers, executor, outliers }: Reinforcement): string =>
  [
    heads === 'selected'
      ? 'The heads that diverge more than the median of their layer are scaled.'
      : heads === 'random'
        ? 'Control: as many heads of each layer, drawn at random.'
        : 'Control: all heads by one factor, so that only the norm changes.',
    ...(normMatched ? ['Control: scaled back to the plain norm, so that only the direction changes.'] : []),
    `Layers ${writeLayers(layers)}, outlier rule ${outliers}, ${executor}.`,
  ].join(' ');

export const nameOf = ({ reinforcement }: Pick<Caption, 'reinforcement'>): string =>
  reinforcement === null ? plainName : variantName(reinforcement);

/** As the tables of a set name its captions. */
export const setNames = {
  plain: plainName,
  variant: ({ reinforcement }: { readonly reinforcement: Reinforcement }) => variantName(reinforcement),
};

/** `14 words · 3 objects, 1 not in the picture · recall 50 % · stopped at 48 tokens`. */
export function scoreWords(
  score: CaptionScore | undefined,
  { mentions, text, stoppedAt }: Pick<Caption, 'mentions' | 'text' | 'stoppedAt'>,
): string {
  const stopped = stoppedAt === undefined ? [] : [`stopped at ${plural(stoppedAt, 'token')}`];
  if (score) {
    const wrong = score.hallucinated === 0 ? 'all in the picture' : `${score.hallucinated} not in the picture`;
    return [
      plural(score.length, 'word'),
      score.mentions === 0 ? 'no object' : `${plural(score.mentions, 'object')}, ${wrong}`,
      ...(score.recall === null ? [] : [`recall ${percent(score.recall)}`]),
      ...stopped,
    ].join(' · ');
  }
  const length = text.split(/\s+/).filter((word) => word !== '').length;
  const objects = `${plural(mentions.length, 'object')} of the lexicon, not judged`;
  return [plural(length, 'word'), objects, ...stopped].join(' · ');
}
