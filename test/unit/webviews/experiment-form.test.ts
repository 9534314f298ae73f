/** The form of an analysis that trains its own model: it needs none, and keeps the one that was chosen for the next analysis. */
import assert from 'node:assert/strict';
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import { readForm, toForm, withAnalysis } from '../../../webviews/panels/workbench/form';
import { provenanceLines } from '../../../webviews/panels/workbench/made-by';
import { isStale, setupOf, whyNotStart } from '../../../webviews/panels/workbench/shown';
import { receive } from '../../../webviews/panels/workbench/receive';
import { initialState, type State } from '../../../webviews/panels/workbench/state';
import { model, openMessage, plan, result, retrieval } from '../../browser/workbench/workbench-host';

const experiment: AnalysisInfo = {
  ...retrieval,
  id: 'toy',
  title: 'Toy',
  trains: true,
  inputs: ['none'],
  parameters: { folder: { kind: 'folder', title: 'Folder', description: 'Where it is written', default: '' } },
};
const own = {
  ...plan,
  analysis: 'toy',
  folder: '',
  input: { kind: 'none' } as const,
  parameters: {},
  interventions: [],
};
const open = (change = {}): State =>
  receive(initialState('full'), openMessage({ analyses: [retrieval, experiment], plan: own, ...change }));

describe('the form of an experiment', () => {
  it('can be run without a model, and names neither model nor device nor interventions', () => {
    assert.equal(whyNotStart(open()), undefined);
    const form = { ...toForm(plan), analysis: 'toy', device: 'cuda', interventions: ['gain:0.0=0'] };
    const typed = withAnalysis({ ...form, parameters: { folder: '/toys/a' } }, experiment);
    const reading = readForm({ ...typed, parameters: { folder: '/toys/a' } }, experiment, model);
    assert.ok(reading.ok);
    assert.deepEqual(reading.plan, { ...own, parameters: { folder: '/toys/a' }, seed: plan.seed });
    assert.equal(typed.folder, plan.folder, 'the model is there again for the next analysis');
  });

  it('is not stale beside its own result, whose model is the one that it wrote', () => {
    const made = {
      ...result,
      analysis: 'toy',
      input: { kind: 'none' } as const,
      parameters: { folder: '' },
      interventions: [],
      seed: own.seed,
      model: { ...model, folder: '/cache/experiments/toy-1' },
    };
    const state = receive(open(), { kind: 'result', result: made });
    assert.equal(isStale(state), false);
    assert.equal(setupOf(state)?.folder, '');
    const form = state.form && { ...state.form, seed: '99' };
    assert.equal(isStale({ ...state, form }), true);
  });

  it('names no heads of networks that are no model, and those of a model', () => {
    const of = (family: string): string | undefined =>
      provenanceLines({ ...result, model: { ...model, family } }, undefined)[0];
    assert.match(of('networks') ?? '', /^gpt2 \(networks\), hash 5f2a9c, float32$/);
    assert.match(of('gpt2') ?? '', /12 layers x 12 query heads/);
  });
});
