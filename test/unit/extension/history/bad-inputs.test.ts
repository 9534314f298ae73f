/** What may be wrong with a folder of the history, and that nothing of a person's is lost in it. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { historyKinds } from '../../../../extension/history/entry';
import type { History } from '../../../../extension/history/history';
import { NotKept } from '../../../../extension/history/history-folder';
import { kindOf, resultKinds, type Kind } from '../../../../extension/results/result-kinds';
import { analysisText } from '../../../../protocol/analysis/schema';
import { writeInOneStep } from '../../../../files/write-file';
import { mutateBytes, mutateTree, Random } from '../../../support/fuzz/random';
import { analysis, fixture, fixtureNames, Store } from './store';

const ids = async (history: History): Promise<readonly string[]> => (await history.list()).map(({ id }) => id);

describe('a folder of the history', () => {
  let store: Store;
  beforeEach(() => {
    store = new Store();
  });
  afterEach(() => store.remove());

  const files = (): readonly string[] => readdirSync(store.at('history'));
  const index = (): string => readFileSync(store.at('history/index.jsonl'), 'utf8');

  it('that cannot be written keeps results until the window closes, and says so', async () => {
    // Its name is taken by a file: nobody can write into it, whoever runs the test.
    writeFileSync(store.at('history'), 'notes');
    const history = store.window();
    await assert.rejects(history.keep('analysis', analysis(1)), (error) => {
      assert.ok(error instanceof NotKept);
      assert.match(
        error.message,
        /history cannot be written \(\w+\)\. Correct its permissions, or set headscope\.history/,
      );
      return true;
    });
    const [entry] = await history.list();
    assert.deepEqual((await history.latest('analysis'))?.saved.created, analysis(1).created);
    await history.pin(entry!.id, true);
    assert.equal((await history.list())[0]?.pinned, true);
    assert.match(
      (await history.problems()).join(),
      /^1 result is kept until this window closes only\..*Save what you need/,
    );
    assert.equal(readFileSync(store.at('history'), 'utf8'), 'notes');
    assert.deepEqual(await store.window().list(), []);
  });

  it('that is read-only is listed all the same', async () => {
    await store.window().keep('analysis', analysis(1));
    rmSync(store.at('history/index.jsonl'));
    const folder = store.folder('history', { mayWrite: false });
    const history = store.window(folder);
    assert.equal((await history.list()).length, 1);
    assert.equal((await history.list()).length, 1, 'the second time too, when it is known');
    await assert.rejects(history.keep('analysis', analysis(2)), /not trusted/);
    assert.ok(!existsSync(store.at('history/index.jsonl')));
  });

  it('on a full disk keeps what was there, and the result until the window closes', async () => {
    const first = await store.window().keep('analysis', analysis(1));
    const before = index();
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    let isFull = true;
    const write: typeof writeInOneStep = (...given) => (isFull ? Promise.reject(full) : writeInOneStep(...given));
    const history = store.window(store.folder('history', { write }));
    await assert.rejects(history.keep('analysis', analysis(2)), /The disk of .*history is full\. Free some of it\./);
    assert.equal(index(), before);
    assert.deepEqual((await ids(history)).slice(1), [first.id]);
    await assert.rejects(history.keep('analysis', analysis(3)), /is full/);
    isFull = false;
    await history.keep('analysis', analysis(4));
    assert.deepEqual(await history.problems(), []);
    assert.equal((await store.window().list()).length, 4, 'with those that had no place before');
    assert.deepEqual(await ids(store.window()), await ids(history));
  });

  it('whose index is of a newer version is listed from its files, and nothing in it is changed', async () => {
    const entry = await store.window().keep('analysis', analysis(1));
    writeFileSync(store.at('history/index.jsonl'), '{"kind":"headscope-history","version":2}\n{"future":{}}\n');
    const before = index();
    const history = store.window();
    assert.deepEqual(await ids(history), [entry.id]);
    await assert.rejects(history.keep('analysis', analysis(2)), /newer version of Headscope.*Update Headscope\.$/);
    await assert.rejects(history.pin(entry.id, true), /newer version/);
    await assert.rejects(history.remove(entry.id), /could not be deleted/);
    assert.match((await history.problems())[0] ?? '', /newer version of Headscope, so this one changes nothing there/);
    assert.equal(index(), before);
    assert.deepEqual([...files()].sort(), ['.gitignore', entry.file, 'index.jsonl'].sort());
  });

  it('whose index is lost or broken is made again from the files; a broken line costs itself alone', async () => {
    const history = store.window();
    const first = await history.keep('analysis', analysis(1));
    const second = await history.keep('analysis', analysis(2));
    await history.pin(first.id, true);
    rmSync(store.at('history/index.jsonl'));
    const { pinned: _was, ...facts } = first;
    assert.deepEqual(await store.window().list(), [second, { ...facts, pinned: false }]);
    writeFileSync(store.at('history/index.jsonl'), Buffer.from([0xff, 0x00, 0x7b, 0x0a]));
    assert.deepEqual(await ids(store.window()), [second.id, first.id]);
    await store.window().pin(second.id, true);
    appendFileSync(store.at('history/index.jsonl'), '{"kept":{"id":"0123');
    await store.window().pin(first.id, true);
    assert.deepEqual(
      (await store.window().list()).map(({ id, pinned }) => [id, pinned]),
      [
        [second.id, true],
        [first.id, true],
      ],
    );
    rmSync(store.at('history/index.jsonl'));
    mkdirSync(store.at('history/index.jsonl'));
    assert.deepEqual(await ids(store.window()), [second.id, first.id], 'a folder in its place');
  });

  it('with files that are none of ours lists and deletes none of them', async () => {
    mkdirSync(store.at('history'));
    const foreign: Readonly<Record<string, string>> = {
      'notes.md': 'mine',
      'my.headscope-analysis.json': analysisText(analysis(1)),
      'a-0123456789ab.headscope-analysis.json': '{"kind":"somebody","created":""}',
      'b-0123456789ac.headscope-heads.json': analysisText(analysis(1)),
      'c-0123456789ad.headscope-plan.json': fixture('razor.headscope-plan.json'),
      '.headscope-0123456789abcdef.tmp': 'a file of another program',
      '.gitignore': 'mine\n',
    };
    for (const [name, content] of Object.entries(foreign)) {
      writeFileSync(store.at(`history/${name}`), content);
      utimesSync(store.at(`history/${name}`), 1, 1);
    }
    mkdirSync(store.at('history/d-0123456789ae.headscope-analysis.json'));
    symlinkSync(store.at('nowhere'), store.at('history/e-0123456789af.headscope-analysis.json'));
    store.bounds = { results: 1, bytes: 1 };
    const history = store.window();
    assert.deepEqual(await history.list(), []);
    await history.keep('analysis', analysis(1));
    const last = await history.keep('analysis', analysis(2));
    assert.deepEqual(await ids(history), [last.id]);
    for (const [name, content] of Object.entries(foreign))
      assert.equal(readFileSync(store.at(`history/${name}`), 'utf8'), content, name);
    assert.ok(files().includes('d-0123456789ae.headscope-analysis.json'));
    assert.ok(files().includes('e-0123456789af.headscope-analysis.json'));
  });

  it('loses a file that a person has changed into something else neither to the bounds nor to the next run', async () => {
    const history = store.window();
    const entry = await history.keep('analysis', analysis(1));
    writeFileSync(store.at(`history/${entry.file}`), 'my notes');
    store.bounds = { results: 1, bytes: 1 };
    await history.keep('analysis', analysis(2));
    await assert.rejects(history.remove(entry.id), /could not be deleted/);
    await assert.rejects(history.keep('analysis', analysis(1)), /is in the way/);
    assert.equal(readFileSync(store.at(`history/${entry.file}`), 'utf8'), 'my notes');
    const read = await store.window().read(entry.id);
    assert.match(read.ok ? '' : read.why, /cannot be shown\. The file is not valid JSON/);
  });

  it('of two windows that write at once has the entries of both', async () => {
    const [one, other] = [store.window(), store.window()];
    const minutes = Array.from({ length: 30 }, (_, minute) => minute);
    await Promise.all(
      minutes.map(async (minute) => {
        const window = minute % 2 === 0 ? one : other;
        const { id } = await window.keep('analysis', analysis(minute));
        await (minute % 3 === 0 ? one : other).pin(id, minute % 5 === 0);
      }),
    );
    const expected = minutes.map((minute) => [analysis(minute).created, minute % 5 === 0]).reverse();
    for (const window of [one, other, store.window()])
      assert.deepEqual(
        (await window.list()).map(({ created, pinned }) => [created, pinned]),
        expected,
      );
  });

  it('whose index has grown is written anew with all that counts, while another window adds to it', async () => {
    const history = store.window();
    const kept = await history.keep('analysis', analysis(1));
    await history.pin(kept.id, true);
    const change = JSON.stringify({ changed: kept.id, byItself: false });
    appendFileSync(store.at('history/index.jsonl'), `not ours\n${`${change}\n`.repeat(1200)}`);
    const lock = store.at('history/index.jsonl.rewriting');
    writeFileSync(lock, 'A window of Headscope is rewriting the index of the history.\n');
    await history.keep('analysis', analysis(1));
    assert.ok(existsSync(lock) && index().includes(`${change}\n${change}`), 'another window is at it');
    utimesSync(lock, 1, 1);
    await history.keep('analysis', analysis(1));
    assert.ok(!existsSync(lock), 'that window was killed');
    const others = store.window();
    const [grown] = await Promise.all([
      history.keep('analysis', analysis(2)),
      ...[3, 4, 5, 6].map((minute) => others.keep('analysis', analysis(minute), { byItself: minute === 6 })),
    ]);
    await history.pin(grown.id, true);
    const lines = index().split('\n');
    assert.ok(lines.length < 100, `${lines.length} lines`);
    assert.ok(lines.includes('not ours'));
    assert.deepEqual(
      (await store.window().list()).map(({ created, pinned }) => [Number(created.slice(14, 16)), pinned]),
      [
        [6, false],
        [5, false],
        [4, false],
        [3, false],
        [2, true],
        [1, true],
      ],
    );
    assert.deepEqual(
      files().filter((name) => /rewriting|tmp/.test(name)),
      [],
    );
  });

  it('has what a person said of an entry, in whatever order the lines of two windows came', async () => {
    const { id } = await store.window().keep('analysis', analysis(1), { byItself: true });
    await store.window().pin(id, true);
    const [head, kept, pinned] = index()
      .split('\n')
      .filter((line) => line !== '');
    const found = kept!.replace('{"kept":', '{"found":').replace('"byItself":true', '"byItself":false');
    const shown = async (...lines: readonly string[]) => {
      writeFileSync(store.at('history/index.jsonl'), lines.join('\n'));
      return (await store.window().list()).map((entry) => [entry.pinned, entry.byItself]);
    };
    assert.deepEqual(await shown(head!, kept!, pinned!), [[true, true]]);
    assert.deepEqual(await shown(head!, pinned!, kept!), [[true, true]], 'a change before its entry');
    assert.deepEqual(await shown(head!, found, pinned!, kept!), [[true, true]], 'another window found the file first');
    assert.deepEqual(await shown(head!, kept!, pinned!, found), [[true, true]], 'and after');
    const change = JSON.stringify({ changed: 'ffffffffffff', pinned: true });
    await shown(head!, change, ...Array.from({ length: 1100 }, () => pinned!), kept!);
    await store.window().keep('analysis', analysis(2));
    assert.ok(index().split('\n').length < 20);
    assert.ok(index().includes(change), 'its entry may be on its way');
    assert.deepEqual((await store.window().list()).at(-1)?.pinned, true);
  });

  it('in which a window was killed while it wrote has no half result, and later no leftovers', async () => {
    const history = store.window();
    const whole = await history.keep('analysis', analysis(1));
    const half = analysisText(analysis(2)).slice(0, 500);
    const leftover = store.at('history/.headscope-00112233445566aa.tmp');
    writeFileSync(leftover, half);
    // As a program that copies files leaves it.
    const copied = 'copied-0123456789ab.headscope-analysis.json';
    writeFileSync(store.at(`history/${copied}`), half);
    assert.deepEqual(await ids(store.window()), [whole.id]);
    await history.keep('analysis', analysis(3));
    assert.ok(existsSync(leftover), 'another window may be writing it');
    utimesSync(leftover, 1, 1);
    await history.keep('analysis', analysis(4));
    assert.ok(!existsSync(leftover));
    assert.equal(readFileSync(store.at(`history/${copied}`), 'utf8'), half);
    writeFileSync(store.at(`history/${copied}`), analysisText(analysis(2)));
    assert.equal((await history.list()).length, 4, 'and whole when it is whole');
  });

  it('counts a result whose file is gone no longer', async () => {
    const history = store.window();
    const { id, file } = await history.keep('analysis', analysis(1));
    rmSync(store.at(`history/${file}`));
    assert.deepEqual(await history.list(), []);
    const read = await history.read(id);
    assert.equal(read.ok ? '' : read.why, 'This result is no longer in the history.');
  });
});

describe('files of every version in a folder of the history', () => {
  let store: Store;
  before(() => {
    store = new Store();
    mkdirSync(store.at('history'));
  });
  after(() => store.remove());

  const kept = fixtureNames.filter((name) => historyKinds.some((kind) => kind === kindOf(name)));
  /** The same file with the name of an entry. */
  const named = (name: string, number: number): string => {
    const { suffix } = resultKinds[kindOf(name) as Kind];
    return `${name.slice(0, -suffix.length)}-${number.toString(16).padStart(12, '0')}${suffix}`;
  };

  it('are listed and open', async () => {
    kept.forEach((name, at) => writeFileSync(store.at(`history/${named(name, at)}`), fixture(name)));
    const history = store.window();
    const entries = await history.list();
    assert.equal(entries.length, kept.length);
    assert.ok(kept.length > 30);
    for (const entry of entries) {
      const read = await history.read(entry.id);
      assert.ok(read.ok, read.ok ? '' : read.why);
      assert.notEqual(entry.title, '');
      assert.ok(entry.input.length <= 400);
      assert.equal(entry.bytes, statSync(store.at(`history/${entry.file}`)).size);
    }
  });

  it('damaged in 2,000 ways are listed whole or left alone, with a sentence, and none is lost', async function () {
    this.timeout(60_000);
    const random = new Random(7);
    // The small ones, so that many can be tried.
    const small = kept.filter((name) => fixture(name).length < 13_000);
    const written = new Map<string, string>();
    for (let number = 0; number < 2000; number += 1) {
      const name = small[number % small.length]!;
      const text = mutated(fixture(name), random);
      const file = named(name, 0x1000 + number);
      written.set(file, text);
      writeFileSync(store.at(`history/${file}`), text);
    }
    store.bounds = { results: 5, bytes: 1e9 };
    const history = store.window();
    const listed = await history.list();
    const known = new Set(listed.map(({ file }) => file));
    for (const [file, text] of written) {
      const parsed = resultKinds[kindOf(file) as Kind].parse(text);
      assert.equal(known.has(file), parsed.ok, file);
      if (!parsed.ok) assert.match(parsed.why, /^[^\n]{5,}\.$/, file);
    }
    assert.ok(listed.length > 100 && listed.length < 1900);
    await history.keep('analysis', analysis(1));
    assert.ok((await history.list()).length <= 6);
    for (const [file, text] of written) {
      const path = store.at(`history/${file}`);
      if (!known.has(file)) assert.equal(readFileSync(path, 'utf8'), text, `${file} is none of ours and stays`);
    }
  });
});

/** A file as an accident or another program leaves it: bytes or values that are not what was written. */
function mutated(text: string, random: Random): string {
  if (random.chance(0.5)) return mutateBytes(random, Buffer.from(text), 3).toString('utf8');
  return JSON.stringify(mutateTree(random, JSON.parse(text), 2)) ?? '';
}
