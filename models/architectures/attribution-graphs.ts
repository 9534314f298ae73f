/**
 * Direct logit attribution as graphs (Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"; Wang et al. 2022,
 * arXiv 2211.00593, section 3): what every part of the residual stream at a row adds to a weighted sum of logits before soft
 * capping. Every norm between a part and the logits is frozen at the scale that it has in the run, so that all is linear.
 *
 * It is worked out backwards. The language head turns the weights of the tokens into a direction of the last residual stream;
 * each layer takes the direction of the stream that leaves it and gives what its heads and its network add along it, and the
 * direction of the stream that enters it. So a head costs one product with the output projection, whatever the vocabulary.
 *
 * Shapes: n rows, w hidden size, h query heads, d head width, k tokens.
 */
import { GraphBuilder } from '../../kernels/graph/builder';
import type { Dim } from '../../kernels/graph/dims';
import type { Graph } from '../../kernels/graph/graph';
import type { Value } from '../../kernels/graph/records';
import { add, cast, multiply } from '../../kernels/graph/operators/elementwise';
import { gather, reshape } from '../../kernels/graph/operators/layout';
import { fusedMatmul } from '../../kernels/graph/operators/matrix';
import { reduceSum } from '../../kernels/graph/operators/reduce';
import { joinedHeads, normedHeads } from './block-parts';
import { frozenNorm, frozenNormTransposed } from './frozen-norm';
import { latentValuesTransposed } from './latent';
import { linear, norm } from './layers';
import { lensProblem } from './lens-graph';
import { ModelError, type AttentionSpec, type BlockSpec, type Linear, type ModelSpec, type Norm } from './model-spec';
import { storedWeight, weight, type StoredWeights } from './stored-weights';

/**
 * Inputs `residual` [n, w] (what leaves the last layer), `token_ids` [k], `coefficients` [n, k]. Outputs `logits` [n, k] of the
 * tokens before soft capping, `direction.in` [n, w] of their sum by the coefficients, and `rest` [n, 1] where biases add to it.
 */
export function targetGraph(model: ModelSpec, weights: StoredWeights): Graph<Dim> {
  const { norm: last, project, vocabulary } = model.head;
  if (!vocabulary || lensProblem(model) !== undefined) throw new RangeError('the model has no lens');
  const graph = new GraphBuilder('target');
  const residual = graph.input('residual', 'float32', ['n', model.hiddenSize]);
  const ids = graph.input('token_ids', 'int64', ['k']);
  const coefficients = graph.input('coefficients', 'float32', ['n', 'k']);
  // Picked before they are widened: a cast of the whole table would copy it.
  const stored = gather(storedWeight(graph, weights, vocabulary.weight, [vocabulary.outputs, vocabulary.inputs]), ids);
  const rows = stored.type === 'float32' ? stored : cast(stored, 'float32');
  const bias =
    vocabulary.bias === undefined
      ? undefined
      : gather(weight(graph, weights, vocabulary.bias, [vocabulary.outputs]), ids);

  let x = last ? norm(graph, weights, last, residual) : residual;
  if (project) x = linear(graph, weights, project, x);
  const { factor = 1 } = vocabulary;
  const products = fusedMatmul(x, rows, { transposeB: true });
  const logits = bias ? add(products, bias) : products;
  graph.output(factor === 1 ? logits : multiply(logits, factor), 'logits');

  const weighed = factor === 1 ? coefficients : multiply(coefficients, factor);
  const back = new Backwards(graph, weights, fusedMatmul(weighed, rows));
  if (bias) back.add(along(weighed, bias));
  if (project) back.through(project);
  if (last) back.throughNorm(last, residual);
  back.output();
  return graph.finishDynamic();
}

/**
 * Inputs of a run at n rows: `residual` [n, w] that enters the layer, `head_output` [n, h d], `attention_output` and
 * `mlp_output` [n, w] as they are added, and `direction` [n, w] of the stream that leaves the layer. Outputs `heads` [n, h] and
 * `mlp` [n, 1] along it, `direction.in` of the stream that enters, and `rest` [n, 1] where the layer
 * has biases of norms or of the output projection, which belong to no head.
 */
