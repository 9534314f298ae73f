import type { JsonObject } from '../../config/config-reader';
import { readTransformer } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { StackFamily } from '../shared/family';
import { amounts, flag, sizeOf } from '../shared/family';

const values: JsonObject = {
  vocab_size: 38,
  hidden_size: 192,
  num_hidden_layers: 6,
  num_attention_heads: 2,
  window_size: 4,
  use_bias: true,
  ffn_dim: 768,
  ffn_kernel_size: 3,
  hidden_act: 'relu',
  layer_norm_eps: 1e-5,
  flow_size: 192,
  spectrogram_bins: 513,
  use_stochastic_duration_prediction: true,
  num_speakers: 1,
  speaker_embedding_size: 0,
  upsample_initial_channel: 512,
  upsample_rates: [8, 8, 2, 2],
  upsample_kernel_sizes: [16, 16, 4, 4],
  resblock_kernel_sizes: [3, 7, 11],
  resblock_dilation_sizes: [
    [1, 3, 5],
    [1, 3, 5],
    [1, 3, 5],
  ],
  depth_separable_channels: 2,
  depth_separable_num_layers: 3,
  duration_predictor_flow_bins: 10,
  duration_predictor_kernel_size: 3,
  duration_predictor_num_flows: 4,
  wavenet_kernel_size: 5,
  prior_encoder_num_flows: 4,
  prior_encoder_num_wavenet_layers: 4,
  posterior_encoder_num_wavenet_layers: 16,
};

/** More blocks of a kind than this are a slip; the published models have 16 at most. */
const most = 64;
const count = (part: ModelPart, key: string): number => Math.min(sizeOf(part, key) ?? 0, most);
const size = (part: ModelPart, key: string): number => sizeOf(part, key) ?? 0;

function convolution(own: TensorWriter, name: string, shape: readonly [number, number, number], bias = true): void {
  own.add('other', `${name}.weight`, shape);
  if (bias) own.add('other', `${name}.bias`, [shape[0]]);
}

/** A convolution whose weight is stored as length and direction. */
function normed(own: TensorWriter, name: string, shape: readonly [number, number, number]): void {
  own.add('other', `${name}.weight_g`, [shape[0], 1, 1]);
  own.add('other', `${name}.weight_v`, shape);
  own.add('other', `${name}.bias`, [shape[0]]);
}

/** Gated convolutions, each of which gives to the next one and to the end; the last gives to the end alone. */
function writeWaveNet(part: ModelPart, own: TensorWriter, layers: number): void {
  const hidden = part.hiddenSize;
  for (let index = 0; index < layers; index++) {
    normed(own, `in_layers.${index}`, [2 * hidden, hidden, size(part, 'wavenet_kernel_size')]);
    normed(own, `res_skip_layers.${index}`, [index === layers - 1 ? hidden : 2 * hidden, hidden, 1]);
  }
}

/** Convolutions by channel and across channels in turn, with norms between them. */
function writeSeparable(part: ModelPart, own: TensorWriter): void {
  const hidden = part.hiddenSize;
  for (let index = 0; index < count(part, 'depth_separable_num_layers'); index++) {
    convolution(own, `convs_dilated.${index}`, [hidden, 1, size(part, 'duration_predictor_kernel_size')]);
    convolution(own, `convs_pointwise.${index}`, [hidden, hidden, 1]);
    for (const name of ['norms_1', 'norms_2']) own.norm(`${name}.${index}`, hidden, true);
  }
}

/** How long each letter is spoken, drawn by flows: one affine, then splines. */
function writeDurations(part: ModelPart, own: TensorWriter): void {
  const hidden = part.hiddenSize;
  const channels = size(part, 'depth_separable_channels');
  const half = Math.floor(channels / 2);
  for (const [prefix, input] of [
    ['', hidden],
    ['post_', half],
  ] as const) {
    convolution(own, `${prefix}conv_pre`, [hidden, input, 1]);
    convolution(own, `${prefix}conv_proj`, [hidden, hidden, 1]);
    writeSeparable(part, own.under(`${prefix}conv_dds.`));
    for (const name of ['translate', 'log_scale']) own.add('other', `${prefix}flows.0.${name}`, [channels, 1]);
    for (let index = 1; index <= count(part, 'duration_predictor_num_flows'); index++) {
      const flow = own.under(`${prefix}flows.${index}.`);
      convolution(flow, 'conv_pre', [hidden, half, 1]);
      writeSeparable(part, flow.under('conv_dds.'));
      convolution(flow, 'conv_proj', [half * (3 * size(part, 'duration_predictor_flow_bins') - 1), hidden, 1]);
    }
  }
}

