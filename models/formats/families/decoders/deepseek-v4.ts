import type { ConfigReader } from '../../config/config-reader';
import type { LayerKind } from '../../config/layer-kinds';
import type { TransformerChoice } from '../../config/transformer';
import type { Attention, Layer, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { decoderFamily } from '../shared/decoder-family';
import { sizeOf } from '../shared/family';

/**
 * DeepSeek-V4, in the names of its own checkpoints (transformers 5 renames them while it reads). One vector a position is
 * key and value of all heads. Window layers keep the last positions alone; the others keep besides one entry for each
 * `ratio` positions before, and where the ratio is 4 a scorer over a second, narrower row of entries chooses `index_topk`
 * of them. The residual runs in `hc_mult` streams that every layer mixes.
 */

/** Entries by layer, the layers that predict further tokens behind the others. */
function ratiosOf(reader: ConfigReader): readonly number[] {
  const written = reader.has('compress_ratios') ? reader.numbers('compress_ratios') : undefined;
  if (written !== undefined) return written;
  const rates = reader.child('compress_rates');
  const rate = (type: string, key: string): number | undefined => rates?.integer(type, 1) ?? reader.integer(key, 1);
  const named: Readonly<Record<string, number>> = {
    compressed_sparse_attention: rate('compressed_sparse_attention', 'compress_rate_csa') ?? 4,
    heavily_compressed_attention: rate('heavily_compressed_attention', 'compress_rate_hca') ?? 128,
  };
  const types = reader.has('layer_types') ? reader.strings('layer_types') : undefined;
  if (types !== undefined) return types.map((type) => (Object.hasOwn(named, type) ? (named[type] ?? 0) : 0));
  // The class's own default: two heavily compressed layers, then both kinds in turn.
  const count = reader.integer('num_hidden_layers') ?? 0;
  return Array.from({ length: Math.min(count, 4096) }, (_, index) => (index >= 2 && index % 2 === 1 ? 4 : 128));
}

/** The ratio whose layers choose among their entries. */
const sparseRatio = 4;

function compressing(reader: ConfigReader): Partial<TransformerChoice> {
  const ratios = ratiosOf(reader).map((ratio) => (Number.isInteger(ratio) && ratio > 0 ? ratio : 0));
  const window = reader.integer('sliding_window', 1) ?? 0;
  const width = reader.integer('qk_rope_head_dim', 1);
  const rope = { layout: 'interleaved', ...(width === undefined ? {} : { dimensions: width }) } as const;
  const indexer = {
    heads: reader.integer('index_n_heads') ?? 0,
    headDim: reader.integer('index_head_dim') ?? 0,
    topK: reader.integer('index_topk') ?? 0,
  };
  return {
    // transformers 5 writes both forms into `rope_parameters`, as `main` and `compress`.
    rope: { ...rope, thetaKey: 'compress_rope_theta', layerType: 'compress' },
    windowRope: { ...rope, unscaled: true, layerType: 'main' },
    layerKinds: (count) =>
      Array.from({ length: count }, (_, index): LayerKind => ({
        kind: (ratios[index] ?? 0) === 0 ? 'window' : 'full',
      })),
    layerAttention: (index): Partial<Attention> => {
      const ratio = ratios[index] ?? 0;
      if (ratio === 0) return { keyIsValue: true };
      return {
        keyIsValue: true,
        compressed: { ratio, window },
        ...(ratio === sparseRatio && indexer.heads * indexer.headDim > 0 ? { indexer } : {}),
      };
    },
  };
}

/** Gated mean of `ratio` positions, or of twice as many where neighbours overlap. */
function writeCompressor(writer: TensorWriter, headDim: number, ratio: number): void {
  const width = ratio === sparseRatio ? 2 * headDim : headDim;
  const own = writer.under('compressor.');
  own.linear('attention', 'wkv', writer.part.hiddenSize, width, false);
  own.linear('attention', 'wgate', writer.part.hiddenSize, width, false);
  own.add('attention', 'ape', [ratio, width]);
  own.norm('norm', headDim, false);
}

function writeAttention(writer: TensorWriter, layer: Layer, part: ModelPart): void {
  const { heads, headDim, compressed, indexer } = layer.attention;
  const own = writer.under('attn.');
  const hidden = part.hiddenSize;
  const queryRank = sizeOf(part, 'q_lora_rank') ?? 0;
  const groups = Math.max(1, sizeOf(part, 'o_groups') ?? 1);
  const outputRank = sizeOf(part, 'o_lora_rank') ?? 0;
  own.linear('attention', 'wq_a', hidden, queryRank, false);
  own.norm('q_norm', queryRank, false);
  own.linear('attention', 'wq_b', queryRank, heads * headDim, false);
  own.linear('attention', 'wkv', hidden, headDim, false);
  own.norm('kv_norm', headDim, false);
  // Each group of heads is projected by itself to `o_lora_rank` numbers, then all of them together.
  own.linear('attention', 'wo_a', Math.floor((heads * headDim) / groups), groups * outputRank, false);
  own.linear('attention', 'wo_b', groups * outputRank, hidden, false);
  own.add('attention', 'attn_sink', [heads]);
  if (compressed === undefined) return;
  writeCompressor(own, headDim, compressed.ratio);
  if (indexer === undefined) return;
  const scorer = own.under('indexer.');
  scorer.linear('attention', 'wq_b', queryRank, indexer.heads * indexer.headDim, false);
  scorer.linear('attention', 'weights_proj', hidden, indexer.heads, false);
  writeCompressor(scorer, indexer.headDim, compressed.ratio);
}

/** The first layers route by a fixed table from tokens to experts, the others by scores with a bias. */
function writeExperts(writer: TensorWriter, { index, feedForward }: Layer, part: ModelPart): void {
  const { experts, size } = feedForward;
  if (experts === undefined) return;
  const own = writer.under('ffn.');
  const hidden = part.hiddenSize;
  own.add('router', 'gate.weight', [experts.count, hidden]);
  const types = part.fields['mlp_layer_types']?.value;
  const fixed = Array.isArray(types) ? types[index] === 'hash_moe' : index < (sizeOf(part, 'num_hash_layers') ?? 0);
  if (fixed) {
    own.add('router', 'gate.tid2eid', [part.vocabularySize ?? 0, experts.perToken]);
  } else own.add('router', 'gate.bias', [experts.count]);
  const write = (to: TensorWriter, group: 'experts' | 'mlp', width: number): void => {
    to.linear(group, 'w1', hidden, width, false);
    to.linear(group, 'w3', hidden, width, false);
    to.linear(group, 'w2', width, hidden, false);
  };
  write(own.experts(experts, 'experts.{expert}.'), 'experts', size);
  if (experts.sharedSize > 0) write(own.under('shared_experts.'), 'mlp', experts.sharedSize);
}

/** Manifold-constrained hyper-connections: how the streams enter a block, take its output and mix. */
function writeStreams(writer: TensorWriter, prefix: string, streams: number, outputs: number, scales: number): void {
  const own = writer.as('other');
  own.add('other', `${prefix}_fn`, [outputs, streams * writer.part.hiddenSize]);
  own.add('other', `${prefix}_base`, [outputs]);
  own.add('other', `${prefix}_scale`, [scales]);
}

const streamsOf = (part: ModelPart): number => sizeOf(part, 'hc_mult') ?? 1;

export const deepseekV4 = decoderFamily({
  id: 'deepseek_v4',
  title: 'DeepSeek-V4',
  types: ['deepseek_v4', 'deepseek_ref'],
  architectures: /^DeepseekV4For/,
  record: [
    'q_lora_rank',
    'o_groups',
    'o_lora_rank',
    'num_hash_layers',
    'mlp_layer_types',
    'hc_mult',
    'num_nextn_predict_layers',
  ],
  choice: compressing,
  layout: {
    root: '',
    embedding: 'embed',
    layer: 'layers.{layer}.',
    attention: { prefix: 'attn.', projections: ['wkv'], output: 'wo_b' },
    ownAttention: writeAttention,
    mlp: { prefix: 'ffn.', inputs: ['w1', 'w3'], output: 'w2' },
    experts: (writer, _feedForward, layer, part) => {
      writeExperts(writer, layer, part);
    },
    norms: ['attn_norm', 'ffn_norm'],
    more: (writer, _layer, part) => {
      const streams = streamsOf(part);
      const outputs = (2 + streams) * streams;
      writeStreams(writer, 'hc_attn', streams, outputs, 3);
      writeStreams(writer, 'hc_ffn', streams, outputs, 3);
    },
    extra: (writer, part) => {
      writeStreams(writer, 'hc_head', streamsOf(part), streamsOf(part), 1);
    },
    finalNorm: 'norm',
    head: 'head',
  },
});
