import type { ConfigReader, JsonObject } from '../../config/config-reader';
import { compositeFamily } from './composite';

/** Sizes of the text models that files name and do not describe: the published configurations of these names. */
const llama31: JsonObject = {
  rope_theta: 500000,
  rms_norm_eps: 1e-5,
  max_position_embeddings: 131072,
  vocab_size: 128256,
};
const sizes = (
  hidden_size: number,
  intermediate_size: number,
  num_hidden_layers: number,
  num_attention_heads: number,
  num_key_value_heads: number,
): JsonObject => ({ hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, num_key_value_heads });

const named: readonly (readonly [RegExp, type: string, values: JsonObject])[] = [
  [/llama-3\.1-8b|llama-3-8b/i, 'llama', { ...llama31, ...sizes(4096, 14336, 32, 32, 8) }],
  [/llama-3\.[13]-70b|llama-3-70b/i, 'llama', { ...llama31, ...sizes(8192, 28672, 80, 64, 8) }],
  [/llama-3\.2-1b/i, 'llama', { ...llama31, ...sizes(2048, 8192, 16, 32, 8), head_dim: 64, tie_word_embeddings: true }],
  [
    /llama-3\.2-3b/i,
    'llama',
    { ...llama31, ...sizes(3072, 8192, 28, 24, 8), head_dim: 128, tie_word_embeddings: true },
  ],
  [
    /mistral-nemo/i,
    'mistral',
    {
      ...sizes(5120, 14336, 40, 32, 8),
      head_dim: 128,
      vocab_size: 131072,
      rope_theta: 1000000,
      rms_norm_eps: 1e-5,
      sliding_window: null,
    },
  ],
  [
    /qwen3-32b/i,
    'qwen3',
    {
      ...sizes(5120, 25600, 64, 64, 8),
      head_dim: 128,
      vocab_size: 151936,
      rope_theta: 1000000,
      max_position_embeddings: 40960,
    },
  ],
  [
    /gemma-3-27b/i,
    'gemma3_text',
    {
      ...sizes(5376, 21504, 62, 32, 16),
      head_dim: 128,
      query_pre_attn_scalar: 168,
      sliding_window: 1024,
      vocab_size: 262208,
    },
  ],
];

const namedText = (reader: ConfigReader) => {
  const name = reader.object['text_model_id'];
  return typeof name === 'string' ? named.find(([pattern]) => pattern.test(name)) : undefined;
};

/** Where a name is not known, only what the file itself says is described: the width that it projects to. */
const unknownText = {
  num_hidden_layers: null,
  num_attention_heads: null,
  num_key_value_heads: null,
  intermediate_size: null,
};

/** Frames of Whisper's encoder side by side, projected to the width of a text model that stays as it is published. */
export const ultravox = compositeFamily({
  id: 'ultravox',
  title: 'Ultravox',
  architectures: /^UltravoxModel/,
  task: 'causal-lm',
  text: {
    at: [['text_config']],
    type: (reader) => namedText(reader)?.[1] ?? 'llama',
    whole: (reader) => namedText(reader)?.[2] ?? unknownText,
  },
  towers: [{ at: [['audio_config']], type: 'ultravox_encoder', named: ['whisper'] }],
  // Parts of outside models come first only where something is known of them.
  join: ({ text, towers }) => {
    const audio = towers.filter((tower) => tower !== undefined);
    return text.layers.length === 0 ? audio : [text, ...audio];
  },
  projector: ({ text, towers: [tower] }, reader) => ({
    kind: `${reader.integer('stack_factor', 1) ?? 8} frames side by side, two linear layers and norms`,
    inputSize: (tower?.hiddenSize ?? 0) * (reader.integer('stack_factor', 1) ?? 8),
    outputSize: text.hiddenSize,
  }),
});
