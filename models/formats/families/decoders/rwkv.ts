/** RWKV: linear attention alone, so a state of fixed size and no cache. */
import { numberOf } from '../../config/recurrent-state';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { decoderFamily } from '../shared/decoder-family';
import type { StackFamily } from '../shared/family';
import { amount } from '../shared/family';
import { honoured, idle, idleOfText, only, type RunKeys } from '../shared/run-keys';
import type { Computation } from '../shared/computation';
import type { DecoderLayout } from '../shared/decoder-layout';

interface Generation {
  readonly id: 'rwkv' | 'rwkv5' | 'rwkv6';
  readonly title: string;
  readonly architectures: RegExp;
  /** Width of the channel mixing where the file gives none. */
  readonly networkSize: (hidden: number) => number;
  readonly writeTimeMixing: (writer: TensorWriter, hidden: number, width: number, headSize: number) => void;
  readonly channelMixes: readonly [string, string];
  /** What a run makes of it; absent: it does not run. */
  readonly runs?: {
    readonly run: RunKeys;
    readonly computes: Computation;
    readonly mixing: NonNullable<DecoderLayout['mlp']['mixing']>;
  };
}

/** 3.5 times the width, down to a multiple of 32. */
const multipleOf32 = (hidden: number): number => Math.floor((hidden * 3.5) / 32) * 32;

const attentionWidth = (part: ModelPart): number => amount(part, 'attention_hidden_size') ?? part.hiddenSize;

function writeProjections(writer: TensorWriter, hidden: number, width: number, gate: boolean): void {
  for (const name of ['key', 'value', 'receptance', ...(gate ? ['gate'] : [])])
    writer.linear('mixer', name, hidden, width, false);
  writer.linear('mixer', 'output', width, hidden, false);
}

/** How much of the last position goes into each input. */
function writeMixes(writer: TensorWriter, hidden: number, names: readonly string[]): void {
  for (const name of names) writer.add('mixer', name, [1, 1, hidden]);
}

/**
 * Elements that a layer keeps. RWKV-4 (arXiv:2305.13048, section 3.1): numerator, denominator and largest exponent of each
 * channel. RWKV-5 and 6 (arXiv:2404.05892, section 4): a matrix of head width x head width a head. All of them: the last
 * input of the time mixing and of the channel mixing.
 */
const stateOf = (id: Generation['id'], hidden: number, width: number, headSize: number): number =>
  2 * hidden + (id === 'rwkv' ? 3 * width : width * headSize);

const rwkvFamily = (generation: Generation): StackFamily =>
  decoderFamily({
    id: generation.id,
    title: generation.title,
    types: [generation.id],
    architectures: generation.architectures,
    record: ['attention_hidden_size', 'head_size'],
    ...(generation.runs ? { run: generation.runs.run, computes: generation.runs.computes } : {}),
    choice: (reader) => {
      const look = numberOf(reader);
      const hidden = look('hidden_size') ?? 0;
      const width = look('attention_hidden_size') ?? hidden;
      const headSize = generation.id === 'rwkv' ? 0 : (look('head_size') ?? 64);
      const heads = headSize === 0 ? 0 : Math.floor(width / headSize);
      return {
        heads,
        kvHeads: heads,
        headDim: headSize,
        positions: 'none',
        norm: 'layer',
        gated: false,
        intermediateSize: look('intermediate_size') ?? generation.networkSize(hidden),
        stateElements: stateOf(generation.id, hidden, width, headSize),
        layerKinds: (count) => Array.from({ length: count }, () => ({ kind: 'linear' })),
      };
    },
    layout: {
      root: 'rwkv.',
      embedding: 'embeddings',
      embeddingNorm: 'blocks.0.pre_ln',
      layer: 'blocks.{layer}.',
      // No layer has attention with a cache.
      attention: { prefix: 'attention.', projections: ['receptance', 'key', 'value'], output: 'output' },
      mixer: (writer, _layer, part) => {
        const [hidden, width] = [part.hiddenSize, attentionWidth(part)];
        generation.writeTimeMixing(writer.under('attention.'), hidden, width, part.headDim);
      },
      mlp: {
        ...{ prefix: 'feed_forward.', inputs: ['key'], output: 'value' },
        ...(generation.runs ? { mixing: generation.runs.mixing } : {}),
      },
      more: (writer, _layer, part) => {
        const own = writer.under('feed_forward.').as('mlp');
        writeMixes(own, part.hiddenSize, generation.channelMixes);
        own.linear('mlp', 'receptance', part.hiddenSize, part.hiddenSize, false);
      },
      norms: ['ln1', 'ln2'],
      normBias: true,
      finalNorm: 'ln_out',
      head: 'head',
    },
  });

