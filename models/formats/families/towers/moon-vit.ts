/** MoonViT and the towers that Kimi made of it. */
import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { amount, flag } from '../shared/family';
import { visionFamily, writePatches } from './vision';

const rotary = { positions: 'rope' as const };

/** Depth of a learned grid of positions, and its form where the file gives both sides. */
const gridOf = (part: ModelPart): readonly [number, number] => [
  amount(part, 'init_pos_emb_height') ?? 64,
  amount(part, 'init_pos_emb_width') ?? 64,
];

/** Kimi K3 leaves biases out and has another norm; the others have no keys for them. */
function writeMoonVit(part: ModelPart, writer: TensorWriter): void {
  const hidden = part.hiddenSize;
  const inner = part.heads * part.headDim;
  const [attention, network] = [flag(part, 'attn_bias', true), flag(part, 'linear_bias', true)];
  const normBias = part.norm.kind === 'layer';
  writePatches(part, writer, 'patch_embed.proj', flag(part, 'patch_embed_proj_bias', true));
  writer.add('embedding', 'patch_embed.pos_emb.weight', [...gridOf(part), hidden]);
  for (const layer of part.layers) {
    const own = writer.layer(layer.index, 'encoder.blocks.{layer}.');
    own.linear('attention', 'wqkv', hidden, 3 * inner, attention);
    own.linear('attention', 'wo', inner, hidden, attention);
    own.linear('mlp', 'mlp.fc0', hidden, layer.feedForward.size, network);
    own.linear('mlp', 'mlp.fc1', layer.feedForward.size, hidden, network);
    for (const name of ['norm0', 'norm1']) own.norm(name, hidden, normBias);
  }
  writer.norm('encoder.final_layernorm', hidden, normBias);
}

/** Pictures in their own size: patches in a row, a learned grid stretched over them, and rotation in two dimensions. */
export const moonVit = visionFamily({
  id: 'moonvit',
  title: 'MoonViT',
  types: ['moonvit'],
  architectures: /^MoonVit/,
  task: 'base',
  extraTokens: 0,
  record: ['init_pos_emb_height', 'init_pos_emb_width', 'merge_kernel_size'],
  choice: () => ({ ...rotary, norm: 'layer' }),
  tensors: writeMoonVit,
});

/** Sizes of a tower under Kimi's names for them. */
function kimiSizes(reader: ConfigReader): Partial<TransformerChoice> {
  const size = (name: string): number => reader.integer(`vt_${name}`, 1) ?? 0;
  const heads = size('num_attention_heads');
  const inner = reader.has('qkv_hidden_size') ? reader.integer('qkv_hidden_size', 1) : undefined;
  return {
    ...rotary,
    hiddenSize: size('hidden_size'),
    layers: size('num_hidden_layers'),
    heads,
    kvHeads: heads,
    intermediateSize: size('intermediate_size'),
    ...(inner === undefined || heads === 0 ? {} : { headDim: Math.floor(inner / heads) }),
  };
}

/** The tower of Kimi K2.5 and K3: MoonViT, which also reads frames of a film together, with its sizes under names of its own. */
export const kimiK25Vision = visionFamily({
  id: 'kimi_k25_vision',
  title: 'Kimi vision',
  types: ['kimi_k25_vision'],
  task: 'base',
  extraTokens: 0,
  record: [
    'init_pos_emb_height',
    'init_pos_emb_width',
    'merge_kernel_size',
    'attn_bias',
    'linear_bias',
    'patch_embed_proj_bias',
  ],
  choice: (reader) => ({ ...kimiSizes(reader), norm: reader.string('norm_type') === 'rmsnorm' ? 'rms' : 'layer' }),
  tensors: writeMoonVit,
});

/** Patches that a merging tower joins into one position. */
export const mergedPatches = (part: ModelPart): number => {
  const kernel = part.fields['merge_kernel_size']?.value;
  if (!Array.isArray(kernel)) return 4;
  return kernel.reduce<number>((product, side) => product * (typeof side === 'number' ? side : 1), 1);
};
