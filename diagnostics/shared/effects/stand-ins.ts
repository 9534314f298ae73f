/** What stands in the place of a part's output: zeros, its mean, or its output on another prompt. */
import { random, seedFor } from '../../../kernels/tensors/random';
import type { AnalysisJob, Step } from '../../analysis';
import { Outputs } from './outputs';
import { partsOf, widthOf, type Part, type Rows } from './parts';
import { refusal, type Subject } from './subjects';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import type { Variant } from '../../model-runner/variant';
import type { From } from '../../circuits/ablation/parameters';
import type { Mode } from '../../circuits/ablation/result';

export type StandIn = (part: Part) => Rows;

type Job = Pick<AnalysisJob<Record<never, never>>, 'variant' | 'step' | 'seed'>;

/** The stand-ins of one subject; runs another prompt where they are drawn from one. */
export async function standInsFor(
  model: ModelRunner,
  mode: Mode,
  variant: Variant,
  means: readonly Float32Array[],
  other: Sequence | undefined,
): Promise<StandIn> {
  const { blocks } = model.facts;
  switch (mode) {
    case 'zero':
      return (part) => ({ data: new Float32Array(widthOf(model.facts, part)), everywhere: true });
    case 'mean': {
      const places = new Map(partsOf(blocks).map(({ layer, head }, at) => [`${layer}.${head ?? 'mlp'}`, at]));
      return ({ layer, head }) => {
        const data = means[places.get(`${layer}.${head ?? 'mlp'}`) ?? -1];
        if (!data) throw new RangeError(`no mean of layer ${layer}`);
        return { data, everywhere: true };
      };
    }
    case 'resample': {
      if (!other) throw new RangeError('there is nothing to resample from');
      const outputs = await Outputs.of(model, other, variant, ['head', 'mlp']);
      return (part) => ({ data: outputs.part(part), everywhere: false });
    }
  }
}

/** By part (`partsOf`): its mean output over all positions of all prompts. */
export async function* meansOver(
  model: ModelRunner,
  subjects: readonly Subject[],
  { variant, step }: Job,
  standing: (done: number) => Pick<Step<never>, 'done' | 'total'>,
): AsyncGenerator<Step<never>, readonly Float32Array[]> {
  const parts = partsOf(model.facts.blocks);
  const sums = parts.map((part) => new Float64Array(widthOf(model.facts, part)));
  let rows = 0;
  for (const [at, { sequence }] of subjects.entries()) {
    yield { sentence: `Mean outputs: prompt ${at + 1} of ${subjects.length}`, ...standing(at) };
    const own = await step(`sums of prompt ${at}`, async () => {
      const outputs = await Outputs.of(model, sequence, variant, ['head', 'mlp']);
      return parts.map((part) => outputs.sum(part));
    });
    own.forEach((sum, part) =>
      sum.forEach((value, i) => {
        const total = sums[part];
        if (total) total[i] = (total[i] ?? 0) + value;
      }),
    );
    rows += sequence.ids.length;
  }
  return sums.map((sum) => Float32Array.from(sum, (value) => value / rows));
}

/**
 * The prompt that each subject resamples from, the same for every part: its counterpart, or another prompt of as many tokens,
 * drawn by the seed. Undefined where there is none.
 */
export function partners(subjects: readonly Subject[], from: From, seed: number): readonly (Sequence | undefined)[] {
  const drawn = random(seedFor(seed, 'resample'));
  const found = subjects.map(({ sequence, counterpart }, at) => {
    if (from === 'counterpart') return counterpart?.ids.length === sequence.ids.length ? counterpart : undefined;
    const others = subjects.filter((other, to) => to !== at && other.sequence.ids.length === sequence.ids.length);
    return others[drawn.whole(Math.max(1, others.length))]?.sequence;
  });
  if (found.some((one) => one !== undefined)) return found;
  throw refusal(
    from === 'counterpart'
      ? 'Resampling takes outputs from a counterpart of as many tokens, and there is none. Give a prompt and its counterpart, or a task whose prompts have them.'
      : 'Resampling takes outputs from another prompt of as many tokens, and the input has no two of one length. Give a task with more samples, or resample from counterparts.',
  );
}
