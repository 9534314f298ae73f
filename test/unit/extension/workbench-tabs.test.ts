/** The tabs of the workbench: every run is one, none replaces another, and they outlast a reload. */
import assert from 'node:assert/strict';
import { entryOf } from '../../../extension/panels/workbench/tab';
import { model } from '../../browser/workbench/workbench-host';
import { resultOf, settled, setup, Window } from './workbench-window';

async function withTwoResults(): Promise<Window> {
  const window = new Window();
  await window.receive({ kind: 'ready' });
  for (const seed of [1, 2]) {
    const ended = window.receive({ kind: 'run', plan: setup(seed) });
    await settled();
    window.going.at(-1)?.end(resultOf(seed));
    await ended;
  }
  return window;
}

describe('the tabs of the workbench', () => {
  it('are results: a run adds one, replaces none, and its request stands with it', async () => {
    const window = await withTwoResults();
    assert.equal(window.row, '1 [2]');
    assert.deepEqual(
      window.tabs.shown.tabs.map(({ finding }) => finding),
      ['Seed 1.', 'Seed 2.'],
    );
    await window.receive({ kind: 'showTab', tab: 't1' });
    const open = window.last('open');
    assert.equal(open.result?.finding, 'Seed 1.');
    assert.equal(open.plan.seed, 2, 'the request beside them stays');
    assert.equal(open.tabs?.active, 't1');
  });

  it('outlast the window, with the one in front; one whose run had not ended says so', async () => {
    const before = await withTwoResults();
    const chosen = { section: 'scores', head: { layer: 1, head: 2 } };
    await before.receive({ kind: 'chooseHead', tab: 't1', chosen });
    await before.receive({ kind: 'showTab', tab: 't1' });
    void before.receive({ kind: 'run', plan: setup(3) });
    await settled();
    await before.receive({ kind: 'showTab', tab: 't1' });
    assert.equal(before.row, '[1] 2 3');
    const after = new Window(before.memory, before.kept);
    await after.receive({ kind: 'ready' });
    assert.equal(after.row, '[1] 2 3');
    assert.equal(after.last('open').result?.finding, 'Seed 1.');
    assert.deepEqual(after.last('open').tabs?.tabs[0]?.chosen, chosen);
    assert.match(after.tabs.shown.tabs[2]?.failed ?? '', /^The window was closed before this run had ended\. /);
    const ended = after.receive({ kind: 'run', plan: setup(4) });
    await settled();
    assert.deepEqual(
      after.tabs.shown.tabs.map(({ id }) => id),
      ['t1', 't2', 't3', 't4'],
      'no id is used for two',
    );
    after.going[0]?.end(resultOf(4));
    await ended;
  });

  it('of runs that go on without the window go on in their place in the next one, and others behind the one in front', async () => {
    const before = await withTwoResults();
    void before.receive({ kind: 'run', plan: setup(3), keepRunning: true });
    await settled();
    assert.deepEqual(before.outlasts, [false, false, true]);
    await before.receive({ kind: 'showTab', tab: 't1' });
    const after = new Window(before.memory, before.kept);
    await after.receive({ kind: 'ready' });
    after.tabs.goOn(setup(3));
    await settled();
    after.tabs.goOn(setup(4));
    await settled();
    assert.deepEqual(after.outlasts, [true, true]);
    const [, , third, fourth] = after.tabs.shown.tabs;
    assert.deepEqual([third?.id, third?.failed, third?.stopped], ['t3', undefined, undefined]);
    assert.ok(third?.standing && fourth?.standing);
    assert.equal(after.last('open').result?.finding, 'Seed 1.', 'what is in front stays');
    after.going[0]?.end(resultOf(3));
    after.going[1]?.end(resultOf(4));
    await settled();
    assert.equal(after.row, '[1] 2 3 4');
    assert.ok(after.kept.has(entryOf(resultOf(3))));
  });

  it('of runs that go on without the window and still waited for their turn begin in the next one, once', async () => {
    const before = await withTwoResults();
    void before.receive({ kind: 'run', plan: setup(3), keepRunning: true });
    void before.receive({ kind: 'run', plan: setup(4), keepRunning: true });
    void before.receive({ kind: 'run', plan: setup(5) });
    await settled();
    // The first has its turn.
    before.waits = false;
    before.going[2]?.say({ kind: 'stage', sentence: 'Prompt 1 of 10', share: 0.1, kept: 0 });
    const after = new Window(before.memory, before.kept);
    await after.receive({ kind: 'ready' });
    after.tabs.beginWaiting();
    await settled();
    assert.deepEqual(after.outlasts, [true], 'the one that had begun is found, and others end with the window');
    after.tabs.goOn(setup(4));
    await settled();
    assert.equal(after.going.length, 1, 'its job is not followed twice');
    const [, , third, fourth, fifth] = after.tabs.shown.tabs;
    assert.match(third?.failed ?? '', /^The window was closed/);
    assert.deepEqual([fourth?.id, fourth?.failed, fourth?.standing !== undefined], ['t4', undefined, true]);
    assert.match(fifth?.failed ?? '', /^The window was closed/);
    after.going[0]?.end(resultOf(4));
    await settled();
    assert.ok(after.kept.has(entryOf(resultOf(4))));
    const last = new Window(after.memory, after.kept);
    last.tabs.beginWaiting();
    await settled();
    assert.equal(last.going.length, 0, 'one that has ended does not begin again');
  });

  it('of stopped runs outlast the window with what was found, and go on with the same request', async () => {
    const before = await withTwoResults();
    const found = { kind: 'partial', finding: 'Of 3 of 10 prompts.', sections: [] } as const;
    const ended = before.receive({ kind: 'run', plan: setup(3) });
    await settled();
    before.going.at(-1)?.say({ kind: 'stage', sentence: 'Prompt 3 of 10', share: 0.3, kept: 3 });
    before.going.at(-1)?.say(found);
    await before.receive({ kind: 'cancel' });
    await ended;
    const { failed } = before.tabs.shown.tabs[2] ?? {};
    const after = new Window(before.memory, before.kept, [], before.stopped);
    await after.receive({ kind: 'ready' });
    assert.equal(after.row, '1 2 [3]');
    assert.equal(after.last('partial').finding, found.finding);
    assert.deepEqual([after.tabs.shown.tabs[2]?.failed, after.last('failed').sentence], [failed, failed]);
    const again = after.receive({ kind: 'rerunTab', tab: 't3' });
    await settled();
    after.going[0]?.end(resultOf(3));
    await again;
    assert.equal(after.row, '1 2 3 [3]');
    await after.receive({ kind: 'closeTab', tab: 't3' });
    assert.deepEqual([after.row, after.stopped.size], ['1 2 [3]', 0], 'what was found goes with its tab');
  });

  it('of runs that a reload cut off say how many steps are kept', async () => {
    const before = await withTwoResults();
    void before.receive({ kind: 'run', plan: setup(3) });
    await settled();
    before.going.at(-1)?.say({ kind: 'stage', sentence: 'Prompt 3 of 10', share: 0.3, kept: 3 });
    before.tabs.dispose();
    const after = new Window(before.memory, before.kept, [], before.stopped);
    await after.receive({ kind: 'ready' });
    const words = 'The window was closed before this run had ended. 3 steps are kept: Run goes on from there.';
    assert.deepEqual([after.row, after.last('failed').sentence], ['1 2 [3]', words]);
    assert.equal(after.tabs.shown.tabs[2]?.failed, words);
    await after.receive({ kind: 'closeTab', tab: 't3' });
    assert.deepEqual([after.offered.length, after.stopped.size], [0, 0], 'it had found nothing to be shown');
  });

  it('of stopped runs are offered back once closed, with what was found, also when they were not looked at', async () => {
    const before = await withTwoResults();
    const found = { kind: 'partial', finding: 'Of 3 of 10 prompts.', sections: [] } as const;
    const ended = before.receive({ kind: 'run', plan: setup(3) });
    await settled();
    before.going.at(-1)?.say(found);
    await before.receive({ kind: 'cancel' });
    await ended;
    await before.receive({ kind: 'showTab', tab: 't1' });
    const after = new Window(before.memory, before.kept, [], before.stopped);
    await after.receive({ kind: 'ready' });
    await after.receive({ kind: 'closeTab', tab: 't2' });
    assert.equal(after.offered.length, 0, 'a result is in the history');
    await after.receive({ kind: 'closeTab', tab: 't3' });
    assert.equal(after.row, '[1]');
    after.offered.pop()?.(true);
    await settled();
    assert.equal(after.row, '1 [3]');
    assert.equal(after.last('partial').finding, found.finding);
    assert.equal(after.stopped.size, 1, 'it outlasts the next reload too');
    await after.receive({ kind: 'closeTab', tab: 't3' });
    after.offered.pop()?.(false);
    await settled();
    assert.deepEqual([after.row, after.stopped.size], ['[1]', 0]);
  });

  it('are closed beyond 1,000, the oldest first, and it is said', async () => {
    const first = await withTwoResults();
    const [tab] = first.tabs.shown.tabs;
    assert.ok(tab);
    const { pinned: _, run: _run, ...kept } = tab;
    const many = Array.from({ length: 1200 }, (_, at) => ({ ...kept, id: `t${at + 1}` }));
    first.memory.set('workbench.tabs', { tabs: many, active: 't1200' });
    const window = new Window(first.memory, first.kept);
    assert.equal(window.tabs.shown.tabs.length, 1200, 'none of an earlier version is lost');
    await window.receive({ kind: 'ready' });
    window.tabs.activate('t1200');
    assert.equal(window.tabs.shown.tabs.length, 1000);
    assert.equal(window.tabs.shown.tabs[0]?.id, 't201');
    assert.match(
      window.reported.join(' '),
      /so the 200 oldest were closed\. Their results are among the earlier results\.$/,
    );
  });

  it('wait for their turn, say how far they are, and are cancelled one by one', async () => {
    const window = new Window();
    await window.receive({ kind: 'ready' });
    const first = window.receive({ kind: 'run', plan: setup(1) });
    const second = window.receive({ kind: 'run', plan: setup(2) });
    await settled();
    const stage = { kind: 'stage', sentence: 'Prompt 3 of 10', share: 0.3, secondsLeft: 20, kept: 0 } as const;
    window.sent.length = 0;
    window.going[0]?.say(stage);
    assert.deepEqual(
      window.sent.map(({ kind }) => kind),
      ['tabs'],
      'what the run of another tab says goes into the row alone',
    );
    const [one, two] = window.last('tabs').tabs;
    assert.deepEqual([one?.standing?.share, one?.standing?.secondsLeft, two?.standing?.state], [0.3, 20, 'waiting']);
    window.sent.length = 0;
    window.going[0]?.say({ ...stage, share: 0.3001 });
    assert.deepEqual(window.sent, [], 'once for each percent');
    await window.receive({ kind: 'closeTab', tab: 't2' });
    await second;
    await settled();
    assert.equal(window.row, '[1]', 'it gave nothing');
    window.going[0]?.end(resultOf(1));
    await first;
    assert.equal(window.tabs.shown.tabs[0]?.entry, entryOf(resultOf(1)));
  });

  it('are not there for a run that is refused: the one before says why', async () => {
    const window = await withTwoResults();
    const ended = window.receive({ kind: 'run', plan: setup(3) });
    await settled();
    window.going.at(-1)?.fail('The prompt is too long.');
    await ended;
    await settled();
    assert.equal(window.row, '1 [2]');
    assert.equal(window.last('open').result?.finding, 'Seed 2.');
    assert.match(window.last('failed').sentence, /The prompt is too long\./);
    assert.equal(window.last('open').refused, true);
    await window.receive({ kind: 'showTab', tab: 't1' });
    assert.equal(window.last('open').refused, undefined, 'said once');
  });

  it('close without deleting: the result is opened again from the history', async () => {
    const window = await withTwoResults();
    await window.receive({ kind: 'closeTab', tab: 't2' });
    assert.equal(window.row, '[1]');
    assert.equal(window.last('open').result?.finding, 'Seed 1.');
    const id = entryOf(resultOf(2));
    await window.receive({ kind: 'history', request: 1, words: '' });
    assert.ok(window.last('history').rows.some((row) => row.id === id));
    await window.receive({ kind: 'openEntry', id });
    assert.equal(window.row, '1 [2]');
    await window.receive({ kind: 'openEntry', id });
    assert.equal(window.row, '1 [2]', 'one that is open is brought to the front');
  });

  it('are opened from entries that an earlier version kept under another kind and id', async () => {
    const window = await withTwoResults();
    const id = '0123456789ab';
    window.kept.set(id, { ...resultOf(3), created: '2026-11-24T15:00:00.000Z' });
    window.earlier.add(id);
    await window.receive({ kind: 'openEntry', id });
    assert.equal(window.row, '1 2 [3]');
    assert.equal(window.last('open').result?.finding, 'Seed 3.');
    await window.receive({ kind: 'showTab', tab: 't1' });
    await window.receive({ kind: 'openEntry', id });
    assert.equal(window.row, '1 2 [3]');
    // Another window finds it by that id.
    const again = new Window(window.memory, window.kept);
    again.earlier.add(id);
    await again.receive({ kind: 'ready' });
    assert.equal(again.last('open').result?.finding, 'Seed 3.');
  });

  it('compare: the later one in front, the earlier one beside it, until another tab is shown', async () => {
    const window = await withTwoResults();
    await window.receive({ kind: 'showTab', tab: 't1' });
    await window.receive({ kind: 'compareTabs', tab: 't2', other: 't1' });
    const compared = window.last('open');
    assert.equal(compared.result?.finding, 'Seed 2.');
    assert.equal(compared.compareWith?.result.finding, 'Seed 1.');
    await window.receive({ kind: 'showTab', tab: 't1' });
    assert.equal(window.last('open').compareWith, undefined);
    await window.receive({ kind: 'showTab', tab: 't2' });
    assert.equal(window.last('open').compareWith?.result.finding, 'Seed 1.');
    await window.receive({ kind: 'stopComparing' });
    await window.receive({ kind: 'showTab', tab: 't2' });
    assert.equal(window.last('open').compareWith, undefined);
  });

  it('compare with the base: the same runs without the adapter, and the tab is in front with that beside it', async () => {
    const window = await withTwoResults();
    const adapted = { ...resultOf(3), model: { ...resultOf(3).model, adapter: '/models/mine' } };
    const run = window.receive({ kind: 'run', plan: { ...setup(3), adapter: '/models/mine' } });
    await settled();
    window.going.at(-1)?.end(adapted);
    await run;
    const compared = window.receive({ kind: 'compareBase', tab: 't3' });
    await settled();
    assert.equal(window.tabs.of('t4')?.setup.adapter, undefined);
    assert.equal(window.tabs.of('t4')?.setup.seed, 3);
    window.going.at(-1)?.end({ ...resultOf(4), finding: 'The base.' });
    await compared;
    const { result, compareWith, tabs } = window.last('open');
    assert.deepEqual([tabs?.active, result?.model.adapter], ['t3', '/models/mine']);
    assert.equal(compareWith?.result.finding, 'The base.');
  });

  it('run again what gave them, and the request stays as it is', async () => {
    const window = await withTwoResults();
    void window.receive({ kind: 'rerunTab', tab: 't1' });
    await settled();
    assert.equal(window.row, '1 2 [1]');
    assert.equal(window.last('open').plan.seed, 2);
    window.going.at(-1)?.end(resultOf(1));
  });

  it('ask more of the result that was in front, whatever is in front when the answer comes', async () => {
    const window = await withTwoResults();
    const question = { section: 'heads', place: { kind: 'head', layer: 0, head: 0 } } as const;
    // The others wait until the first is answered.
    const asked = [7, 8, 9].map((request) => window.receive({ kind: 'ask', request, question }));
    await window.receive({ kind: 'showTab', tab: 't1' });
    await Promise.all(asked);
    await settled();
    assert.deepEqual(
      window.asked.map(({ finding }) => finding),
      ['Seed 2.', 'Seed 2.', 'Seed 2.'],
    );
  });

  it('hold what was asked of their results since, one after another; what was stopped is not in them', async () => {
    const window = await withTwoResults();
    const ask = (request: number, alpha: number) =>
      window.receive({
        kind: 'extend',
        request,
        question: {
          section: 'caption',
          place: {
            kind: 'variant',
            reinforcement: {
              alpha,
              outliers: 'paper',
              heads: 'selected',
              normMatched: false,
              executor: 'in-graph',
              seed: 0,
            },
          },
        },
      });
    for (const alpha of [2, 3, 4]) await ask(10 + alpha, alpha);
    await window.receive({ kind: 'stopExtending', request: 13 });
    // Another tab is in front when the answers come.
    await window.receive({ kind: 'showTab', tab: 't1' });
    for (let turn = 0; turn < 8; turn += 1) await settled();
    assert.equal(window.last('extending').sentence, 'Choosing heads');
    const extended = (): readonly number[] =>
      window.sent.flatMap((message) => (message.kind === 'extended' ? [message.request] : []));
    assert.deepEqual(extended(), [12, 14]);
    const finding = 'Seed 2. Alpha 2. Alpha 4.';
    assert.equal(window.kept.get(entryOf(resultOf(2)))?.finding, finding, 'in the history');
    assert.equal(window.tabs.shown.tabs[1]?.finding, finding);
    await window.receive({ kind: 'showTab', tab: 't2' });
    assert.equal(window.last('open').result?.finding, finding);
    let written = (): void => undefined;
    window.disk = new Promise((resolve) => (written = resolve));
    await ask(15, 2.5);
    for (let turn = 0; turn < 4; turn += 1) await settled();
    assert.deepEqual(extended(), [12, 14], 'not on the screen while it is not on the disk');
    written();
    for (let turn = 0; turn < 4; turn += 1) await settled();
    assert.deepEqual(extended(), [12, 14, 15]);
    assert.ok(!window.sent.some((message) => message.kind === 'failed'));
  });

  it('keep where each was saved, also once another run has begun', async () => {
    const window = await withTwoResults();
    await window.receive({ kind: 'showTab', tab: 't1' });
    await window.receive({ kind: 'save' });
    await window.receive({ kind: 'showTab', tab: 't2' });
    assert.equal(window.last('open').savedAs, undefined);
    await window.receive({ kind: 'showTab', tab: 't1' });
    assert.equal(window.last('open').savedAs, 'Saved as first.json');
  });

  it('say that a result could not be kept, whatever is in front', async () => {
    const window = await withTwoResults();
    const ended = window.receive({ kind: 'run', plan: setup(3) });
    await settled();
    await window.receive({ kind: 'showTab', tab: 't1' });
    window.keepFails = 'The disk is full. Free some of it.';
    window.going.at(-1)?.end(resultOf(3));
    await ended;
    assert.match(window.last('notice').sentence, /could not be kept for the next start\..* The disk is full\./);
  });

  it('answer a question that comes when no result is on the screen any more', async () => {
    const window = await withTwoResults();
    void window.receive({ kind: 'run', plan: setup(3) });
    await settled();
    const question = { section: 'heads', place: { kind: 'head', layer: 0, head: 0 } } as const;
    await window.receive({ kind: 'ask', request: 4, question });
    await window.receive({ kind: 'row', request: 5, layer: 0, head: 0, query: 0 });
    await settled();
    const failed = window.sent.flatMap((message) => (message.kind === 'failed' ? [message] : []));
    assert.deepEqual(
      failed.map(({ request, sentence }) => [request, sentence]),
      [4, 5].map((request) => [request, 'There is no result to look into. Run an analysis first.']),
    );
    assert.deepEqual(window.asked, []);
  });

  it('open no path on another machine for a result that came with the workspace', async () => {
    const window = new Window();
    const folder = '//server/share/model';
    const from = { ...resultOf(1), model: { ...model, folder } };
    const id = entryOf(from);
    window.kept.set(id, from);
    await window.receive({ kind: 'ready' });
    await window.receive({ kind: 'openEntry', id });
    const question = { section: 'heads', place: { kind: 'head', layer: 0, head: 0 } } as const;
    await window.receive({ kind: 'ask', request: 1, question });
    await settled();
    assert.equal(window.asked.length, 1, 'what this person ran is asked');
    window.foreign.add(id);
    const again = new Window(window.memory, window.kept);
    again.foreign.add(id);
    await again.receive({ kind: 'ready' });
    await again.receive({ kind: 'ask', request: 2, question });
    await settled();
    assert.deepEqual(again.asked, []);
    assert.match(again.last('failed').sentence, /on another machine.* so it is not opened/);
    again.sent.length = 0;
    await again.receive({ kind: 'rerunTab', tab: 't1' });
    assert.match(again.last('notice').sentence, /on another machine.* so it is not opened/);
    assert.deepEqual(again.going, []);
  });

  it('are beside a list from which a result is copied or deleted, and which says what is wrong with it', async () => {
    const window = await withTwoResults();
    await window.receive({ kind: 'history', request: 5, words: '' });
    assert.deepEqual(window.last('history').problems, ['1 result is kept until this window closes only.']);
    const id = entryOf(resultOf(1));
    await window.receive({ kind: 'copyEntry', id });
    assert.equal(window.last('notice').sentence, `A copy is in the workspace: /work/.headscope/${id}.json`);
    window.confirms = false;
    await window.receive({ kind: 'removeEntry', id });
    assert.ok(window.kept.has(id), 'the person thought better of it');
    window.confirms = true;
    await window.receive({ kind: 'removeEntry', id });
    await settled();
    const { request, rows } = window.last('history');
    assert.equal(request, 5);
    assert.deepEqual(
      rows.map((row) => row.id),
      [entryOf(resultOf(2))],
    );
    window.listFails = 'EACCES';
    await window.receive({ kind: 'history', request: 6, words: '' });
    assert.equal(window.last('failed').request, 6);
  });

  it('say so where a result is gone', async () => {
    const before = await withTwoResults();
    before.kept.clear();
    const after = new Window(before.memory, before.kept);
    await after.receive({ kind: 'ready' });
    assert.equal(after.last('failed').sentence, 'This result is no longer in the history.');
    assert.equal(after.row, '1 [2]');
  });
});
