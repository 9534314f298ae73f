/** The analysis `longheads`: does a model read further when each head chooses the chunks of text that it reads? */
import { mostBudgetChunks } from '../../../protocol/interventions/longheads';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { Analysis } from '../../analysis';
import { picture } from './picture';
import { longHeadsResult, type LongHeadsResult } from './result';
import { longHeadsIntervention, readings, run, type LongHeadsParameters } from './run';
import { finding, sections } from './sections';
import * as field from '../../../kernels/parameters';

const parameters: ParameterTable<LongHeadsParameters> = {
  chunk: field.integer('Chunk', 'w: tokens of a chunk. The paper takes a sixteenth of the budget.', {
    min: 1,
    max: 65_536,
    default: 64,
    unit: 'tokens',
  }),
  budget: field.integer(
    'Budget',
    'S: tokens that a query reads at most, a multiple of the chunk. Take a length at which the model answers well.',
    { min: 3, max: 65_536, default: 512, unit: 'tokens' },
  ),
  begin: field.integer('Begin', 'From which position on chunks are chosen; at least the budget.', {
    min: 0,
    max: 4_000_000,
    default: 0,
    unit: 'tokens',
  }),
};

export const longheadsAnalysis: Analysis<LongHeadsParameters, LongHeadsResult> = {
  id: 'longheads',
  title: 'Long texts by chosen chunks (LongHeads)',
  question: 'Does the model read further when each head chooses what it reads?',
  group: 'plans',
  source: {
    reference: "arXiv:2402.10685, the authors' code (LuLuLuyi/LongHeads)",
    trust: 'high',
    note: 'A token reads itself in the prompt too, as in decoding. Query heads that share a key/value head choose alone. Rank of the needle, coverage and the comparison with a window of the same budget are additions of Headscope.',
  },
  inputs: ['task', 'prompt'],
  usualTask: { task: 'passkey', samples: 14 },
  everyLayer: true,
  parameters,
  result: longHeadsResult,
  supports({ blocks, predicts }, { chunk, budget }) {
    if (!predicts) return { ok: false, why: 'The model predicts no next token. Choose a model with a language head.' };
    if (budget % chunk !== 0 || budget < 3 * chunk || budget > mostBudgetChunks * chunk)
      return {
        ok: false,
        why: `The budget must be 3 to ${mostBudgetChunks} whole chunks of ${chunk}. Take a multiple such as ${Math.max(3, Math.round(budget / chunk)) * chunk}.`,
      };
    if (blocks.some(({ window }) => window !== undefined))
      return {
        ok: false,
        why: 'The model has layers with a window, whose past is gone. Choose a model without windows.',
      };
    return blocks.every(({ renumbers }) => renumbers)
      ? { ok: true }
      : {
          ok: false,
          why: 'LongHeads renumbers rotary positions, and not every layer of the model has ones that allow it. Choose a model with plain, linear, YaRN or Llama 3 rotary positions.',
        };
  },
  // LongHeads takes about as long as four plain runs.
  estimate: (_, input) => ({ passes: 6 * readings({ input }).length, bytes: 0 }),
  run,
  ask: (model, job, _, question) => picture(model, job, question),
  finding,
  sections,
  offers: ({ chunk, budget, begin }) => [
    {
      title: 'LongHeads',
      description: `Every query beyond ${begin} reads ${budget} positions in chunks of ${chunk} that it chooses itself.`,
      interventions: [longHeadsIntervention({ chunk, budget, begin })],
    },
  ],
};
