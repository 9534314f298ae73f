/** Where a dictionary reads and writes: names of SAELens and TransformerLens, or of modules of transformers, as Gemma Scope 2 has them. */

const parts = {
  hook_resid_pre: 'stream-in',
  hook_resid_mid: 'stream-mid',
  hook_resid_post: 'stream-out',
  hook_attn_out: 'attention-out',
  'attn.hook_z': 'heads',
  hook_mlp_in: 'stream-mid',
  'ln2.hook_normalized': 'network-in',
  hook_mlp_out: 'network-out',
} as const;

/** Behind the block of transformers, `model.layers.L`. */
const modules = {
  '': 'stream-out',
  '.output': 'stream-out',
  '.self_attn.o_proj.input': 'heads',
  '.pre_feedforward_layernorm.output': 'network-normed',
  '.post_feedforward_layernorm.output': 'network-out',
} as const;

/**
 * With x [w] the residual stream that enters block L, a [w] what its attention adds and m [w] what its feed-forward network adds:
 * - `stream-in` x, `stream-mid` x + a, `stream-out` what leaves the block
 * - `attention-out` a, `network-out` m
 * - `heads` the outputs of the heads before the output projection, one behind the other [h d]
 * - `network-in` x + a as the norm before the feed-forward network divides it, without gain and bias of the norm
 * - `network-normed` the same with them
 */
export type HookPart = (typeof parts)[keyof typeof parts] | (typeof modules)[keyof typeof modules];

export interface Hook {
  /** As the dictionary names it. */
  readonly name: string;
  readonly layer: number;
  readonly part: HookPart;
}

const known = Object.keys(parts).map((part) => `blocks.L.${part}`);
const knownModules = Object.keys(modules).map((module) => `model.layers.L${module}`);

/** A sentence where it is no place that is known. */
export function hookOf(name: string): Hook | string {
  const named = /^blocks\.(\d{1,4})\.(.+)$/u.exec(name);
  const part = named?.[2];
  if (part !== undefined && Object.hasOwn(parts, part)) {
    return { name, layer: Number(named?.[1]), part: parts[part as keyof typeof parts] };
  }
  const block = /(?:^|\.)(?:layers|h)\.(\d{1,4})((?:\.\w+)*)$/u.exec(name);
  const module = block?.[2];
  if (module !== undefined && Object.hasOwn(modules, module)) {
    return { name, layer: Number(block?.[1]), part: modules[module as keyof typeof modules] };
  }
  return `"${name.slice(0, 80)}" is no place that is known. Known are ${known.join(', ')}, and of transformers ${knownModules.join(', ')}.`;
}
