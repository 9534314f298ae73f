import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openModel } from '../../../../compute-server/model/checkpoint/loaded-model';
import { ggufTensor } from '../../../../models/architectures/gguf-weights';
import { runnableGguf } from '../../../../models/architectures/gguf-verdict';
import { isReadable } from '../../../../models/architectures/stored-weights';
import { openGguf } from '../../../../models/formats/gguf/checkpoint';
import { nameOfGguf } from '../../../../models/formats/gguf/parts';
import { otherKind } from '../../../../models/formats/read-other';
import { tinyModel, writeTinyModel } from '../../../support/checkpoints/tiny-models';
import { convertToGguf } from '../../../support/gguf-conversion';
import { ggufFile, u32, type Tensor } from '../../../support/gguf-file';

/** A llama of one layer, 4 numbers wide. */
const values = {
  'general.architecture': 'llama',
  'llama.block_count': u32(1),
  'llama.context_length': u32(16),
  'llama.embedding_length': u32(4),
  'llama.feed_forward_length': u32(4),
  'llama.attention.head_count': u32(2),
  'llama.attention.head_count_kv': u32(2),
  'llama.attention.layer_norm_rms_epsilon': { f32: 1e-5 },
  'llama.rope.freq_base': { f32: 10000 },
  'llama.rope.dimension_count': u32(2),
};
const square = (name: string): Tensor => ({ name, sizes: [4, 4], type: 0 });
const vector = (name: string, size = 4): Tensor => ({ name, sizes: [size], type: 0 });
const whole: readonly Tensor[] = [
  ...['token_embd.weight', 'output.weight'].map(square),
  vector('output_norm.weight'),
  ...['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'].map((name) =>
    square(`blk.0.${name}.weight`),
  ),
  ...['attn_norm', 'ffn_norm'].map((name) => vector(`blk.0.${name}.weight`)),
];
const placed = (tensors: readonly Tensor[]): Tensor[] => tensors.map((tensor, at) => ({ ...tensor, offset: at * 64 }));

