import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from '../../../../kernels/graph/onnx_pb';
import { inspectModel } from '../../../../compute-server/cli/commands/inspect';
import type { AdapterBase } from '../../../../models/formats/adapter/describe-adapter';
import { lastName } from '../../../../models/formats/adapter/describe-adapter';
import { describeModel } from '../../../../models/formats/describe-model';
import { kvBytesPerToken } from '../../../../models/formats/estimates/kv-cache';
import type { OtherModel } from '../../../../models/formats/other-model';
import { findOther, readOther } from '../../../../models/formats/read-other';
import { ggufFile, smallLlama } from '../../../support/gguf-file';
import { safetensorsBytes } from '../../../support/safetensors-file';
import { integerAttribute, tensorValue } from '../../../support/onnx-values';

describe('models without a config.json', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'other-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const written = (name: string, bytes: Uint8Array | string): string => {
    const path = join(folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, bytes);
    return path;
  };
  const read = async (path: string, base?: AdapterBase): Promise<OtherModel> => {
    const found = await readOther(path, base);
    assert.ok(found.ok, found.ok ? '' : found.message);
    return found.model;
  };
  const detail = (model: OtherModel, title: string): string | undefined =>
    model.details.find((one) => one.title === title)?.text;

  describe('graphs', () => {
    const [float, uint8, int64, float16] = [1, 2, 7, 10];
    const outside = (name: string, type: number, ...dims: number[]) => ({
      name,
      dims: dims.map(BigInt),
      dataType: type,
      dataLocation: 1,
      externalData: [{ key: 'location', value: 'model.onnx.data' }],
    });
    /** Two layers of 8 query heads on 2 key/value heads of 64, one product in 4 bits. */
    const decoder = toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        irVersion: 10n,
        producerName: 'a writer',
        opsetImport: [{ domain: '', version: 21n }],
        graph: {
          input: [
            tensorValue('input_ids', int64, 'batch', 'length'),
            ...[0, 1].flatMap((layer) =>
              ['key', 'value'].map((what) =>
                tensorValue(`past_key_values.${layer}.${what}`, float16, 'batch', 2, 'past', 64),
              ),
            ),
          ],
          output: [tensorValue('logits', float16, 'batch', 'length', 1000)],
          initializer: [
            outside('model.embed_tokens.weight', float16, 1000, 512),
            // 512 x 768 weights of 4 bits in blocks of 32, with a scale for each block.
            outside('qkv.q4', uint8, 768, 16, 16),
            outside('qkv.scales', float16, 768 * 16),
            outside('cos_cache', float, 4096, 32),
            { name: 'axes', dims: [2n], dataType: int64, rawData: new Uint8Array(16) },
          ],
          node: [
            {
              name: 'qkv',
              opType: 'MatMulNBits',
              domain: 'com.microsoft',
              input: ['x', 'qkv.q4', 'qkv.scales'],
              attribute: [
                integerAttribute('K', 512),
                integerAttribute('N', 768),
                integerAttribute('bits', 4),
                integerAttribute('block_size', 32),
              ],
            },
            ...[0, 1].map((layer) => ({
              name: `attention_${layer}`,
              opType: 'GroupQueryAttention',
              domain: 'com.microsoft',
              attribute: [integerAttribute('num_heads', 8), integerAttribute('kv_num_heads', 2)],
            })),
          ],
        },
      }),
    );
    const bytes = 1000 * 512 * 2 + (768 * 512) / 2 + 768 * 16 * 2 + 4096 * 32 * 4 + 16;

    it('give their sizes, weights and the file that holds them', async () => {
      const path = written('onnx/model.onnx', decoder);
      const absent = await read(path);
      assert.deepEqual(absent.notes, ['model.onnx.data does not exist in the model folder.']);
      written('onnx/model.onnx.data', new Uint8Array(100));
      assert.match((await read(path)).notes.join(' '), /^model\.onnx\.data has 100 bytes, and .* is incomplete\.$/);
      written('onnx/model.onnx.data', new Uint8Array(bytes));
      const model = await read(path);
      assert.deepEqual(model.notes, []);
      assert.equal(model.title, 'ONNX float16');
      const part = model.description?.parts[0];
      assert.deepEqual(
        [part?.layers.length, part?.attention, part?.heads, part?.kvHeads, part?.headDim, part?.hiddenSize],
        [2, 'gqa', 8, 2, 64, 512],
      );
      assert.deepEqual([part?.vocabularySize, part?.contextLength], [1000, 4096]);
      // 2 layers x 2 heads x (64 + 64) x 2 bytes.
      assert.equal(kvBytesPerToken(model.description ?? assert.fail()), 1024);
      assert.equal(model.parameters?.total, 1000 * 512 + 512 * 768);
      assert.equal(model.bytes, bytes);
      assert.deepEqual(
        model.formats.map(({ name, weights }) => [name, weights]),
        [
          ['float16', 512_000],
          ['float', 0],
          ['4 bits', 393_216],
          ['int64', 0],
        ],
      );
      assert.equal(detail(model, 'Attention operators'), '2 x GroupQueryAttention');
      assert.equal(detail(model, 'Inputs'), 'input_ids int64 [batch, length]; 4 of a cache');
      assert.equal(detail(model, 'Weights in'), 'model.onnx.data');
    });

    it('are completed by the genai_config.json that names them', async () => {
      const bare = toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 10n, graph: {} }));
      const genai = { num_hidden_layers: 4, num_attention_heads: 16, num_key_value_heads: 4, head_size: 32 };
      written('genai_config.json', JSON.stringify({ model: { decoder: { ...genai, filename: 'model.onnx' } } }));
      const model = await read(written('model.onnx', bare));
      const part = model.description?.parts[0];
      assert.deepEqual([part?.layers.length, part?.heads, part?.kvHeads, part?.headDim], [4, 16, 4, 32]);
      const other = await read(written('other.onnx', bare));
      assert.equal(other.description, undefined);
      assert.equal(other.parameters, undefined);
      assert.equal(other.title, 'ONNX without weights');
    });
  });

  describe('adapters', () => {
    const config = {
      peft_type: 'LORA',
      r: 8,
      lora_alpha: 16,
      target_modules: ['q_proj', 'v_proj'],
      base_model_name_or_path: 'someone/Base',
    };
    const base = {
      model_type: 'llama',
      hidden_size: 64,
      intermediate_size: 128,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      vocab_size: 100,
      tie_word_embeddings: true,
    };
    const found: AdapterBase = { label: 'Base', description: describeModel(base) };
    const zeros = (rows: number, columns: number) => ({
      shape: [rows, columns],
      data: new Float32Array(rows * columns),
    });
    const weights = (input: number): Buffer =>
      safetensorsBytes(
        new Map(
          [0, 1].flatMap((layer) =>
            ['q_proj', 'v_proj'].flatMap((name) => {
              const module = `base_model.model.model.layers.${layer}.self_attn.${name}`;
              return [
                [`${module}.lora_A.weight`, zeros(8, input)],
                [`${module}.lora_B.weight`, zeros(name === 'q_proj' ? 64 : 32, 8)],
              ] as const;
            }),
          ),
        ),
      );

    it('give rank, scaling, targets and their share of the base', async () => {
      const path = written('adapter_config.json', JSON.stringify(config));
      written('adapter_model.safetensors', weights(64));
      const alone = await read(path);
      assert.equal(alone.title, 'LoRA r=8 of Base');
      assert.equal(detail(alone, 'Base model'), 'someone/Base, not found here');
      // Two layers of 8 x (64 + 64) and 8 x (64 + 32).
      assert.equal(alone.parameters?.total, 2 * 8 * (128 + 96));
      const model = await read(path, found);
      assert.deepEqual(model.notes, []);
      assert.equal(detail(model, 'Scaling'), '2 = alpha / rank');
      assert.equal(detail(model, 'Targets'), 'q_proj in 2 layers, v_proj in 2 layers');
      assert.equal(detail(model, 'Layers'), '2, from 0 to 1');
      assert.equal(detail(model, 'In the base'), '4 of 4 adapted modules');
      // 100 x 64; 2 x (64 x (64 + 32 + 32 + 64) + 3 x 64 x 128 + 2 x 64); 64.
      const parameters = 6400 + 2 * (12_288 + 24_576 + 128) + 64;
      assert.equal(detail(model, 'Share of the base'), `${((100 * 3584) / parameters).toPrecision(3)} % of 80,448`);
      assert.equal(parameters, 80_448);
      assert.equal(model.description, found.description);
    });

    it('are counted from the configuration and the base where their weights are not there', async () => {
      const path = written('adapter_config.json', JSON.stringify(config));
      const model = await read(path, found);
      assert.equal(model.parameters?.total, 3584);
      assert.match(model.notes.join(' '), /There is no adapter_model\.safetensors beside it/);
      const half = await read(
        written('half/adapter_config.json', JSON.stringify({ ...config, layers_to_transform: [1] })),
        found,
      );
      assert.equal(half.parameters?.total, 1792);
      assert.equal((await read(path)).parameters, undefined);
    });

    it('find modules as a run does: by a pattern of a whole name, and where the class has other names in front', async () => {
      const counted = async (targets: string): Promise<number | undefined> => {
        const path = written('pattern/adapter_config.json', JSON.stringify({ ...config, target_modules: targets }));
        return (await read(path, found)).parameters?.total;
      };
      assert.equal(await counted('.*\\.(q|v)_proj'), 3584);
      assert.equal(await counted('.*layers\\.1\\..*q_proj'), 8 * 128);
      assert.equal(await counted('q_proj'), undefined, 'a pattern matches a whole name');
      assert.equal(await counted('all-linear'), undefined);
      const path = written('adapter_config.json', JSON.stringify(config));
      const inner = safetensorsBytes(
        new Map([
          ['base_model.model.model.language_model.layers.1.self_attn.q_proj.lora_A.weight', zeros(8, 96)],
          ['base_model.model.model.language_model.layers.1.self_attn.q_proj.lora_B.weight', zeros(64, 8)],
          ['base_model.model.model.language_model.layers.1.self_attn.x_proj.lora_A.weight', zeros(8, 64)],
        ]),
      );
      written('adapter_model.safetensors', inner);
      const model = await read(path, found);
      assert.equal(detail(model, 'In the base'), '1 of 2 adapted modules');
      assert.match(model.notes.join(' '), /q_proj is adapted from 96 to 64, and in Base it goes from 64 to 64/);
    });

    it('say that they are for another model', async () => {
      const path = written('adapter_config.json', JSON.stringify(config));
      written('adapter_model.safetensors', weights(96));
      assert.match(
        (await read(path, found)).notes.join(' '),
        /is adapted from 96 to 64, and in Base it goes from 64 to 64/,
      );
    });

    it('of other kinds are named', async () => {
      const cases: readonly (readonly [object, string])[] = [
        [{ peft_type: 'IA3', target_modules: ['k_proj'] }, 'IA3'],
        [{ peft_type: 'PREFIX_TUNING', num_virtual_tokens: 20 }, 'prefix tuning'],
        [
          { peft_type: 'LORA', r: 4, lora_alpha: 8, use_rslora: true, base_model_name_or_path: '/a/b/' },
          'LoRA r=4 of b',
        ],
      ];
      for (const [object, title] of cases) {
        const model = await read(written('adapter_config.json', JSON.stringify(object)));
        assert.equal(model.title, title);
        if (title.startsWith('LoRA')) assert.equal(detail(model, 'Scaling'), '4 = alpha / sqrt(rank)');
        if (title.startsWith('prefix')) assert.equal(detail(model, 'Virtual tokens'), '20');
      }
      const refused = await readOther(written('adapter_config.json', '{"a": 1}'));
      assert.ok(!refused.ok);
      assert.match(refused.message, /describes no adapter/);
    });

    it('know the name of their base in every notation', () => {
      for (const name of [
        'a/Base',
        '/models/Base/',
        'C:\\models\\Base',
        '/hub/models--a--Base/snapshots/f00',
        'Base',
      ]) {
        assert.equal(lastName(name), 'Base', name);
      }
    });
  });

  it('are found by what a folder holds', async () => {
    const at = async (path = folder): Promise<string> => {
      const found = await findOther(path);
      return found.kind === 'other' ? found.path.slice(folder.length + 1) : found.kind;
    };
    assert.equal(await at(), 'config');
    written('onnx/model.onnx', 'x');
    assert.equal(await at(), join('onnx', 'model.onnx'));
    written('mmproj-m.gguf', 'x');
    assert.equal(await at(), 'mmproj-m.gguf');
    written('m-00002-of-00002.gguf', 'x');
    written('m-00001-of-00002.gguf', 'x');
    assert.equal(await at(), 'm-00001-of-00002.gguf');
    written('other.gguf', 'x');
    assert.equal(await at(), 'several');
    written('adapter_config.json', '{}');
    assert.equal(await at(), 'adapter_config.json');
    written('config.json', '{}');
    assert.equal(await at(), 'config');
    assert.equal(await at(join(folder, 'other.gguf')), 'other.gguf');
  });

  describe('headscope inspect', () => {
    it('shows a GGUF file as it shows a checkpoint', async () => {
      const inspected = await inspectModel(written('small.gguf', ggufFile(smallLlama())));
      assert.deepEqual([inspected.family, inspected.layers, inspected.heads, inspected.kvHeads], ['llama', 2, 4, 2]);
      assert.deepEqual([inspected.parameters, inspected.parametersFrom], [1_257_728, 'header']);
      assert.deepEqual(inspected.dtypes, { Q4_K: 663_552, Q6_K: 63_000, F32: 5120 });
      assert.equal(inspected.kvBytes['4096'], 4096 * 1024);
      // 2 x (2 x (196,608 + 393,216) + 76,800) and 2 layers x 4 heads of 2 x 128 + 5 for the one position.
      assert.equal(inspected.flopsPerToken, 2_512_896 + 2 * 4 * 261);
      assert.equal(inspected.file?.title, 'GGUF Q4_K_M');
      assert.equal(inspected.supported, true);
      await assert.rejects(inspectModel(written('broken.gguf', 'GGUF')), /broken\.gguf: This GGUF file is damaged/);
    });

    it('counts a published adapter as PEFT does', async () => {
      const config = { peft_type: 'LORA', r: 16, lora_alpha: 32, target_modules: ['q_proj', 'v_proj'] };
      written('adapter_config.json', JSON.stringify(config));
      const llama = join(__dirname, '../../../../examples/workspace/Llama-3.1-8B');
      // print_trainable_parameters: "trainable params: 6,815,744 || all params: 8,037,076,992".
      const { parameters, file, supported } = await inspectModel(folder, llama);
      assert.equal(parameters, 6_815_744);
      const share = file?.details.find(({ title }) => title === 'Share of the base');
      assert.match(String(supported), /names no base model: write its name into base_model_name_or_path/);
      assert.equal(share?.text, `0.0849 % of ${(8_037_076_992 - 6_815_744).toLocaleString('en-US')}`);
    });

    it('finds the base of an adapter in the folder beside it', async () => {
      const workspace = join(__dirname, '../../../../examples/workspace/gpt2/config.json');
      written('gpt2/config.json', readFileSync(workspace));
      written(
        'mine/adapter_config.json',
        JSON.stringify({
          peft_type: 'LORA',
          r: 4,
          lora_alpha: 8,
          target_modules: ['c_attn'],
          base_model_name_or_path: 'openai-community/gpt2',
        }),
      );
      const inspected = await inspectModel(join(folder, 'mine'));
      // 12 layers of 4 x (768 + 3 x 768).
      assert.deepEqual([inspected.parameters, inspected.parametersFrom], [147_456, 'config']);
      assert.deepEqual([inspected.family, inspected.layers], ['gpt2', 12]);
      assert.equal(inspected.supported, true);
      // Parameters of GPT-2 are 124,439,808.
      const share = inspected.file?.details.find(({ title }) => title === 'Share of the base');
      assert.equal(share?.text, '0.118 % of 124,439,808');
      const named = await inspectModel(join(folder, 'mine'), join(folder, 'gpt2'));
      assert.equal(named.parameters, 147_456);
      await assert.rejects(
        inspectModel(join(folder, 'mine'), join(folder, 'none')),
        /^CommandError: --base: .*does not exist/,
      );
      await assert.rejects(inspectModel(join(folder, 'gpt2'), folder), /--base is for adapters/);
    });
  });
});
