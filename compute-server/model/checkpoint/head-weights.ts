/**
 * Weights of one head on the host, widened to float32: for analyses of what a head could do (its OV and QK maps, its share of
 * the output projection), which no run shows. Only what is asked for is read.
 *
 * With x [inputs] the normalised residual stream at one position: query = Wq x + bq [d], key and value alike [d] (of the
 * key/value head that the query head reads), and the head adds Wo o to the residual stream, o its output [d] (the bias of the
 * output projection belongs to no head). The OV map of the head is Wo Wv [w, inputs], its QK form x' -> x Wq^T Wk x' before
 * rotation (Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits").
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { HeadMap, HeadWeights } from '../../../diagnostics/model-runner/model-runner';
import { fromBfloat16, fromHalf } from '../../../kernels/tensors/half';
import type { AttentionSpec, Linear } from '../../../models/architectures/model-spec';
import type { StoredTensor, StoredWeights } from '../../../models/architectures/stored-weights';

/** `folder` is the one that the locations of the tensors are relative to. */
export async function headWeights(
  attention: AttentionSpec,
  head: number,
  weights: StoredWeights,
  folder: string,
): Promise<HeadWeights> {
  const { heads, kvHeads, headDim: d, projection, output } = attention;
  if (!Number.isInteger(head) || head < 0 || head >= heads) throw new RangeError(`no head ${head} of ${heads}`);
  const shared = Math.floor(head / (heads / kvHeads));
  const read = (linear: Linear, first: number): Promise<HeadMap> => rowsOf(linear, first, d, weights, folder);
  const own = (): Promise<HeadMap>[] => {
    switch (projection.kind) {
      case 'separate':
        return [read(projection.query, head * d), read(projection.key, shared * d), read(projection.value, shared * d)];
      case 'fused-columns':
        return [
          read(projection.linear, head * d),
          read(projection.linear, (heads + shared) * d),
          read(projection.linear, (heads + kvHeads + shared) * d),
        ];
      case 'fused-heads':
        return [0, 1, 2].map((part) => read(projection.linear, (3 * head + part) * d));
    }
  };
  const [query, key, value] = await Promise.all(own());
  if (!query || !key || !value) throw new Error('unreachable: a projection has three parts');
  return { query, key, value, output: await columnsOf(output, head * d, d, weights, folder) };
}

/** Outputs [first, first + count) of a linear map, [count, inputs], with their biases. */
async function rowsOf(
  linear: Linear,
  first: number,
  count: number,
  weights: StoredWeights,
  folder: string,
): Promise<HeadMap> {
  const tensor = required(weights, linear.weight);
  const from = (linear.firstRow ?? 0) + first;
  const bias =
    linear.bias === undefined ? undefined : await numbers(required(weights, linear.bias), from, count, folder);
  const data =
    linear.stored === 'outputs-inputs'
      ? await numbers(tensor, from * linear.inputs, count * linear.inputs, folder)
      : transposed(
          await numbers(tensor, 0, linear.inputs * linear.outputs, folder),
          linear.inputs,
          linear.outputs,
          first,
          count,
        );
  return { data, rows: count, columns: linear.inputs, ...(bias ? { bias } : {}) };
}

/** Inputs [first, first + count) of a linear map, [outputs, count]. */
async function columnsOf(
  linear: Linear,
  first: number,
  count: number,
  weights: StoredWeights,
  folder: string,
): Promise<HeadMap> {
  const tensor = required(weights, linear.weight);
  const { inputs, outputs } = linear;
  const data =
    linear.stored === 'inputs-outputs'
      ? transposed(await numbers(tensor, first * outputs, count * outputs, folder), count, outputs, 0, outputs)
      : columns(await numbers(tensor, (linear.firstRow ?? 0) * inputs, outputs * inputs, folder), inputs, first, count);
  return { data, rows: outputs, columns: count };
}

function required(weights: StoredWeights, name: string): StoredTensor {
  const tensor = weights.find(name);
  if (!tensor) throw new RangeError(`the weights lack ${name}`);
  return tensor;
}

/** Columns [first, first + count) of stored [rows, width] as rows: [count, rows]. */
function transposed(stored: Float32Array, rows: number, width: number, first: number, count: number): Float32Array {
  const out = new Float32Array(count * rows);
  for (let column = 0; column < count; column++) {
    for (let row = 0; row < rows; row++) out[column * rows + row] = stored[row * width + first + column] ?? 0;
  }
  return out;
}

/** Columns [first, first + count) of stored [rows, width]: [rows, count]. */
function columns(stored: Float32Array, width: number, first: number, count: number): Float32Array {
  const rows = stored.length / width;
  const out = new Float32Array(rows * count);
  for (let row = 0; row < rows; row++) {
    out.set(stored.subarray(row * width + first, row * width + first + count), row * count);
  }
  return out;
}

/** `count` numbers of a tensor from number `first` on. */
async function numbers(tensor: StoredTensor, first: number, count: number, folder: string): Promise<Float32Array> {
  const bytes = tensor.dtype === 'F32' ? 4 : 2;
  const buffer = new Uint8Array(count * bytes);
  const file = await open(join(folder, tensor.location), 'r');
  try {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, tensor.offset + first * bytes);
    if (bytesRead !== buffer.length) throw new RangeError(`${tensor.name} is cut short in ${tensor.location}`);
  } finally {
    await file.close();
  }
  if (bytes === 4) return new Float32Array(buffer.buffer);
  const widen = tensor.dtype === 'BF16' ? fromBfloat16 : fromHalf;
  return Float32Array.from(new Uint16Array(buffer.buffer), widen);
}
