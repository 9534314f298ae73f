/** What replaces a part's output: zeros, its mean, or its output on another prompt. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { AnalysisJob, Step } from '../../analysis';
import { Outputs } from './outputs';
import { partsOf, widthOf, type Part, type Rows } from './parts';
import type { Subject } from './subjects';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';

export const modes = ['zero', 'mean', 'resample'] as const;
export type Mode = (typeof modes)[number];

export const modeWords: Readonly<Record<Mode, string>> = {
  zero: 'zeros',
  mean: 'means over the prompts',
  resample: 'outputs on the counterparts',
};

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
