/** Packed weights on the disk that are whole, and wrong: the comparison with exact weights finds them, and they are made again. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { openModel, type LoadedModel } from '../../../../../compute-server/model/checkpoint/loaded-model';
import { closeModel } from '../../../../../compute-server/model/checkpoint/model-store';
import { parityOf } from '../../../../../compute-server/model/checkpoint/parity';
import { tinyModel, writeTinyModel } from '../../../../support/checkpoints/tiny-models';

/** Bytes of the header of a file of packed weights (docs/weights.md). */
const headerBytes = 4096;

describe('packed weights that make another model of it', () => {
  let root: string;
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'headscope-packed-again-'));
    writeTinyModel(join(root, 'model'), tinyModel('llama'));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  const open = (): Promise<LoadedModel> =>
    openModel(join(root, 'model'), {
      device: 'cpu',
      threads: 1,
      limitBytes: 1e9,
      weights: 'q8',
      cache: { cacheFolder: join(root, 'cache'), limitBytes: 1e9 },
    });
  const files = (): readonly string[] =>
    readdirSync(join(root, 'cache'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('weights.bin'))
      .map((name) => join(root, 'cache', name));
  const measured = async (): Promise<Awaited<ReturnType<typeof parityOf>>> => {
    const model = await open();
    try {
      return await parityOf(model, { ids: [1, 5, 9, 2, 7] });
    } finally {
      await closeModel(model);
    }
  };

  it('are made again from the checkpoint', async () => {
    const first = await measured();
    assert.equal(first.ok, true);
    const whole = files().map((file) => readFileSync(file));
    assert.ok(whole.length > 0);
    for (const file of files()) {
      const bytes = readFileSync(file);
      // Scales, norms and weights of another model, with the checksum of what is there.
      for (let at = headerBytes; at + 4 <= bytes.length; at += 4) bytes.writeFloatLE(Math.sin(at) * 50, at);
      const header = JSON.parse(bytes.subarray(0, headerBytes).toString()) as object;
      const text = JSON.stringify({ ...header, checksum: crc32(bytes.subarray(headerBytes)) });
      bytes.fill(0x20, 0, headerBytes);
      bytes.write(text);
      writeFileSync(file, bytes);
    }
    assert.deepEqual(await measured(), first);
    assert.deepEqual(
      files().map((file) => readFileSync(file)),
      whole,
    );
  });
});
