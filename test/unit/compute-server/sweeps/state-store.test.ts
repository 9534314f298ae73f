/** States of cells on disk: journals of many processes, one file that grows, an index of it. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Journal, StateStore } from '../../../../compute-server/sweeps/state-store';

describe('states of cells', () => {
  let folder = '';
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'sweep-states-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const index = () => join(folder, 'states.index.json');
  const lines = () => join(folder, 'states.jsonl');
  const journal = (submission: string, process: string) =>
    Journal.open(join(folder, 'submissions', submission), 0, process);

  it('are the last that was written, before and after journals are gathered and the index is written', async () => {
    const store = new StateStore(folder);
    await store.append([{ key: 'a', state: 'waiting', tries: 0 }]);
    const one = await journal('0001', 'task-0');
    const other = await journal('0001', 'task-1');
    await one.add({ key: 'a', state: 'running', tries: 1 });
    await other.add({ key: 'b', state: 'failed', tries: 2, reason: 'It has no heads.' });
    await one.add({ key: 'a', state: 'done', tries: 1, seconds: 2.5 });
    const expected = new Map([
      ['a', { state: 'done', tries: 1, seconds: 2.5 }],
      ['b', { state: 'failed', tries: 2, reason: 'It has no heads.' }],
    ]);
    assert.deepEqual(await store.read(), expected, 'from journals');
    await store.gather();
    assert.deepEqual(await store.read(), expected, 'gathered');
    const size = readFileSync(lines()).length;
    await store.gather();
    assert.equal(readFileSync(lines()).length, size, 'nothing is gathered twice');
    await store.index();
    assert.deepEqual(await new StateStore(folder).read(), expected, 'from the index');
    // A later submission speaks last, whatever the clocks say.
    await (await journal('0002', 'task-0')).add({ key: 'b', state: 'done', tries: 3 });
    assert.equal((await store.read()).get('b')?.state, 'done');
    assert.equal((await store.gather()).get('b')?.state, 'done');
  });

  it('are those of the process that was started last, whatever its number and its machine', async () => {
    const first = await journal('0001', 'node-b-999');
    await first.add({ key: 'a', state: 'running', tries: 1 });
    const second = await journal('0001', 'node-a-1000');
    await second.add({ key: 'a', state: 'failed', tries: 2, reason: 'It has no heads.' });
    const store = new StateStore(folder);
    assert.equal((await store.read()).get('a')?.state, 'failed');
    assert.equal((await store.gather()).get('a')?.state, 'failed');
  });

  it('lose no more than the line that was cut off', async () => {
    const store = new StateStore(folder);
    await store.append([{ key: 'a', state: 'done', tries: 1 }]);
    appendFileSync(lines(), '{"key":"b","state":"do');
    await store.append([{ key: 'c', state: 'failed', tries: 1 }]);
    assert.deepEqual([...(await store.read()).keys()], ['a', 'c']);
    const own = await journal('0001', 'task-0');
    await own.add({ key: 'd', state: 'running', tries: 1 });
    appendFileSync(
      join(folder, 'submissions/0001/journals/000000-000000-task-0.jsonl'),
      '\n{"key":"d","state":"done","tr',
    );
    assert.equal((await store.gather()).get('d')?.state, 'running');
    appendFileSync(join(folder, 'submissions/0001/journals/000000-000000-task-0.jsonl'), 'ies":1}\n');
    assert.equal((await store.gather()).get('d')?.state, 'done', 'a line that came in two pieces');
  });

  it('are read from the lines where the index is damaged, or of another file', async () => {
    const store = new StateStore(folder);
    await store.append([{ key: 'a', state: 'done', tries: 1 }]);
    await store.index();
    const whole = readFileSync(index(), 'utf8');
    for (const text of [
      '',
      whole.slice(0, 40),
      '{"kind":"other"}',
      whole.replace(/"through":\d+/u, '"through":99999'),
    ]) {
      writeFileSync(index(), text.replace('"done"', '"failed"'));
      assert.equal((await store.read()).get('a')?.state, 'done');
    }
  });
});
