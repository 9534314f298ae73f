/** The analysis `duoattention`: gates of key/value heads, and the cache plan in which heads with small gates stream. */
import type { Analysis, Support } from '../../analysis';
import type { ModelFacts } from '../../model-runner/model-runner';
import { ask } from './ask';
import { compare } from './compare';
import { finding, offers } from './finding';
import { parameters, type DuoParameters } from './parameters';
import { duoResult, type DuoResult } from './result';
import { runDuo } from './run';
import { sections } from './sections';

function supports({ summary }: ModelFacts): Support {
  if (!summary.causal)
    return { ok: false, why: 'The model reads in both directions and keeps no cache. Choose a causal one.' };
  if (summary.vocabulary === 0)
    return { ok: false, why: 'The model reads pictures alone. Choose a model that reads text.' };
  return { ok: true };
}

export const duoAttentionPlan: Analysis<DuoParameters, DuoResult> = {
  id: 'duoattention',
  title: 'DuoAttention',
  question: 'Which heads need the whole past, and which do with first and recent positions?',
  group: 'plans',
  source: {
    reference:
      'arXiv:2410.10819 (Xiao et al. 2024), section 3; github.com/mit-han-lab/duo-attention (training, loss, data, choice)',
    trust: 'high',
    note: 'As in the released code: the full output that is mixed in is that of the model with full attention. Wording of the prompts is ours. Prompts, keys and steps are smaller than the release’s by default, for a model on a processor. Ties are broken by the order of heads. First-order gates are a choice of Headscope: the gradient at gates of 1 is 0.',
  },
  inputs: ['none'],
  files: [
    { field: 'gates', title: 'Gates, to choose from again' },
    { field: 'config', title: 'Deployed sinks and recents, as the release reads them beside its gates' },
  ],
  exactWeights: true,
  parameters,
  result: duoResult,
  supports,
  estimate({ blocks, hiddenSize }, _, { method, steps, checks, longest, keys, words }) {
    const heads = blocks.reduce((sum, { kvHeads }) => sum + kvHeads, 0);
    const rows = longest + keys * (words + 1) * 8;
    const outputs = blocks.reduce((sum, block) => sum + block.heads * block.headDim, 0);
    const passes = method === 'gradient' ? 5 * steps : method === 'first-order' ? steps * (heads + 1) : 0;
    return { passes: passes + 14 * checks, bytes: 4 * rows * (outputs + 2 * hiddenSize) };
  },
  run: runDuo,
  ask,
  finding,
  sections,
  compare,
  offers,
};
