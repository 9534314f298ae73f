/** Runs a module's graph in the real runtime on float64 tensors. */
import { openSession } from '../../../compute-server/runtime/session';
import { arithmeticOn } from '../../../compute-server/harness/arithmetic';
import { feedsOfModule } from '../../../compute-server/modules/inputs';
import type { Graph } from '../../../kernels/graph/graph';
import type { ParameterValues } from '../../../kernels/mechanism';
import type { Module, ModuleCall, Tensors } from '../../../kernels/module';
import { buildModule } from '../../../kernels/module-parts/graph';
import { drawCall, roundedCall } from '../../../kernels/module-parts/draw';
import { proofsOf, type OutputProof } from '../../../kernels/module-parts/proof';
import type { Precision } from '../../../kernels/shape';
import { fromRuntime } from '../../../kernels/tensors/precision';

export const drawRounded = (module: Module, parameters: ParameterValues, precision: Precision, seed = 7): ModuleCall =>
  roundedCall(module, drawCall(module, parameters, seed), parameters, precision);

/** Every floating output of the graph; `more` are inputs beside those of the module. */
export async function runModuleGraph(
  module: Module,
  graph: Graph,
  call: ModuleCall,
  parameters: ParameterValues,
  precision: Precision,
  more: Tensors = {},
): Promise<Tensors> {
  const session = await openSession(graph, { device: 'cpu', threads: 1 });
  try {
    const outputs = await session.run(feedsOfModule(module, { ...call.inputs, ...more }, parameters, precision));
    return Object.fromEntries(
      Object.entries(outputs).flatMap(([name, { data, shape }]) =>
        data instanceof Float32Array || data instanceof Uint16Array ? [[name, fromRuntime(data, shape)]] : [],
      ),
    );
  } finally {
    await session.release();
  }
}

/** The graph as it is, or changed, on the call, against the reference. */
export async function provenModule(
  module: Module,
  parameters: ParameterValues,
  precision: Precision,
  change: (graph: Graph) => Graph = (graph) => graph,
): Promise<readonly OutputProof[]> {
  const call = drawRounded(module, parameters, precision);
  const graph = change(buildModule(module, parameters, precision, call.weights));
  const actual = await runModuleGraph(module, graph, call, parameters, precision);
  return proofsOf(module, call, parameters, arithmeticOn('cpu', precision)).prove(actual, true);
}