describe('GGUF files as checkpoints', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'gguf-checkpoint-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const file = (own: Parameters<typeof ggufFile>[0]): string => {
    const path = join(folder, 'm.gguf');
    writeFileSync(path, ggufFile({ values, tensors: placed(whole), data: 2000, ...own }));
    return path;
  };

  it('have the config that a folder of the same model would have, and its names', async () => {
    const opened = await openGguf(file({}));
    assert.ok(opened.ok, opened.ok ? '' : opened.message);
    const { config, checkpoint, description } = opened.gguf;
    assert.equal(config['model_type'], 'llama');
    assert.equal(config['attention_bias'], false);
    assert.deepEqual(
      checkpoint.tensors.find(({ name }) => name === 'model.layers.0.self_attn.k_proj.weight')?.shape,
      [4, 4],
    );
    assert.equal(checkpoint.tensors.length, whole.length);
    // Rows of queries and keys are in pairs of neighbours.
    assert.equal(description.parts[0]?.ropes[0]?.layout, 'interleaved');
    assert.equal(await runnableGguf(file({})), true);
  });

  it('have positions in steps where a factor is all that is said of them, as in files of 2023', async () => {
    for (const key of ['llama.rope.scaling.factor', 'llama.rope.scale_linear']) {
      const opened = await openGguf(file({ values: { ...values, [key]: { f32: 4 } } }));
      assert.ok(opened.ok);
      assert.deepEqual(opened.gguf.config['rope_scaling'], { rope_type: 'linear', factor: 4 });
    }
    const yarn = {
      'llama.rope.scaling.type': 'yarn',
      'llama.rope.scaling.factor': { f32: 4 },
      'llama.rope.scaling.original_context_length': u32(8),
      'llama.rope.scaling.yarn_beta_fast': { f32: 16 },
      'llama.rope.scaling.yarn_beta_slow': { f32: 2 },
    };
    const yarned = await openGguf(file({ values: { ...values, ...yarn } }));
    assert.ok(yarned.ok);
    assert.deepEqual(yarned.gguf.config['rope_scaling'], {
      ...{ rope_type: 'yarn', factor: 4, original_max_position_embeddings: 8, beta_fast: 16, beta_slow: 2 },
    });
    const none = { 'llama.rope.scaling.type': 'none', 'llama.rope.scaling.factor': { f32: 4 } };
    const opened = await openGguf(file({ values: { ...values, ...none } }));
    assert.ok(opened.ok);
    assert.equal(opened.gguf.config['rope_scaling'], null);
  });

  const refusals: readonly (readonly [string, Parameters<typeof ggufFile>[0], RegExp])[] = [
    [
      'an architecture that is not run',
      { values: { ...values, 'general.architecture': 'wavtokenizer-dec' } },
      /does not run GGUF files of the architecture "wavtokenizer-dec" yet\. It runs llama, /,
    ],
    ['no architecture', { values: {} }, /names no general\.architecture/],
    [
      'an adapter',
      { values: { ...values, 'general.type': 'adapter' } },
      /not a whole model: its general\.type is "adapter"/,
    ],
    [
      'queries that read what follows them',
      { values: { ...values, 'llama.attention.causal': { bool: false } } },
      /gives false as llama\.attention\.causal, which Headscope does not follow/,
    ],
    [
      'a length of rotated vectors of its own',
      { values: { ...values, 'llama.rope.scaling.attn_factor': { f32: 1.5 } } },
      /gives 1\.5 as llama\.rope\.scaling\.attn_factor, which Headscope does not follow/,
    ],
    [
      'a tensor that the family does not read',
      { tensors: placed([...whole, vector('blk.0.attn_q_norm.weight', 2)]) },
      /holds blk\.0\.attn_q_norm\.weight, which Headscope does not read for the architecture "llama"/,
    ],
    [
      'data that end too early',
      { data: 100 },
      /lie beyond the 100 bytes of data in the file: the download is incomplete\. Fetch the file again\./,
    ],
    [
      'tensors in one another',
      { tensors: whole.map((tensor) => ({ ...tensor, offset: 0 })) },
      /begin inside of another tensor/,
    ],
    [
      'an unknown number format',
      { tensors: placed(whole).map((tensor) => ({ ...tensor, type: 99 })) },
      /number format of token_embd\.weight.* is not known|are not known/,
    ],
    [
      'rows that blocks do not divide',
      { tensors: placed(whole.map((tensor, at) => (at === whole.length - 1 ? { ...tensor, type: 8 } : tensor))) },
      /Rows of blk\.0\.ffn_norm\.weight have 4 numbers, which is not a whole number of blocks of 32 \(Q8_0\)/,
    ],
    [
      'another width than the tensors have',
      { values: { ...values, 'llama.embedding_length': u32(8) } },
      /gives 8 as the width of an embedding, and the tensors have 4/,
    ],
    [
      'a head that is not there',
      { tensors: placed(whole.filter(({ name }) => name !== 'blk.0.attn_v.weight')) },
      /lack blk\.0\.attn_v\.weight\. Fetch the file again/,
    ],
    [
      'a count of experts without experts',
      { values: { ...values, 'llama.expert_count': u32(4), 'llama.expert_used_count': u32(2) } },
      /ffn_|experts/,
    ],
    [
      'more layers than its tensors',
      { values: { ...values, 'llama.block_count': u32(3) } },
      /gives 3 blocks, and the tensors have 1/,
    ],
    [
      'factors of a rotation that are 0',
      { tensors: placed([...whole, vector('rope_freqs.weight', 1)]) },
      /rope_freqs\.weight holds factors that are not numbers above 0/,
    ],
  ];
  for (const [what, own, message] of refusals) {
    it(`are refused in a sentence: ${what}`, async () => {
      assert.match(String(await runnableGguf(file(own))), message);
    });
  }

  it('in the store of Ollama are found by their manifests', async () => {
    const store = join(folder, 'ollama');
    const manifest = join(store, 'manifests', 'registry.ollama.ai', 'library', 'tiny.1', '1b-q8');
    const hash = 'ab'.repeat(32);
    const written = (value: unknown): string => {
      writeFileSync(manifest, JSON.stringify(value));
      return manifest;
    };
    for (const path of [join(store, 'blobs'), dirname(manifest)]) mkdirSync(path, { recursive: true });
    copyFileSync(file({}), join(store, 'blobs', `sha256-${hash}`));
    const layer = (kind: string, digest: unknown = `sha256:${hash}`) => ({
      mediaType: `application/vnd.ollama.image.${kind}`,
      digest,
    });
    assert.equal(nameOfGguf(manifest), 'tiny.1:1b-q8');
    assert.equal(otherKind(manifest), 'gguf');
    assert.equal(await runnableGguf(written({ layers: [layer('template'), layer('model')] })), true);
    const model = await openModel(manifest, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    assert.deepEqual([model.folder, model.summary.name], [manifest, 'tiny.1:1b-q8']);
    await model.sessions.release();
    for (const [value, why] of [
      [{ layers: [layer('license')] }, /names 0 GGUF files/],
      [{ layers: [layer('model'), layer('adapter')] }, /a base with an adapter/],
      [{ layers: [layer('model', 'sha256:../../../etc/passwd')] }, /does not name its file by a hash/],
      [{ layers: [layer('model', `sha256:${'cd'.repeat(32)}`)] }, /does not exist/],
      [{ layers: [null, 5] }, /names 0 GGUF files/],
      ['x', /not a manifest of Ollama/],
    ] as const) {
      assert.match(String(await runnableGguf(written(value))), why);
    }
    // Deployments have folders of this name too.
    assert.equal(otherKind('/k8s/manifests/a/b/c/deployment.yaml'), undefined);
  });

  it('have another hash with another tokenizer', async () => {
    const hashOf = async (own: Parameters<typeof ggufFile>[0]): Promise<string> => {
      const { summary, sessions } = await openModel(file(own), { device: 'cpu', threads: 1, limitBytes: 1e9 });
      await sessions.release();
      return summary.hash;
    };
    const tokenizer = { 'tokenizer.ggml.pre': 'qwen2', 'tokenizer.ggml.add_bos_token': { bool: false } };
    const hashes = [
      await hashOf({ values: { ...values, ...tokenizer } }),
      await hashOf({ values: { ...values, ...tokenizer, 'tokenizer.ggml.pre': 'default' } }),
      await hashOf({ values: { ...values, ...tokenizer, 'tokenizer.ggml.add_bos_token': { bool: true } } }),
    ];
    assert.equal(new Set(hashes).size, 3);
  });

  it('in parts of two byte orders are refused', async () => {
    const split = (at: number) => ({ 'split.no': u32(at), 'split.count': u32(2) });
    const path = (at: number): string => join(folder, `mixed-0000${at}-of-00002.gguf`);
    writeFileSync(
      path(1),
      ggufFile({ values: { ...values, ...split(0) }, tensors: placed(whole.slice(1)), data: 2000 }),
    );
    writeFileSync(path(2), ggufFile({ bigEndian: true, values: split(1), tensors: whole.slice(0, 1), data: 64 }));
    assert.match(String(await runnableGguf(path(1))), /mixed-00002-of-00002\.gguf is big-endian/);
  });

  it('in parts are one model where every part is there and says which it is', async () => {
    const from = join(folder, 'tiny');
    writeTinyModel(from, tinyModel('llama'));
    const first = convertToGguf(from, join(folder, 'split.gguf'), { parts: 3 });
    assert.equal(await runnableGguf(first), true);
    const [second, third] = [2, 3].map((part) => join(folder, `split-0000${part}-of-00003.gguf`)) as [string, string];
    const bytes = readFileSync(second);
    copyFileSync(third, second);
    assert.match(
      String(await runnableGguf(first)),
      /split-00002-of-00003\.gguf says that it is part 3 of 3, but its name says part 2 of 3/,
    );
    // The same part of a model in other parts.
    const other = convertToGguf(from, join(folder, 'other.gguf'), { parts: 2 });
    copyFileSync(other.replace('00001-of', '00002-of'), second);
    assert.match(String(await runnableGguf(first)), /says that it is part 2 of 2, but its name says part 2 of 3/);
    rmSync(second);
    assert.match(String(await runnableGguf(first)), /split-00002-of-00003\.gguf does not exist/);
    writeFileSync(second, bytes);
    assert.equal(await runnableGguf(first), true);
  });

  it('are read through a link that a person names, not through one that a folder holds', async () => {
    const tiny = tinyModel('llama');
    const from = mkdtempSync(join(folder, 'from-'));
    writeTinyModel(from, tiny);
    const elsewhere = mkdtempSync(join(folder, 'store-'));
    const blob = join(elsewhere, 'sha256-0');
    renameSync(convertToGguf(from, join(elsewhere, 'm.gguf')), blob);
    const holding = mkdtempSync(join(folder, 'links-'));
    const link = join(holding, 'llama.gguf');
    symlinkSync(blob, link);
    const device = { device: 'cpu', threads: 1, limitBytes: 1e9 } as const;
    const model = await openModel(link, device);
    assert.equal(model.summary.name, 'llama');
    assert.equal(model.summary.folder, link);
    await model.sessions.release();
    await assert.rejects(
      openModel(holding, device),
      /llama\.gguf is a link that leads out of its folder, which is followed only if you name the file itself\./,
    );
    // The cache of Hugging Face holds links into its own blobs.
    const cache = join(folder, 'models--org--llama');
    mkdirSync(join(cache, 'snapshots', 'a'), { recursive: true });
    mkdirSync(join(cache, 'blobs'));
    copyFileSync(blob, join(cache, 'blobs', 'abc'));
    symlinkSync(join('..', '..', 'blobs', 'abc'), join(cache, 'snapshots', 'a', 'llama.gguf'));
    const cached = await openModel(join(cache, 'snapshots', 'a'), device);
    await cached.sessions.release();
    // A tower for pictures beside it does not make two models of the folder, and is named.
    writeFileSync(join(cache, 'snapshots', 'a', 'mmproj-llama-f16.gguf'), 'GGUF');
    const text = await openModel(join(cache, 'snapshots', 'a'), device);
    assert.match(text.summary.notes?.join(' ') ?? '', /mmproj-llama-f16\.gguf beside it holds what reads pictures/);
    await text.sessions.release();
  });

  it('a tensor of several parts is not read where one of them is in a format that is not', () => {
    const part = (dtype: string) => ({ name: 'q', dtype, shape: [2, 4], file: 'm.gguf', offset: 0, length: 32 });
    const made = (...dtypes: readonly string[]) => {
      const parts = dtypes.map(part);
      const rows = parts.map((_, at) => ({ part: at, first: 0, count: 2 }));
      return ggufTensor({ ...part('F32'), shape: [4, 4], length: 64, made: { parts, rows, how: {} } }, (file) => file);
    };
    assert.ok(isReadable(made('F32', 'F16')));
    const mixed = made('F32', 'I32');
    assert.equal(isReadable(mixed), false);
    assert.equal(mixed.dtype, 'I32');
  });
});
