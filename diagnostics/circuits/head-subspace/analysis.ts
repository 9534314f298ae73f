/** The analysis `head-subspace`: in how few directions one head knows which letter is right. */
import type { Analysis } from '../../analysis';
import { mutations } from '../../shared/choices/layout';
import { partsOf } from '../../shared/effects/parts';
import { finding } from './finding';
import { parameters, supports, type SubspaceParameters } from './parameters';
import { subspaceResult, type SubspaceResult } from './result';
import { subspaceRun } from './run';
import { sections } from './sections';

export const headSubspace: Analysis<SubspaceParameters, SubspaceResult> = {
  id: 'head-subspace',
  title: 'Subspace of a letter head',
  question: 'In how few directions does a head know which letter is right, and do they mean a letter or a place?',
  group: 'circuits',
  source: {
    reference: 'Lieberum et al. 2023, arXiv:2307.09458, section 5',
    trust: 'medium',
    note: 'The paper publishes no code. Directions are those of the class means of query, keys and values before rotation; half of the questions is held out, and random directions stand beside.',
  },
  inputs: ['none'],
  exactWeights: true,
  parameters,
  result: subspaceResult,
  supports,
  estimate({ blocks, hiddenSize }, _, { count, labels, most, random }) {
    const options = labels.split(/\s+/u).length;
    const width = Math.max(...blocks.map(({ headDim }) => headDim));
    const compressed = Math.ceil((4 * (most + 1) + random) / 8);
    return {
      passes: count * (2 + 1 + compressed) + (count / 2) * mutations.length * 5,
      // Vectors of every prompt in float64, and effects of every head.
      bytes: 8 * count * ((2 + 2 * options) * width + partsOf(blocks).length) + 16 * hiddenSize * blocks.length,
    };
  },
  run: subspaceRun,
  finding,
  sections,
};
