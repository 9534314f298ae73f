/** How the scores of heads rank beside what heads are worth by other measures. */
import { gainsOf } from '../../../models/instrument/changes/gain';
import type { PerHead } from '../../../protocol/results/heads';
import type { AnalysisJob, Step } from '../../analysis';
import { lossesOf } from '../../shared/conversions/before-after';
import type { ModelRunner } from '../../model-runner/model-runner';
import { spearman } from '../../shared/statistics/correlation';
import type { AmpParameters } from './parameters';
import type { AmpResult, OtherScore } from './result';

/** Texts at most: both measures cost as much as many runs. */
const mostTexts = 8;

/**
 * Ablation: mean loss (nats/token) with the gain of the head at 0, less that of the model. Gradient: |d loss / d gain| at gain 1, the
 * mean over texts of the mean loss of each (Michel et al., arXiv:1905.10650, section 4.1).
 */
export async function* compared(
  model: ModelRunner,
  {
    job: { variant, step },
    texts,
    scores,
  }: {
    readonly job: AnalysisJob<AmpParameters>;
    readonly texts: readonly (readonly number[])[];
    readonly scores: PerHead;
  },
  at: (sentence: string, share: number) => Step<AmpResult>,
): AsyncGenerator<Step<AmpResult>, readonly OtherScore[]> {
  const some = texts.slice(0, mostTexts);
  const whole = some.map((ids) => ({ ids, from: 0 }));
  const ablation: number[][] = [];
  const { blocks } = model.facts;
  for (const [layer, { heads }] of blocks.entries()) {
    yield at(`Loss without each head of layer ${layer}`, layer / (blocks.length + 1));
    const variants = Array.from({ length: heads }, (_, head) => [...variant, ...gainsOf([{ layer, head }], 0)]);
    const [plain = Number.NaN, ...losses] = await step(`ablation ${layer}`, () =>
      lossesOf(model, whole, [variant, ...variants]),
    );
    ablation.push(losses.map((loss) => loss - plain));
  }
  yield at('Gradients of the gains of heads', blocks.length / (blocks.length + 1));
  const gradient = await step('gradient', async () => {
    const sums = blocks.map(({ heads }) => new Array<number>(heads).fill(0));
    for (const ids of some) {
      const rows = Array.from({ length: ids.length - 1 }, (_, row) => row);
      const { layers } = await model.gradients({ ids, variant, objective: { kind: 'loss', rows }, headGains: true });
      for (const { layer, headGains } of layers) {
        const own = sums[layer] ?? [];
        // Gains of a layer without attention are those of its recurrence.
        own.forEach((sum, head) => (own[head] = sum + Math.abs(headGains?.[head] ?? Number.NaN) / some.length));
      }
    }
    return sums;
  });
  return [
    { name: 'Loss without the head', values: ablation, ...rank(scores, ablation) },
    { name: 'Gradient of the gain', values: gradient, ...rank(scores, gradient) },
  ];
}

function rank(one: PerHead, other: PerHead): Pick<OtherScore, 'rho' | 'low' | 'high'> {
  const { r, low, high } = spearman(one.flat(), other.flat());
  return { rho: r, low, high };
}