export function layerAttributionGraph(model: ModelSpec, block: BlockSpec, weights: StoredWeights): Graph<Dim> {
  const { heads, headDim } = block.attention;
  const graph = new GraphBuilder(`attribution.${block.index}`);
  const stream = (name: string): Value => graph.input(name, 'float32', ['n', model.hiddenSize]);
  const residual = stream('residual');
  const headOutput = graph.input('head_output', 'float32', ['n', heads * headDim]);
  const attention = stream('attention_output');
  const network = stream('mlp_output');
  const { attentionNorms, feedForwardNorms } = block;

  const back = new Backwards(graph, weights, stream('direction'));
  const middle = add(residual, attention);
  if (feedForwardNorms.after) {
    const entering = attentionNorms.after ? norm(graph, weights, attentionNorms.after, middle) : middle;
    back.throughNorm(feedForwardNorms.after, add(entering, network));
  }
  graph.output(along(back.direction, network), 'mlp');
  if (attentionNorms.after) back.throughNorm(attentionNorms.after, middle);
  const entering = back.direction;
  if (attentionNorms.gain !== undefined) {
    back.direction = multiply(back.direction, weight(graph, weights, attentionNorms.gain, [model.hiddenSize]));
  }
  if (attentionNorms.output)
    back.throughNorm(attentionNorms.output, joinedHeads(graph, block.attention, weights, headOutput));
  back.throughHeads(block.attention, headOutput);
  const byHead = reshape(multiply(back.direction, headOutput), ['n', heads, headDim]);
  graph.output(reduceSum(byHead, [-1], false), 'heads');
  back.output(entering);
  return graph.finishDynamic();
}

/**
 * Inputs `head_output` and `part` [n, h d]; output `written` [n, w]: what the part of the heads' outputs adds to the stream, a
 * norm behind the output projection frozen at all of `head_output`.
 */
export function writtenGraph(model: ModelSpec, block: BlockSpec, weights: StoredWeights): Graph<Dim> {
  const { heads, headDim, output } = block.attention;
  const { output: behind, gain } = block.attentionNorms;
  const graph = new GraphBuilder(`written.${block.index}`);
  const rows = (name: string): Value => graph.input(name, 'float32', ['n', heads * headDim]);
  const whole = rows('head_output');
  const { outputNorm, ...attention } = block.attention;
  const unbiased = { ...attention, output: { ...output, bias: undefined } };
  const part = rows('part');
  let written = joinedHeads(
    graph,
    unbiased,
    weights,
    outputNorm ? frozenNorm(graph, weights, outputNorm, whole, part) : part,
  );
  if (behind)
    written = frozenNorm(graph, weights, behind, joinedHeads(graph, block.attention, weights, whole), written);
  if (gain !== undefined) written = multiply(written, weight(graph, weights, gain, [model.hiddenSize]));
  graph.output(written, 'written');
  return graph.finishDynamic();
}

/**
 * Input `residual` [b, n, w] that enters the layer; outputs `query` [b, n, h, d], `key` and `value` [b, n, g, d] behind their
 * head norms, before rotation: what heads make of a stream wherever it stands.
 */
export function projectionGraph(model: ModelSpec, block: BlockSpec, weights: StoredWeights): Graph<Dim> {
  const { attention, attentionNorms } = block;
  const graph = new GraphBuilder(`projection.${block.index}`);
  const residual = graph.input('residual', 'float32', ['b', 'n', model.hiddenSize]);
  const input = attentionNorms.input ? norm(graph, weights, attentionNorms.input, residual) : residual;
  if (attention.lateNorms)
    throw new ModelError(
      'The model norms queries and keys behind their rotation, so they are not known without their positions. Choose another model.',
    );
  const { query, key, value } = normedHeads(graph, attention, weights, input);
  graph.output(query, 'query');
  graph.output(key, 'key');
  graph.output(value, 'value');
  return graph.finishDynamic();
}

/** A direction on its way from the logits to the embedding, and what biases add along it. */
class Backwards {
  private rest: Value | undefined;

  constructor(
    private readonly graph: GraphBuilder,
    private readonly weights: StoredWeights,
    public direction: Value,
  ) {}

  add(part: Value): void {
    this.rest = this.rest ? add(this.rest, part) : part;
  }

  through(map: Linear): void {
    const { graph, weights } = this;
    if (map.factor !== undefined) this.direction = multiply(this.direction, map.factor);
    if (map.bias !== undefined) this.add(along(this.direction, weight(graph, weights, map.bias, [map.outputs])));
    const stored = map.stored === 'outputs-inputs' ? [map.outputs, map.inputs] : [map.inputs, map.outputs];
    this.direction = fusedMatmul(this.direction, weight(graph, weights, map.weight, stored), {
      transposeB: map.stored === 'inputs-outputs',
    });
  }

  throughHeads({ output, outputNorm, projection, heads }: AttentionSpec, headOutput: Value): void {
    this.through(output);
    if (outputNorm) this.throughNorm(outputNorm, headOutput);
    if (projection.kind !== 'latent') return;
    this.direction = latentValuesTransposed(this.graph, projection, heads, this.weights, this.direction);
  }

  throughNorm(through: Norm, whole: Value): void {
    const { graph, weights } = this;
    if (through.bias !== undefined)
      this.add(along(this.direction, weight(graph, weights, through.bias, [through.size])));
    this.direction = frozenNormTransposed(graph, weights, through, whole, this.direction);
  }

  output(direction = this.direction): void {
    this.graph.output(direction, 'direction.in');
    if (this.rest) this.graph.output(this.rest, 'rest');
  }
}

/** Sum over the last axis of a product, [n, 1]. */
const along = (direction: Value, part: Value): Value => reduceSum(multiply(direction, part), [-1]);
