/** The analysis `factual-recall`: how a model comes from a topic to what it knows of it. */
import type { Analysis } from '../../analysis';
import { headCount } from '../../shared/effects/parts';
import { compare } from './compare';
import { settingsOf } from './correction';
import { finding, offers } from './finding';
import { parameters, type RecallParameters } from './parameters';
import { recallResult, type RecallResult } from './result';
import { recall } from './run';
import { sections } from './sections';

export const factualRecall: Analysis<RecallParameters, RecallResult> = {
  id: 'factual-recall',
  title: 'Factual recall',
  question: 'Which heads move the topic, which MLP turns it into the answer, and what holds the answer back?',
  group: 'facts',
  source: {
    reference: 'Lv et al. 2024, arXiv:2403.19521, and the authors’ code for path patching',
    trust: 'medium',
    note: 'The form of the regression and the correction were not published in what could be read: both are choices of Headscope, as are held-out prompts, controls and intervals.',
  },
  inputs: ['task'],
  usualTask: { task: 'capitals', samples: 64 },
  exactWeights: true,
  parameters,
  result: recallResult,
  holdsHeads: true,
  supports: ({ predicts, summary }) =>
    predicts && summary.causal
      ? { ok: true }
      : {
          ok: false,
          why: 'This model predicts no next token, so it recalls nothing behind a prompt. Choose a causal model with a language head.',
        },
  estimate({ blocks, hiddenSize, summary }, { task }, given) {
    const prompts = task?.samples.length ?? 0;
    const heads = headCount(blocks);
    const row = blocks.reduce((sum, { heads: own, headDim }) => sum + 3 * hiddenSize + own * headDim, 0);
    const settings = settingsOf(given).length;
    return {
      passes: prompts * (7 + heads) + settings * (prompts / 3 + 8),
      bytes: 4 * (prompts * (2 * row + heads * hiddenSize) + (2 * blocks.length + 2) * summary.vocabulary),
    };
  },
  run: recall,
  finding,
  sections,
  compare,
  offers,
};
