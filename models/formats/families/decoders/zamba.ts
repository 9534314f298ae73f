/**
 * Decoders of mixers. Some have a block of attention and a network before them, which layers share. The block reads the stream and the
 * embedding side by side, so its heads are twice as wide (arXiv:2405.16712, arXiv:2411.15242).
 */
import { besideMixer } from '../../config/layer-kinds';
import { fieldOf, mamba2Keys, mamba2Sizes, mambaState } from '../../config/recurrent-state';
import type { Layer, ModelPart } from '../../model-description';
import type { Computation } from '../shared/computation';
import { decoderFamily } from '../shared/decoder-family';
import type { DecoderLayout } from '../shared/decoder-layout';
import { amount, flag } from '../shared/family';
import { honoured, idle, llamaLikeKeys, only, type RunKeys } from '../shared/run-keys';
import { writeShared, type SharedRow } from '../shared/shared-row';
import { llamaLayout } from './llama';
import { mamba2Row, mixerIdle, writeMamba2 } from './mamba2';

const readsShared = ({ attention }: Layer): boolean => attention.kind === 'full';

/** Layers that read a shared block, in their order. */
const readersIn = ({ layers }: ModelPart): readonly number[] => layers.filter(readsShared).map(({ index }) => index);

const scale: Computation['scale'] = (part) => (part.headDim / 2) ** -0.5;

type Shared = (part: ModelPart, layer: Layer) => SharedRow | undefined;

/** The layout of a family with the mixer that `mixer` writes. */
const layoutOf = (
  shared: Shared,
  blocks: (part: ModelPart) => number,
  mixer: DecoderLayout['mixer'],
): DecoderLayout => ({
  ...llamaLayout,
  layer: (index, part) => `layers.{layer}.${readersIn(part).includes(index) ? 'mamba_decoder.' : ''}`,
  norms: ['input_layernorm'],
  finalNorm: 'final_layernorm',
  ...(mixer ? { mixer } : {}),
  shared(root, layer, part) {
    const row = shared(part, layer);
    if (!row) return;
    const own = root.layer(layer.index, 'layers.{layer}.');
    own.linear('mlp', 'linear', part.hiddenSize, part.hiddenSize, false);
    if (row.home !== layer.index) return;
    const count = blocks(part);
    const places = readersIn(part).map((_, place) => place);
    const first = readersIn(part).indexOf(row.home);
    writeShared(
      own.under(row.prefix),
      part,
      row,
      places.filter((place) => place % count === first % count),
    );
  },
});

const keys: RunKeys = {
  ...llamaLikeKeys,
  ...mixerIdle,
  ...honoured('n_mamba_heads', 'mamba_d_state', 'mamba_d_conv', 'mamba_expand', 'layers_block_type'),
  ...idle('the class computes it from other keys', 'attention_hidden_size', 'attention_head_dim'),
  ...idle('how many logits a loop of transformers asks for', 'num_logits_to_keep'),
  ...idle('the same recurrence by another program', 'use_mamba_kernels'),
  ...idle('read by no class of the release', 'type_vocab_size', 'is_decoder'),
};

const blocksOf2 = (part: ModelPart): number => amount(part, 'num_mem_blocks') ?? 1;

const shared2: Shared = (part, layer) => {
  const readers = readersIn(part);
  const place = readers.indexOf(layer.index);
  if (place < 0) return undefined;
  const attention = flag(part, 'use_shared_attention_adapter');
  return {
    prefix: 'shared_transformer.',
    home: readers[place % blocksOf2(part)] ?? layer.index,
    fused: true,
    adapters: { place, rank: amount(part, 'adapter_rank') ?? 128, attention },
  };
};

/** `time_step_min` of all published models. The kernels for CUDA do not enforce it. */
const leastStep = 0.001;

/** Positions of the shared blocks in the 54 layers of Zamba2 2.7B, which the class uses if the file has no list. */
const hybrids2 = new Set([6, 12, 18, 24, 30, 36, 42, 47, 51]);

export const zamba2 = decoderFamily({
  id: 'zamba2',
  title: 'Zamba2',
  types: ['zamba2'],
  architectures: /^Zamba2For/,
  tied: true,
  record: [
    ...mamba2Keys,
    ...['num_mem_blocks', 'use_mem_rope', 'adapter_rank', 'use_shared_attention_adapter', 'add_bias_linear'],
  ],
  run: {
    ...keys,
    ...honoured('mamba_ngroups', 'num_mem_blocks', 'use_mem_rope', 'adapter_rank', 'use_shared_attention_adapter'),
    ...honoured('add_bias_linear'),
    ...only([leastStep, null], 'time_step_min'),
    ...idle('the class computes it from other keys', 'hybrid_layer_ids', 'mamba_headdim', 'kv_channels'),
    ...idle('the class computes it from other keys', 'num_query_groups'),
    ...idle('the class has them whatever the key says', 'use_shared_mlp_adapter'),
    ...idle('read by no class of the release', 'hidden_mamba_act', 'mamba_dt_rank', 'use_mem_eff_path'),
    ...only([true, null], 'use_conv_bias'),
    ...only([false, null], 'use_long_context'),
    ...only([null], 'time_step_limit'),
  },
  computes: {
    norms: ['attention'],
    scale,
    shared: shared2,
    state: (part) => {
      const sizes = mamba2Sizes(fieldOf(part), part.hiddenSize);
      // The class gives this norm an epsilon of its own, and its steps are at least `time_step_min`.
      return (
        sizes &&
        mamba2Row(part, sizes, {
          ...{ prefix: 'mamba.', epsilon: 1e-5, norm: { groups: sizes.groups, first: false } },
          stepLimit: [leastStep, Infinity],
        })
      );
    },
  },
  choice: (reader) => {
    const hidden = reader.integer('hidden_size') ?? 0;
    const heads = reader.integer('num_attention_heads') ?? 0;
    const list = Array.isArray(reader.object['layers_block_type']) ? reader.list('layers_block_type') : undefined;
    return {
      positions: reader.boolean('use_mem_rope') === true ? 'rope' : 'none',
      norm: 'rms',
      headDim: heads > 0 ? Math.floor((2 * hidden) / heads) : 0,
      intermediateSize: reader.integer('intermediate_size') ?? 4 * hidden,
      layerKinds: (count) =>
        Array.from({ length: count }, (_, index) =>
          (list === undefined ? hybrids2.has(index) : list[index] === 'hybrid')
            ? besideMixer
            : { kind: 'mamba', feedForward: 'none' },
        ),
    };
  },
  layout: layoutOf(shared2, blocksOf2, (writer, _layer, part) => {
    const biased = flag(part, 'add_bias_linear');
    writeMamba2(writer.under('mamba.'), part, { input: biased, output: biased, convolution: true });
  }),
});

