/** The analysis `x-ecomla`: grouped-query attention as latent attention, and what is left of the model. */
import type { Analysis } from '../../analysis';
import { parameters, supports, type EcoMlaParameters } from './parameters';
import { ecoMlaResult, type EcoMlaResult } from './result';
import { curveShares, runEcoMla } from './run';
import { finding, offers, sections, spectrumSection } from './sections';

export const xEcomla: Analysis<EcoMlaParameters, EcoMlaResult> = {
  id: 'x-ecomla',
  title: 'Latent attention of a trained model',
  question: 'How small can the cache be if keys and values are made of one latent per token?',
  group: 'plans',
  source: {
    reference: 'arXiv:2503.11132 (X-EcoMLA); AMD-AGI/AMD-Hybrid-Models, X-EcoMLA/mla (initialisation)',
    trust: 'high',
    note: 'Errors and curves are those of the initialisation, before distillation. Distillation is towards the model itself, on the texts that are given; the release takes larger teachers, 7 billion tokens, and preference tuning behind them. The release counts a rank by energy without the component that crosses it and rounds it up to a multiple of 8; so does this. Whole rotated pairs, the low-rank cache and the errors of single layers are Headscope’s.',
  },
  inputs: ['prompt', 'corpus', 'task'],
  exactWeights: true,
  converts: true,
  parameters,
  result: ecoMlaResult,
  everyLayer: true,
  supports,
  estimate({ blocks, hiddenSize, summary }, { prompts, corpus, task }, { sequences, length, steps }) {
    const texts = corpus || task ? sequences : prompts.length;
    // By text and layer: the layer alone twice, all of them, and the points of the curve with both caches.
    const passes = texts * (1 + blocks.length * (3 + curveShares.length) + curveShares.length);
    const [{ heads = 0, kvHeads = 0, headDim = 0 } = {}] = blocks;
    const layer = 8 * hiddenSize * headDim * (4 * kvHeads + heads);
    // A step of training is about three passes.
    return { passes: passes + 3 * steps, bytes: blocks.length * 3 * layer + 8 * texts * length * summary.vocabulary };
  },
  run: runEcoMla,
  ask(_model, _job, result, { section, place }) {
    if (place.kind !== 'row') throw new RangeError(`nothing is known of this place of ${section}`);
    return Promise.resolve(spectrumSection(result, place.row, section));
  },
  finding,
  sections,
  offers,
};
