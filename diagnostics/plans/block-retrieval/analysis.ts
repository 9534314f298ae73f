/** The analysis `block-retrieval`: how few blocks of the past does a model need, and what may stand for the others? */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { Analysis } from '../../analysis';
import { picture } from './picture';
import { blockRetrievalResult, type BlockRetrievalResult } from './result';
import { opensOf, readings, run, type BlockRetrievalParameters } from './run';
import { finding, sections } from './sections';
import * as field from '../../../kernels/parameters';

const parameters: ParameterTable<BlockRetrievalParameters> = {
  block: field.integer('Block', 'B: tokens of a block. The paper takes 50.', {
    min: 1,
    max: 65_536,
    default: 32,
    unit: 'tokens',
  }),
  open: field.text(
    'Blocks opened',
    'k, several separated by commas: blocks besides the first, the own and the one before it.',
    '0,1,2,4',
  ),
};

export const blockRetrievalAnalysis: Analysis<BlockRetrievalParameters, BlockRetrievalResult> = {
  id: 'block-retrieval',
  title: 'Block retrieval',
  question: 'How few blocks of the past does the model need, and what may stand for the others?',
  group: 'plans',
  source: {
    reference: 'arXiv:2305.16300 (landmark attention), section 3',
    trust: 'low',
    note: 'The paper trains landmark tokens. Here blocks of a trained model are represented by their mean key or by their key of the largest score, softmax is exact over the opened blocks, positions are the true ones, and the first block and the newest two are always open: choices of Headscope.',
  },
  inputs: ['task', 'prompt'],
  usualTask: { task: 'passkey', samples: 7 },
  everyLayer: true,
  parameters,
  result: blockRetrievalResult,
  supports({ blocks, predicts }, { open }) {
    if (!predicts) return { ok: false, why: 'The model predicts no next token. Choose a model with a language head.' };
    if (!opensOf(open))
      return { ok: false, why: `"${open}" is no list of numbers of blocks. Write whole numbers such as 0,1,2,4.` };
    if (blocks.some(({ window }) => window !== undefined))
      return {
        ok: false,
        why: 'The model has layers with a window, whose past is gone. Choose a model without windows.',
      };
    const why = blocks.find(({ noBlocks }) => noBlocks !== undefined)?.noBlocks;
    return why === undefined ? { ok: true } : { ok: false, why };
  },
  // The plain run, three that look at the choice, and one for each choice.
  estimate: ({ summary }, input, { open }) => ({
    passes: (4 + 3 * (opensOf(open)?.length ?? 0)) * readings({ input }).length,
    bytes: 16 * summary.vocabulary,
  }),
  run,
  ask: (model, job, _, question) => picture(model, job, question),
  finding,
  sections,
  offers: ({ block, headOpen }) => [
    {
      title: `Blocks of ${block}, ${headOpen} opened`,
      description: `Every head reads the first block, the newest two and ${headOpen} others chosen by their mean keys.`,
      interventions: [
        {
          kind: 'block-retrieval',
          heads: [{ layer: 'all', head: 'all' }],
          block,
          open: headOpen,
          by: 'mean',
        },
      ],
    },
  ],
};
