/** The analysis `zerotuning`: one factor on the weight of the first token, in the heads where it helps. */
import type { Analysis } from '../../analysis';
import { finding, offers } from './finding';
import { lookCloser } from './look-closer';
import { parameters, type ZeroTuningParameters } from './parameters';
import { zeroTuningResult, type ZeroTuningResult } from './result';
import { run, workOf } from './run';
import { sections } from './sections';

export const zeroTuning: Analysis<ZeroTuningParameters, ZeroTuningResult> = {
  id: 'zerotuning',
  title: 'ZeroTuning',
  question: 'Which heads answer better when the first token weighs more, or less?',
  group: 'interventions',
  source: {
    reference: 'arXiv:2505.11739, sections 3 and 4',
    trust: 'medium',
    note: 'The paper leaves open the gammas of the profile and of the sweep, and how a head is scored; chosen here: 2 and 1/2, the mean log-probability of the answer, 17 gammas from 0.1 to 10 refined once. Halves of the prompts, random heads, temperature and label bias are controls that the paper does not have.',
  },
  inputs: ['task'],
  // Answers are one of several labels, as in the paper; the demo model answers half of them, so there is something to gain.
  usualTask: { task: 'coloured-objects', samples: 60 },
  parameters,
  result: zeroTuningResult,
  supports: ({ predicts, blocks }) =>
    predicts && blocks.every(({ causal }) => causal)
      ? { ok: true }
      : {
          ok: false,
          why: 'The model predicts no next token, so it cannot answer a task. Choose a model with a language head.',
        },
  estimate(facts, { task }, given) {
    const { plain, profile, sweep, controls } = workOf(facts, task?.samples.length ?? 0, given);
    // A head that is changed in a layer shares the layers below with the others: on average half of a run.
    return { passes: Math.ceil(plain + profile / 2 + sweep + controls), bytes: 0 };
  },
  run,
  ask: lookCloser,
  finding,
  sections,
  offers,
};