/** HiFi-GAN: each step makes the sound longer and its channels half as many. */
function writeSound(part: ModelPart, own: TensorWriter): void {
  let channels = size(part, 'upsample_initial_channel');
  const kernels = amounts(part, 'resblock_kernel_sizes');
  const dilations = part.fields['resblock_dilation_sizes']?.value;
  convolution(own, 'conv_pre', [channels, size(part, 'flow_size'), 7]);
  let block = 0;
  amounts(part, 'upsample_kernel_sizes').forEach((kernel, step) => {
    const output = Math.floor(channels / 2);
    // Transposed: stored [input, output].
    own.add('other', `upsampler.${step}.weight`, [channels, output, kernel]);
    own.add('other', `upsampler.${step}.bias`, [output]);
    channels = output;
    kernels.forEach((side, which) => {
      const list: unknown = Array.isArray(dilations) ? (dilations as readonly unknown[])[which] : undefined;
      const layers = Array.isArray(list) ? Math.min(list.length, most) : 0;
      for (let index = 0; index < layers; index++)
        for (const name of ['convs1', 'convs2'])
          convolution(own, `resblocks.${block}.${name}.${index}`, [channels, channels, side]);
      block += 1;
    });
  });
  convolution(own, 'conv_post', [1, channels, 7], false);
}

function writeText(part: ModelPart, own: TensorWriter): void {
  const hidden = part.hiddenSize;
  own.add('embedding', 'embed_tokens.weight', [part.vocabularySize ?? 0, hidden]);
  const near = size(part, 'window_size');
  const kernel = size(part, 'ffn_kernel_size');
  for (const layer of part.layers) {
    const block = own.layer(layer.index, 'encoder.layers.{layer}.');
    for (const name of ['k_proj', 'v_proj', 'q_proj', 'out_proj'])
      block.linear('attention', `attention.${name}`, hidden, hidden, flag(part, 'use_bias', true));
    if (near > 0)
      for (const name of ['emb_rel_k', 'emb_rel_v'])
        block.add('attention', `attention.${name}`, [1, 2 * near + 1, part.headDim]);
    block.norm('layer_norm', hidden, true);
    const inner = layer.feedForward.size;
    block.add('mlp', 'feed_forward.conv_1.weight', [inner, hidden, kernel]);
    block.add('mlp', 'feed_forward.conv_1.bias', [inner]);
    block.add('mlp', 'feed_forward.conv_2.weight', [hidden, inner, kernel]);
    block.add('mlp', 'feed_forward.conv_2.bias', [hidden]);
    block.norm('final_layer_norm', hidden, true);
  }
  convolution(own, 'project', [2 * size(part, 'flow_size'), hidden, 1]);
}

function writeVits(part: ModelPart, writer: TensorWriter): void {
  const hidden = part.hiddenSize;
  const flowSize = size(part, 'flow_size');
  const half = Math.floor(flowSize / 2);
  writeText(part, writer.under('text_encoder.'));
  for (let index = 0; index < count(part, 'prior_encoder_num_flows'); index++) {
    const flow = writer.under(`flow.flows.${index}.`);
    convolution(flow, 'conv_pre', [hidden, half, 1]);
    writeWaveNet(part, flow.under('wavenet.'), count(part, 'prior_encoder_num_wavenet_layers'));
    convolution(flow, 'conv_post', [half, hidden, 1]);
  }
  const posterior = writer.under('posterior_encoder.');
  convolution(posterior, 'conv_pre', [hidden, size(part, 'spectrogram_bins'), 1]);
  writeWaveNet(part, posterior.under('wavenet.'), count(part, 'posterior_encoder_num_wavenet_layers'));
  convolution(posterior, 'conv_proj', [2 * flowSize, hidden, 1]);
  writeDurations(part, writer.under('duration_predictor.'));
  writeSound(part, writer.under('decoder.'));
}

/**
 * VITS (arXiv:2106.06103): an encoder of letters with learned vectors for near distances. Flows and convolutions make sound of
 * what it gives, and do not attend.
 */
export const vits: StackFamily = {
  kind: 'stack',
  id: 'vits',
  title: 'VITS',
  modelTypes: ['vits'],
  architectures: /^VitsModel/,
  role: 'encoder',
  tied: false,
  task: 'base',
  read: (reader) => {
    // How far distances are told apart; further positions are read too.
    const near = reader.integer('window_size') ?? 0;
    const note = near > 0 ? `with learned vectors for distances up to ${near}` : undefined;
    return readTransformer(reader, {
      family: 'vits',
      role: 'encoder',
      causal: false,
      gated: false,
      norm: 'layer',
      positions: near > 0 ? 'relative' : 'none',
      record: Object.keys(values),
      layerKinds: (count) =>
        Array.from({ length: count }, () => ({ kind: 'full' as const, ...(note === undefined ? {} : { note }) })),
    });
  },
  // Speakers and the plain predictor of durations bring modules of their own.
  exact: (part) =>
    flag(part, 'use_stochastic_duration_prediction') &&
    size(part, 'num_speakers') <= 1 &&
    size(part, 'speaker_embedding_size') === 0,
  tensors: writeVits,
};
