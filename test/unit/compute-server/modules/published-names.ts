/**
 * State dicts of all modules that have weights, small, by hand: names and shapes as the repositories of the systems write them
 * (our own where the system published no code; kernels/README.md says which).
 */
import type { ParameterValues } from '../../../../kernels/mechanism';
import {
  joined,
  behind,
  layer,
  norm,
  batchNorm,
  convolution,
  singleHead,
  shvitBlock,
  firstStageBlock,
  downsampling,
  aroundMixer,
  gate,
  selfAttention,
  dynamicAttention,
  convformerBlock,
  diffusersAttention,
  gatedAttention,
  torchLayer,
  pointer,
  aggregation,
  twice,
  type Shapes,
} from './state-dict-parts';

export interface PublishedState {
  readonly id: string;
  /** What stands before the names in a network of the system. */
  readonly prefix: string;
  /** Those that no shape decides. */
  readonly parameters: ParameterValues;
  /** Those that the shapes have to decide. */
  readonly decided: ParameterValues;
  readonly shapes: Shapes;
  /** One that the module cannot do without; the last one where left out. */
  readonly needed?: string;
}

export const publishedStates: readonly PublishedState[] = [
  {
    id: 'shsa',
    prefix: 'blocks3.3.mixer.m.',
    parameters: { height: 3, width: 4 },
    decided: { channels: 10, partial: 3, qkDim: 5 },
    shapes: singleHead(10, 3, 5),
  },
  {
    id: 'shvit-block',
    prefix: 'blocks2.3.',
    parameters: { height: 3, width: 4 },
    decided: { channels: 6, partial: 2, qkDim: 3 },
    shapes: shvitBlock(6, 2, 3),
  },
  {
    id: 'shvit',
    prefix: '',
    parameters: { variant: 'tiny', side: 33 },
    decided: { classes: 4 },
    shapes: joined(
      ...[2, 4, 8, 16].map((to, at, all) => convolution(`patch_embed.${2 * at}`, [to, all[at - 1] ?? 3, 3, 3])),
      behind('blocks1.0', firstStageBlock(16)),
      behind('blocks2', downsampling(16, 24)),
      behind('blocks2.3', shvitBlock(24, 6, 16)),
      behind('blocks3', downsampling(24, 32)),
      behind('blocks3.3', shvitBlock(32, 8, 16)),
      batchNorm('head.bn', 32),
      layer('head.l', [4, 32]),
    ),
  },
  {
    id: 'spectral-gate',
    prefix: 'blocks.0.filter.',
    parameters: { width: 6 },
    decided: { height: 4, channels: 3 },
    shapes: { complex_weight: [4, 4, 3, 2] },
  },
  {
    id: 'spectformer-block',
    prefix: 'blocks.1.',
    parameters: { width: 4 },
    decided: { mixer: 'spectral', height: 3, channels: 6 },
    shapes: aroundMixer(6, gate(3, 4, 6)),
  },
  {
    id: 'spectformer-block',
    prefix: 'blocks.9.',
    parameters: { height: 2, width: 3, heads: 2 },
    decided: { mixer: 'attention', channels: 6 },
    shapes: aroundMixer(6, selfAttention(6)),
  },
  {
    id: 'spectformer',
    prefix: '',
    parameters: { variant: 'tiny', side: 16, alpha: 1 },
    decided: { classes: 3 },
    shapes: joined(
      { pos_embed: [1, 16, 8] },
      layer('patch_embed.proj', [8, 3, 4, 4]),
      behind('blocks.0', aroundMixer(8, gate(4, 4, 8))),
      behind('blocks.1', aroundMixer(8, selfAttention(8))),
      behind('blocks.2', aroundMixer(8, selfAttention(8))),
      norm('norm', 8),
      layer('head', [3, 8]),
    ),
  },
  {
    id: 'dmhcsa',
    prefix: 'spatial_blocks.2.attn.',
    parameters: { tokens: 4, channels: 6, heads: 2 },
    decided: { kernels: '3,5,7' },
    shapes: dynamicAttention(6, [3, 5, 7]),
  },
  {
    id: 'convformer',
    prefix: '',
    parameters: { heads: 2 },
    decided: { frames: 3, channels: 2, spatialBlocks: 1, temporalBlocks: 2, kernels: '3,3,3' },
    shapes: joined(
      layer('patch_embed', [2, 2]),
      { spatial_pos_embed: [1, 17, 2], temporal_pos_embed: [1, 3, 34] },
      behind('spatial_blocks.0', convformerBlock(2, 2, [3, 3, 3])),
      // In time the frames are the channels of the convolutions.
      ...[0, 1].map((at) => behind(`temporal_blocks.${at}`, convformerBlock(34, 3, [3, 3, 3]))),
      layer('head', [51, 34]),
      layer('weighted_mean', [1, 3, 1]),
    ),
  },
  {
    id: 'lama',
    prefix: 'encoder.',
    parameters: { words: 5 },
    decided: { width: 6, heads: 3, context: 'learned' },
    shapes: { _p: [6, 3], _q: [6, 3], _c: [6, 1] },
    needed: '_q',
  },
  {
    id: 'multiscale-gate',
    prefix: 'attention.',
    parameters: { image: 8, height: 4, width: 6, bodyWidth: 2, channels: 4, scales: 2 },
    decided: {},
    shapes: joined(
      twice('body.down1', 1, 2),
      twice('body.down2', 2, 4),
      twice('body.down3', 4, 8),
      twice('body.down4', 8, 16),
      twice('body.up3', 16 + 8, 8),
      twice('body.up2', 8 + 4, 4),
      twice('body.up1', 4 + 2, 2),
      layer('body.map', [1, 2, 1, 1]),
      // A head reads its features, of which there are twice as many at the second scale, and the global map.
      layer('heads.1.hidden', [8, 4 + 1, 3, 3]),
      layer('heads.1.map', [1, 8, 1, 1]),
      layer('heads.2.hidden', [8, 8 + 1, 3, 3]),
      layer('heads.2.map', [1, 8, 1, 1]),
    ),
  },
  {
    id: 'gated-pooling',
    prefix: 'attention.',
    parameters: { instances: 5 },
    decided: { width: 6, hidden: 4, branches: 3 },
    shapes: gatedAttention(6, 4, 3),
  },
  {
    id: 'acmil',
    prefix: 'module.',
    parameters: { instances: 5 },
    decided: { form: 'gated', features: 7, width: 6, hidden: 4, branches: 2, classes: 3 },
    shapes: joined(
      { 'dimreduction.fc1.weight': [6, 7] },
      behind('attention', gatedAttention(6, 4, 2)),
      layer('classifier.0.fc', [3, 6]),
      layer('classifier.1.fc', [3, 6]),
      layer('Slide_classifier.fc', [3, 6]),
    ),
  },
  {
    id: 'acmil',
    prefix: '',
    parameters: { instances: 5, heads: 1 },
    decided: { form: 'multi-head', features: 4, width: 3, branches: 2, classes: 3 },
    shapes: joined(
      { 'dimreduction.fc1.weight': [3, 4], q: [1, 2, 3] },
      ...[0, 1].map((at) =>
        joined(
          ...['q', 'k', 'v', 'out'].map((name) => layer(`sub_attention.${at}.${name}_proj`, [3, 3])),
          norm(`sub_attention.${at}.layer_norm`, 3),
          layer(`classifier.${at}.fc`, [3, 3]),
        ),
      ),
      ...['v', 'out'].map((name) => layer(`bag_attention.${name}_proj`, [3, 3])),
      norm('bag_attention.layer_norm', 3),
      layer('Slide_classifier.fc', [3, 3]),
    ),
  },
  {
    id: 'pointer-attention',
    prefix: 'oat.',
    parameters: { rows: 2, columns: 2, steps: 3 },
    decided: { width: 6, heads: 3 },
    shapes: pointer(6, 3),
  },
  {
    id: 'oat',
    prefix: '',
    parameters: { rows: 2, columns: 2, steps: 2, attentionHeads: 2 },
    decided: { width: 4, hidden: 5, layers: 1, heads: 2 },
    shapes: joined(
      behind('transformer_encoder.layers.0', torchLayer(4, 5, 2)),
      behind('transformer_decoder.layers.0', torchLayer(4, 5, 3)),
      pointer(4, 2),
    ),
  },
  {
    id: 'selector-summary',
    prefix: '',
    parameters: { tokens: 4 },
    decided: { tasks: 2, selectors: 3, width: 5 },
    shapes: { selectors: [2, 3, 5] },
  },
  {
    id: 'prefix-attention',
    prefix: 'blocks.0.attn.',
    parameters: { tokens: 4 },
    decided: { width: 6, heads: 2, prompts: 3 },
    shapes: joined(layer('qkv', [18, 6]), layer('proj', [6, 6]), { prompts: [2, 1, 3, 2, 3] }),
    needed: 'proj.bias',
  },
  {
    id: 'safa',
    prefix: 'scale_aware_aggregation.',
    parameters: { height: 15, width: 17, blocks: 2 },
    decided: { channels: 6 },
    shapes: aggregation(6),
  },
  {
    id: 'featenhancer',
    prefix: 'enhancer.',
    parameters: { height: 15, width: 17 },
    decided: { hidden: 4, additions: 2 },
    shapes: joined(
      layer('e_conv1', [4, 3, 3, 3]),
      ...[2, 3, 4].map((at) => layer(`e_conv${at}`, [4, 4, 3, 3])),
      ...[5, 6].map((at) => layer(`e_conv${at}`, [4, 8, 3, 3])),
      layer('e_conv7', [6, 8, 3, 3]),
      layer('ue_conv8', [4, 12, 3, 3]),
      layer('ue_conv9', [6, 4, 3, 3]),
      layer('quarter_conv', [3, 3, 7, 7]),
      layer('hexa_conv', [3, 3, 3, 3]),
      behind('scale_aware_aggregation', aggregation(6)),
    ),
  },
  {
    id: 'isolated-attention',
    prefix: 'down_blocks.1.attentions.0.transformer_blocks.0.attn1.',
    parameters: { height: 3, width: 3, heads: 2 },
    decided: { channels: 8 },
    shapes: diffusersAttention(8, 8),
  },
  {
    id: 'label-attention',
    prefix: 'lsan.',
    parameters: { document: 4, knowledge: 3 },
    decided: { labels: 3, width: 6, hidden: 4, classifier: 5, selfView: true, labelBlock: true },
    shapes: joined(
      { 'self.fc1.weight': [4, 6], 'self.fc2.weight': [3, 4] },
      { 'gate_label.weight': [1, 6], 'gate_self.weight': [1, 6], 'mix.weight': [1, 12], 'fc.weight': [5, 6] },
      Object.fromEntries(['q', 'k', 'v', 'out'].map((name) => [`block.${name}_proj.weight`, [6, 6]])),
      norm('block.norm', 6),
      layer('output', [1, 5]),
    ),
  },
  {
    id: 'multi-lane',
    prefix: '',
    parameters: {},
    decided: { variant: 'tiny', tasks: 2, classes: 3, selectors: 2, prompts: 1, side: 16 },
    shapes: joined(
      { cls_token: [1, 1, 8], pos_embed: [1, 5, 8], selectors: [2, 2, 8] },
      layer('patch_embed.proj', [8, 3, 8, 8]),
      ...[0, 1, 2].map((at) =>
        behind(
          `blocks.${at}`,
          joined(aroundMixer(8, selfAttention(8)), at < 2 ? { 'attn.prompts': [2, 2, 1, 2, 4] } : {}),
        ),
      ),
      norm('norm', 8),
      layer('head', [6, 8]),
    ),
  },
  {
    id: 'lama-causal',
    prefix: 'attention.',
    parameters: { words: 5 },
    decided: { width: 6, heads: 3, context: 'mean' },
    shapes: { _p: [6, 3], _q: [6, 3] },
  },
  {
    id: 'relative-attention',
    prefix: 'decoder.layers.0.self_attn.',
    parameters: { tokens: 4, memory: 2 },
    decided: { width: 6, heads: 2, kernel: 3, maxDistance: 7, relative: true, convolution: true },
    shapes: joined(
      ...['query', 'key', 'value'].map((name) =>
        joined({ [`${name}.0.linear.weight`]: [6, 6] }, layer(`${name}.1.conv`, [3, 1, 3])),
      ),
      { 'value.0.linear.bias': [6], key_pos_embeddings: [14, 2, 3], key_pos_bias: [14, 2], query_pos_bias: [2, 3] },
      layer('output', [6, 6]),
    ),
    needed: 'query_pos_bias',
  },
  {
    id: 'complex-attention',
    prefix: 'blocks.0.attn.',
    parameters: { tokens: 4 },
    decided: { width: 8, heads: 2, form: 'complex' },
    shapes: {
      ...Object.fromEntries(['q', 'k', 'v', 'o'].map((name) => [`W_${name}.weight`, [8, 8]])),
      delta_params: [2, 2],
      bias_params: [2, 2],
    },
  },
  {
    id: 'mutual-cross-attention',
    prefix: 'down_blocks.1.attentions.0.transformer_blocks.0.attn2.',
    parameters: { height: 2, width: 3, heads: 2, tokens: 4 },
    decided: { channels: 6, textWidth: 5 },
    shapes: diffusersAttention(6, 5),
  },
  {
    id: 'neural-memory-block',
    prefix: 'layers.0.',
    parameters: { tokens: 9, window: 6, persistent: 2, chunk: 3, depth: 2, expansion: 1, form: 'context' },
    decided: { width: 6, heads: 2, kernel: 2 },
    shapes: joined(
      ...['norm', 'memory_norm', 'attention_norm'].map((name) => ({ [`${name}.weight`]: [6] })),
      ...['queries', 'keys', 'values'].map((name) => ({
        [`to_${name}.weight`]: [6, 6],
        [`conv_${name}.weight`]: [6, 1, 2],
      })),
      ...['decay_factor', 'adaptive_step', 'momentum'].map((name) => layer(`to_${name}`, [2, 6])),
      { 'memory_model.weights.0': [2, 3, 3], 'memory_model.weights.1': [2, 3, 3], 'combine_heads.weight': [6, 6] },
      ...['q', 'k', 'v', 'out'].map((name) => ({ [`attention.to_${name}.weight`]: [6, 6] })),
      { persistent_memory: [2, 6] },
    ),
  },
  {
    id: 'tnl-block',
    prefix: 'model.layers.1.',
    parameters: { tokens: 5, layer: 1, layers: 4 },
    decided: { width: 6, heads: 2, hidden: 8, glu: 5, rotation: true },
    shapes: {
      'token_mixer.qkvu_proj.weight': [4 * 8, 6],
      'token_mixer.out_proj.weight': [6, 8],
      'token_mixer.lrpe.theta': [2, 1, 4],
      'channel_mixer.l1.weight': [5, 6],
      'channel_mixer.l2.weight': [5, 6],
      'channel_mixer.l3.weight': [6, 5],
    },
  },
  {
    id: 'toeplitz-mixing',
    prefix: 'mixer.',
    parameters: { tokens: 8, width: 6 },
    decided: { kernels: 3 },
    shapes: { kernel: [3, 8] },
  },
  {
    id: 'token-mlp',
    prefix: 'blocks.0.mlp_tokens.',
    parameters: { width: 4 },
    decided: { tokens: 7, hidden: 5 },
    shapes: joined(layer('fc1', [5, 7]), layer('fc2', [7, 5])),
  },
  {
    id: 'covariance-attention',
    prefix: 'blocks.0.attn.',
    parameters: { tokens: 5 },
    decided: { width: 6, heads: 2, bias: true },
    shapes: joined(layer('qkv', [18, 6]), { temperature: [2, 1, 1] }, layer('proj', [6, 6])),
  },
  {
    id: 'qlstm',
    prefix: 'layers.0.',
    parameters: { tokens: 5 },
    decided: { width: 4, expansion: 2, kernel: 3 },
    shapes: joined({ 'input.weight': [16, 4] }, layer('conv', [8, 1, 3]), layer('gates', [24, 8]), {
      'output.weight': [4, 8],
      alpha: [],
    }),
  },
];
