/** GPT-2: learned positions, layer norms, weights stored [inputs, outputs], query, key and value in one product. */
import { flag } from '../formats/families/shared/family';
import { activationOf, epsilonOf, Names, vocabularyHead, vocabularyOf, type Architecture } from './architecture';
import { ModelError, type Linear } from './model-spec';

export const gpt2: Architecture = {
  families: ['gpt2'],
  specify(input) {
    const { part } = input;
    const names = Names.find(input, ['transformer.', ''], 'wte.weight');
    const hidden = part.hiddenSize;
    const vocabulary = vocabularyOf(part);
    const epsilon = epsilonOf(part);
    const inputsOutputs = (linear: Linear): Linear => ({ ...linear, stored: 'inputs-outputs' });
    return {
      family: part.family,
      hiddenSize: hidden,
      embedding: {
        tokens: names.name('wte.weight'),
        vocabulary,
        width: hidden,
        positions: { weight: names.name('wpe.weight'), rows: part.contextLength ?? 1024, offset: 0 },
      },
      blocks: part.layers.map((layer) => {
        const at = names.at(`h.${layer.index}.`);
        const { heads, headDim } = layer.attention;
        if (layer.feedForward.kind !== 'dense') {
          throw new ModelError(`Layer ${layer.index} has no dense feed-forward network.`);
        }
        const { size } = layer.feedForward;
        // transformers GPT2Config: scores are divided by layer index + 1 where this is set (Mistral's GPT-2 of 2021).
        const byLayer = flag(part, 'scale_attn_by_inverse_layer_idx') ? layer.index + 1 : 1;
        const byWidth = flag(part, 'scale_attn_weights', true) ? headDim ** -0.5 : 1;
        return {
          index: layer.index,
          parallel: false,
          attention: {
            projection: { kind: 'fused-columns', linear: inputsOutputs(at.linear('attn.c_attn', hidden, 3 * hidden)) },
            output: inputsOutputs(at.linear('attn.c_proj', hidden, hidden)),
            heads,
            kvHeads: heads,
            headDim,
            scale: byWidth / byLayer,
            causal: true,
          },
          feedForward: {
            activation: activationOf(part.activation),
            up: inputsOutputs(at.linear('mlp.c_fc', hidden, size)),
            down: inputsOutputs(at.linear('mlp.c_proj', size, hidden)),
          },
          attentionNorms: { input: at.layerNorm('ln_1', hidden, epsilon) },
          feedForwardNorms: { input: at.layerNorm('ln_2', hidden, epsilon) },
        };
      }),
      head: {
        norm: names.layerNorm('ln_f', hidden, epsilon),
        ...vocabularyHead(input, ['lm_head'], names.name('wte.weight'), vocabulary, hidden),
      },
      ropes: [],
      contextLength: part.contextLength,
    };
  },
};
