/** Where a dictionary reads and writes: the names that SAELens and TransformerLens give to places of a model. */

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

/**
 * With x [w] the residual stream that enters block L, a [w] what its attention adds and m [w] what its feed-forward network adds:
 * - `stream-in` x, `stream-mid` x + a, `stream-out` what leaves the block
 * - `attention-out` a, `network-out` m
 * - `heads` the outputs of the heads before the output projection, one behind the other [h d]
 * - `network-in` x + a as the norm before the feed-forward network divides it, without gain and bias of the norm
 */
export type HookPart = (typeof parts)[keyof typeof parts];

export interface Hook {
  /** As the dictionary names it. */
  readonly name: string;
  readonly layer: number;
  readonly part: HookPart;
}

const known = Object.keys(parts).map((part) => `blocks.L.${part}`);

/** A sentence where it is no place that is known. */
export function hookOf(name: string): Hook | string {
  const named = /^blocks\.(\d{1,4})\.(.+)$/u.exec(name);
  const part = named?.[2];
  if (part !== undefined && Object.hasOwn(parts, part)) {
    return { name, layer: Number(named?.[1]), part: parts[part as keyof typeof parts] };
  }
  // A module of transformers gives what leaves the block.
  const block = /(?:^|\.)(?:layers|h)\.(\d{1,4})$/u.exec(name);
  if (block) return { name, layer: Number(block[1]), part: 'stream-out' };
  return `"${name.slice(0, 80)}" is no place that is known. Known are ${known.join(', ')}, and blocks of transformers such as model.layers.L.`;
}
