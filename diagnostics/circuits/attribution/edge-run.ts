/** The last stage of attribution: edges among the parts with the largest estimates. */
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import {
  chosenEdges,
  edgeAgreement,
  edgeLayout,
  edgesEstimated,
  edgesOf,
  edgesPatched,
  mostEdgePrompts,
  type EdgePatches,
} from './edges';
import type { Estimating } from './estimates';
import type { AttributionParameters } from './parameters';
import type { Attributed } from '../../shared/gradients/objective';
import { besideHeads } from '../../shared/circuits/paths';
import { ranked } from './ranking';
import type { AttributionResult } from './result';
import { mean } from '../../../kernels/tensors/vectors';

interface Around {
  readonly prompts: readonly Attributed[];
  readonly settings: Estimating;
  readonly stage: (sentence: string, done: number) => Step<AttributionResult>;
}

/** Passes of one prompt whose edges are estimated and patched, about. */
export function edgePasses(
  { edges, checked, random, steps }: AttributionParameters,
  { layers, parts }: { readonly layers: number; readonly parts: number },
): number {
  const nodes = Math.min(edges, parts);
  if (nodes === 0) return 0;
  // Half of the senders stand below a receiver, and their runs end at its layer: half of all layers on average.
  const second = ((nodes + 1) * Math.min(nodes, layers)) / 4;
  const between = (3 * nodes * nodes) / 2;
  return Math.round(4 * steps + 2 * second + (checked / 100) * between + random + nodes + 8);
}

export const edgePrompts = (prompts: number): number => Math.min(prompts, mostEdgePrompts);

export async function* edgeRun(
  model: ModelRunner,
  { parameters, seed, step }: AnalysisJob<AttributionParameters>,
  result: AttributionResult,
  { prompts, settings, stage }: Around,
): AsyncGenerator<Step<AttributionResult>, AttributionResult> {
  const compared = prompts.filter(({ pair }) => pair !== undefined).slice(0, mostEdgePrompts);
  // A part without an effect has no edge that matters, and no place in an order.
  const nodes = ranked(result)
    .filter(({ estimate }) => estimate !== 0)
    .slice(0, parameters.edges)
    .map(({ layer, head }) => ({ layer, ...(head === undefined ? {} : { head }) }));
  const { blocks } = model.facts;
  if (nodes.length === 0 || compared.length === 0) return result;
  const why = besideHeads(blocks);
  if (why !== undefined) return { ...result, withoutEdges: why };
  const layout = edgeLayout(nodes, blocks, compared);
  const half = edgePasses(parameters, { layers: model.facts.blocks.length, parts: nodes.length }) / 2;
  const estimates: (readonly number[])[] = [];
  for (const [at, prompt] of compared.entries()) {
    yield stage(`Gradients of edges: prompt ${at + 1} of ${compared.length}`, at * half);
    estimates.push(await step(`edges of prompt ${at}`, () => edgesEstimated(model, prompt, layout, settings)));
  }
  const means = layout.places.map((_, at) => mean(estimates.map((own) => own[at] ?? Number.NaN)));
  const chosen = chosenEdges(layout, means, parameters, seed);
  const patched: EdgePatches[] = [];
  for (const [at, prompt] of compared.entries()) {
    const sentence = `Patching ${chosen.length} edges exactly: prompt ${at + 1} of ${compared.length}`;
    yield stage(sentence, (compared.length + at) * half);
    patched.push(
      await step(`exact edges of prompt ${at}`, () => edgesPatched(model, prompt, layout, chosen, settings)),
    );
  }
  const edges = edgesOf(layout, estimates, chosen, patched);
  return { ...result, edges, agreement: [...result.agreement, ...edgeAgreement(edges)] };
}
