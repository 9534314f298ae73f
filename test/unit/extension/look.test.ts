/** Look in a window: what runs by itself gives its place to the next one, unless somebody has used it. */
import assert from 'node:assert/strict';
import { entryOf } from '../../../extension/panels/workbench/tab';
import { resultOf, settled, setup, Window } from './workbench-window';

/** The Look of these seeds in brackets, with `*` where the next one takes its place. */
const rowOf = ({ tabs }: Window): string =>
  tabs.shown.tabs
    .map(({ look, byItself, setup: { seed } }) => (look ? `[${seed}${byItself ? '*' : ''}]` : `${seed}`))
    .join(' ');

async function looks(window: Window, seed: number): Promise<void> {
  const ended = window.receive({ kind: 'lookByItself', plan: setup(seed) });
  await settled();
  window.going.at(-1)?.end(resultOf(seed));
  await ended;
  await settled();
}

async function asked(window: Window, seed: number): Promise<void> {
  const ended = window.receive({ kind: 'run', plan: setup(seed), look: true });
  await settled();
  window.going.at(-1)?.end(resultOf(seed));
  await ended;
  await settled();
}

const opened = async (): Promise<Window> => {
  const window = new Window();
  await window.receive({ kind: 'ready' });
  return window;
};

describe('Look in a window', () => {
  it('takes the place of the one before it, which stays on the screen until then', async () => {
    const window = await opened();
    await looks(window, 1);
    assert.equal(rowOf(window), '[1*]');
    window.sent.length = 0;
    const ended = window.receive({ kind: 'lookByItself', plan: setup(2) });
    await settled();
    assert.equal(rowOf(window), '[1*]');
    const tab = window.tabs.shown.tabs[0]?.id;
    assert.deepEqual(window.last('looks'), { kind: 'looks', tab, byItself: true });
    window.going.at(-1)?.say({ kind: 'stage', sentence: 'Layer 1', share: 0.5, kept: 0 });
    assert.ok(!window.sent.some(({ kind }) => kind === 'open'), 'nothing is drawn anew');
    assert.equal(window.tabs.shown.tabs[0]?.standing, undefined, 'and nothing flickers');
    window.going.at(-1)?.end(resultOf(2));
    await ended;
    assert.equal(rowOf(window), '[2*]');
    assert.equal(window.tabs.shown.tabs[0]?.id, tab, 'what is arranged in the tab stays');
    assert.equal(window.last('result').result.finding, 'Seed 2.');
    assert.deepEqual(window.keptAs, ['by itself', 'by itself']);
  });

  it('stays beside the next one where a person has run, pinned, compared or asked it', async () => {
    const window = await opened();
    const use = async (seed: number, how: () => Promise<void>): Promise<void> => {
      await looks(window, seed);
      await how();
      await settled();
    };
    await asked(window, 1);
    assert.deepEqual([rowOf(window), window.keptAs.at(-1)], ['[1]', 'asked']);
    const chosen = { section: 'heads', head: { layer: 1, head: 2 } };
    await window.receive({ kind: 'chooseHead', tab: 't1', chosen });
    await use(2, () => window.receive({ kind: 'pinEntry', id: entryOf(resultOf(2)), pinned: true }));
    await use(3, () => window.receive({ kind: 'compareTabs', tab: 't1', other: 't3' }));
    const question = { section: 'heads', place: { kind: 'head', layer: 0, head: 0 } } as const;
    await use(4, () => window.receive({ kind: 'ask', request: 9, question }));
    await use(5, () => window.receive({ kind: 'ask', request: 10, question, live: true }));
    await looks(window, 6);
    assert.equal(rowOf(window), '1 2 3 4 [6*]');
    const ids = [3, 4].map((seed) => entryOf(resultOf(seed)));
    assert.deepEqual(window.used.filter((id) => ids.includes(id)).sort(), ids.sort(), 'the history knows it too');
    const after = new Window(window.memory, window.kept);
    await after.receive({ kind: 'ready' });
    assert.equal(rowOf(after), '1 2 3 4 [6*]', 'and a reload');
    assert.deepEqual(after.tabs.lookTab?.chosen, chosen, 'with the head that was chosen in the first of them');
  });

  it('leaves the one that was run by hand to be asked about while it has nothing itself', async () => {
    const window = await opened();
    await asked(window, 1);
    const ended = window.receive({ kind: 'lookByItself', plan: setup(2) });
    await settled();
    assert.equal(rowOf(window), '1 [2*]');
    const question = { section: 'heads', place: { kind: 'head', layer: 0, head: 0 } } as const;
    await window.receive({ kind: 'ask', request: 9, question, live: true });
    await settled();
    assert.equal(window.last('answer').request, 9);
    window.going.at(-1)?.end(resultOf(2));
    await ended;
    assert.equal(window.last('result').result.finding, 'Seed 2.');
  });

  it('that a reload cut off while it had nothing begins anew after the one before it, with the head chosen there', async () => {
    const before = await opened();
    await asked(before, 1);
    const chosen = { section: 'heads', head: { layer: 1, head: 2 } };
    await before.receive({ kind: 'chooseHead', tab: 't1', chosen });
    void before.receive({ kind: 'lookByItself', plan: setup(2) });
    await settled();
    assert.equal(rowOf(before), '1 [2*]');
    const after = new Window(before.memory, before.kept);
    await after.receive({ kind: 'ready' });
    assert.deepEqual([after.tabs.lookTab?.id, after.tabs.lookTab?.chosen], ['t1', chosen]);
    await looks(after, 2);
    assert.equal(rowOf(after), '1 [2*]');
    assert.deepEqual(after.tabs.lookTab?.chosen, chosen);
  });

  it('gives its place to one that is run by hand', async () => {
    const window = await opened();
    await looks(window, 1);
    await asked(window, 2);
    assert.equal(rowOf(window), '[2]');
    await looks(window, 3);
    assert.equal(rowOf(window), '2 [3*]');
  });

  it('is ended by the next one, and nothing is said of that', async () => {
    const window = await opened();
    await looks(window, 1);
    const first = window.receive({ kind: 'lookByItself', plan: setup(2) });
    await settled();
    window.sent.length = 0;
    const second = window.receive({ kind: 'lookByItself', plan: setup(3) });
    await first;
    await settled();
    window.going.at(-1)?.end(resultOf(3));
    await second;
    assert.equal(rowOf(window), '[3*]');
    assert.deepEqual([...new Set(window.sent.map(({ kind }) => kind))].sort(), ['looks', 'result', 'tabs']);
    assert.deepEqual(window.reported, []);
  });

  it('does not run by itself while the machine is busy, and an unfinished one before it is taken back', async () => {
    const window = await opened();
    await looks(window, 1);
    const first = window.receive({ kind: 'lookByItself', plan: setup(2) });
    await settled();
    window.idle = false;
    await window.receive({ kind: 'lookByItself', plan: setup(3) });
    await first;
    await settled();
    assert.deepEqual(window.sent.filter(({ kind }) => kind === 'looks').at(-1), { kind: 'looks' });
    assert.equal(window.going.length, 2);
    assert.equal(rowOf(window), '[1*]');
    assert.equal(window.last('open').result?.finding, 'Seed 1.');
  });

  it('leaves what stood there before where it is refused', async () => {
    const window = await opened();
    await looks(window, 1);
    const ended = window.receive({ kind: 'lookByItself', plan: setup(2) });
    await settled();
    window.going.at(-1)?.fail('The prompt is too long.');
    await ended;
    await settled();
    assert.equal(rowOf(window), '[1*]');
    assert.equal(window.last('open').result?.finding, 'Seed 1.');
    assert.match(window.last('failed').sentence, /The prompt is too long\./);
    const stopped = window.receive({ kind: 'lookByItself', plan: setup(3) });
    await settled();
    window.going.at(-1)?.say({ kind: 'partial', finding: 'A part.', sections: [] });
    window.going.at(-1)?.fail('The process has ended.');
    await stopped;
    await settled();
    assert.equal(rowOf(window), '[1*]', 'a part of it is worth less');
    assert.match(window.last('failed').sentence, /The process has ended\./);
    const first = await opened();
    const alone = first.receive({ kind: 'run', plan: setup(1), look: true });
    await settled();
    first.going.at(-1)?.fail('No memory.');
    await alone;
    assert.equal(rowOf(first), '');
  });

  it('comes to the front where it is asked for elsewhere, with its request and the head that is named', async () => {
    const window = await opened();
    await looks(window, 1);
    const other = window.receive({ kind: 'run', plan: setup(2) });
    await settled();
    window.going.at(-1)?.end(resultOf(2));
    await other;
    await window.host.look(setup(3), { layer: 1, head: 2 });
    const open = window.last('open');
    assert.deepEqual(
      [open.asks, open.plan.seed, open.result?.finding, open.select],
      ['look', 3, 'Seed 1.', { layer: 1, head: 2 }],
    );
    await window.receive({ kind: 'ready' });
    assert.deepEqual([window.last('open').asks, window.last('open').select], [undefined, undefined], 'said once');
  });
});
