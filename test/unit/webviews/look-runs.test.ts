/** When Look runs by itself: the rules without a page. */
import assert from 'node:assert/strict';
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { AnalysisEstimate } from '../../../protocol/compute/analyses';
import { canonical } from '../../../webviews/ui/canonical';
import { followed, toLook, withQuestion } from '../../../webviews/panels/workbench/look';
import { awaitsLook, isAskedBriefly, lacksLabels, lookToRun } from '../../../webviews/panels/workbench/look-runs';
import { receive } from '../../../webviews/panels/workbench/receive';
import { attentionSections } from '../../../webviews/panels/workbench/attention';
import { setupOf, staleParts, viewKey, whyNotStart } from '../../../webviews/panels/workbench/shown';
import { begun, initialState, type State } from '../../../webviews/panels/workbench/state';
import { model, openMessage, pair, plan, result, tabOf } from '../../browser/workbench/workbench-host';

const labels = { kind: 'boolean', title: 'Labels', description: 'Null models too.', default: true } as const;
const heads: AnalysisInfo = { ...pair, id: 'heads', inputs: ['prompt'], parameters: { labels } };
const divergence: AnalysisInfo = { ...pair, id: 'divergence', inputs: ['prompt'], group: 'vision' };

const input = { kind: 'prompt', prompt: { kind: 'text', text: 'The cat sat' } } as const;
const setup = { ...plan, analysis: 'heads', input, parameters: {}, interventions: [] };
const made = { ...result, analysis: 'heads', input, parameters: { labels: true }, interventions: [] };
const opening = { analyses: [heads, divergence, pair], plan: setup, model } as const;
const tabs = (parameters = {}) => ({
  tabs: [tabOf({ ...made, parameters }, { look: true, byItself: true })],
  active: 't1',
});

const empty = receive(initialState('full'), openMessage({ ...opening, tabs: { tabs: [] }, asks: 'look' }));
const withResult = (parameters = {}): State => {
  const open = { ...opening, result: { ...made, parameters }, tabs: tabs(parameters) };
  return receive(initialState('full'), openMessage({ ...open, asks: 'look' }));
};
const taking = (state: State, seconds: number, brief?: number): State => {
  const of = (time: number): AnalysisEstimate => ({ supported: true, seconds: time });
  return {
    ...state,
    estimated: {
      request: 1,
      estimate: of(seconds),
      ...(brief === undefined ? {} : { brief: { request: 2, estimate: of(brief) } }),
    },
  };
};
const typed = (state: State, text: string): State => ({
  ...state,
  form: state.form && { ...state.form, input: { ...state.form.input, text } },
  estimated: undefined,
});

