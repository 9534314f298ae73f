import type { ConfigReader } from '../../config/config-reader';
import { isObject } from '../../config/config-reader';
import type { LayerKind } from '../../config/layer-kinds';
import type { TransformerChoice } from '../../config/transformer';
import type { FeedForward, Layer, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { decoderFamily } from '../shared/decoder-family';
import { llamaLayout } from './llama';
import { honoured, llamaLikeKeys } from '../shared/run-keys';

/**
 * Llama models whose layers a search has thinned out (Puzzle, arXiv:2411.19146): each entry of `block_configs` may leave
 * out attention or network, replace it by one linear layer, share keys among more heads or narrow the network.
 */

const linearNote = 'its attention was replaced by a linear layer';

type Half = Readonly<Record<string, unknown>>;

function half(reader: ConfigReader, index: number, key: 'attention' | 'ffn'): Half {
  const blocks: unknown = reader.object['block_configs'];
  const block: unknown = Array.isArray(blocks) ? (blocks as readonly unknown[])[index] : undefined;
  const found = isObject(block) ? block[key] : undefined;
  return isObject(found) ? found : {};
}

const positive = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined;

function kindOf(attention: Half): LayerKind {
  if (attention['no_op'] === true) return { kind: 'none', note: 'its attention was left out' };
  return attention['replace_with_linear'] === true ? { kind: 'none', note: linearNote } : { kind: 'full' };
}

/** Two thirds of `ffn_mult` times twice the width, up to the next multiple of 256: `find_multiple` of the model's code. */
const networkSize = (multiplier: number, hidden: number): number =>
  Math.ceil(Math.floor((2 * multiplier * hidden) / 3) / 256) * 256;

function choose(reader: ConfigReader): Partial<TransformerChoice> {
  const hidden = reader.integer('hidden_size') ?? 0;
  const heads = reader.integer('num_attention_heads') ?? 0;
  const count = reader.integer('num_hidden_layers') ?? 0;
  const kvHeads = (index: number): number | undefined => {
    const group = positive(half(reader, index, 'attention')['n_heads_in_group']);
    return group === undefined ? undefined : Math.floor(heads / group);
  };
  const first = Array.from({ length: Math.min(count, 2048) }, (_, index) => kvHeads(index)).find(
    (value) => value !== undefined,
  );
  return {
    ...(first === undefined ? {} : { kvHeads: first }),
    layerKinds: (layers) => Array.from({ length: layers }, (_, index) => kindOf(half(reader, index, 'attention'))),
    layerAttention: (index) => {
      const own = kvHeads(index);
      return own === undefined ? {} : { kvHeads: own };
    },
    feedForward: (index): FeedForward | undefined => {
      const network = half(reader, index, 'ffn');
      if (network['no_op'] === true || network['replace_with_linear'] === true) {
        return { kind: 'none', size: 0, gated: true };
      }
      const multiplier = positive(network['ffn_mult']);
      return multiplier === undefined
        ? undefined
        : { kind: 'dense', size: networkSize(multiplier, hidden), gated: true };
    },
  };
}

/** What stands in for a half that was replaced. */
function writeLinear(writer: TensorWriter, layer: Layer, part: ModelPart): void {
  if (layer.attention.note !== linearNote) return;
  writer.linear('attention', 'self_attn.linear_attn', part.hiddenSize, part.hiddenSize, false);
}

const blockOf = (part: ModelPart, index: number): Half => {
  const blocks = part.fields['block_configs']?.value;
  const block = Array.isArray(blocks) ? (blocks as readonly unknown[])[index] : undefined;
  const found = isObject(block) ? block['ffn'] : undefined;
  return isObject(found) ? found : {};
};

const replaced = (part: ModelPart, index: number): boolean =>
  blockOf(part, index)['no_op'] !== true && blockOf(part, index)['replace_with_linear'] === true;

export const nemotronNas = decoderFamily({
  id: 'nemotron_nas',
  title: 'Nemotron-NAS',
  types: ['nemotron-nas'],
  architectures: /^DeciLMFor/,
  record: ['attention_bias', 'mlp_bias', 'block_configs'],
  run: {
    ...llamaLikeKeys,
    ...honoured('attention_bias', 'mlp_bias', 'block_configs'),
  },
  computes: {
    ownParts: true,
    thinned: (part, { index, attention }) => {
      if (attention.note === linearNote) return 'a linear layer in place of attention';
      return replaced(part, index) ? 'a linear layer in place of its network' : undefined;
    },
    norms: (_part, { attention, feedForward }) => [
      ...(attention.kind === 'none' ? [] : (['attention'] as const)),
      ...(feedForward.kind === 'none' ? [] : (['network'] as const)),
    ],
  },
  choice: choose,
  layout: {
    ...llamaLayout,
    mixer: writeLinear,
    // A half that was left out has no norm either.
    norms: (part, { index, attention, feedForward }) => [
      ...(attention.kind === 'none' && attention.note !== linearNote ? [] : ['input_layernorm']),
      ...(feedForward.kind === 'none' && !replaced(part, index) ? [] : ['post_attention_layernorm']),
    ],
    more: (writer, { index }, part) => {
      if (replaced(part, index)) writer.linear('mlp', 'mlp.linear_mlp', part.hiddenSize, part.hiddenSize, false);
    },
  },
});
