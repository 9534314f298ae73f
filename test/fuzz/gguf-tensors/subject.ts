/** GGUF models whose tensors are damaged: scales that are no numbers, other types, shapes and offsets, a file cut short. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { widenedTensor } from '../../../compute-server/model/weights/encoded-bytes';
import { isEncoded, TensorSource } from '../../../compute-server/model/weights/tensor-source';
import { runnableGguf } from '../../../models/architectures/gguf-verdict';
import { ggufTensor } from '../../../models/architectures/gguf-weights';
import { openGguf } from '../../../models/formats/gguf/checkpoint';
import { FailureError } from '../../../protocol/wire/failures';
import { sentenceOf } from '../../../protocol/wire/words';
import { uniform } from '../../support/checkpoints/encoded-tiny';
import { randomCheckpoint } from '../../support/checkpoints/tiny-experts';
import { Random } from '../../support/fuzz/random';
import type { Outcome, Subject } from '../../support/fuzz/subject';
import { convertToGguf } from '../../support/gguf-conversion';
import { ggufDefinitions, randomBlocks } from '../../support/reference/gguf-numbers';
import { writeSafetensors } from '../../support/safetensors-file';

const sizes = {
  ...{ num_attention_heads: 2, num_key_value_heads: 1, vocab_size: 8, num_hidden_layers: 2 },
  ...{ max_position_embeddings: 64, rms_norm_eps: 1e-5, rope_theta: 10000, tie_word_embeddings: true },
};

/** One whose tensors are as a checkpoint has them, and two of which some are made of several, or in another order. */
const configs = [
  { model_type: 'llama', ...sizes, hidden_size: 256, intermediate_size: 256 },
  {
    ...{ model_type: 'qwen3_5_text', ...sizes, hidden_size: 256, intermediate_size: 256, head_dim: 256 },
    ...{ layer_types: ['linear_attention', 'full_attention'], linear_conv_kernel_dim: 4 },
    ...{ linear_num_key_heads: 1, linear_num_value_heads: 2, linear_key_head_dim: 32, linear_value_head_dim: 128 },
  },
  {
    ...{ model_type: 'deepseek_v3', ...sizes, num_key_value_heads: 2, hidden_size: 256, intermediate_size: 256 },
    ...{ kv_lora_rank: 256, q_lora_rank: 256, qk_nope_head_dim: 256, qk_rope_head_dim: 32, v_head_dim: 128 },
    ...{ n_routed_experts: 2, n_shared_experts: 1, num_experts_per_tok: 1, moe_intermediate_size: 256 },
    ...{ first_k_dense_replace: 1, norm_topk_prob: true },
  },
];
/** Each format in one of the models. */
const formatsOf = (model: number): readonly string[] =>
  Object.keys(ggufDefinitions).filter((_, at) => at % configs.length === model);

const written = new Map<string, Buffer>();

/** A sound file of this format, the same in each process. */
function sound(model: number, format: string): Buffer {
  const key = `${model} ${format}`;
  const known = written.get(key);
  if (known) return known;
  const folder = mkdtempSync(join(tmpdir(), 'headscope-fuzz-'));
  try {
    const { config, tensors } = randomCheckpoint(configs[model] ?? {});
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
    writeSafetensors(join(folder, 'model.safetensors'), tensors);
    const random = uniform(model + 1);
    const id = ggufDefinitions[format]?.id ?? 0;
    const encode = ({ length }: Float32Array): Uint8Array => randomBlocks(format, length, random, 0.1);
    const bytes = readFileSync(convertToGguf(folder, join(folder, 'm.gguf'), { format: () => ({ id, encode }) }));
    written.set(key, bytes);
    return bytes;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const names = ['attn_q', 'attn_k', 'attn_k_b', 'attn_v_b', 'attn_qkv', 'ssm_out', 'ssm_a', 'ffn_up', 'ffn_down_exps'];
const large = [0n, 1n, 2n ** 31n, 2n ** 40n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
/** Float16: infinite, not a number, the largest, the smallest. */
const halves = [0x7c00, 0xfc00, 0x7e00, 0xffff, 0x7bff, 0x0001];

interface Input {
  readonly bytes: Buffer;
}

function make(seed: number): Input {
  const random = new Random(seed);
  const model = random.whole(0, configs.length - 1);
  const bytes = Buffer.from(sound(model, random.pick(formatsOf(model))));
  const found = names.map((name) => bytes.indexOf(`.${name}`)).filter((at) => at > 0);
  // Behind the name: the number of axes, the axes, the type, the offset.
  const end = Math.max(bytes.indexOf('.weight', random.pick(found)) + 7, 0);
  const axes = bytes.readUInt32LE(end);
  const data = Math.min(bytes.length - 1, bytes.lastIndexOf('.weight') + 64);
  const kind = random.whole(0, 5);
  if (kind === 0) return { bytes: bytes.subarray(0, random.whole(data, bytes.length - 1)) };
  if (kind === 1 && axes <= 4) bytes.writeUInt32LE(random.whole(0, 44), end + 4 + 8 * axes);
  else if (kind === 2 && axes <= 4 && axes > 0) {
    const at = end + 4 + 8 * random.whole(0, axes - 1);
    bytes.writeBigUInt64LE(random.chance(0.5) ? random.pick(large) : BigInt(random.whole(0, 600)), at);
  } else if (kind === 3 && axes <= 4) bytes.writeBigUInt64LE(random.pick(large), end + 8 + 8 * axes);
  else {
    for (let edit = random.whole(1, 6); edit > 0; edit--) {
      const at = random.whole(data, bytes.length - 2);
      if (random.chance(0.5)) bytes.writeUInt16LE(random.pick(halves), at);
      else bytes.writeUInt8(random.whole(0, 255), at);
    }
  }
  return { bytes };
}

export const subject: Subject<Input> = {
  counts: { tier: 500, full: 5000 },
  least: { values: 0.2, refusals: 0.2 },
  make,
  async run({ bytes }, folder): Promise<Outcome> {
    const root = join(folder, 'm');
    mkdirSync(root, { recursive: true });
    const path = join(root, 'm.gguf');
    writeFileSync(path, bytes);
    const runs = await runnableGguf(path);
    const opened = await openGguf(path, { tokenizer: false });
    if (!opened.ok) {
      assert.equal(runs, opened.message);
      return { refusal: opened.message };
    }
    const { tensors } = opened.gguf.checkpoint;
    for (const { offset, length, made } of tensors) {
      for (const part of made?.parts ?? [{ offset, length }])
        assert.ok(
          part.offset >= 0 && part.length >= 0 && part.offset + part.length <= bytes.length,
          'outside the file',
        );
    }
    if (runs !== true) return { refusal: runs };
    const source = new TensorSource(root);
    let count = 0;
    try {
      for (const tensor of tensors.map((each) => ggufTensor(each, (file) => basename(file)))) {
        if (!isEncoded(tensor)) continue;
        await widenedTensor({ kind: 'widened', tensor, offset: 0 }, source, ({ length }) => {
          count += length / 4;
          return Promise.resolve();
        });
      }
      return { value: { count } };
    } catch (error) {
      if (error instanceof FailureError) return { refusal: sentenceOf(error.failure) };
      throw error;
    } finally {
      await source.close();
    }
  },
};