describe('Look by itself', () => {
  it('runs what takes less than a second, once, and leaves the rest to Run', () => {
    assert.equal(lookToRun(empty), undefined, 'nobody knows yet how long it takes');
    assert.equal(awaitsLook(empty), true);
    const brief = taking(empty, 0.4);
    assert.deepEqual(lookToRun(brief), setupOf(brief));
    const asked = { ...brief, looked: { of: canonical(setupOf(brief)) } };
    assert.equal(lookToRun(asked), undefined, 'the same request is not run again');
    assert.equal(lookToRun(taking(typed(asked, 'The dog'), 0.4))?.analysis, 'heads');
    assert.equal(lookToRun(taking(empty, 1)), undefined);
  });

  it('keeps the head that is open for another prompt, and drops it where Look asks another question', () => {
    const before = withResult();
    const read = { ...made, prompts: [{ text: 'The cat', ids: [1, 2], tokens: ['The', ' cat'] }] };
    const head = { layer: 0, head: 1 };
    const [section] = attentionSections(read, head);
    const question = { section: 'scores', place: { kind: 'head', ...head } } as const;
    const open: State = {
      ...before,
      answers: [{ request: 1, own: true, question, ...(section ? { section } : {}) }],
      view: { ...before.view, sections: { [viewKey(before, 'scores')]: { cursor: '0.1' } } },
    };
    const same = receive(open, { kind: 'result', result: { ...read, seed: 1 } });
    assert.equal(same.answers.length, 1);
    assert.deepEqual(same.view.sections, open.view.sections);
    const other = receive(open, { kind: 'result', result: { ...read, analysis: 'divergence' } });
    assert.deepEqual(other.answers, []);
    assert.deepEqual(other.view.sections, {});
    assert.equal(begun(open, { ...setup, analysis: 'divergence' }).answers.length, 0);
    assert.equal(begun(open, setup).answers.length, 1);
  });

  it('waits until it is read, or cannot be read, what lies beside the picture', () => {
    const objects = { kind: 'text', title: 'Objects', description: 'O.', default: '', beside: 'objects' } as const;
    const vision = { family: 'clip', layers: 1, heads: 1, headDim: 1, hiddenSize: 1, imageSize: 1, patchSize: 1 };
    const sees = { ...model, vision: { ...vision, imageToken: 1, processor: true } } as const;
    const prompt = { kind: 'text', text: 'What is it?', image: '/p/a.png' } as const;
    const state = receive(
      initialState('full'),
      openMessage({
        analyses: [{ ...divergence, parameters: { objects } }],
        plan: { ...setup, analysis: 'divergence', input: { kind: 'prompt', prompt } },
        model: sees,
        tabs: { tabs: [] },
        asks: 'look',
      }),
    );
    const asked = { ...taking(state, 0.2), beside: { request: 7, of: '/p/a.png' } };
    assert.deepEqual([lookToRun(asked), awaitsLook(asked)], [undefined, true]);
    const failed = receive(asked, { kind: 'failed', request: 7, sentence: 'No.' });
    const found = receive(asked, { kind: 'beside', request: 7, beside: { objects: ['boat'] } });
    assert.deepEqual([lookToRun(failed)?.analysis, lookToRun(found)?.analysis], ['divergence', 'divergence']);
  });

  it('leaves labels out where they alone make it long, and says so', () => {
    const long = taking(empty, 3);
    assert.equal(isAskedBriefly(long), true);
    assert.deepEqual(lookToRun(taking(empty, 3, 0.2))?.parameters, { labels: false });
    assert.equal(lookToRun(taking(empty, 3, 2)), undefined);
    assert.equal(isAskedBriefly(taking(empty, 3, 2)), false, 'asked once');
    assert.equal(awaitsLook(taking(empty, 3, 2)), false);
    const without = withResult({ labels: false });
    assert.deepEqual(
      [lacksLabels(without), staleParts(without), lookToRun(taking(without, 3, 0.2))],
      [true, [], undefined],
    );
    const off = { ...empty, form: empty.form && { ...empty.form, parameters: { labels: 'false' } } };
    assert.equal(isAskedBriefly(taking(off, 3)), false, 'nothing is left out that is not asked for');
  });

  it('runs only while Look is in front and shows another request', () => {
    const shown = withResult();
    assert.equal(lookToRun(taking(shown, 0.2)), undefined, 'it is there');
    const other = typed(shown, 'The dog');
    assert.ok(lookToRun(taking(other, 0.2)));
    const question = {
      ...taking(other, 0.2),
      ...withQuestion(other, { analysis: 'heads', look: false, front: 'question' }),
    };
    assert.equal(lookToRun(question), undefined);
    assert.equal(lookToRun({ ...taking(other, 0.2), canRun: 'The workspace is not trusted.' }), undefined);
    const gone = receive(initialState('full'), openMessage({ ...opening, tabs: tabs(), asks: 'look' }));
    assert.ok(lookToRun(taking(gone, 0.2)), 'its result is not in the history any more');
  });

  it('is not called stale while the next one is on its way, unless that one was refused', () => {
    const other = typed(withResult(), 'The dog');
    assert.deepEqual([staleParts(other), awaitsLook(other)], [['input'], true]);
    const asked = { ...taking(other, 0.2), looked: { of: canonical(setupOf(other)) } };
    assert.equal(awaitsLook(asked), true);
    assert.equal(awaitsLook(receive(asked, { kind: 'looks' })), false, 'the machine is busy');
    assert.equal(awaitsLook(receive(asked, { kind: 'failed', sentence: 'No memory.' })), false);
    assert.equal(awaitsLook(taking(other, 9, 9)), false);
  });

  it('follows the request: its question, or why there is none', () => {
    const seeing = {
      ...model,
      vision: {
        family: 'clip',
        layers: 2,
        heads: 2,
        headDim: 8,
        hiddenSize: 16,
        imageSize: 32,
        patchSize: 8,
        imageToken: 9,
        processor: true,
      },
    } as const;
    const shown = { ...empty, model: seeing };
    const withForm = (change: object): State =>
      followed({ ...shown, form: shown.form && { ...shown.form, input: { ...shown.form.input, ...change } } });
    assert.equal(withForm({ image: '/a.png' }).form?.analysis, 'divergence');
    assert.match(whyNotStart(withForm({ kind: 'corpus' })) ?? '', /^Look reads one prompt\./);
    assert.match(whyNotStart({ ...withForm({ image: '/a.png' }), model }) ?? '', /^gpt2 reads no pictures\./);
    assert.equal(whyNotStart(withForm({ text: '' })), 'Type a prompt first.');
    assert.equal(lookToRun(taking(withForm({ text: '' }), 0.1)), undefined);
  });

  it('keeps its parameters apart from those of the same question asked otherwise', () => {
    const look = { ...empty, form: empty.form && { ...empty.form, parameters: { labels: 'false' } } };
    const asked = { ...look, ...withQuestion(look, { analysis: 'heads', look: false, front: 'question' }) };
    assert.deepEqual(asked.form?.parameters, {});
    const back = { ...asked, ...toLook(asked) };
    assert.deepEqual([back.form?.parameters, back.view.front], [{ labels: 'false' }, 'look']);
  });
});

