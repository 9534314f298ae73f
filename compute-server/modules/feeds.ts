/** Tensors of a module as the runtime takes them: labels as int64, everything else in the precision of the graph. */
import type { Module, Tensors } from '../../kernels/module';
import type { ParameterValues } from '../../kernels/mechanism';
import type { Precision } from '../../kernels/shape';
import { toRuntime } from '../../kernels/tensors/precision';
import type { RuntimeValues } from '../runtime/session';

export function feedsOfModule(
  module: Module,
  tensors: Tensors,
  parameters: ParameterValues,
  precision: Precision,
): RuntimeValues {
  const labels = new Set(module.inputs(parameters).flatMap(({ name, kind }) => (kind === 'labels' ? [name] : [])));
  return Object.fromEntries(
    Object.entries(tensors).map(([name, x]) => [
      name,
      {
        shape: x.shape,
        data: labels.has(name) ? BigInt64Array.from(x.data, BigInt) : toRuntime(x, precision),
      },
    ]),
  );
}
