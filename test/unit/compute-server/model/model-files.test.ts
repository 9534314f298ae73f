/** A model's hash says which model it is, wherever it lies and whenever it was written. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../../compute-server/model/checkpoint/loaded-model';
import { writeSafetensors, writeShards } from '../../../support/safetensors-file';
import { tinyModel, tinyTensors, writeConfig, writeTinyModel } from '../../../support/checkpoints/tiny-models';
import { writeByteLevelTokenizer } from '../../../support/checkpoints/tokenizers';

describe('the hash of a model', () => {
  const llama = tinyModel('llama');
  let root: string;
  let first: LoadedModel;
  const opened: LoadedModel[] = [];
  const openAt = async (name: string): Promise<LoadedModel> => {
    const model = await openModel(join(root, name), { device: 'cpu', threads: 1, limitBytes: 1e9 });
    opened.push(model);
    return model;
  };
  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'headscope-hash-'));
    writeTinyModel(join(root, 'first'), llama);
    writeByteLevelTokenizer(join(root, 'first'));
    first = await openAt('first');
  });
  after(async () => {
    await Promise.all(opened.map(({ sessions }) => sessions.release()));
    rmSync(root, { recursive: true });
  });
  const copied = (name: string): string => {
    cpSync(join(root, 'first'), join(root, name), { recursive: true });
    return join(root, name);
  };

  it('is that of a copy with other times, whose stamp for caches differs', async () => {
    const folder = copied('copy');
    for (const name of ['config.json', 'model.safetensors']) utimesSync(join(folder, name), 1, 1);
    const copy = await openAt('copy');
    assert.equal(copy.summary.hash, first.summary.hash);
    assert.match(copy.summary.hash, /^[0-9a-f]{16}$/);
    assert.notEqual(copy.stamp, first.stamp);
  });

  it('is that of the same tensors in shards', async () => {
    const folder = copied('shards');
    rmSync(join(folder, 'model.safetensors'));
    writeShards(folder, tinyTensors(llama), 3);
    assert.equal((await openAt('shards')).summary.hash, first.summary.hash);
  });

  const changes: Readonly<Record<string, (folder: string) => void>> = {
    config: (folder) => writeConfig(folder, { ...llama.config, rms_norm_eps: 1e-5 }),
    tokenizer: (folder) => writeFileSync(join(folder, 'tokenizer.json'), '{}'),
    'one number of one tensor': (folder) => {
      const tensors = tinyTensors(llama);
      const { data } = tensors.get('model.layers.1.input_layernorm.weight') ?? { data: new Float32Array(0) };
      data[3] = (data[3] ?? 0) + 1;
      writeSafetensors(join(folder, 'model.safetensors'), tensors);
    },
    'type of the tensors': (folder) => writeSafetensors(join(folder, 'model.safetensors'), tinyTensors(llama), 'BF16'),
  };
  for (const [what, change] of Object.entries(changes)) {
    it(`changes with the ${what}`, async () => {
      change(copied(what));
      assert.notEqual((await openAt(what)).summary.hash, first.summary.hash);
    });
  }
});
