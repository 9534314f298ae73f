/** The tensors of a GPT-2 or a Llama whose heads are in another order: the same model, by other names of its heads. */
import type { CheckpointTensor } from '../safetensors-file';

/** `orders[layer][at]`: the head of the given model that is put at `at`. */
export function withPermutedHeads(
  tensors: ReadonlyMap<string, CheckpointTensor>,
  orders: readonly (readonly number[])[],
): ReadonlyMap<string, CheckpointTensor> {
  const permuted = new Map(tensors);
  orders.forEach((order, layer) => {
    const at = `transformer.h.${layer}.attn`;
    const change = (name: string, axis: number, parts: number): void => {
      const tensor = tensors.get(`${at}.${name}`);
      if (!tensor) throw new Error(`the checkpoint has no ${at}.${name}`);
      permuted.set(`${at}.${name}`, alongAxis(tensor, axis, parts, order));
    };
    // Conv1D keeps [inputs, outputs]; outputs are the query, key and value of all heads.
    change('c_attn.weight', 1, 3);
    change('c_attn.bias', 0, 3);
    change('c_proj.weight', 0, 1);
  });
  return permuted;
}

/** The same of a Llama each of whose heads has a key of its own. */
export function llamaWithPermutedHeads(
  tensors: ReadonlyMap<string, CheckpointTensor>,
  orders: readonly (readonly number[])[],
  /** What stands before the names of a Llama inside a larger model. */
  prefix = '',
): ReadonlyMap<string, CheckpointTensor> {
  const permuted = new Map(tensors);
  orders.forEach((order, layer) => {
    for (const [name, axis] of [
      ['q_proj', 0],
      ['k_proj', 0],
      ['v_proj', 0],
      ['o_proj', 1],
    ] as const) {
      const full = `${prefix}model.layers.${layer}.self_attn.${name}.weight`;
      const tensor = tensors.get(full);
      if (!tensor) throw new Error(`the checkpoint has no ${full}`);
      permuted.set(full, alongAxis(tensor, axis, 1, order));
    }
  });
  return permuted;
}

/** The same of the cross-attention of a BART: its other heads stay where they are. */
export function bartWithPermutedCrossHeads(
  tensors: ReadonlyMap<string, CheckpointTensor>,
  orders: readonly (readonly number[])[],
): ReadonlyMap<string, CheckpointTensor> {
  const permuted = new Map(tensors);
  orders.forEach((order, layer) => {
    const at = `model.decoder.layers.${layer}.encoder_attn`;
    const rows = ['q_proj', 'k_proj', 'v_proj'].flatMap((name) => [`${name}.weight`, `${name}.bias`]);
    for (const [name, axis] of [...rows.map((one) => [one, 0] as const), ['out_proj.weight', 1] as const]) {
      const tensor = tensors.get(`${at}.${name}`);
      if (!tensor) throw new Error(`the checkpoint has no ${at}.${name}`);
      permuted.set(`${at}.${name}`, alongAxis(tensor, axis, 1, order));
    }
  });
  return permuted;
}

/** The axis is `parts` times the heads one after the other, each of the same width. */
function alongAxis(
  { shape, data }: CheckpointTensor,
  axis: number,
  parts: number,
  order: readonly number[],
): CheckpointTensor {
  const length = shape[axis] ?? 1;
  const width = length / parts / order.length;
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const from = (index: number): number => {
    const part = Math.floor(index / (width * order.length));
    const head = Math.floor(index / width) % order.length;
    return (part * order.length + (order[head] ?? head)) * width + (index % width);
  };
  return {
    shape,
    data: data.map((_, flat) => {
      const outer = Math.floor(flat / (length * inner));
      const index = Math.floor(flat / inner) % length;
      return data[(outer * length + from(index)) * inner + (flat % inner)] ?? 0;
    }),
  };
}
