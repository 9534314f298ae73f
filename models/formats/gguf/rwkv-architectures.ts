/** RWKV-6 (conversion/rwkv.py of llama.cpp, December 2026). */
import { innerName } from '../compare-tensors';
import { optional, type GgufArchitecture, type GgufFacts } from './architecture';
import type { MadeTensor } from './made-tensors';
import { inLayerOf, type GgufPlace } from './tensor-names';

/** Without their suffix. */
const names: Readonly<Record<string, string>> = {
  ...{ embeddings: 'token_embd', 'blocks.0.pre_ln': 'token_embd_norm', ln_out: 'output_norm', head: 'output' },
  ...{
    ln1: 'attn_norm',
    ln2: 'attn_norm_2',
    'attention.ln_x': 'time_mix_ln',
    'attention.time_faaaa': 'time_mix_first',
  },
  ...{ 'attention.time_maa_w1': 'time_mix_w1', 'attention.time_maa_w2': 'time_mix_w2' },
};

function stemOf(part: string): string {
  if (Object.hasOwn(names, part)) return names[part] ?? part;
  const shared = part.replace('time_maa_', 'lerp_').replace('time_decay', 'decay');
  return shared.replace(/^attention\./, 'time_mix_').replace(/^feed_forward\./, 'channel_mix_');
}

function placeInRwkv(tensor: string): GgufPlace {
  const [, whole = '', suffix = '.weight'] = /^(.+?)(\.weight|\.bias)?$/s.exec(innerName(tensor)) ?? [];
  const inLayer = Object.hasOwn(names, whole) ? undefined : inLayerOf(whole);
  return { name: `${inLayer ? `blk.${inLayer.block}.${stemOf(inLayer.name)}` : stemOf(whole)}${suffix}` };
}

/** In the order of the rows of the tensor that has them all. */
const shares = ['w', 'k', 'v', 'r', 'g'];

/** Tensors that are transposed, cut out of one, or divided by a power of 2 against overflow in float16. */
function made(tensor: string, block: number, { metadata, has }: GgufFacts): MadeTensor | undefined {
  const { name } = placeInRwkv(`blocks.${block}.${tensor}`);
  if (/^attention\.time_(maa|decay)_w[12]$/.test(tensor)) return { parts: [{ name, transposed: true }] };
  const share = shares.indexOf(/^attention\.time_maa_(\w)$/.exec(tensor)?.[1] ?? '');
  const fused = `blk.${block}.time_mix_lerp_fused.weight`;
  if (share >= 0 && has(fused)) return { parts: [{ name: fused }], rows: [{ part: 0, first: share, count: 1 }] };
  const every = metadata.ownNumber('rescale_every_n_layers') ?? 0;
  const halved = every > 0 ? Math.floor(block / every) : 0;
  return halved > 0 && /^(attention\.output|feed_forward\.value)\.weight$/.test(tensor)
    ? { parts: [{ name }], numbers: { times: 2 ** halved } }
    : undefined;
}

const rwkv6: GgufArchitecture = {
  place: placeInRwkv,
  made,
  byInputs: true,
  config: ({ metadata }) => ({
    ...optional('head_size', metadata.ownNumber('wkv.head_size')),
    ...optional('attention_hidden_size', metadata.ownNumber('embedding_length')),
    ...optional('context_length', metadata.ownNumber('context_length')),
    // As a config writes it: the file has float32, and the class knows this number alone.
    layer_norm_epsilon: Number((metadata.ownNumber('attention.layer_norm_epsilon') ?? 1e-5).toPrecision(6)),
    // llama.cpp has the epsilon of the norms of heads that follows from it.
    head_size_divisor: 8,
  }),
};

export const rwkvArchitectures: Readonly<Record<string, GgufArchitecture>> = { rwkv6 };
