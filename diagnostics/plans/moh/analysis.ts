/** The analysis and conversion `moh`: a mixture of heads without training, and what it costs. */
import type { Analysis } from '../../analysis';
import { parameters, type MohParameters } from './parameters';
import { mohResult, type MohResult } from './result';
import { run, sharesOf } from './run';
import { finding, layerBars, sections } from './sections';

export const mixtureOfHeads: Analysis<MohParameters, MohResult> = {
  id: 'moh',
  title: 'MoH: a mixture of heads',
  question: 'How many heads does a token need, if each token has those with its longest queries?',
  group: 'plans',
  source: {
    reference: 'arXiv:2410.11842, and the forward pass of the LLaMA3 variant of its release',
    trust: 'medium',
    note: 'The release shares the first half of the heads; here the most important ones are shared (parameter shared). Learned routers are left out. Tuning is towards the model itself, on the texts that are given; the publication tunes on far more text (95 % of the quality of LLaMA3-8B is back after 10 billion tokens).',
  },
  inputs: ['task', 'corpus', 'prompt'],
  converts: true,
  // The checkpoint is held against the stored weights.
  exactWeights: true,
  parameters,
  result: mohResult,
  supports: ({ predicts, blocks }) =>
    predicts && blocks.every(({ causal }) => causal)
      ? { ok: true }
      : {
          ok: false,
          why: 'The model predicts no next token, so no loss can be measured. Choose a model with a language head.',
        },
  estimate({ summary }, { task, corpus, prompts }, { curve, sequences, length, steps, balance, unbalanced }) {
    const texts = task ? task.samples.length : (corpus?.documents.length ?? prompts.length);
    const half = Math.max(1, Math.min(sequences, Math.ceil(texts / 2)));
    // A step of training is about three passes.
    const tuning = 3 * steps * (unbalanced && balance > 0 ? 2 : 1);
    return {
      passes: half * (2 * sharesOf(curve).length + 3) + 3 * Math.min(8, half) + tuning,
      bytes: steps > 0 ? Math.min(1e9, 8 * half * length * summary.vocabulary) : 0,
    };
  },
  run,
  ask: (_, __, result, { place }) =>
    Promise.resolve(layerBars(result, place.kind === 'head' ? place.layer : 0, 'layer-loads')),
  finding,
  sections,
  offers({ layers, active }) {
    if (active === 1) return [];
    return [
      {
        title: `${Number((100 * active).toFixed(1))} % of the heads at each token`,
        description: 'Gives each token the shared heads of a layer, and those of the others whose query is longest.',
        interventions: [
          {
            kind: 'moh',
            rules: layers.flatMap(({ shared, active: count }, layer) =>
              shared.length + count === 0 ? [] : [{ layer, shared, active: count }],
            ),
          },
        ],
      },
    ];
  },
};
