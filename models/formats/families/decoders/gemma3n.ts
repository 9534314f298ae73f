import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import type { Layer, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { vectorSize, writeLayerVector, writeVectors } from '../shared/layer-vectors';
import { decoderFamily } from '../shared/decoder-family';
import { amount, sizeOf, word } from '../shared/family';
import { honoured, only } from '../shared/run-keys';
import { fourNorms, gemma2Keys } from './gemma';
import { llamaLayout } from './llama';

/**
 * The text model of Gemma 3n. It has several streams, of which a layer computes the first and corrects the others (AltUp, arXiv:2301.13310),
 * a narrow map beside attention (LAuReL, arXiv:2411.07501) and a vector of the token in each layer. The networks of the first layers keep
 * only the largest gates. The last layers read the keys and values of the last earlier layer of their kind.
 */

/** Four window layers, then a full one; their files write the base of window layers by itself or inside `rope_parameters`. */
function choose(reader: ConfigReader): Partial<TransformerChoice> {
  const types = reader.has('layer_types') ? reader.strings('layer_types') : undefined;
  return {
    rope: { layerType: 'full_attention' },
    windowRope: { layerType: 'sliding_attention', thetaKey: 'rope_local_base_freq', unscaled: true },
    layerKinds: (layers) =>
      Array.from({ length: layers }, (_, index) => {
        const full = types === undefined ? (index + 1) % 5 === 0 : types[index] === 'full_attention';
        return { kind: full ? 'full' : 'window' };
      }),
  };
}

const streams = (part: ModelPart): number => Math.max(1, sizeOf(part, 'altup_num_inputs') ?? 1);
const rank = (part: ModelPart): number => sizeOf(part, 'laurel_rank') ?? 0;

/** Absent, the class takes 0.95 in the first ten layers of more than ten. */
function sparsity({ fields, layers }: ModelPart, { index }: Layer): number {
  const written = fields['activation_sparsity_pattern']?.value;
  const own: unknown = Array.isArray(written) ? written[index] : written;
  if (typeof own === 'number') return own;
  return layers.length > 10 && index < 10 ? 0.95 : 0;
}

function writeLayer(writer: TensorWriter, _layer: Layer, part: ModelPart): void {
  const { hiddenSize: hidden } = part;
  const own = writer.under('altup.');
  const count = streams(part);
  own.add('other', 'correct_output_scale', [hidden]);
  own.linear('other', 'correction_coefs', count, count, false);
  own.linear('other', 'prediction_coefs', count, count ** 2, false);
  own.linear('other', 'modality_router', hidden, count, false);
  own.norm('router_norm', hidden, false);
  const beside = writer.under('laurel.');
  beside.linear('other', 'linear_left', hidden, rank(part), false);
  beside.linear('other', 'linear_right', rank(part), hidden, false);
  beside.norm('post_laurel_norm', hidden, false);
  writeLayerVector(writer, part);
}

function writeStreams(writer: TensorWriter, part: ModelPart): void {
  for (const name of ['altup_projections', 'altup_unembed_projections'])
    for (let at = 0; at < streams(part) - 1; at++)
      writer.linear('other', `${name}.${at}`, part.hiddenSize, part.hiddenSize, false);
  writeVectors(writer, part);
}

export const gemma3n = decoderFamily({
  id: 'gemma3n',
  title: 'Gemma 3n',
  types: ['gemma3n_text'],
  architectures: /^Gemma3nForCausalLM/,
  tied: true,
  record: ['attention_bias', 'hidden_size_per_layer_input', 'vocab_size_per_layer_input', 'laurel_rank'],
  run: {
    ...gemma2Keys,
    ...honoured('rope_local_base_freq', 'laurel_rank', 'activation_sparsity_pattern'),
    ...honoured('hidden_size_per_layer_input', 'num_kv_shared_layers', 'vocab_size_per_layer_input'),
    ...honoured('altup_num_inputs', 'altup_coef_clip'),
    ...only([0], 'altup_active_idx'),
    ...only([true], 'altup_correct_scale'),
    ...only([null], 'query_pre_attn_scalar', 'attn_logit_softcapping'),
  },
  computes: {
    ownParts: true,
    plainValueNorm: true,
    embeddingScale: ({ hiddenSize }) => Math.sqrt(hiddenSize),
    activation: (part) => word(part, 'hidden_activation') ?? 'gelu_pytorch_tanh',
    scale: () => 1,
    sparsity,
  },
  choice: choose,
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, norm: () => 'head' },
    norms: fourNorms,
    more: writeLayer,
    extra: writeStreams,
    carried: {
      size: vectorSize,
      streams: (part) => streams(part) - 1,
      bound: (part) => amount(part, 'altup_coef_clip'),
      narrow: rank,
    },
  },
});
