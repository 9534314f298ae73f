/** The analysis `finite-state`: the degree of the exponential series by which each head is met on a text. */
import type { Analysis } from '../../analysis';
import { compareStates } from './compare';
import { finding } from './finding';
import { parameters, type FiniteStateParameters } from './parameters';
import { finiteStateResult, type FiniteStateResult } from './result';
import { finiteStateRun } from './run';
import { sections } from './sections';

export const finiteState: Analysis<FiniteStateParameters, FiniteStateResult> = {
  id: 'finite-state',
  title: 'Finite state',
  question: 'How far is each head from linear attention with a finite state?',
  group: 'patterns',
  source: {
    reference: 'arXiv:2405.15731 (softmax attention as a system of infinite state; its series cut to a finite one)',
    trust: 'medium',
    note: 'The measure is ours: the paper cuts kernels, not trained heads. Scores are taken as they are; a series about another centre would need fewer terms.',
  },
  inputs: ['prompt'],
  exactWeights: true,
  parameters,
  result: finiteStateResult,
  supports: () => ({ ok: true }),
  estimate({ blocks, hiddenSize }, { prompts: [prompt] }, { rows }) {
    const length = prompt?.ids.length ?? 0;
    const widths = blocks.map(({ heads, kvHeads, headDim }) => (heads + 2 * kvHeads) * headDim);
    const read = Math.min(length, rows);
    // Queries, keys and values of the rows read, weights of a layer, scores and their series in float64.
    return {
      passes: 1,
      bytes:
        4 * read * widths.reduce((sum, width) => sum + width, 0) +
        16 * Math.max(0, ...widths) * hiddenSize +
        24 * read ** 2,
    };
  },
  run: finiteStateRun,
  finding,
  sections,
  compare: compareStates,
};