describe('Look that is asked for elsewhere', () => {
  const message = openMessage({ ...opening, tabs: { tabs: [] }, asks: 'look' });

  it('keeps what is typed of the request and of the question that was in front', () => {
    const asked = { ...empty, ...withQuestion(empty, { analysis: pair.id, look: false, front: 'question' }) };
    const half = { ...asked, form: asked.form && { ...asked.form, seed: '1x', parameters: { mode: 'zero' } } };
    const look = receive(half, message);
    assert.deepEqual([look.form?.analysis, look.form?.seed, look.form?.parameters], ['heads', '1x', {}]);
    assert.deepEqual(look.view.typed[pair.id], { mode: 'zero' });
  });

  it('takes the request that comes with it, and the parameters that Look had', () => {
    const before = { ...empty, form: undefined, view: { ...empty.view, typed: { 'look heads': { labels: 'false' } } } };
    const look = receive(before, message);
    assert.deepEqual([look.form?.parameters, look.view.front, look.view.look], [{ labels: 'false' }, 'look', true]);
  });
});

describe('a Look that has begun', () => {
  const section = {
    kind: 'matrix',
    id: 'attention-L1H2-0',
    title: 'Attention of L1H2',
    of: { layer: 1, head: 2 },
    tokens: ['a'],
    causal: true,
    prompt: 0,
  } as const;
  const own = {
    request: 4,
    question: { section: 'heads', place: { kind: 'head', layer: 1, head: 2 } },
    section,
    own: true,
  } as const;
  const read = { text: 'The cat', ids: [1, 2], tokens: ['The', ' cat'] };
  const open = { ...withResult(), answers: [own] };

  it('shows the one before it until it has something, with the heads that are open in it', () => {
    const going = receive(open, { kind: 'looks', tab: 't1', byItself: true });
    assert.deepEqual([going.result?.created, going.phase.kind, going.awaitsTab], [made.created, 'idle', false]);
    const next = receive(going, {
      kind: 'result',
      result: { ...made, created: '2026-11-24T11:00:00.000Z', prompts: [read] },
    });
    assert.deepEqual(
      next.answers.map((one) => one.section?.kind === 'matrix' && one.section.tokens),
      [read.tokens],
    );
    const small = { ...made, prompts: [read], model: { ...model, layers: 1 } };
    assert.deepEqual(receive(going, { kind: 'result', result: small }).answers, [], 'a model without that head');
  });

  it('takes over what was arranged, where the one before it stays a tab of its own', () => {
    const arranged = { ...open, view: { ...open.view, sections: { 't1 heads': { cursor: '1.2' } } } };
    const going = receive(arranged, { kind: 'looks', tab: 't2', byItself: true });
    assert.deepEqual([going.active, going.view.sections['t2 heads']?.cursor], ['t2', '1.2']);
    assert.deepEqual(going.parked.get('t1'), [own]);
  });

  it('shows nothing of another tab, and waits for no tab where a person ran it', () => {
    const before = { ...open, view: { ...open.view, front: 'look', look: true } } as const;
    assert.equal(receive(before, { kind: 'looks', tab: 't2', byItself: true }).result, undefined);
    const run = receive(begun(open, setup), { kind: 'looks', tab: 't1' });
    assert.deepEqual([run.awaitsTab, run.active, run.answers], [false, 't1', [own]]);
  });
});
