/** Parts of heads-first tensors [batch, head, position, width]. */
import { tensor, type Tensor } from '../../../kernels/tensors/tensor';
import type { StateTensor } from '../../../kernels/graph/cache-state';

export { positionsOf } from '../../../kernels/tensors/layout';

/** `rows` after `x` along an axis. */
export function appended(x: Tensor, rows: Tensor, axis: number): Tensor {
  const shape = x.shape.map((dim, at) => (at === axis ? dim + (rows.shape[at] ?? 0) : dim));
  const inner = (y: Tensor) => y.shape.slice(axis).reduce((product, dim) => product * dim, 1);
  const [own, more] = [inner(x), inner(rows)];
  const data = new Float64Array(x.data.length + rows.data.length);
  for (let block = 0; block * more < rows.data.length; block++) {
    data.set(x.data.subarray(block * own, (block + 1) * own), block * (own + more));
    data.set(rows.data.subarray(block * more, (block + 1) * more), block * (own + more) + own);
  }
  return tensor(shape, data);
}

/** `x` without the rows [from, to) along an axis. */
function without(x: Tensor, { from, to }: { readonly from: number; readonly to: number }, axis: number): Tensor {
  const length = x.shape[axis] ?? 0;
  const inner = x.shape.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const leaves = (row: number) => row >= from && row < to;
  return tensor(
    x.shape.map((dim, at) => (at === axis ? dim - (to - from) : dim)),
    x.data.filter((_, at) => !leaves(Math.floor(at / inner) % length)),
  );
}

/** A state after a step that gave `next` for it, or nothing. */
export function advanced(x: Tensor, next: Tensor | undefined, { grows, forgets }: StateTensor): Tensor {
  if (grows === undefined) return next ?? x;
  const kept = forgets === undefined ? x : without(x, forgets, grows);
  return next ? appended(kept, next, grows) : kept;
}
