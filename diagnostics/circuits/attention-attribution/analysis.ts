/** The analysis `attention-attribution`: which parts of the residual stream make a head give a key its weight. */
import type { Analysis } from '../../analysis';
import { attentionMap } from '../../shared/sections/head-maps';
import { compareWeights } from './compare';
import { finding } from './finding';
import { parameters, type WeightParameters } from './parameters';
import { weightResult, type WeightResult } from './result';
import { weightRun } from './run';
import { sections } from './sections';

export const attentionAttribution: Analysis<WeightParameters, WeightResult> = {
  id: 'attention-attribution',
  title: 'Attention attribution',
  question: 'Why does a head attend there: which earlier heads, MLPs and embeddings make the score?',
  group: 'circuits',
  source: {
    reference:
      'Elhage et al. 2021, A Mathematical Framework for Transformer Circuits (query, key and value as sums over paths); arXiv:2211.00593, section 3.2 (name movers explained by their queries)',
    trust: 'high',
    note: 'Norms are frozen at the scale of the run, as in direct logit attribution; scores are before softmax and soft capping.',
  },
  inputs: ['prompt'],
  exactWeights: true,
  parameters,
  result: weightResult,
  supports: ({ blocks, summary }, { layer, head }) => {
    const count = blocks.length;
    if (layer >= count) {
      return { ok: false, why: `There is no layer ${layer}: ${summary.name} has ${count}, from 0. Name one of them.` };
    }
    const own = layer < 0 ? count - 1 : layer;
    const { heads } = blocks[own] ?? { heads: 0 };
    if (heads === 0) {
      const attending = blocks.findLastIndex((block) => block.heads > 0);
      const why = `Layer ${own} of ${summary.name} has no attention, so no weight of it is taken apart. Name a layer that has, such as ${attending}.`;
      return { ok: false, why, byParameters: true };
    }
    const beside = blocks.slice(0, own).findIndex(({ state }) => state !== undefined);
    if (beside >= 0) {
      const why = `Layer ${beside} has a recurrence, so the stream above it is not made of heads, MLPs and embeddings alone. Choose another model.`;
      return { ok: false, why };
    }
    if (head < heads) return { ok: true };
    return { ok: false, why: `There is no head ${head}: the layer has ${heads}, from 0. Name one of them.` };
  },
  estimate({ blocks, hiddenSize }, { prompts: [prompt] }, { layer }) {
    const length = prompt?.ids.length ?? 0;
    const depth = layer < 0 ? blocks.length : Math.min(layer + 1, blocks.length);
    const parts = blocks.slice(0, depth).reduce((sum, { heads }) => sum + heads + 1, 3);
    const widest = Math.max(0, ...blocks.map(({ heads, headDim }) => heads * headDim));
    // Map of the head, parts of three streams, all pairs of parts, weights of a layer.
    return { passes: 2, bytes: 4 * length ** 2 + 24 * parts * hiddenSize + 40 * parts ** 2 + 20 * widest * hiddenSize };
  },
  run: weightRun,
  ask: (model, job, _, { section, place }) => {
    if (place.kind !== 'head') throw new RangeError(`nothing is known of this place of ${section}`);
    return attentionMap(model, job, place, section);
  },
  finding,
  sections,
  compare: compareWeights,
};
