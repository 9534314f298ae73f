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
import { fusedMatmul } from '../../kernels/graph/operators/matrix';
import { frozenNorm } from './frozen-norm';
import { linear } from './layers';
import { ModelError, type ModelSpec } from './model-spec';
import type { Linear } from './weights-spec';
import { tableRows } from './packed-matrices';
import type { StoredWeights } from './stored-weights';

/** Why a model has no lens, or undefined. */
export function lensProblem({ head, carried }: ModelSpec): string | undefined {
  if (!head.vocabulary) return 'The model has no language head, so nothing adds to its logits.';
  if (head.transform)
    return 'Its language head is not a linear map of the residual stream: there is a layer with an activation in between.';
  if (head.first !== undefined)
    return 'Its language head reads one of two streams, and each layer mixes them, so what a part adds to a logit is not computed.';
  if (carried && carried.makes.length > 0)
    return 'Its language head reads the mean of several streams, each scaled to the length of the first, so what a part of one adds to a logit is not computed.';
  if (head.unit)
    return 'Its language head divides each of its rows or columns by its length, so the weights alone do not show what adds to a logit.';
  return undefined;
}

/**
 * Inputs `residual` [b, n, w] (the whole stream) and `part` [b, n, w]; with `tokens` also `token_ids` [k]. Output `logits`
 * [b, n, v], or [b, n, k] of those tokens alone.
 */
export function lensGraph(model: ModelSpec, weights: StoredWeights, tokens: boolean): Graph<Dim> {
  const { norm, project, vocabulary } = model.head;
  const problem = lensProblem(model);
  if (!vocabulary || problem !== undefined) throw new ModelError(problem ?? 'The model has no language head.');
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

const rowsOfTokens = (graph: GraphBuilder, weights: StoredWeights, { weight: name, inputs, outputs }: Linear): Value =>
  tableRows(graph, weights, name, [outputs, inputs], graph.input('token_ids', 'int64', ['k']));

const withoutBias = ({ bias: _, ...rest }: Linear): Linear => rest;
