/** LinearAttention and CausalConvWithState in float64, position by position, as specified. */
import { tensor, type Tensor } from '../../../kernels/tensors/tensor';
import type { Call, Operators } from './operators';

function linearAttention({ x, number, text }: Call): readonly Tensor[] {
  const [query, key, value, past, decay, beta] = x as [Tensor, Tensor, Tensor, ...(Tensor | undefined)[]];
  const [batch, length, width] = value.shape as [number, number, number];
  const heads = number('kv_num_heads', 1);
  const rows = query.shape[2]! / number('q_num_heads', 1);
  const columns = width / heads;
  const scale = number('scale', 1);
  const delta = text('update_rule')!.endsWith('delta');
  const states = past?.data.slice() ?? new Float64Array(batch * heads * rows * columns);
  const output = new Float64Array(value.data.length);
  /** The `size` numbers of one token that a head reads, from groups side by side. */
  const own = ({ shape, data }: Tensor, token: number, head: number, size: number): Float64Array => {
    const groups = shape[2]! / size;
    const at = (token * groups + Math.floor((head * groups) / heads)) * size;
    return data.subarray(at, at + size);
  };
  for (let token = 0; token < batch * length; token++) {
    for (let head = 0; head < heads; head++) {
      const text = Math.floor(token / length);
      const state = states.subarray((text * heads + head) * rows * columns, (text * heads + head + 1) * rows * columns);
      const [q, k, v] = [own(query, token, head, rows), own(key, token, head, rows), own(value, token, head, columns)];
      if (decay) {
        const g = own(decay, token, head, decay.shape[2]! / heads);
        state.forEach((held, at) => (state[at] = Math.exp(g[g.length === 1 ? 0 : Math.floor(at / columns)]!) * held));
      }
      const strength = delta ? own(beta!, token, head, 1)[0]! : 1;
      for (let d = 0; d < columns; d++) {
        const held = delta ? k.reduce((sum, one, i) => sum + one * state[i * columns + d]!, 0) : 0;
        k.forEach((one, i) => (state[i * columns + d] = state[i * columns + d]! + strength * one * (v[d]! - held)));
        const read = q.reduce((sum, one, i) => sum + one * state[i * columns + d]!, 0);
        output[(token * heads + head) * columns + d] = scale * read;
      }
    }
  }
  return [tensor(value.shape, output), tensor([batch, heads, rows, columns], states)];
}

function causalConvolution({ x, text }: Call): readonly Tensor[] {
  const [input, weight, bias, past] = x as [Tensor, Tensor, ...(Tensor | undefined)[]];
  const [batch, channels, length] = input.shape as [number, number, number];
  const size = weight.shape[2]!;
  const output = new Float64Array(input.data.length);
  const state = new Float64Array(batch * channels * (size - 1));
  for (let row = 0; row < batch * channels; row++) {
    const all = Float64Array.of(
      ...(past?.data.subarray(row * (size - 1), (row + 1) * (size - 1)) ?? new Float64Array(size - 1)),
      ...input.data.subarray(row * length, (row + 1) * length),
    );
    const channel = row % channels;
    for (let t = 0; t < length; t++) {
      let sum = bias?.data[channel] ?? 0;
      for (let s = 0; s < size; s++) sum += weight.data[channel * size + s]! * all[t + s]!;
      output[row * length + t] = text('activation') === 'silu' ? sum / (1 + Math.exp(-sum)) : sum;
    }
    state.set(all.subarray(length), row * (size - 1));
  }
  return [tensor(input.shape, output), tensor([batch, channels, size - 1], state)];
}

export const recurrences: Operators = {
  LinearAttention: linearAttention,
  CausalConvWithState: causalConvolution,
};
