/**
 * BERT: norms after the sums, bidirectional unless the config makes a decoder of it (`is_decoder`); the head is the masked-language
 * head where the checkpoint has one.
 */
import { amount } from '../formats/families/shared/family';
import { activationOf, epsilonOf, Names, vocabularyOf, type Architecture } from './architecture';
import { ModelError } from './model-spec';

export const bert: Architecture = {
  families: ['bert'],
  specify(input) {
    const { part } = input;
    const names = Names.find(input, ['bert.', ''], 'embeddings.word_embeddings.weight');
    const hidden = part.hiddenSize;
    const vocabulary = vocabularyOf(part);
    const epsilon = epsilonOf(part);
    const embeddings = names.at('embeddings.');
    const masked = new Names(input.weights, `${input.prefix}cls.predictions.`);
    return {
      family: part.family,
      hiddenSize: hidden,
      embedding: {
        tokens: embeddings.name('word_embeddings.weight'),
        vocabulary,
        width: hidden,
        positions: {
          weight: embeddings.name('position_embeddings.weight'),
          rows: part.contextLength ?? 512,
          offset: 0,
        },
        types: {
          weight: embeddings.name('token_type_embeddings.weight'),
          rows: amount(part, 'type_vocab_size') ?? 2,
        },
        norm: embeddings.layerNorm('LayerNorm', hidden, epsilon),
      },
      blocks: part.layers.map((layer) => {
        const at = names.at(`encoder.layer.${layer.index}.`);
        const { heads, headDim } = layer.attention;
        if (layer.feedForward.kind !== 'dense') {
          throw new ModelError(`Layer ${layer.index} has no dense feed-forward network.`);
        }
        const { size } = layer.feedForward;
        return {
          index: layer.index,
          parallel: false,
          attention: {
            projection: {
              kind: 'separate',
              query: at.linear('attention.self.query', hidden, hidden),
              key: at.linear('attention.self.key', hidden, hidden),
              value: at.linear('attention.self.value', hidden, hidden),
            },
            output: at.linear('attention.output.dense', hidden, hidden),
            heads,
            kvHeads: heads,
            headDim,
            scale: headDim ** -0.5,
            causal: layer.attention.causal,
          },
          feedForward: {
            activation: activationOf(part.activation),
            up: at.linear('intermediate.dense', hidden, size),
            down: at.linear('output.dense', size, hidden),
          },
          attentionNorms: { after: at.layerNorm('attention.output.LayerNorm', hidden, epsilon) },
          feedForwardNorms: { after: at.layerNorm('output.LayerNorm', hidden, epsilon) },
        };
      }),
      head: masked.has('transform.dense.weight')
        ? {
            transform: {
              linear: masked.linear('transform.dense', hidden, hidden),
              activation: activationOf(part.activation),
              norm: masked.layerNorm('transform.LayerNorm', hidden, epsilon),
            },
            vocabulary: {
              weight: input.model.tiedEmbeddings.value
                ? embeddings.name('word_embeddings.weight')
                : masked.name('decoder.weight'),
              bias: masked.has('bias') ? masked.name('bias') : undefined,
              inputs: hidden,
              outputs: vocabulary,
              stored: 'outputs-inputs',
            },
          }
        : {},
      ropes: [],
      contextLength: part.contextLength,
    };
  },
};
