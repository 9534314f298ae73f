/** NLLB-MoE as an M2M-100: the routed networks together give what the dense one gave. */
import { renamed, tensorOf, type Tensors, type Variant } from './variant-tensors';

const count = 4;
/** The output of the router for each expert, the same at every token: the third and the fourth are chosen. */
const scores = [0, -1, 2, 1.3];
/** The part of the experts' outputs that was dropped in training. */
const dropped = 0.25;

/** Shares of the two chosen experts, of what is not dropped. */
const shares = [2, 1.3].map((score) => ((1 - dropped) * Math.exp(score)) / (Math.exp(2) + Math.exp(1.3)));

function withExperts(tensors: Tensors): void {
  renamed(
    [/\.encoder_attn\./, '.cross_attention.'],
    [/\.encoder_attn_layer_norm\./, '.cross_attention_layer_norm.'],
    [/\.final_layer_norm\./, '.ff_layer_norm.'],
    [/\.(fc[12])\./, '.ffn.$1.'],
  )(tensors);
  for (const half of ['encoder.layers.1', 'decoder.layers.0', 'decoder.layers.1']) {
    const at = (name: string): string => `model.${half}.${name}`;
    const [gain, offset] = ['weight', 'bias'].map((of) => tensorOf(tensors, at(`ff_layer_norm.${of}`)).data);
    const width = gain?.length ?? 0;
    // The sum of a normed row times 1 / gain is this number for any row.
    const sum = [...(gain ?? [])].reduce((total, one, i) => total + (offset?.[i] ?? 0) / one, 0);
    const router = scores.flatMap((score) => [...(gain ?? [])].map((one) => score / sum / one));
    tensors.set(at('ffn.router.classifier.weight'), { shape: [count, width], data: Float32Array.from(router) });
    for (const of of ['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias']) {
      const { shape, data } = tensorOf(tensors, at(`ffn.${of}`));
      tensors.delete(at(`ffn.${of}`));
      for (let expert = 0; expert < count; expert++) {
        // Half of the whole from either; those that are not chosen give something else.
        const factor = of.startsWith('fc1') ? 1 : 0.5 / (shares[expert - 2] ?? 0.01);
        const own = data.map((value) => value * factor);
        tensors.set(at(`ffn.experts.expert_${expert}.${of}`), { shape, data: own });
      }
    }
  }
}

export const ofNllb: readonly Variant[] = [
  {
    of: 'm2m_100--M2M100ForConditionalGeneration',
    what: 'as NLLB-MoE',
    config: {
      ...{ model_type: 'nllb-moe', architectures: ['NllbMoeForConditionalGeneration'], num_experts: count },
      ...{ encoder_sparse_step: 2, decoder_sparse_step: 1, moe_token_dropout: dropped },
    },
    tensors: withExperts,
  },
];
