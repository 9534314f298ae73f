import type { ConfigReader } from '../../config/config-reader';
import type { Attention, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { StackFamily } from '../shared/family';
import { amount, flag } from '../shared/family';
import type { Stage } from './stages';
import { sizesOf, stagedFamily, stagesOf } from './stages';
import { pixels, readImage } from './vision';

interface WindowedStages {
  /** Width of the first stage; each doubles it. */
  readonly width: number;
  readonly depths: readonly number[];
  readonly heads: readonly number[];
  readonly ratio: number;
  readonly window: number;
  /** Patches along height and width in the first stage; each halves them. */
  readonly sides?: readonly [number, number];
}

/**
 * Attention in squares of window x window patches (Swin, arXiv:2103.14030, section 3.2), which every second layer shifts by
 * half of their side. A stage no larger than the square is read as a whole.
 */
const windowedStages = ({ width, depths, heads, ratio, window, sides }: WindowedStages): readonly Stage[] =>
  depths.map((depth, index) => {
    const here = sides?.map((side) => Math.ceil(side / 2 ** index));
    const [high, wide] = [here?.[0] ?? Infinity, here?.[1] ?? Infinity];
    const square = Math.min(window, high, wide);
    const words = `squares of ${square} x ${square} patches`;
    const shifts = Math.min(high, wide) > window;
    return {
      depth,
      width: width * 2 ** index,
      heads: heads[index] ?? 0,
      networkSize: Math.trunc(ratio * width * 2 ** index),
      ...(here === undefined ? {} : { positions: high * wide }),
      attention: (block): Partial<Attention> =>
        Math.max(high, wide) <= window
          ? { kind: 'full' }
          : {
              kind: 'chunked',
              window: square * square,
              note: shifts && block % 2 === 1 ? `${words}, shifted by ${Math.floor(square / 2)}` : words,
            },
    };
  });

const record = ['depths', 'num_heads', 'window_size', 'mlp_ratio', 'qkv_bias', 'use_absolute_embeddings', 'embed_dim'];

function readStages(reader: ConfigReader): readonly Stage[] {
  return windowedStages({
    width: reader.integer('embed_dim') ?? 0,
    depths: sizesOf(reader, 'depths'),
    heads: sizesOf(reader, 'num_heads'),
    ratio: reader.number('mlp_ratio') ?? 4,
    window: reader.integer('window_size', 1) ?? 7,
    ...patchesOf(reader),
  });
}

function patchesOf(reader: ConfigReader): { sides?: readonly [number, number] } {
  const [high, wide, patch] = [
    pixels(reader, 'image_size'),
    pixels(reader, 'image_size', 1),
    pixels(reader, 'patch_size'),
  ];
  if (high === undefined || patch === undefined) return {};
  return { sides: [Math.ceil(high / patch), Math.ceil((wide ?? high) / patch)] };
}

/** Size and patch alone: how many positions there are differs from stage to stage. */
function stagedImage(reader: ConfigReader): ModelPart['image'] {
  const { size, patch, channels } = readImage(reader, 0);
  return { channels, ...(size === undefined ? {} : { size }), ...(patch === undefined ? {} : { patch }) };
}

type WriteBias = (own: TensorWriter, heads: number, part: ModelPart) => void;

interface SwinRow {
  readonly id: 'swin' | 'swinv2';
  readonly title: string;
  readonly architectures: RegExp;
  readonly writeBias: WriteBias;
  readonly keyBias: boolean;
  /** The norm between two stages is over the patches that are joined, or over what comes of them. */
  readonly normWidth: 4 | 2;
}

const swinFamily = (row: SwinRow): StackFamily =>
  stagedFamily({
    id: row.id,
    title: row.title,
    architectures: row.architectures,
    role: 'vision',
    record,
    stages: readStages,
    image: stagedImage,
    exact: (part, className) =>
      className === undefined || /(Model|ForImageClassification)$/.test(className)
        ? !flag(part, 'use_absolute_embeddings')
        : false,
    tensors: (part, writer, { task }) => {
      const stages = stagesOf(part);
      const root = writer.under(`${row.id}.`);
      const first = stages[0]?.width ?? 0;
      const patch = part.image?.patch ?? 0;
      root.add('embedding', 'embeddings.patch_embeddings.projection.weight', [
        first,
        part.image?.channels ?? 3,
        patch,
        patch,
      ]);
      root.add('embedding', 'embeddings.patch_embeddings.projection.bias', [first]);
      root.norm('embeddings.norm', first, true);
      stages.forEach(({ width, layers }, index) => {
        const stage = root.under(`encoder.layers.${index}.`);
        layers.forEach(({ index: layer, attention: { heads }, feedForward }, block) => {
          const own = stage.layer(layer, `blocks.${block}.`);
          const biased = flag(part, 'qkv_bias', true);
          row.writeBias(own.under('attention.self.'), heads, part);
          own.linear('attention', 'attention.self.query', width, width, biased);
          own.linear('attention', 'attention.self.key', width, width, biased && row.keyBias);
          own.linear('attention', 'attention.self.value', width, width, biased);
          own.linear('attention', 'attention.output.dense', width, width, true);
          own.norm('layernorm_before', width, true);
          own.norm('layernorm_after', width, true);
          own.linear('mlp', 'intermediate.dense', width, feedForward.size, true);
          own.linear('mlp', 'output.dense', feedForward.size, width, true);
        });
        if (index === stages.length - 1) return;
        stage.linear('other', 'downsample.reduction', 4 * width, 2 * width, false);
        stage.norm('downsample.norm', row.normWidth * width, true);
      });
      root.norm('layernorm', part.hiddenSize, true);
      if (task.kind === 'image-classification') writer.linear('head', 'classifier', part.hiddenSize, task.labels, true);
    },
  });

export const swin = swinFamily({
  id: 'swin',
  title: 'Swin',
  architectures: /^Swin(Model|For)/,
  writeBias: (own, heads, part) => {
    const window = amount(part, 'window_size') ?? 7;
    own.add('attention', 'relative_position_bias_table', [(2 * window - 1) ** 2, heads]);
  },
  keyBias: true,
  normWidth: 4,
});

/** The bias of the scores is a small network over distances, and the scores are cosines on a scale of each head. */
export const swinV2 = swinFamily({
  id: 'swinv2',
  title: 'Swin v2',
  architectures: /^Swinv2(Model|For)/,
  writeBias: (own, heads) => {
    own.add('attention', 'logit_scale', [heads, 1, 1]);
    own.linear('attention', 'continuous_position_bias_mlp.0', 2, 512, true);
    own.linear('attention', 'continuous_position_bias_mlp.2', 512, heads, false);
  },
  keyBias: false,
  normWidth: 2,
});

/** Donut reads pages with it, without the last norm; which tensors its pairs store is not written down here. */
export const donutSwin = stagedFamily({
  id: 'donut-swin',
  title: 'Donut Swin',
  architectures: /^DonutSwin/,
  role: 'vision',
  record,
  stages: readStages,
  image: stagedImage,
});

/** The audio tower of CLAP is a Swin over the spectrogram; its fusion of long recordings is not written down here. */
export const clapAudio = stagedFamily({
  id: 'clap_audio',
  modelType: 'clap_audio_model',
  title: 'CLAP audio',
  architectures: /^ClapAudio/,
  role: 'audio',
  record: [
    'depths',
    'window_size',
    'spec_size',
    'num_mel_bins',
    'patch_embeds_hidden_size',
    'mlp_ratio',
    'projection_dim',
  ],
  stages: (reader) => {
    const size = reader.integer('spec_size', 1);
    const stride = sizesOf(reader, 'patch_stride')[0];
    return windowedStages({
      width: reader.integer('patch_embeds_hidden_size') ?? 0,
      depths: sizesOf(reader, 'depths'),
      heads: sizesOf(reader, 'num_attention_heads'),
      ratio: reader.number('mlp_ratio') ?? 4,
      window: reader.integer('window_size', 1) ?? 8,
      ...(size === undefined || stride === undefined || stride === 0
        ? {}
        : { sides: [Math.floor(size / stride), Math.floor(size / stride)] }),
    });
  },
});
