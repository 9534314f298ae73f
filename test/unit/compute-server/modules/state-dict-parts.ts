/** Parts of published state dicts, by hand: names and shapes of layers as PyTorch and the repositories of the systems name them. */

export type Shapes = Readonly<Record<string, readonly number[]>>;

export const joined = (...parts: readonly Shapes[]): Shapes => Object.assign({}, ...parts) as Shapes;

export const behind = (prefix: string, shapes: Shapes): Shapes =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [`${prefix}.${name}`, shape]));

/** `weight` and `bias` of a linear layer or a convolution. */
export const layer = (name: string, shape: readonly number[]): Shapes => ({
  [`${name}.weight`]: shape,
  [`${name}.bias`]: [shape[0]!],
});

export const norm = (name: string, width: number): Shapes => layer(name, [width]);

/** nn.BatchNorm2d, with its counter. */
export const batchNorm = (name: string, width: number): Shapes => ({
  ...norm(name, width),
  [`${name}.running_mean`]: [width],
  [`${name}.running_var`]: [width],
  [`${name}.num_batches_tracked`]: [1],
});

/** Conv2d_BN of SHViT. */
export const convolution = (name: string, shape: readonly number[]): Shapes => ({
  [`${name}.c.weight`]: shape,
  ...batchNorm(`${name}.bn`, shape[0]!),
});

/** SHSA of c channels, p of them attended with queries and keys of d. */
export const singleHead = (c: number, p: number, d: number): Shapes =>
  joined(norm('pre_norm', p), convolution('qkv', [2 * d + p, p, 1, 1]), convolution('proj.1', [c, c, 1, 1]));

const residualConvolution = (c: number): Shapes => convolution('m', [c, 1, 3, 3]);
const shvitMlp = (c: number): Shapes =>
  joined(convolution('m.pw1', [2 * c, c, 1, 1]), convolution('m.pw2', [c, 2 * c, 1, 1]));

export const shvitBlock = (c: number, p: number, d: number): Shapes =>
  joined(behind('conv', residualConvolution(c)), behind('mixer.m', singleHead(c, p, d)), behind('ffn', shvitMlp(c)));

/** Block 0 of a first stage has no attention. */
export const firstStageBlock = (c: number): Shapes =>
  joined(behind('conv', residualConvolution(c)), behind('ffn', shvitMlp(c)));

/** The three parts between two stages: residual layers, PatchMerging with its squeeze-and-excitation, residual layers. */
export const downsampling = (from: number, to: number): Shapes =>
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
export const aroundMixer = (c: number, mixer: Shapes): Shapes =>
  joined(norm('norm1', c), mixer, norm('norm2', c), mlp(c));
export const gate = (height: number, width: number, c: number): Shapes => ({
  'filter.complex_weight': [height, Math.floor(width / 2) + 1, c, 2],
});
export const selfAttention = (c: number): Shapes => joined(layer('attn.qkv', [3 * c, c]), layer('attn.proj', [c, c]));

/** Convolutions of one of query, key and value, by kernel size. */
const convolved = (name: string, c: number, kernels: readonly number[]): Shapes =>
  joined(...kernels.map((size, i) => layer(`${name}.${i}`, [c, c, size])));
export const dynamicAttention = (c: number, kernels: readonly number[]): Shapes =>
  joined({ eta: [3, kernels.length] }, ...['q', 'k', 'v'].map((name) => convolved(name, c, kernels)));
export const convformerBlock = (width: number, channels: number, kernels: readonly number[]): Shapes =>
  joined(
    norm('norm1', width),
    behind('attn', dynamicAttention(channels, kernels)),
    norm('norm2', width),
    layer('mlp.fc1', [2 * width, width]),
    layer('mlp.fc2', [width, 2 * width]),
  );

export const gatedAttention = (width: number, hidden: number, branches: number): Shapes =>
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
export const torchLayer = (c: number, hidden: number, norms: number): Shapes =>
  joined(
    torchAttention('self_attn', c),
    ...(norms > 2 ? [torchAttention('multihead_attn', c)] : []),
    layer('linear1', [hidden, c]),
    layer('linear2', [c, hidden]),
    ...Array.from({ length: norms }, (_, at) => norm(`norm${at + 1}`, c)),
  );
export const pointer = (c: number, heads: number): Shapes =>
  joined(
    ...Array.from({ length: heads }, (_, at) =>
      joined(layer(`cross_attentions.${at}.decode_fc`, [c, c]), layer(`cross_attentions.${at}.encode_fc`, [c, c])),
    ),
    layer('readout', [1, heads]),
  );

export const aggregation = (c: number): Shapes =>
  joined(layer('query_conv1', [c, c, 7, 7]), layer('query_conv2', [c, c, 3, 3]), layer('key_conv', [c, c, 3, 3]));

/** Two convolutions with batch norm of a U-Net. */
export const twice = (name: string, from: number, to: number): Shapes =>
  joined(
    ...[from, to].map((inner, at) =>
      joined({ [`${name}.${at + 1}.conv.weight`]: [to, inner, 3, 3] }, batchNorm(`${name}.${at + 1}.bn`, to)),
    ),
  );

/** Attention of diffusers: its own width, and that of what is read. */
export const diffusersAttention = (width: number, read: number): Shapes =>
  joined(
    { 'to_q.weight': [width, width], 'to_k.weight': [width, read], 'to_v.weight': [width, read] },
    layer('to_out.0', [width, width]),
  );
