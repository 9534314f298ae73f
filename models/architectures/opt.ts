/**
 * OPT: learned positions that start at row 2, ReLU; OPT-350m embeds in a narrower space and norms after the sums. Norms have weights
 * unless `layer_norm_elementwise_affine` is false.
 */
import { amount, flag } from '../formats/families/shared/family';
import { activationOf, epsilonOf, Names, vocabularyHead, vocabularyOf, type Architecture } from './architecture';
import { ModelError, type BranchNorms } from './model-spec';

export const opt: Architecture = {
  families: ['opt'],
  specify(input) {
    const { part } = input;
    const names = Names.find(input, ['model.decoder.', 'decoder.', ''], 'embed_tokens.weight');
    const hidden = part.hiddenSize;
    const vocabulary = vocabularyOf(part);
    const epsilon = epsilonOf(part);
    const width = amount(part, 'word_embed_proj_dim') ?? hidden;
    const before = flag(part, 'do_layer_norm_before', true);
    const affine = flag(part, 'layer_norm_elementwise_affine', true);
    const place = (norm: NonNullable<BranchNorms['input']>): BranchNorms =>
      before ? { input: norm } : { after: norm };
    return {
      family: part.family,
      hiddenSize: hidden,
      embedding: {
        tokens: names.name('embed_tokens.weight'),
        vocabulary,
        width,
        positions: { weight: names.name('embed_positions.weight'), rows: (part.contextLength ?? 2048) + 2, offset: 2 },
        ...(width === hidden ? {} : { project: names.linear('project_in', width, hidden) }),
      },
      blocks: part.layers.map((layer) => {
        const at = names.at(`layers.${layer.index}.`);
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
              query: at.linear('self_attn.q_proj', hidden, hidden),
              key: at.linear('self_attn.k_proj', hidden, hidden),
              value: at.linear('self_attn.v_proj', hidden, hidden),
            },
            output: at.linear('self_attn.out_proj', hidden, hidden),
            heads,
            kvHeads: heads,
            headDim,
            scale: headDim ** -0.5,
            causal: true,
          },
          feedForward: {
            activation: activationOf(part.activation),
            up: at.linear('fc1', hidden, size),
            down: at.linear('fc2', size, hidden),
          },
          attentionNorms: place(at.layerNorm('self_attn_layer_norm', hidden, epsilon, affine)),
          feedForwardNorms: place(at.layerNorm('final_layer_norm', hidden, epsilon, affine)),
        };
      }),
      head: {
        ...(before && !flag(part, '_remove_final_layer_norm')
          ? { norm: names.layerNorm('final_layer_norm', hidden, epsilon, affine) }
          : {}),
        ...(width === hidden ? {} : { project: names.linear('project_out', hidden, width) }),
        ...vocabularyHead(input, ['lm_head'], names.name('embed_tokens.weight'), vocabulary, width),
      },
      ropes: [],
      contextLength: part.contextLength,
    };
  },
};