/** What the classes of all generations read. */
const keys: RunKeys = {
  ...idleOfText,
  ...honoured('vocab_size', 'hidden_size', 'num_hidden_layers', 'intermediate_size', 'attention_hidden_size'),
  ...honoured('tie_word_embeddings', 'context_length', 'max_position_embeddings'),
  // The last norm of each class has this epsilon, whatever the key says.
  ...only([1e-5], 'layer_norm_epsilon'),
  ...idle('halves the stream and what is added to it, against overflow in float16', 'rescale_every'),
};

const timeMixes = ['time_mix_key', 'time_mix_value', 'time_mix_receptance'];

export const rwkv = rwkvFamily({
  id: 'rwkv',
  title: 'RWKV-4',
  architectures: /^RwkvFor/,
  networkSize: (hidden) => 4 * hidden,
  writeTimeMixing: (writer, hidden, width) => {
    writer.add('mixer', 'time_decay', [width]);
    writer.add('mixer', 'time_first', [width]);
    writeMixes(writer, hidden, timeMixes);
    writeProjections(writer, hidden, width, false);
  },
  channelMixes: ['time_mix_key', 'time_mix_receptance'],
  runs: {
    run: keys,
    computes: {
      activation: () => 'relu2',
      state: (part) => ({ kind: 'wkv', prefix: 'attention.', width: attentionWidth(part) }),
    },
    mixing: { mix: 'time_mix_key', gateMix: 'time_mix_receptance', gate: 'receptance' },
  },
});

export const rwkv5 = rwkvFamily({
  id: 'rwkv5',
  title: 'RWKV-5 (Eagle)',
  architectures: /^Rwkv5For/,
  networkSize: multipleOf32,
  writeTimeMixing: (writer, hidden, width, headSize) => {
    const heads = headSize === 0 ? 0 : Math.floor(hidden / headSize);
    for (const name of ['time_decay', 'time_faaaa']) writer.add('mixer', name, [heads, headSize]);
    writeMixes(writer, hidden, [...timeMixes, 'time_mix_gate']);
    writeProjections(writer, hidden, width, true);
    writer.norm('ln_x', hidden, true);
  },
  channelMixes: ['time_mix_key', 'time_mix_receptance'],
});

/** Width of the bottleneck of the shares of RWKV-6; only models of this width have twice as much. */
const rankOf = (hidden: number): number => (hidden === 4096 ? 64 : 32);

export const rwkv6 = rwkvFamily({
  id: 'rwkv6',
  title: 'RWKV-6 (Finch)',
  architectures: /^Rwkv6For/,
  networkSize: multipleOf32,
  writeTimeMixing: (writer, hidden, width, headSize) => {
    const rank = rankOf(hidden);
    writeMixes(
      writer,
      hidden,
      ['x', 'w', 'k', 'v', 'r', 'g'].map((name) => `time_maa_${name}`),
    );
    writer.add('mixer', 'time_maa_w1', [hidden, 5 * rank]);
    writer.add('mixer', 'time_maa_w2', [5, rank, hidden]);
    writer.add('mixer', 'time_decay', [1, 1, width]);
    writer.add('mixer', 'time_decay_w1', [hidden, 2 * rank]);
    writer.add('mixer', 'time_decay_w2', [2 * rank, width]);
    writer.add('mixer', 'time_faaaa', [headSize === 0 ? 0 : Math.floor(width / headSize), headSize]);
    writeProjections(writer, hidden, width, true);
    writer.norm('ln_x', hidden, true);
  },
  channelMixes: ['time_maa_k', 'time_maa_r'],
  runs: {
    run: {
      ...keys,
      ...honoured('head_size', 'head_size_divisor'),
      ...idle('the class divides the width by head_size', 'num_attention_heads'),
      // Another class of the same name (flash-linear-attention), with tensors of other names.
      ...only([null], 'num_heads', 'proj_low_rank_dim', 'gate_low_rank_dim', 'expand_k', 'expand_v', 'hidden_ratio'),
    },
    computes: {
      activation: () => 'relu2',
      state: (part) => ({
        ...{ kind: 'wkv6', prefix: 'attention.', width: attentionWidth(part), headDim: part.headDim },
        rank: rankOf(part.hiddenSize),
        epsilon: 1e-5 * (amount(part, 'head_size_divisor') ?? 8) ** 2,
      }),
    },
    mixing: { mix: 'time_maa_k', gateMix: 'time_maa_r', gate: 'receptance', ofEarlier: true },
  },
});
