/** The analysis `act`: later attention sinks, and the heads in which taking attention from them helps. */
import type { Analysis } from '../../analysis';
import { mapBytes, passesOfMaps } from '../../shared/maps/layer-maps';
import { scopeOf } from './calibration';
import { finding, offers } from './finding';
import { lookCloser } from './look-closer';
import { parameters, type ActParameters } from './parameters';
import { actResult, type ActResult } from './result';
import { run, workOf } from './run';
import { sections } from './sections';

export const act: Analysis<ActParameters, ActResult> = {
  id: 'act',
  title: 'Hidden sinks and their calibration',
  question:
    'Which tokens behind the first are attention sinks, and which heads answer better when they read them less?',
  group: 'interventions',
  source: {
    reference: 'arXiv:2406.15765; github.com/GATECH-EIC/ACT',
    trust: 'medium',
    note: 'Chosen here: a sink is read by at least 2 n / alpha queries, what is a sink is decided when the prompt is read, a head is scored by the mean log-probability of the answer and chosen when its gain is above one standard error. The halves, random heads, temperature and label bias are controls that the paper does not have.',
  },
  inputs: ['task'],
  // The demo model answers most of these and not all, so there is something to gain or lose.
  usualTask: { task: 'indirect-object', samples: 60 },
  parameters,
  result: actResult,
  supports(facts, given) {
    const { predicts, blocks } = facts;
    if (!predicts || !blocks.every(({ causal }) => causal)) {
      return {
        ok: false,
        why: 'The model predicts no next token, so it cannot answer a task. Choose a model with a language head.',
      };
    }
    const { from, to } = scopeOf(facts, given);
    return from < to
      ? { ok: true }
      : {
          ok: false,
          why: `The model has ${blocks.length} layers, and all of them are left out. Leave fewer of the first and last layers out.`,
        };
  },
  estimate(facts, { task }, given) {
    const samples = task?.samples ?? [];
    const work = workOf(facts, samples.length, given);
    const longest = Math.max(0, ...samples.map(({ prompt }) => prompt.ids.length));
    const maps = passesOfMaps(facts) * Math.min(given.maps, samples.length);
    // A head that is changed in a layer shares the layers below with the others: on average half of a run.
    const search = (work.search / 2) * (given.halving ? 1 / 3 : 1);
    return { passes: Math.ceil(work.plain + maps + search + work.compared), bytes: mapBytes(facts, longest) };
  },
  run,
  ask: lookCloser,
  finding,
  sections,
  offers,
};
