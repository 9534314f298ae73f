/** Steps of unfinished runs on the disk: what is taken, what is measured again, and what is never deleted. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { followed } from '../../../../compute-server/analyses/run-progress';
import { StepStore, stepFolders } from '../../../../compute-server/analyses/step-store';
import type { Step } from '../../../../diagnostics/analysis';
import { surroundingsOf } from '../../../support/model-jobs';

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 24);
/** Longer than a step must take to be kept. */
const slow =
  <T>(value: T) =>
  async (): Promise<T> => {
    const end = performance.now() + 25;
    while (performance.now() < end);
    return Promise.resolve(value);
  };

describe('kept steps', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'headscope-steps-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const of = (key: unknown = 'run'): StepStore => new StepStore(stepFolders(root, ''), key);
  const fileOf = (key: string, step: string): string =>
    join(root, 'headscope-steps', hash(JSON.stringify(key)), `${hash(step)}.step`);
  const again = async (steps = of()): Promise<unknown> => {
    await steps.open();
    return steps.step('one', slow('measured again'));
  };

  it('are taken by the next run, and go with the end of it', async () => {
    await of().step('one', slow({ scores: [1, Number.NaN] }));
    const next = of();
    assert.deepEqual(await again(next), { scores: [1, Number.NaN] });
    assert.deepEqual([next.kept, next.reused], [1, 1]);
    await next.remove();
    assert.deepEqual(readdirSync(join(root, 'headscope-steps')), ['CACHEDIR.TAG']);
  });

  const circle: unknown[] = [];
  circle.push(circle);
  type Kept = Readonly<Record<string, unknown>>;
  for (const [what, change] of [
    ['a list in a circle', (step: Kept) => ({ ...step, value: serialize(circle) })],
    ['a text', (step: Kept) => ({ ...step, value: serialize('a text') })],
    ['NaN', (step: Kept) => ({ ...step, value: serialize([Number.NaN]) })],
    ['no value', (step: Kept) => ({ ...step, value: undefined })],
    ['another version of Headscope', (step: Kept) => ({ ...step, headscope: '0.0.1' })],
    ['another step', (step: Kept) => ({ ...step, key: 'two' })],
    ['null', () => null],
  ] as const) {
    it(`are measured again where a file was changed to hold ${what}`, async () => {
      await of().step('one', slow([1, 2]));
      const file = fileOf('run', 'one');
      writeFileSync(file, serialize(change(deserialize(readFileSync(file)) as Kept)));
      assert.equal(await again(), 'measured again');
      assert.equal(await again(of()), 'measured again', 'and are kept');
    });
  }

  /** As the version before wrote them, straight into the folder. */
  const earlier = (run: string, step: string, value: unknown): string => {
    const folder = join(root, hash(JSON.stringify(run)));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${hash(step)}.step`), serialize({ version: 1, key: step, value }));
    return folder;
  };

  it('of an earlier version are taken, counted, and go with their own run alone', async () => {
    await of('first').step('a', slow(1));
    // Clocks of file systems are coarse: the first is older beyond doubt.
    const anHourAgo = new Date(Date.now() - 3.6e6);
    utimesSync(join(root, 'headscope-steps', hash('"first"')), anHourAgo, anHourAgo);
    for (const number of [1, 2, 3, 4, 5, 6]) earlier(`other ${number}`, 'one', 1);
    const own = earlier('run', 'one', [5]);
    await of('second').step('a', slow(1));
    // Eight runs may stay, the seven of an earlier version among them.
    assert.deepEqual(
      readdirSync(join(root, 'headscope-steps')).filter((name) => name !== 'CACHEDIR.TAG'),
      [hash('"second"')],
    );
    const run = of();
    assert.deepEqual(await again(run), [5]);
    writeFileSync(join(own, 'notes.txt'), 'mine');
    await run.remove();
    assert.deepEqual(readdirSync(own), ['notes.txt']);
    assert.equal(readdirSync(root).length, 8);
  });

  it('of an earlier version with a circle are measured again', async () => {
    earlier('run', 'one', circle);
    assert.equal(await again(), 'measured again');
  });

  it('of other documents are counted, and none is taken', async () => {
    const reading = (content: string, request = 'run'): StepStore =>
      new StepStore(stepFolders(root, ''), [request, content], { request: [request], content });
    const before = reading('first documents');
    for (const key of ['one', 'two']) await before.step(key, slow('of the first'));
    await reading('theirs', 'another request').step('one', slow(1));
    await of('without documents').step('one', slow(1));
    const next = reading('second documents');
    assert.equal(await again(next), 'measured again');
    assert.deepEqual([next.kept, next.reused, await next.ofOtherContent()], [1, 0, 2]);
    const back = reading('first documents');
    assert.equal(await again(back), 'of the first');
    assert.deepEqual([back.kept, await back.ofOtherContent()], [2, 1]);
    await back.remove();
    assert.equal(await reading('second documents').ofOtherContent(), 0);
    assert.equal(await of().ofOtherContent(), 0);
  });

  it('leave everything else in the folder as it is', async () => {
    for (let number = 0; number < 20; number++) {
      mkdirSync(join(root, hash(`${number}`)));
      writeFileSync(join(root, hash(`${number}`), 'mine.step'), 'mine');
      writeFileSync(join(root, `notes ${number}`), 'mine');
    }
    const before = readdirSync(root);
    const steps = of();
    await steps.step('one', slow(1));
    await steps.remove();
    assert.deepEqual(readdirSync(root).sort(), [...before, 'headscope-steps'].sort());
  });

  it('of a run with something to know are said with it at every stage', async () => {
    const steps = of();
    async function* run(): AsyncGenerator<Step<{ sum: number }>, { sum: number }> {
      for (let done = 0; done < 2; done++) yield { sentence: `step ${done}`, done, total: 2 };
      return { sum: await steps.step('one', slow(1)) };
    }
    const note = 'The documents have changed.';
    const following = followed(run, {
      steps: of(),
      note,
      surroundings: surroundingsOf(),
      signal: new AbortController().signal,
    });
    for (const sentence of ['step 0', 'step 1']) {
      const { value } = await following.next();
      assert.ok('kind' in value && value.kind === 'stage');
      assert.deepEqual([value.sentence, value.note], [sentence, note]);
    }
  });

  it('that make a run fail are measured again at once', async () => {
    earlier('run', 'one', 'a text');
    const steps = of();
    await steps.open();
    async function* run(): AsyncGenerator<Step<{ sum: number }>, { sum: number }> {
      yield { sentence: '', done: 0, total: 1 };
      const list = await steps.step('one', slow([1, 2]));
      return { sum: list.reduce((sum, one) => sum + one, 0) };
    }
    const logged: string[] = [];
    const surroundings = { ...surroundingsOf(), log: (_: string, message: string) => logged.push(message) };
    const following = followed(run, { steps, surroundings, signal: new AbortController().signal });
    let end = await following.next();
    while (!end.done) end = await following.next();
    assert.deepEqual(end.value, { sum: 3 });
    assert.match(logged.join(), /failed on kept steps .*measures them again/);
  });
});
