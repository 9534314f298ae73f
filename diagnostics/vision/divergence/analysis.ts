/** The analysis `divergence`: which heads read the image, or another span, and which generated words lean on it. */
import type { Analysis, Support } from '../../analysis';
import type { ModelFacts } from '../../model-runner/model-runner';
import { extendDivergence, runDivergence } from './analysis-run';
import { ask } from './look-closer';
import { compareDivergence } from './comparison';
import { divergenceParameters, settingsOf, type DivergenceParameters } from './parameters';
import { readsTextAlone } from '../../shared/divergence/reinforcement';
import { generatesWith } from '../../shared/captions/support';
import {
  divergenceAnalysis,
  divergenceResult,
  type DivergenceResult,
} from '../../../protocol/results/divergence-result';
import { divergenceFinding, divergenceOffers } from '../../../protocol/results/sections/divergence-finding';
import { sectionsOf } from '../../../protocol/results/sections/divergence';

export const divergence: Analysis<DivergenceParameters, DivergenceResult> = {
  ...divergenceAnalysis,
  question: 'Which heads look at the image, and which words of the caption were said without it?',
  group: 'vision',
  source: {
    reference: 'arXiv:2412.13949, equations 4 to 7',
    trust: 'medium',
    note: 'k and the reinforced layers of models other than LLaVA-1.5 are choices of Headscope, and so is removing a span of text instead of the image.',
  },
  inputs: ['prompt'],
  parameters: divergenceParameters,
  result: divergenceResult,
  supports,
  estimate({ blocks }, { prompts }, { tokens, reinforce }) {
    const rows = (prompts[0]?.ids.length ?? 0) + tokens;
    // Keys and values of the second pass, in float32.
    const cache = blocks.reduce((sum, { kvHeads, headDim }) => sum + 2 * kvHeads * headDim * rows, 0);
    return { passes: reinforce ? 7 : 3, bytes: 4 * cache };
  },
  run: runDivergence,
  ask,
  extend: extendDivergence,
  finding: divergenceFinding,
  sections: sectionsOf,
  compare: compareDivergence,
  offers: divergenceOffers,
};

function supports(model: ModelFacts, parameters: DivergenceParameters): Support {
  if (parameters.removed === 'image' && model.predicts && !model.summary.vision) {
    // A span can be removed instead.
    return { ok: false, why: readsTextAlone, byParameters: true };
  }
  return generatesWith(model, () => settingsOf(model, parameters));
}
