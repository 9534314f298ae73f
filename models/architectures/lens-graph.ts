/**
 * The language head as a linear map: what a part of the residual stream adds to the logits, with the final norm frozen at the
 * whole stream (logit lens: nostalgebraist 2020; direct logit attribution: Elhage et al. 2021, "A Mathematical Framework for
 * Transformer Circuits").
 *
 * With r the stream that leaves the last layer and p a part of it, the norm divides p by the scale that it has for r (root mean
 * square, or standard deviation after p is centred as r is) and multiplies by its gain. Parts that sum to r so give logits that
 * sum to those of the head before soft capping, less what no part owns: the biases of the norm and of the vocabulary.
 */
import { GraphBuilder } from '../../kernels/graph/builder';
import type { Dim } from '../../kernels/graph/dims';
import type { Graph } from '../../kernels/graph/graph';
import type { Value } from '../../kernels/graph/records';
import { cast } from '../../kernels/graph/operators/elementwise';
import { gather } from '../../kernels/graph/operators/layout';
import { fusedMatmul } from '../../kernels/graph/operators/matrix';
import { frozenNorm } from './frozen-norm';
import { linear } from './layers';
import type { Linear, ModelSpec } from './model-spec';
import { storedWeight, type StoredWeights } from './stored-weights';

/** Why a model has no lens, or undefined. */
export function lensProblem({ head }: ModelSpec): string | undefined {
  if (!head.vocabulary) return 'The model has no language head, so nothing adds to its logits.';
  if (head.transform)
    return 'Its language head is not a linear map of the residual stream: there is a layer with an activation in between.';
  return undefined;
}

/**
 * Inputs `residual` [b, n, w] (the whole stream) and `part` [b, n, w]; with `tokens` also `token_ids` [k]. Output `logits`
 * [b, n, v], or [b, n, k] of those tokens alone.
 */
export function lensGraph(model: ModelSpec, weights: StoredWeights, tokens: boolean): Graph<Dim> {
  const { norm, project, vocabulary } = model.head;
  if (!vocabulary || lensProblem(model) !== undefined) throw new RangeError('the model has no lens');
  const graph = new GraphBuilder(tokens ? 'lens of tokens' : 'lens');
  const residual = graph.input('residual', 'float32', ['b', 'n', model.hiddenSize]);
  let x = graph.input('part', 'float32', ['b', 'n', model.hiddenSize]);
  if (norm) x = frozenNorm(graph, weights, norm, residual, x);
  if (project) x = linear(graph, weights, withoutBias(project), x);
  const logits = tokens
    ? fusedMatmul(x, rowsOfTokens(graph, weights, vocabulary), { transposeB: true, scale: vocabulary.factor ?? 1 })
    : linear(graph, weights, withoutBias(vocabulary), x);
  graph.output(logits, 'logits');
  return graph.finishDynamic();
}

/** [k, inputs], picked before they are widened: a cast of the whole table would copy it. */
function rowsOfTokens(graph: GraphBuilder, weights: StoredWeights, { weight: name, inputs, outputs }: Linear): Value {
  const rows = gather(storedWeight(graph, weights, name, [outputs, inputs]), graph.input('token_ids', 'int64', ['k']));
  return rows.type === 'float32' ? rows : cast(rows, 'float32');
}

const withoutBias = ({ bias: _, ...rest }: Linear): Linear => rest;
