/** The model that is trained: a small Llama, as the files of a checkpoint and as a network. */
import { describeModel } from '../../models/formats/describe-model';
import { specifyModel } from '../../models/architectures/catalogue';
import type { ModelSpec } from '../../models/architectures/model-spec';
import { languageNetwork, weightsOf, type TensorShapes } from '../../models/architectures/training-network';
import type { Network } from '../../kernels/training/network';

export interface ToySize {
  readonly layers: number;
  readonly heads: number;
  readonly headDim: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  readonly context: number;
}

/** config.json */
export const toyConfig = ({ layers, heads, headDim, feedForward, vocabulary, context }: ToySize) => ({
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: heads * headDim,
  intermediate_size: feedForward,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  num_key_value_heads: heads,
  head_dim: headDim,
  max_position_embeddings: context,
  rope_theta: 10_000,
  rms_norm_eps: 1e-5,
  hidden_act: 'silu',
  vocab_size: vocabulary,
  tie_word_embeddings: true,
  attention_bias: false,
  mlp_bias: false,
  bos_token_id: 0,
  eos_token_id: 0,
  torch_dtype: 'float32',
});

export function toyShapes({ layers, heads, headDim, feedForward, vocabulary }: ToySize): TensorShapes {
  const width = heads * headDim;
  const shapes: Record<string, readonly number[]> = { 'model.embed_tokens.weight': [vocabulary, width] };
  for (let layer = 0; layer < layers; layer++) {
    const at = `model.layers.${layer}.`;
    shapes[`${at}input_layernorm.weight`] = [width];
    for (const name of ['q', 'k', 'v', 'o']) shapes[`${at}self_attn.${name}_proj.weight`] = [width, width];
    shapes[`${at}post_attention_layernorm.weight`] = [width];
    shapes[`${at}mlp.gate_proj.weight`] = [feedForward, width];
    shapes[`${at}mlp.up_proj.weight`] = [feedForward, width];
    shapes[`${at}mlp.down_proj.weight`] = [width, feedForward];
  }
  return { ...shapes, 'model.norm.weight': [width] };
}

export function toyNetwork(name: string, size: ToySize): { readonly spec: ModelSpec; readonly network: Network } {
  const shapes = toyShapes(size);
  const specified = specifyModel(describeModel(toyConfig(size)), weightsOf(shapes));
  if (specified.kind !== 'text') throw new RangeError('the toy is a model of text');
  return { spec: specified.text, network: languageNetwork(name, specified.text, shapes) };
}
