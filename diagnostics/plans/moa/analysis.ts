/** The analysis `moa`: a span for each head that may grow with the prompt, from the influence of its attention weights. */
import type { Analysis } from '../../analysis';
import { layerGroups } from '../../shared/maps/layer-groups';
import { hasLength, wantedLengths } from './calibration';
import { finding, offers } from './finding';
import { lookCloser } from './look-closer';
import { parameters, type MoaParameters } from './parameters';
import { heldBytes, weightBytes } from './profile';
import { moaResult, type MoaResult } from './result';
import { run } from './run';
import { sections } from './sections';

export const moa: Analysis<MoaParameters, MoaResult> = {
  id: 'moa',
  title: 'MoA',
  question: 'How far back must each key/value head read, and for which does that grow with the prompt?',
  group: 'plans',
  source: {
    reference: 'Fu et al. 2024, arXiv:2406.14909, sections 3 and 4; released code thu-nics/MoA',
    trust: 'high',
    note: 'Lengths, blocks and the step of alpha are scaled to the model, and HiGHS solves what Gurobi solved in the paper. The n of a rule is the prompt, without the new tokens that the released cache adds. Where query heads share keys, the largest influence counts. The cache keeps the blocks that the search counted, which may be one more than the released cache.',
  },
  inputs: ['task'],
  usualTask: { task: 'passkey', samples: 4 },
  exactWeights: true,
  parameters,
  result: moaResult,
  supports: ({ predicts, blocks }) =>
    predicts && blocks.every(({ causal }) => causal)
      ? { ok: true }
      : {
          ok: false,
          why: 'The model predicts no next token, so that it keeps no cache. Choose a model with a language head.',
        },
  estimate(facts, { given, task }, parameters) {
    const samples = task?.samples ?? [];
    const own = Math.max(0, ...samples.map(({ prompt }) => prompt.ids.length));
    const { profiled, further } =
      given.kind === 'task' && hasLength(given.task)
        ? wantedLengths(facts, parameters)
        : { profiled: [own], further: [] };
    const longest = Math.max(...profiled) + parameters.answer;
    const gradient = 4;
    const groups = layerGroups(weightBytes(facts, longest)).length;
    const each = gradient + 2 + groups;
    const held = parameters.held * (8 + (3 + parameters.random) * (1 + further.length));
    return { passes: profiled.length * samples.length * each + held, bytes: heldBytes(facts, longest) };
  },
  run,
  ask: lookCloser,
  finding,
  sections,
  offers,
};
