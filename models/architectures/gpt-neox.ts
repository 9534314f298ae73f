/** GPT-NeoX and Pythia: partial rotary, query, key and value fused head by head, attention and network side by side. */
import { flag } from '../formats/families/shared/family';
import { activationOf, epsilonOf, Names, vocabularyHead, vocabularyOf, type Architecture } from './architecture';
import { ModelError } from './model-spec';

export const gptNeox: Architecture = {
  families: ['gpt_neox'],
  specify(input) {
    const { part } = input;
    const names = Names.find(input, ['gpt_neox.', ''], 'embed_in.weight');
    const hidden = part.hiddenSize;
    const vocabulary = vocabularyOf(part);
    const epsilon = epsilonOf(part);
    return {
      family: part.family,
      hiddenSize: hidden,
      embedding: { tokens: names.name('embed_in.weight'), vocabulary, width: hidden },
      blocks: part.layers.map((layer) => {
        const at = names.at(`layers.${layer.index}.`);
        const { heads, headDim, rope } = layer.attention;
        if (layer.feedForward.kind !== 'dense') {
          throw new ModelError(`Layer ${layer.index} has no dense feed-forward network.`);
        }
        const { size } = layer.feedForward;
        return {
          index: layer.index,
          parallel: flag(part, 'use_parallel_residual', true),
          attention: {
            projection: {
              kind: 'fused-heads',
              linear: at.linear('attention.query_key_value', hidden, 3 * heads * headDim),
            },
            output: at.linear('attention.dense', heads * headDim, hidden),
            heads,
            kvHeads: heads,
            headDim,
            scale: headDim ** -0.5,
            causal: true,
            ...(rope === undefined ? {} : { rope }),
          },
          feedForward: {
            activation: activationOf(part.activation),
            up: at.linear('mlp.dense_h_to_4h', hidden, size),
            down: at.linear('mlp.dense_4h_to_h', size, hidden),
          },
          attentionNorms: { input: at.layerNorm('input_layernorm', hidden, epsilon) },
          feedForwardNorms: { input: at.layerNorm('post_attention_layernorm', hidden, epsilon) },
        };
      }),
      head: {
        norm: names.layerNorm('final_layer_norm', hidden, epsilon),
        ...vocabularyHead(input, ['embed_out'], names.name('embed_in.weight'), vocabulary, hidden),
      },
      ropes: part.ropes,
      contextLength: part.contextLength,
    };
  },
};
