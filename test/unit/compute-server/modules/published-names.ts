/**
 * State dicts of all modules that have weights, small, by hand: names and shapes as the repositories of the systems write them
 * (our own where the system published no code: convformer, multiscale-gate, label-attention; kernels/README.md says which).
 */
import type { ParameterValues } from '../../../../kernels/mechanism';

export type Shapes = Readonly<Record<string, readonly number[]>>;

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

const joined = (...parts: readonly Shapes[]): Shapes => Object.assign({}, ...parts) as Shapes;

const behind = (prefix: string, shapes: Shapes): Shapes =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [`${prefix}.${name}`, shape]));

/** `weight` and `bias` of a linear layer or a convolution. */
const layer = (name: string, shape: readonly number[]): Shapes => ({
  [`${name}.weight`]: shape,
  [`${name}.bias`]: [shape[0]!],
});

const norm = (name: string, width: number): Shapes => layer(name, [width]);

/** nn.BatchNorm2d, with its counter. */
const batchNorm = (name: string, width: number): Shapes => ({
  ...norm(name, width),
  [`${name}.running_mean`]: [width],
  [`${name}.running_var`]: [width],
  [`${name}.num_batches_tracked`]: [1],
});

/** Conv2d_BN of SHViT. */
const convolution = (name: string, shape: readonly number[]): Shapes => ({
  [`${name}.c.weight`]: shape,
  ...batchNorm(`${name}.bn`, shape[0]!),
});

/** SHSA of c channels, p of them attended with queries and keys of d. */
const singleHead = (c: number, p: number, d: number): Shapes =>
  joined(norm('pre_norm', p), convolution('qkv', [2 * d + p, p, 1, 1]), convolution('proj.1', [c, c, 1, 1]));

const residualConvolution = (c: number): Shapes => convolution('m', [c, 1, 3, 3]);
const shvitMlp = (c: number): Shapes =>
  joined(convolution('m.pw1', [2 * c, c, 1, 1]), convolution('m.pw2', [c, 2 * c, 1, 1]));

const shvitBlock = (c: number, p: number, d: number): Shapes =>
  joined(behind('conv', residualConvolution(c)), behind('mixer.m', singleHead(c, p, d)), behind('ffn', shvitMlp(c)));

/** Block 0 of a first stage has no attention. */
const firstStageBlock = (c: number): Shapes =>
  joined(behind('conv', residualConvolution(c)), behind('ffn', shvitMlp(c)));

/** The three parts between two stages: residual layers, PatchMerging with its squeeze-and-excitation, residual layers. */
const downsampling = (from: number, to: number): Shapes =>
  joined(
    behind('0.0', residualConvolution(from)),
    behind('0.1', shvitMlp(from)),
    convolution('1.conv1', [4 * from, from, 1, 1]),
    convolution('1.conv2', [4 * from, 1, 3, 3]),
    layer('1.se.fc1', [from, 4 * from, 1, 1]),
    layer('1.se.fc2', [4 * from, from, 1, 1]),
    convolution('1.conv3', [to, 4 * from, 1, 1]),
    behind('2.0', residualConvolution(to)),
    behind('2.1', shvitMlp(to)),
  );

const mlp = (c: number): Shapes => joined(layer('mlp.fc1', [4 * c, c]), layer('mlp.fc2', [c, 4 * c]));
const aroundMixer = (c: number, mixer: Shapes): Shapes => joined(norm('norm1', c), mixer, norm('norm2', c), mlp(c));
const gate = (height: number, width: number, c: number): Shapes => ({
  'filter.complex_weight': [height, Math.floor(width / 2) + 1, c, 2],
});
const selfAttention = (c: number): Shapes => joined(layer('attn.qkv', [3 * c, c]), layer('attn.proj', [c, c]));

/** Convolutions of one of query, key and value, by kernel size. */
const convolved = (name: string, c: number, kernels: readonly number[]): Shapes =>
  joined(...kernels.map((size, i) => layer(`${name}.${i}`, [c, c, size])));
const dynamicAttention = (c: number, kernels: readonly number[]): Shapes =>
  joined({ eta: [3, kernels.length] }, ...['q', 'k', 'v'].map((name) => convolved(name, c, kernels)));
const convformerBlock = (width: number, channels: number, kernels: readonly number[]): Shapes =>
  joined(
    norm('norm1', width),
    behind('attn', dynamicAttention(channels, kernels)),
    norm('norm2', width),
    layer('mlp.fc1', [2 * width, width]),
    layer('mlp.fc2', [width, 2 * width]),
  );

const gatedAttention = (width: number, hidden: number, branches: number): Shapes =>
  joined(
    layer('attention_V.0', [hidden, width]),
    layer('attention_U.0', [hidden, width]),
    layer('attention_weights', [branches, hidden]),
  );

/** nn.MultiheadAttention. */
const torchAttention = (name: string, c: number): Shapes => ({
  [`${name}.in_proj_weight`]: [3 * c, c],
  [`${name}.in_proj_bias`]: [3 * c],
  ...layer(`${name}.out_proj`, [c, c]),
});
/** nn.TransformerEncoderLayer and nn.TransformerDecoderLayer. */
const torchLayer = (c: number, hidden: number, norms: number): Shapes =>
  joined(
    torchAttention('self_attn', c),
    ...(norms > 2 ? [torchAttention('multihead_attn', c)] : []),
    layer('linear1', [hidden, c]),
    layer('linear2', [c, hidden]),
    ...Array.from({ length: norms }, (_, at) => norm(`norm${at + 1}`, c)),
  );
const pointer = (c: number, heads: number): Shapes =>
  joined(
    ...Array.from({ length: heads }, (_, at) =>
      joined(layer(`cross_attentions.${at}.decode_fc`, [c, c]), layer(`cross_attentions.${at}.encode_fc`, [c, c])),
    ),
    layer('readout', [1, heads]),
  );

const aggregation = (c: number): Shapes =>
  joined(layer('query_conv1', [c, c, 7, 7]), layer('query_conv2', [c, c, 3, 3]), layer('key_conv', [c, c, 3, 3]));

/** Two convolutions with batch norm of a U-Net. */
const twice = (name: string, from: number, to: number): Shapes =>
  joined(
    ...[from, to].map((inner, at) =>
      joined({ [`${name}.${at + 1}.conv.weight`]: [to, inner, 3, 3] }, batchNorm(`${name}.${at + 1}.bn`, to)),
    ),
  );

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
    shapes: {
      'to_q.weight': [8, 8],
      'to_k.weight': [8, 8],
      'to_v.weight': [8, 8],
      ...layer('to_out.0', [8, 8]),
    },
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
];
