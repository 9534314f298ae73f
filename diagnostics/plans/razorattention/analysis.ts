/** The analysis `razorattention`: echo and induction heads, and the cache plan that keeps everything for them. */
import type { Analysis } from '../../analysis';
import { refusalOf } from './support';
import { ask } from './ask';
import { compare } from './compare';
import { finding, offers } from './finding';
import { parameters, type RazorParameters } from './parameters';
import { copies, periodOf } from './probe';
import { razorResult, type RazorResult } from './result';
import { runRazor } from './run';
import { sections } from './sections';

export const razorAttentionPlan: Analysis<RazorParameters, RazorResult> = {
  id: 'razorattention',
  title: 'RazorAttention',
  question: 'Which heads look back at repeated tokens, and what is saved when only they keep their caches?',
  group: 'plans',
  source: {
    reference:
      'arXiv:2407.15891 (Tang et al. 2024), equations 2 to 5 and algorithm 1; Huawei msModelSlim, RARopeCompressor (probe and scores)',
    trust: 'medium',
    note: 'Equations from a reading note and from the authors’ tools. Random tokens are drawn from the whole vocabulary without replacement, as many as the model has room for. At least one head of each kind is kept. Positions that leave the window while decoding go into the mean, which the source leaves open. Headscope runs no model with ALiBi, for which the source has another rule: slopes and scopes of such a configuration stand among the facts of the model.',
  },
  inputs: ['none'],
  parameters,
  result: razorResult,
  supports: (facts, { period }) => refusalOf(facts, period),
  estimate(facts, _, asked) {
    const rows = copies * periodOf(facts, asked.period);
    return { passes: 1 + (asked.grid ? 17 * asked.gridPrompts : 0), bytes: 64 * rows };
  },
  run: runRazor,
  ask,
  finding,
  sections,
  compare,
  offers,
};