const shared1: Shared = (part, layer) => {
  const [home] = readersIn(part);
  return home === undefined || !readsShared(layer) ? undefined : { prefix: 'shared_transf.', home, fused: false };
};

const mixer1 = (part: ModelPart) => ({
  inner: (amount(part, 'mamba_expand') ?? 2) * part.hiddenSize,
  state: amount(part, 'mamba_d_state') ?? 16,
  kernel: amount(part, 'mamba_d_conv') ?? 4,
  rank: amount(part, 'mamba_dt_rank') ?? Math.ceil(part.hiddenSize / 16),
  groups: amount(part, 'n_mamba_heads') ?? 2,
});

/** Mixers of Mamba in a few groups of channels. */
export const zamba = decoderFamily({
  id: 'zamba',
  title: 'Zamba',
  types: ['zamba'],
  architectures: /^ZambaFor/,
  tied: true,
  record: [
    ...['mamba_d_state', 'mamba_d_conv', 'mamba_expand', 'mamba_dt_rank', 'n_mamba_heads', 'hidden_mamba_act'],
    ...['mamba_conv_bias', 'mamba_proj_bias'],
  ],
  run: {
    ...keys,
    ...honoured('mamba_dt_rank', 'attn_layer_period', 'attn_layer_offset', 'mamba_conv_bias', 'mamba_proj_bias'),
    ...only(['silu', 'swish', null], 'hidden_mamba_act'),
  },
  computes: {
    norms: ['attention'],
    scale,
    shared: shared1,
    state: (part) => ({ kind: 'mamba', prefix: 'mamba.', activation: 'silu', ...mixer1(part) }),
  },
  choice: (reader) => {
    const hidden = reader.integer('hidden_size') ?? 0;
    const heads = reader.integer('num_attention_heads') ?? 0;
    const list = Array.isArray(reader.object['layers_block_type']) ? reader.list('layers_block_type') : undefined;
    const [period, offset] = [reader.integer('attn_layer_period', 1) ?? 6, reader.integer('attn_layer_offset') ?? 4];
    // The class counts the periods from the fourth layer on.
    const reads = (index: number): boolean => index === 2 || (index > 2 && (index - 3) % period === offset);
    const { inner, state, kernel } = {
      inner: (reader.integer('mamba_expand') ?? 2) * hidden,
      state: reader.integer('mamba_d_state') ?? 16,
      kernel: reader.integer('mamba_d_conv') ?? 4,
    };
    return {
      positions: 'none',
      norm: 'rms',
      headDim: heads > 0 ? Math.floor((2 * hidden) / heads) : 0,
      stateElements: mambaState(inner, state, kernel),
      layerKinds: (count) =>
        Array.from({ length: count }, (_, index) =>
          (list === undefined ? reads(index) : list[index] === 'hybrid' || list[index] === 'attention+mamba')
            ? besideMixer
            : { kind: 'mamba', feedForward: 'none' },
        ),
    };
  },
  layout: layoutOf(
    shared1,
    () => 1,
    (writer, _layer, part) => {
      const own = writer.under('mamba.');
      const { inner, state, kernel, rank, groups } = mixer1(part);
      const channels = Math.floor(inner / groups);
      own.linear('mixer', 'in_proj', part.hiddenSize, 2 * inner, flag(part, 'mamba_proj_bias'));
      own.add('mixer', 'conv1d.weight', [inner, 1, kernel]);
      if (flag(part, 'mamba_conv_bias', true)) own.add('mixer', 'conv1d.bias', [inner]);
      own.add('mixer', 'x_proj_weight', [groups, rank + 2 * state, channels]);
      own.add('mixer', 'dt_proj_weight', [groups, channels, rank]);
      own.add('mixer', 'dt_proj_bias', [groups, channels]);
      own.add('mixer', 'A_log', [groups, channels, state]);
      own.add('mixer', 'D', [groups, channels]);
      own.linear('mixer', 'out_proj', inner, part.hiddenSize, flag(part, 'mamba_proj_bias'));
    },
  ),
});
