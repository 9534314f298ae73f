/** A dense float64 tensor in row-major order; the currency of every reference. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, axis) => product * axis, 1);

export function tensor(shape: readonly number[], data: Float64Array): Tensor {
  if (sizeOf(shape) !== data.length) {
    throw new RangeError(`a tensor of shape [${shape.join(', ')}] holds ${sizeOf(shape)} numbers, not ${data.length}`);
  }
  return { shape, data };
}

export const zeros = (shape: readonly number[]): Tensor => ({ shape, data: new Float64Array(sizeOf(shape)) });

/** Largest |number|; NaN is passed over. */
export function largest({ data }: Tensor): number {
  let most = 0;
  for (const value of data) {
    const size = Math.abs(value);
    if (size > most) most = size;
  }
  return most;
}

/** Everything a call reads, heads-first: query [b, h, n, d], key [b, hkv, m, d], value [b, hkv, m, dv], learned tensors. */
export interface AttentionInputs {
  readonly query: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
  readonly weights: Readonly<Record<string, Tensor>>;
}
