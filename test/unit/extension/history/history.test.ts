/** The history of results: what is kept, found again, replaced and left out. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { entryName } from '../../../../extension/history/entry';
import { takeOver } from '../../../../extension/history/earlier-runs';
import { analysisFileName } from '../../../../extension/results/analysis-words';
import { analysisText } from '../../../../protocol/analysis/schema';
import { result as benchmark } from '../samples';
import { analysis, fixture, prompted, Store } from './store';

describe('the history of results', () => {
  let store: Store;
  beforeEach(() => {
    store = new Store();
  });
  afterEach(() => store.remove());

  it('keeps a run with its question, model and prompt, and gives it to the next window as it was', async () => {
    const capital = analysis(1, prompted('The capital of France is'));
    const entry = await store.window().keep('analysis', capital);
    const { model } = capital;
    assert.equal(entryName(entry), `Which heads does the prediction need? · ${model.name} · The capital of France is`);
    const next = store.window();
    assert.deepEqual(await next.list(), [entry]);
    const read = await next.read(entry.id);
    assert.deepEqual(read.ok && read.result.saved, capital);
    assert.equal(readFileSync(store.at(`history/${entry.file}`), 'utf8'), analysisText(capital));
    assert.equal(entry.bytes, Buffer.byteLength(analysisText(capital)));
    assert.match(readFileSync(store.at('history/.gitignore'), 'utf8'), /^\*$/m);
    const inEight = await next.keep('analysis', { ...capital, weights: 'q8' });
    assert.equal(inEight.id, entry.id, 'the id is that of versions without this field');
    assert.match(entryName(inEight), / · 8-bit weights · The capital of France is$/);
  });

  it('tells what another window has changed from what this one has written', async () => {
    const [here, there] = [store.folder(), store.folder()];
    const [own, other] = [store.window(here), store.window(there)];
    await own.keep('analysis', analysis(1, prompted('One')));
    assert.deepEqual([await here.hasNews(), await there.hasNews()], [false, true]);
    assert.equal((await other.list()).length, 1);
    await other.pin((await other.list())[0]?.id ?? '', true);
    assert.deepEqual([await here.hasNews(), await there.hasNews()], [true, false]);
    await own.list();
    assert.equal(await here.hasNews(), false, 'once it was looked at');
  });

  it('lists the newest first, of every kind', async () => {
    const history = store.window();
    await history.keep('analysis', analysis(2));
    await history.keep('benchmark', benchmark());
    await history.keep('analysis', analysis(9));
    assert.deepEqual(
      (await history.list()).map(({ kind, created }) => [kind, created.slice(0, 16)]),
      [
        ['analysis', '2026-11-30T12:09'],
        ['analysis', '2026-11-30T12:02'],
        ['benchmark', '2026-11-24T15:00'],
      ],
    );
    assert.deepEqual((await history.latest('benchmark'))?.saved, benchmark());
    assert.equal(await history.latest('module'), undefined);
  });

  it('has one entry for a run that more was asked of since', async () => {
    const history = store.window();
    const first = await history.keep('analysis', analysis(1));
    await history.pin(first.id, true);
    const again = await history.keep('analysis', { ...analysis(1), finding: 'With what was asked since.' });
    assert.equal(again.id, first.id);
    assert.equal(again.pinned, true);
    assert.equal((await history.list()).length, 1);
    assert.equal((await history.latest('analysis'))?.saved.finding, 'With what was asked since.');
  });

  it('finds every word in the model, the question or the prompt', async () => {
    const history = store.window();
    const paris = await history.keep('analysis', analysis(1, prompted('The capital of France is')));
    const rome = await history.keep('analysis', analysis(2, prompted('The capital of Italy is')));
    const ids = async (words: string) => (await history.search(words)).map(({ id }) => id);
    assert.deepEqual(await ids('capital FRANCE'), [paris.id]);
    assert.deepEqual(await ids('prediction need'), [rome.id, paris.id]);
    assert.deepEqual(await ids(`${paris.model} italy`), [rome.id]);
    assert.deepEqual(await ids('Spain'), []);
    assert.deepEqual(await ids('  '), [rome.id, paris.id]);
  });

  it('replaces a look that ran by itself, unless it was run by hand, pinned or compared', async () => {
    const history = store.window();
    const look = (minute: number, byItself = true) => history.keep('analysis', analysis(minute), { byItself });
    const byHand = await look(1, false);
    const pinned = await look(2);
    await history.pin(pinned.id, true);
    const compared = await look(3);
    await history.use(compared.id);
    await look(4);
    const other = await history.keep('analysis', analysis(5, { analysis: 'patching' }), { byItself: true });
    const last = await look(6);
    assert.deepEqual(
      (await history.list()).map(({ id }) => id),
      [last, other, compared, pinned, byHand].map(({ id }) => id),
    );
  });

  it('replaces no look of another window, and those of its own after a reload', async () => {
    const [one, other] = [store.window(), store.window()];
    const look = (window: typeof one, minute: number) => window.keep('analysis', analysis(minute), { byItself: true });
    await look(one, 1);
    const theirs = await look(other, 2);
    const ours = await look(one, 3);
    const left = async () => (await store.window().list()).map(({ id }) => id);
    assert.deepEqual(await left(), [ours.id, theirs.id]);
    const reloaded = store.window();
    reloaded.remember([ours.id]);
    const next = await look(reloaded, 4);
    assert.deepEqual(await left(), [next.id, theirs.id]);
  });

  it('lets the oldest go where there are more than the bounds allow, and never a pinned one', async () => {
    store.bounds = { results: 3, bytes: 1e9 };
    const history = store.window();
    const first = await history.keep('analysis', analysis(1));
    await history.pin(first.id, true);
    for (const minute of [2, 3, 4, 5]) await history.keep('analysis', analysis(minute));
    const minutes = async () => (await history.list()).map(({ created }) => Number(created.slice(14, 16)));
    assert.deepEqual(await minutes(), [5, 4, 1]);
    assert.equal(readdirSync(store.at('history')).filter((name) => name.endsWith('.json')).length, 3);
    store.bounds = { results: 3, bytes: 1 };
    await history.keep('analysis', analysis(6));
    assert.deepEqual(await minutes(), [6, 1], 'the newest stays, however large');
  });

  it('says when it changes', async () => {
    const history = store.window();
    let changes = 0;
    history.onChange(() => (changes += 1));
    const { id } = await history.keep('analysis', analysis(1));
    await history.pin(id, true);
    await history.remove(id);
    assert.equal(changes, 3);
    assert.deepEqual(await history.list(), []);
  });

  it('says that nothing more can be asked of a result whose model is gone', async () => {
    const history = store.window();
    const { model } = analysis(1);
    const gone = await history.keep('analysis', analysis(1, { model: { ...model, folder: store.at('gone') } }));
    const there = await history.keep('analysis', analysis(2, { model: { ...model, folder: store.root } }));
    const only = async (id: string) => {
      const read = await history.read(id);
      assert.ok(read.ok);
      return read.result.onlyShown;
    };
    assert.match((await only(gone.id)) ?? '', /no longer in .*gone, so .* nothing more can be asked of it\.$/);
    assert.equal(await only(there.id), undefined);
  });

  it('shows first what this person has run, not what came with a workspace', async () => {
    const { model } = analysis(1);
    const named = (minute: number, folder: string) => analysis(minute, { model: { ...model, folder } });
    const own = store.folder('own');
    await store.window(own).keep('analysis', named(1, '//server/own'));
    const shared = store.folder('shared');
    await store.window(shared).keep('analysis', named(2, store.root));
    await store.window(shared).keep('analysis', named(3, '//server/share'));
    const first = async (holds: 'own' | 'agreed' | 'others') => {
      const history = store.window(own, store.folder('shared', { holds }));
      assert.equal((await history.list()).length, 3);
      return Number((await history.latest('analysis'))?.saved.created.slice(14, 16));
    };
    assert.deepEqual([await first('own'), await first('agreed'), await first('others')], [3, 2, 1]);
    const [newest] = await store.window(shared).list();
    const read = await store.window(shared).read(newest!.id);
    assert.match((read.ok && read.result.onlyShown) || '', /on another machine.* so it is not opened/);
  });

  it('adds nothing to what came with a workspace, and deletes nothing there to make room', async () => {
    const shared = store.folder('shared');
    for (const minute of [1, 2, 3]) await store.window(shared).keep('analysis', analysis(minute));
    const before = readdirSync(store.at('shared')).sort();
    store.bounds = { results: 1, bytes: 1e9 };
    const history = store.window(store.folder('own'), store.folder('shared', { holds: 'others' }));
    const { id } = await history.keep('analysis', analysis(3));
    assert.deepEqual(readdirSync(store.at('shared')).sort(), before);
    assert.equal(readdirSync(store.at('own')).filter((name) => name.endsWith('.json')).length, 1);
    const read = async (one: string) => {
      const found = await history.read(one);
      return found.ok && found.result.isOwn;
    };
    const other = (await history.list()).find((entry) => entry.id !== id);
    assert.deepEqual([await read(id), await read(other!.id)], [true, false]);
  });

  it('writes nothing into what came with a workspace by listing it, and what is pinned there stays pinned', async () => {
    await store.window(store.folder('shared')).keep('analysis', analysis(1));
    rmSync(store.at('shared/index.jsonl'));
    const before = readdirSync(store.at('shared'));
    const open = () => store.window(store.folder('own'), store.folder('shared', { holds: 'others' }));
    const history = open();
    const [entry] = await history.list();
    assert.ok(entry);
    assert.deepEqual(readdirSync(store.at('shared')), before);
    await history.pin(entry.id, true);
    for (const window of [history, open()]) assert.equal((await window.list())[0]?.pinned, true);
  });

  it('gives a copy to the workspace under the name of a saved result, also of one that could not be written', async () => {
    const history = store.window();
    const { id } = await history.keep('analysis', analysis(1), { byItself: true });
    const name = analysisFileName(analysis(1));
    assert.equal(await history.toWorkspace(id), `/work/.headscope/${name}`);
    assert.deepEqual(store.shared, [[name, analysisText(analysis(1))]]);
    assert.equal((await history.list())[0]?.byItself, false, 'somebody has used it');
    writeFileSync(store.at('taken'), '');
    const full = store.window(store.folder('taken'));
    await assert.rejects(full.keep('analysis', analysis(2)), /cannot be written/);
    const [held] = await full.list();
    await full.toWorkspace(held!.id);
    assert.deepEqual(store.shared.at(-1), [analysisFileName(analysis(2)), analysisText(analysis(2))]);
  });

  it('takes over the last runs of earlier versions, and leaves what is no run', async () => {
    const recent = store.at('recent-heads');
    mkdirSync(recent);
    writeFileSync(`${recent}/a.headscope-heads.json`, fixture('causal.headscope-heads.json'));
    writeFileSync(`${recent}/notes.headscope-heads.json`, 'notes');
    const folder = store.folder();
    await takeOver(store.root, folder);
    assert.deepEqual(
      (await folder.list()).map(({ kind, analysis, file }) => [
        kind,
        analysis,
        file.endsWith('.headscope-analysis.json'),
      ]),
      [['analysis', 'heads', true]],
    );
    assert.deepEqual(readdirSync(recent), ['notes.headscope-heads.json']);
    assert.ok(existsSync(store.at('history/index.jsonl')));
  });
});
