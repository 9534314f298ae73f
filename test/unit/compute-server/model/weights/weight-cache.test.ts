import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoredTensor, StoredWeights } from '../../../../../models/architectures/stored-weights';
import type { Linear } from '../../../../../models/architectures/weights-spec';
import { quantising } from '../../../../../compute-server/model/weights/holding';
import { PieceLayout } from '../../../../../compute-server/model/weights/piece-layout';
import { WeightCache } from '../../../../../compute-server/model/weights/weight-cache';

/** One matrix of 64 x 32 in float32. */
const size = 4 * 64 * 32;
const linear: Linear = { weight: 'w', inputs: 32, outputs: 64, stored: 'outputs-inputs' };

describe('packed weights kept on the disk', () => {
  let root: string;
  let source: string;
  let said: string[];
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'headscope-weight-cache-'));
    source = join(root, 'model');
    mkdirSync(source);
    const numbers = Float32Array.from({ length: size / 4 }, (_, at) => Math.sin(at));
    writeFileSync(join(source, 'data'), new Uint8Array(numbers.buffer));
    said = [];
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const plan = (): PieceLayout => {
    const tensor: StoredTensor = {
      name: 'w',
      dtype: 'F32',
      shape: [64, 32],
      location: 'data',
      offset: 0,
      length: size,
    };
    const weights: StoredWeights = { find: (name) => (name === 'w' ? tensor : undefined) };
    const made = new PieceLayout(weights, quantising(8), { products: true, codes: true, tables: false });
    made.pack(linear, [64, 32]);
    return made;
  };
  const cacheOf = (key: string, limitBytes = 1e6): WeightCache =>
    new WeightCache({ cacheFolder: join(root, 'cache'), limitBytes }, key, (sentence) => said.push(sentence));
  const fileOf = async (cache: WeightCache): Promise<string> => {
    const folder = await cache.folderOf(plan(), source);
    assert.ok(folder !== undefined, said.join());
    return join(folder, 'weights.bin');
  };

  it('are written once, and read again by the next process', async () => {
    const cache = cacheOf('model');
    assert.equal(await cache.check(1000), undefined);
    assert.equal(cache.has(plan()), false);
    const file = await fileOf(cache);
    const { mtimeMs } = statSync(file);
    assert.equal(cache.has(plan()), true);
    assert.deepEqual(readdirSync(join(file, '..')), ['weights.bin'], 'nothing unfinished stays behind');
    rmSync(source, { recursive: true });
    assert.equal(await fileOf(cacheOf('model')), file);
    assert.equal(statSync(file).mtimeMs, mtimeMs);
  });

  it('are read as they were written on 2026-11-30, without the model', async () => {
    cpSync(join(__dirname, '../../../../fixtures/earlier/cache'), join(root, 'cache'), { recursive: true });
    rmSync(source, { recursive: true });
    const file = await fileOf(cacheOf('model'));
    assert.ok(file.startsWith(join(root, 'cache/headscope-weights/e6657fce6089de1af5a5ca09')));
  });

  it('are those of one model and one format', async () => {
    assert.notEqual(await fileOf(cacheOf('model')), await fileOf(cacheOf('another model')));
  });

  for (const [what, spoil] of [
    ['cut short', (file: string) => truncateSync(file, 5000)],
    [
      'changed in one byte',
      (file: string) => {
        const bytes = readFileSync(file);
        bytes[5000] = (bytes[5000] ?? 0) ^ 1;
        writeFileSync(file, bytes);
      },
    ],
    ['something else of the same size', (file: string) => writeFileSync(file, Buffer.alloc(statSync(file).size, 7))],
  ] as const) {
    it(`are written again where the file is ${what}`, async () => {
      const file = await fileOf(cacheOf('model'));
      const whole = readFileSync(file);
      spoil(file);
      assert.equal(await fileOf(cacheOf('model')), file);
      assert.deepEqual(readFileSync(file), whole);
    });
  }

  it('of the model used longest ago go when the bound is reached', async () => {
    const one = plan().size;
    const first = await fileOf(cacheOf('first', 2.5 * one));
    const second = await fileOf(cacheOf('second', 2.5 * one));
    const hourAgo = new Date(Date.now() - 3.6e6);
    utimesSync(join(second, '..', '..'), hourAgo, hourAgo);
    const third = await fileOf(cacheOf('third', 2.5 * one));
    assert.deepEqual(
      [first, second, third].map((file) => existsSync(file)),
      [true, false, true],
    );
  });

  it("leave a person's folder called weights as it is, also one whose names are like ours", async () => {
    const theirs = ['paper', 'a'.repeat(24), `${'b'.repeat(24)}/${'c'.repeat(16)}`];
    for (const name of theirs) {
      mkdirSync(join(root, 'cache', 'weights', name), { recursive: true });
      writeFileSync(join(root, 'cache', 'weights', name, 'weights.bin'), Buffer.alloc(1e5, 1));
    }
    const one = plan().size;
    for (const key of ['first', 'second', 'third']) await fileOf(cacheOf(key, 1.5 * one));
    for (const name of theirs) {
      assert.deepEqual(readdirSync(join(root, 'cache', 'weights', name)), ['weights.bin'], name);
    }
    assert.equal(readdirSync(join(root, 'cache', 'headscope-weights')).length, 2, 'one model and the mark');
  });

  /** Where the version before kept them. */
  const moveToEarlier = async (key: string): Promise<string> => {
    await fileOf(cacheOf(key));
    renameSync(join(root, 'cache', 'headscope-weights'), join(root, 'cache', 'weights'));
    rmSync(join(root, 'cache', 'weights', 'CACHEDIR.TAG'));
    return join(root, 'cache', 'weights');
  };

  it('of an earlier version are read and counted, and stay', async () => {
    const earlier = await moveToEarlier('model');
    const before = readdirSync(earlier, { recursive: true });
    assert.ok((await fileOf(cacheOf('model'))).startsWith(earlier));
    const one = plan().size;
    const other = cacheOf('another', 1.5 * one);
    assert.match(
      (await other.check(one)) ?? '',
      /earlier version of Headscope in .*weights take .*Delete .*weights, or/,
    );
    assert.deepEqual(readdirSync(earlier, { recursive: true }), before);
  });

  for (const [what, place] of [
    ['the folder', () => Promise.resolve()],
    ['the folder of an earlier version', () => moveToEarlier('model').then(() => undefined)],
  ] as const) {
    it(`are made again where those of ${what} led to another model`, async () => {
      await fileOf(cacheOf('model'));
      await place();
      const cache = cacheOf('model');
      const wrong = await fileOf(cache);
      utimesSync(wrong, new Date(0), new Date(0));
      assert.equal(await cache.makeAgain(), true);
      const made = await fileOf(cache);
      assert.ok(made.includes('headscope-weights'));
      assert.ok(statSync(made).mtimeMs > 0, 'it was written now');
      assert.equal(await cache.makeAgain(), false, 'they are of this process now');
    });
  }

  it('are not kept, with the reason, where a model takes more than the bound', async () => {
    const cache = cacheOf('model', 1000);
    assert.match((await cache.check(5000)) ?? '', /not kept for the next run.*5\.0 kB.*1\.0 kB.*Raise headscope/);
    assert.equal(await cache.folderOf(plan(), source), undefined);
  });

  it('are not kept, with the reason, where the folder cannot be written; the run goes on', async () => {
    // A file in place of the folder: root may write to folders that are write-protected.
    writeFileSync(join(root, 'cache'), '');
    const before = cacheOf('model');
    assert.match(
      (await before.check(1000)) ?? '',
      /cannot be written \(ENOTDIR.*name another folder in HEADSCOPE_CACHE_DIR/,
    );
    const meanwhile = cacheOf('model');
    assert.equal(await meanwhile.folderOf(plan(), source), undefined);
    assert.equal(said.length, 1);
    assert.match(said[0] ?? '', /not kept for the next run.*cannot be written/);
    assert.equal(await meanwhile.folderOf(plan(), source), undefined);
    assert.equal(said.length, 1, 'said once');
  });
});
