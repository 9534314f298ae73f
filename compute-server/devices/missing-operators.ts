import { operatorsOf } from '../../kernels/graph/operators-of';
import type { Dim } from '../../kernels/graph/dims';
import type { Graph } from '../../kernels/graph/graph';
import type { SelfTest } from '../../protocol/compute/api';

/** The sentence that says which operator of the graph the device lacks or gets wrong; undefined when it has all of them. */
export function missingOperator({ model }: Graph<Dim>, { operators }: SelfTest): string | undefined {
  const failing = [...operatorsOf(model)].filter((name) => operators[name]?.ok === false);
  const [first, ...others] = failing;
  if (first === undefined) return undefined;
  const why = operators[first]?.reason ?? `${first} does not run on this device.`;
  if (others.length === 0) return why;
  const more = others.length > 2 ? `${others.length} more operators of its graph` : others.join(' and ');
  return `${why} The same holds for ${more}.`;
}

/** Whether a graph did not open because its provider leaves an operator to the cpu, which runtime/session.ts forbids. */
export const lacksOperator = (error: unknown): boolean => /fallback to CPU EP/.test(String(error));
