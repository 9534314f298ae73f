/**
 * A small Qwen 2 that can be trained, as a network and as the files of a checkpoint. It is the family with plain blocks whose layers
 * may read a window each: a first layer that reads a token and the one before has at once what heads that look for an earlier copy
 * need, and a task that takes thousands of steps without it takes hundreds.
 */
import { describeModel } from '../../../models/formats/describe-model';
import { specifyModel } from '../../../models/architectures/catalogue';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { languageNetwork, weightsOf, type TensorShapes } from '../../../models/architectures/training-network';
import type { Network } from '../../../kernels/training/network';
import type { CheckpointFiles } from '../../experiment';
import { drawnParameters } from './parameters';
import type { Parameters } from '../../model-runner/trainer';

const embedding = 'model.embed_tokens.weight';

export interface SmallSize {
  readonly layers: number;
  readonly heads: number;
  readonly headDim: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  readonly context: number;
}

/** config.json */
const smallConfig = ({ layers, heads, headDim, feedForward, vocabulary, context }: SmallSize) => ({
  architectures: ['Qwen2ForCausalLM'],
  model_type: 'qwen2',
  hidden_size: heads * headDim,
  intermediate_size: feedForward,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  num_key_value_heads: heads,
  head_dim: headDim,
  max_position_embeddings: context,
  // The usual 10,000 is for thousands of tokens: with fewer, neighbours are told apart by more of the angles.
  rope_theta: 100,
  rms_norm_eps: 1e-5,
  hidden_act: 'silu',
  vocab_size: vocabulary,
  tie_word_embeddings: true,
  use_sliding_window: true,
  sliding_window: 2,
  layer_types: Array.from({ length: layers }, (_, layer) => (layer === 0 ? 'sliding_attention' : 'full_attention')),
  bos_token_id: 0,
  eos_token_id: 0,
  torch_dtype: 'float32',
});

function smallShapes({ layers, heads, headDim, feedForward, vocabulary }: SmallSize): TensorShapes {
  const width = heads * headDim;
  const shapes: Record<string, readonly number[]> = { [embedding]: [vocabulary, width] };
  for (let layer = 0; layer < layers; layer++) {
    const at = `model.layers.${layer}.`;
    shapes[`${at}input_layernorm.weight`] = [width];
    for (const name of ['q', 'k', 'v']) shapes[`${at}self_attn.${name}_proj.bias`] = [width];
    for (const name of ['q', 'k', 'v', 'o']) shapes[`${at}self_attn.${name}_proj.weight`] = [width, width];
    shapes[`${at}post_attention_layernorm.weight`] = [width];
    shapes[`${at}mlp.gate_proj.weight`] = [feedForward, width];
    shapes[`${at}mlp.up_proj.weight`] = [feedForward, width];
    shapes[`${at}mlp.down_proj.weight`] = [width, feedForward];
  }
  return { ...shapes, 'model.norm.weight': [width] };
}

export interface SmallModel {
  readonly spec: ModelSpec;
  readonly network: Network;
  /** Norms of 1, biases of 0; matrices of normal numbers, so that what enters and leaves a layer is of one size; embeddings of 0.05. */
  initial(seed: number): Parameters;
  files(parameters: Parameters, tokenizer?: CheckpointFiles['tokenizer']): CheckpointFiles;
}

export function smallModel(name: string, size: SmallSize): SmallModel {
  const shapes = smallShapes(size);
  const config = smallConfig(size);
  const specified = specifyModel(describeModel(config), weightsOf(shapes));
  if (specified.kind !== 'text') throw new RangeError('Qwen 2 is a model of text');
  const network = languageNetwork(name, specified.text, shapes);
  return {
    spec: specified.text,
    network,
    initial(seed) {
      const drawn = drawnParameters(network, seed, (tensor, shape) => {
        if (tensor === embedding) return 0.05;
        // What many layers add to the stream is kept small, as in GPT-2 (Radford et al. 2019, section 2.3).
        const share = /(?:o_proj|down_proj)\.weight$/u.test(tensor) ? (2 * size.layers) ** -0.5 : 1;
        return share * (shape[1] ?? 1) ** -0.5;
      });
      const entries = Object.entries(drawn).map(([tensor, data]) => {
        if (shapes[tensor]?.length !== 1) return [tensor, data] as const;
        return [tensor, new Float32Array(data.length).fill(tensor.endsWith('.bias') ? 0 : 1)] as const;
      });
      return Object.fromEntries(entries);
    },
    files(parameters, tokenizer) {
      const tensors = Object.entries(shapes).map(
        ([tensor, shape]) => [tensor, { shape, data: parameters[tensor] ?? new Float32Array(0) }] as const,
      );
      return { config, tensors: Object.fromEntries(tensors), ...(tokenizer ? { tokenizer } : {}) };
    },
  };
}
