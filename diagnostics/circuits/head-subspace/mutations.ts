/**
 * What the directions of usual prompts are worth on prompts that are written otherwise, and whether a query means a place: the query
 * is replaced by the mean query of prompts whose right option stands at another place n, and the head should attend to the
 * n-th label or option.
 */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import { answersOf, type Answered } from '../../shared/choices/answers';
import { massesAt } from '../../shared/choices/attention';
import type { Mutation } from '../../shared/choices/layout';
import type { ChoicePrompt } from '../../shared/choices/prompt';
import type { ModelRunner } from '../../model-runner/model-runner';
import { meanInterval } from '../../shared/statistics/proportion';
import { CompressedHead, type Fitted } from './compress';
import { answersLevel, shareLevel } from './levels';
import { compressions, type Answers, type Compression, type MutationRow } from './result';
import { itemsOf, vectorsOf, type Items } from './vectors';
import { mean } from '../../../kernels/tensors/vectors';

export interface MutatedPrompt {
  readonly full: Answered;
  readonly ablated: Answered;
  /** In the order of `compressions`. */
  readonly compressed: readonly Answered[];
  /** To the right label or option, whole and with everything compressed. */
  readonly attention: number;
  readonly attentionCompressed: number;
  /** Results for the query of another place; absent where no prompt of the fit has its right option there. */
  readonly moved?: {
    /** To the label or option of that place. */
    readonly before: number;
    readonly after: number;
    /** To the usual letter of that place or its option, where it is in the list. */
    readonly letter: number;
    readonly largest: boolean;
    readonly answered: boolean;
  };
}

export interface MutatedRequest {
  readonly prompt: ChoicePrompt;
  /** The same question as usual. */
  readonly usual: ChoicePrompt;
  readonly place: HeadPlace;
  readonly at: Items;
  readonly found: Fitted;
  readonly rank: number;
  /** Another place than that of the right option. */
  readonly to: number;
}

export async function mutatedPrompt(
  model: ModelRunner,
  { prompt, usual, place, at: of, found, rank, to }: MutatedRequest,
): Promise<MutatedPrompt> {
  const items = itemsOf(prompt, of);
  const vectors = await vectorsOf(model, prompt, place, items);
  const head = new CompressedHead(model, place, { prompt, items, vectors });
  const variants = compressions.map((which) => head.compressed(found, which, rank));
  const asking = head.asking(found, to);
  const [full, ablated, ...others] = await answersOf(model, prompt, [
    [],
    head.ablated(found),
    ...variants,
    ...(asking ? [asking] : []),
  ]);
  if (!full || !ablated) throw new RangeError('the run gave no answer');
  const attentionUnder = async (variant: Variant): Promise<readonly number[]> => {
    const masses = await massesAt(model, prompt, { variant, depth: place.layer + 1 });
    return masses[place.layer]?.[place.head]?.[of] ?? [];
  };
  const plain = await attentionUnder([]);
  const whole = await attentionUnder(variants[compressions.indexOf('all')] ?? []);
  const moved = asking && (await attentionUnder(asking));
  const at = (masses: readonly number[], label: number): number => masses[label] ?? Number.NaN;
  return {
    full,
    ablated,
    compressed: others.slice(0, compressions.length),
    attention: at(plain, prompt.right),
    attentionCompressed: at(whole, prompt.right),
    ...(moved
      ? {
          moved: {
            before: at(plain, to),
            after: at(moved, to),
            letter: at(moved, prompt.answers.indexOf(usual.answers[to] ?? -1)),
            largest: moved.indexOf(Math.max(...moved)) === to,
            answered: others.at(-1)?.chosen === to,
          },
        }
      : {}),
  };
}

export function mutationRow(mutation: Mutation, prompts: readonly MutatedPrompt[]): MutationRow {
  const moved = prompts.flatMap((one) => one.moved ?? []);
  const compressed = Object.fromEntries(
    compressions.map((which, at) => [which, answersLevel(prompts.map((one) => one.compressed[at]))]),
  ) as Record<Compression, Answers>;
  return {
    mutation,
    prompts: prompts.length,
    full: answersLevel(prompts.map(({ full }) => full)),
    compressed,
    ablated: answersLevel(prompts.map(({ ablated }) => ablated)),
    attention: mean(prompts.map(({ attention }) => attention)),
    attentionCompressed: mean(prompts.map(({ attentionCompressed }) => attentionCompressed)),
    before: meanInterval(
      moved.map(({ before }) => before),
      { range: [0, 1] },
    ),
    after: meanInterval(
      moved.map(({ after }) => after),
      { range: [0, 1] },
    ),
    letter: mean(moved.map(({ letter }) => letter)),
    largest: shareLevel(moved.map(({ largest }) => largest)),
    answered: shareLevel(moved.map(({ answered }) => answered)),
  };
}
