/** Runs of a graph that is not trusted: what goes in is compared with what was there before, and each output is its own. */
import type { Mechanism } from '../../kernels/mechanism';
import type { AttentionShape, Precision } from '../../kernels/shape';
import { toHeadsFirst, toSequenceFirst } from '../../kernels/tensors/layout';
import { fromRuntime, toRuntime } from '../../kernels/tensors/precision';
import type { AttentionInputs, Tensor } from '../../kernels/tensors/tensor';
import type { BoundRun, RuntimeSession, RuntimeValues } from '../runtime/session';

/** Heads-first tensors in and out. Throws a RangeError, one sentence. */
export type GuardedGraph = (inputs: AttentionInputs) => Promise<Tensor>;

export function guarded(
  session: Pick<RuntimeSession, 'run'>,
  layout: Mechanism['layout'],
  shape: AttentionShape,
  precision: Precision,
): GuardedGraph {
  const laid = (x: Tensor): Tensor => (layout === 'sequence-first' ? toSequenceFirst(x) : x);
  return async ({ query, key, value, weights }) => {
    const named = { query: laid(query), key: laid(key), value: laid(value), ...weights };
    const feeds = (): RuntimeValues =>
      Object.fromEntries(
        Object.entries(named).map(([name, x]) => [name, { data: toRuntime(x, precision), shape: x.shape }]),
      );
    const given = feeds();
    const { output } = await session.run(given);
    requireUnchanged(given, feeds());
    if (!output || !(output.data instanceof Float32Array || output.data instanceof Uint16Array)) {
      throw new RangeError(`The output is not ${precision}.`);
    }
    const { batch, heads, queries, valueDim } = shape;
    const dims = layout === 'heads-first' ? [batch, heads, queries, valueDim] : [batch, queries, heads * valueDim];
    if (output.shape.join() !== dims.join()) {
      throw new RangeError(
        `The output has the shape [${output.shape.join(', ')}], and [${dims.join(', ')}] is asked for.`,
      );
    }
    const numbers = fromRuntime(output.data, dims);
    return layout === 'heads-first' ? numbers : toHeadsFirst(numbers, heads);
  };
}

/** Throws a RangeError where a run has written into its inputs. */
function requireUnchanged(after: RuntimeValues, before: RuntimeValues): void {
  for (const [name, { data }] of Object.entries(after)) {
    const was = before[name]!.data;
    for (let at = 0; at < data.length; at++) {
      if (!Object.is(data[at], was[at])) throw new RangeError(`The run changed its input "${name}" in place.`);
    }
  }
}

/**
 * After the timing: the output is overwritten and made again, and must be that of the proof, bit by bit; the inputs must be those
 * that were given. A sentence where they are not.
 */
export async function differsFrom(
  bound: BoundRun,
  first: ArrayLike<number | bigint>,
  given: RuntimeValues,
  fresh: RuntimeValues,
): Promise<string | undefined> {
  try {
    requireUnchanged(given, fresh);
  } catch (error) {
    return (error as Error).message;
  }
  const before = (await bound.run())['output']!.data;
  if (before instanceof Float32Array) before.fill(NaN);
  else if (before instanceof Uint16Array) before.fill(0x7e00);
  const { output } = await bound.run();
  for (let at = 0; at < first.length; at++) {
    if (!Object.is(output!.data[at], first[at])) {
      return 'The output after the timing is not the one that was proved, so no time is shown.';
    }
  }
  return undefined;
}
