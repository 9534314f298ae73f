/** Many pictures with their truth: captions of each, CHAIR with what it must be read with, T-VHD apart by truth. */
import type { ImageWithTruth } from '../../../protocol/inputs/truth';
import type {
  Caption,
  CaptionSetScore,
  DatasetEntry,
  HallucinationSet,
  TVhdSeparation,
} from '../../../protocol/results/hallucination-schema';
import type { Reinforcement } from '../../../protocol/interventions/reinforcement';
import type { ModelRunner } from '../../model-runner/model-runner';
import { areaBelow } from '../statistics/ranking';
import { CaptionJudge, finderOf, type Judging } from './caption';
import { greedy, numbersOf, reinforcedCaption, WrittenCaption, type Prepared } from './caption-run';
import { tokenAt } from './caption-words';
import { chairScores, countLabels, type JudgedCaption } from './chair';
import { DivergenceRun } from '../divergence/divergence-run';
import { pairedChange } from './paired-change';
import { sharedHistogram } from './separation';

/** Steps of the two histograms. */
const bins = 24;

type Lexicon = Pick<Judging, 'lexicon'>;

export interface PictureCaptions {
  readonly name: string;
  readonly truth: Omit<ImageWithTruth, 'path'>;
  readonly lexicon: Lexicon;
  readonly maxNewTokens: number;
  readonly reinforcements: readonly Reinforcement[];
}

/** The captions of one picture. */
export async function captionsOf(
  model: ModelRunner,
  prepared: Prepared,
  { name, truth, lexicon, maxNewTokens, reinforcements }: PictureCaptions,
): Promise<DatasetEntry> {
  const judge = new CaptionJudge({ ...lexicon, ...truth });
  const { pair, measure, variant } = prepared;
  const own = variant ? { variant } : {};
  const run = await DivergenceRun.start(model, { pair, measure, further: maxNewTokens, ...own });
  const caption = new WrittenCaption(model, judge);
  for await (const token of run.generate(greedy(model, maxNewTokens))) caption.add(numbersOf(token));
  const plain: Caption = { reinforcement: null, ...caption.caption() };
  const variants: Caption[] = [];
  for (const reinforcement of reinforcements) {
    variants.push(await reinforcedCaption(model, maxNewTokens, reinforcement, prepared, judge));
  }
  return { name, truth: [...(judge.truth ?? [])], plain, variants };
}

/** What follows from the captions; `truths`: the labels of the pictures that were captioned, as they were given. */
export function scoresOf(
  entries: readonly DatasetEntry[],
  reinforcements: readonly Reinforcement[],
  lexicon: Lexicon,
  truths: readonly (readonly string[])[],
): Required<Pick<HallucinationSet, 'plain' | 'variants' | 'truthLabels' | 'separation'>> {
  const judged = (caption: Caption, truth: readonly string[]): JudgedCaption =>
    new CaptionJudge({ ...lexicon, truth }).judged(caption.text);
  const score = (of: (entry: DatasetEntry) => Caption | undefined): CaptionSetScore => {
    const captions = entries.flatMap((entry) => {
      const caption = of(entry);
      return caption ? [{ caption, judged: judged(caption, entry.truth) }] : [];
    });
    const { hallucinated: _, ...rest } = chairScores(captions.map((each) => each.judged));
    return { ...rest, unfinished: captions.filter(({ caption }) => caption.stoppedAt !== undefined).length };
  };
  return {
    plain: score(({ plain }) => plain),
    variants: reinforcements.map((reinforcement, at) => ({
      reinforcement,
      score: score(({ variants }) => variants[at]),
      change: pairedChange(
        entries.flatMap(({ plain, variants, truth }) => {
          const other = variants[at];
          return other ? [{ plain: judged(plain, truth), reinforced: judged(other, truth) }] : [];
        }),
      ),
    })),
    truthLabels: countLabels(
      finderOf(lexicon.lexicon),
      truths.map((objects) => ({ objects })),
    ),
    separation: separationOf(entries),
  };
}

/** T-VHD of the tokens that begin an object word of the plain captions. */
export function separationOf(entries: readonly DatasetEntry[]): TVhdSeparation {
  const values = (inTruth: boolean): number[] =>
    entries.flatMap(({ plain }) => {
      const texts = plain.tokens.map(({ text }) => text);
      return plain.mentions
        .filter((mention) => mention.inTruth === inTruth)
        .flatMap(({ start }) => {
          const token = plain.tokens[tokenAt(texts, start) ?? -1];
          return token ? [token.tVhd] : [];
        });
    });
  const [hallucinated, truthful] = [values(false), values(true)];
  const { from, to, counts } = sharedHistogram([hallucinated, truthful], bins);
  return {
    hallucinated,
    truthful,
    histogram: { from, to, hallucinated: counts[0] ?? [], truthful: counts[1] ?? [] },
    auroc: areaBelow(hallucinated, truthful) ?? null,
  };
}
