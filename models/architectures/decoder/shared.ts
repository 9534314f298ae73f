/** The block of attention and network that a layer shares with others, from its row. */
import type { SharedRow } from '../../formats/families/shared/shared-row';
import type { Layer } from '../../formats/model-description';
import type { Names } from '../architecture';
import type { AttentionSpec } from '../attention-spec';
import { ModelError, type SharedSpec } from '../model-spec';
import type { Linear } from '../weights-spec';
import { activationIn } from './network';
import type { Stack } from './stack';

/** `names` are those at the root. */
export function sharedOf(
  stack: Stack,
  { prefix, home, fused, adapters }: SharedRow,
  layer: Layer,
  names: Names,
): { readonly attention: AttentionSpec; readonly shared: SharedSpec } {
  const { part, computes, epsilon } = stack;
  const { attention, feedForward, index } = layer;
  const { heads, kvHeads, headDim, rope, causal } = attention;
  const { hiddenSize: hidden } = part;
  const { size } = feedForward;
  if (feedForward.kind !== 'dense')
    throw new ModelError(`Layer ${index} has no dense network in the block that it shares. Correct the config.`);
  const at = names.layer(home, `layers.{layer}.${prefix}`);
  /** A map of the block, with the layer's adapter beside it. */
  const map = (
    name: string,
    list: string,
    inputs: number,
    outputs: number,
    rows?: { readonly firstRow: number; readonly storedRows: number },
  ): Linear => {
    const own = at.linear(name, inputs, outputs, rows);
    if (!adapters) return own;
    const pair = `${list}.${adapters.place}`;
    const down = at.linear(`${pair}.0`, inputs, adapters.rank);
    return { ...own, beside: [down, at.linear(`${pair}.1`, adapters.rank, outputs, rows)] };
  };
  const head = (of: 'q' | 'k' | 'v', count: number): Linear => {
    const [name, outputs] = [`self_attn.${of}_proj`, count * headDim];
    return adapters?.attention
      ? map(name, `self_attn.linear_${of}_adapter_list`, 2 * hidden, outputs)
      : at.linear(name, 2 * hidden, outputs);
  };
  const inner = (firstRow: number, name: string): Linear =>
    map(
      `feed_forward.${fused ? 'gate_up_proj' : name}`,
      'feed_forward.gate_up_proj_adapter_list',
      hidden,
      size,
      fused ? { firstRow, storedRows: 2 * size } : undefined,
    );
  return {
    attention: {
      projection: { kind: 'separate', query: head('q', heads), key: head('k', kvHeads), value: head('v', kvHeads) },
      output: at.linear('self_attn.o_proj', heads * headDim, hidden),
      ...{ heads, kvHeads, headDim, causal },
      scale: computes.scale?.(part, layer) ?? headDim ** -0.5,
      ...(rope === undefined ? {} : { rope }),
    },
    shared: {
      norm: at.rms('input_layernorm', 2 * hidden, epsilon),
      networkNorm: at.rms('pre_ff_layernorm', hidden, epsilon),
      network: {
        activation: activationIn(stack),
        gate: inner(0, 'gate_proj'),
        up: inner(size, 'up_proj'),
        down: at.linear('feed_forward.down_proj', size, hidden),
      },
      output: names.layer(index, 'layers.{layer}.').linear('linear', hidden, hidden),
    },
  };
}
