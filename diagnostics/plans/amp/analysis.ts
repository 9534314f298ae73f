/** The analysis and conversion `amp`: heads and MLP units by the size of what they write, and a model without the smallest. */
import type { Analysis } from '../../analysis';
import { rangesOf } from '../../shared/conversions/cut';
import { queryHeads } from './choose';
import { parameters, type AmpParameters } from './parameters';
import { ampResult, type AmpResult } from './result';
import { run, sharesOf } from './run';
import { finding, sections } from './sections';

export const amp: Analysis<AmpParameters, AmpResult> = {
  id: 'amp',
  title: 'AMP: prune heads and MLP units',
  question: 'Which heads and MLP units write so little that the model can do without them?',
  group: 'plans',
  source: {
    reference: 'arXiv:2504.21174, and amp_criterion.py and prune_groups.py of its release',
    trust: 'medium',
    note: 'The release prunes models without grouped keys; here whole groups go, by the sum of their heads. What rounding the heads leaves goes to the units weight for weight; the release counts one unit for a head (parameter rule). The centred score is of Headscope. The LoRA training that follows in the publication is left out.',
  },
  inputs: ['task', 'corpus', 'prompt'],
  converts: true,
  // Scores, gains and the checkpoint are those of the stored weights.
  exactWeights: true,
  parameters,
  result: ampResult,
  supports({ predicts, blocks }) {
    if (blocks.some(({ experts }) => experts))
      return {
        ok: false,
        why: 'The model has routed experts, whose units are not scored one by one. Choose a dense model.',
      };
    return predicts && blocks.every(({ causal }) => causal)
      ? { ok: true }
      : {
          ok: false,
          why: 'The model predicts no next token, so no loss can be measured. Choose a model with a language head.',
        };
  },
  estimate({ blocks }, { task, corpus, prompts }, { curve, randomSets, sequences, compared }) {
    const texts = task ? task.samples.length : (corpus?.documents.length ?? prompts.length);
    const half = Math.max(1, Math.min(sequences, Math.ceil(texts / 2)));
    const heads = blocks.reduce((sum, block) => sum + block.heads, 0);
    const variants = sharesOf(curve).length * (randomSets + 2) + blocks.length + 2;
    return { passes: half * (2 + variants) + (compared ? Math.min(8, half) * (heads + 3) : 0), bytes: 0 };
  },
  run,
  finding,
  sections,
  offers({ removed, realised, scores, groupScores }) {
    if (realised === 0) return [];
    const layers = scores.map((heads, layer) => ({ heads: heads.length, kvHeads: groupScores[layer]?.length ?? 1 }));
    return [
      {
        title: 'Without the removed parts',
        description: `Sets the gains of the heads and units that were chosen to 0, which is ${Number((100 * realised).toFixed(2))} % of the parameters.`,
        interventions: removed.flatMap(({ groups, units }, layer) => [
          ...groups.flatMap((group) =>
            queryHeads(layers[layer], group).map((head) => ({ kind: 'gain', layer, head, gain: 0 }) as const),
          ),
          ...(units.length > 0
            ? [
                {
                  kind: 'units',
                  layer,
                  units: rangesOf(units, 1).map(([start, end]) => ({ start, end })),
                  gain: 0,
                } as const,
              ]
            : []),
        ]),
      },
    ];
  },
};
