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
import { add, multiply, subtract } from '../../kernels/graph/operators/elementwise';
import { gather, pad, reshape } from '../../kernels/graph/operators/layout';
import { fusedMatmul } from '../../kernels/graph/operators/matrix';
import { reduceSum } from '../../kernels/graph/operators/reduce';
import { addsBeside, attentionIn, headsOf, undividedPart, unnamedPart } from './block-heads';
import { carried, joinedHeads, normedHeads } from './block-parts';
import { requireOwnOutputs } from './differential';
import { expertDirections, requireOwnHeads } from './head-experts';
import { frozenNorm, frozenNormTransposed } from './frozen-norm';
import { latentValuesTransposed } from './latent';
import { linear, norm } from './layers';
import { lensProblem } from './lens-graph';
import type { AttentionSpec } from './attention-spec';
import { ModelError, type BlockSpec, type BranchNorms, type ModelSpec } from './model-spec';
import type { Linear, Norm } from './weights-spec';
import { tableRows } from './packed-matrices';
import { weight, type StoredWeights } from './stored-weights';

/**
 * Inputs `residual` [n, w] (what leaves the last layer), `token_ids` [k], `coefficients` [n, k]. Outputs `logits` [n, k] of the
 * tokens before soft capping, `direction.in` [n, w] of their sum by the coefficients, and `rest` [n, 1] where biases add to it.
 */
export function targetGraph(model: ModelSpec, weights: StoredWeights): Graph<Dim> {
  const { norm: last, project, vocabulary } = model.head;
  const problem = lensProblem(model);
  if (!vocabulary || problem !== undefined) throw new ModelError(problem ?? 'The model has no language head.');
  const graph = new GraphBuilder('target');
  const residual = graph.input('residual', 'float32', ['n', model.hiddenSize]);
  const ids = graph.input('token_ids', 'int64', ['k']);
  const coefficients = graph.input('coefficients', 'float32', ['n', 'k']);
  const rows = tableRows(graph, weights, vocabulary.weight, [vocabulary.outputs, vocabulary.inputs], ids);
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
 * `mlp_output` [n, w] as they are added, and `direction` [n, w] of the stream that leaves the layer; of a layer that reads a source also
 * `cross_head_output` and `cross_output`, and of one that adds what no tap names (`addsBeside`) `left` [n, w], the stream that leaves it: the
 * rest of it counts with the network. Outputs `heads` [n, h], `cross` [n, heads of cross-attention] and `mlp` [n, 1] along it, `direction.in` of the stream that enters, and `rest` [n, 1] where the layer
 * has biases of norms or of the output projection, which belong to no head. Heads of a shared block (Zamba) add nothing: what they give
 * reaches the stream through the recurrence of their layer, whose share is `recurrent`.
 */
export function layerAttributionGraph(model: ModelSpec, block: BlockSpec, weights: StoredWeights): Graph<Dim> {
  if (block.attention) requireOwnOutputs(block.attention);
  const [undivided] = model.blocks.flatMap((each) => undividedPart(each) ?? []);
  if (undivided !== undefined) throw new ModelError(undivided);
  const graph = new GraphBuilder(`attribution.${block.index}`);
  const stream = (name: string): Value => graph.input(name, 'float32', ['n', model.hiddenSize]);
  const outputs = (name: string, of: BlockSpec): Value => {
    const { heads, headDim } = headsOf(of);
    return graph.input(name, 'float32', ['n', heads * headDim]);
  };
  const residual = stream('residual');
  const headOutput = outputs('head_output', block);
  const attention = stream('attention_output');
  const network = stream('mlp_output');
  const { attentionNorms, feedForwardNorms } = block;
  const cross = crossAlone(block);

  const back = new Backwards(graph, weights, stream('direction'));
  const behind = (sum: Value, { after }: BranchNorms): Value => (after ? norm(graph, weights, after, sum) : sum);
  const first = add(carried(graph, weights, attentionNorms, residual), attention);
  const read = behind(first, attentionNorms);
  const second = cross && add(read, stream('cross_output'));
  const entering = second && cross ? behind(second, cross.attentionNorms) : read;
  const inner = add(carried(graph, weights, feedForwardNorms, entering), network);
  const { vector } = block;
  let beside: Value | undefined;
  if (addsBeside(block)) {
    const scalar = vector?.scalar === undefined ? undefined : weight(graph, weights, vector.scalar, [1]);
    const scaled = (x: Value): Value => (scalar ? multiply(x, scalar) : x);
    beside = along(back.direction, subtract(stream('left'), scaled(behind(inner, feedForwardNorms))));
    back.direction = scaled(back.direction);
  }
  if (feedForwardNorms.after) back.throughNorm(feedForwardNorms.after, inner);
  const added = along(back.direction, network);
  graph.output(beside ? add(added, beside) : added, 'mlp');
  back.direction = carried(graph, weights, feedForwardNorms, back.direction);
  /** What each head of a branch adds along the direction, which stays that of the stream which enters the branch. */
  const branch = (of: BlockSpec, whole: Value, name: string): void => {
    const { heads, headDim } = headsOf(of);
    const { output, gain } = of.attentionNorms;
    const { direction } = back;
    if (gain !== undefined) back.direction = multiply(direction, weight(graph, weights, gain, [model.hiddenSize]));
    if (output) back.throughNorm(output, writtenBy(graph, of, weights, whole));
    if (of.shared) {
      graph.output(along(direction, attention), 'recurrent');
      graph.output(multiply(reduceSum(reshape(whole, ['n', heads, headDim]), [-1], false), 0), name);
      return;
    }
    if (of.attention && of.state) {
      if (output ?? gain)
        throw new ModelError(
          `Layer ${of.index} norms or scales attention and a recurrence together, so what each adds is not known.`,
        );
      graph.output(
        along(direction, subtract(attention, joinedHeads(graph, of.attention, weights, whole))),
        'recurrent',
      );
    }
    if (heads > 0) {
      back.throughHeads(of, whole, () =>
        attentionNorms.input ? norm(graph, weights, attentionNorms.input, residual) : residual,
      );
      const byHead = reshape(multiply(back.direction, whole), ['n', heads, headDim]);
      graph.output(reduceSum(byHead, [-1], false), name);
    }
    back.direction = direction;
  };
  if (cross && second) {
    if (cross.attentionNorms.after) back.throughNorm(cross.attentionNorms.after, second);
    branch(cross, outputs('cross_head_output', cross), 'cross');
  }
  if (attentionNorms.after) back.throughNorm(attentionNorms.after, first);
  branch(block, headOutput, 'heads');
  back.direction = carried(graph, weights, attentionNorms, back.direction);
  back.output();
  return graph.finishDynamic();
}

/** Cross-attention as if it were the attention of a block. */
const crossAlone = ({ cross, ...block }: BlockSpec): BlockSpec | undefined =>
  cross && { ...block, attention: cross.attention, attentionNorms: cross.norms };

/**
 * Inputs `head_output` and `part` [n, h d]; output `written` [n, w]: what the part of the heads' outputs adds to the stream that leaves
 * the last layer where no later part answers it, a norm behind the output projection frozen at all of `head_output`.
 */
export function writtenGraph(model: ModelSpec, block: BlockSpec, weights: StoredWeights): Graph<Dim> {
  const { heads, headDim } = headsOf(block);
  if (block.attention) {
    requireOwnOutputs(block.attention);
    requireOwnHeads(block.attention);
  }
  if (block.bottleneck ?? block.shared ?? block.attention?.groups ?? block.attention?.mappedBuckets)
    throw new ModelError(unnamedPart(block) ?? '');
  const { output: behind, gain } = block.attentionNorms;
  const graph = new GraphBuilder(`written.${block.index}`);
  const rows = (name: string): Value => graph.input(name, 'float32', ['n', heads * headDim]);
  const whole = rows('head_output');
  const part = rows('part');
  let written = unbiasedBy(graph, block, weights, whole, part);
  if (behind) written = frozenNorm(graph, weights, behind, writtenBy(graph, block, weights, whole), written);
  if (gain !== undefined) written = multiply(written, weight(graph, weights, gain, [model.hiddenSize]));
  for (const { index, attentionNorms, feedForwardNorms, vector } of model.blocks) {
    if (index < block.index) continue;
    if (index > block.index) written = carried(graph, weights, attentionNorms, written);
    written = carried(graph, weights, feedForwardNorms, written);
    if (vector?.scalar !== undefined) written = multiply(written, weight(graph, weights, vector.scalar, [1]));
  }
  graph.output(written, 'written');
  return graph.finishDynamic();
}

/** What the heads add, [n, w], of what they give, [n, h d]. */
function writtenBy(graph: GraphBuilder, { attention, state }: BlockSpec, weights: StoredWeights, rows: Value): Value {
  if (attention) return joinedHeads(graph, attention, weights, rows);
  if (!state) throw new RangeError('a block without heads has nothing behind them');
  return linear(graph, weights, state.output, rows);
}

/** The same of a part of it, without the bias of the output projection; a norm before that is frozen at the whole. */
function unbiasedBy(
  graph: GraphBuilder,
  { attention, state, ...block }: BlockSpec,
  weights: StoredWeights,
  whole: Value,
  part: Value,
): Value {
  const without = (output: Linear): Linear => ({ ...output, bias: undefined });
  if (!attention)
    return writtenBy(
      graph,
      { ...block, ...(state ? { state: { ...state, output: without(state.output) } } : {}) },
      weights,
      part,
    );
  const { outputNorm, ...rest } = attention;
  const read = outputNorm ? frozenNorm(graph, weights, outputNorm, whole, part) : part;
  return writtenBy(graph, { ...block, attention: { ...rest, output: without(rest.output) } }, weights, read);
}

/**
 * Input `residual` [b, n, w] that enters the layer; outputs `query` [b, n, h, d], `key` and `value` [b, n, g, d] behind their
 * head norms, before rotation: what heads make of a stream wherever it stands.
 */
export function projectionGraph(model: ModelSpec, block: BlockSpec, weights: StoredWeights): Graph<Dim> {
  const { attentionNorms } = block;
  const attention = attentionIn(block);
  if (block.shared ?? block.altUp ?? attention.groups ?? attention.mappedBuckets)
    throw new ModelError(unnamedPart(block) ?? '');
  const graph = new GraphBuilder(`projection.${block.index}`);
  const residual = graph.input('residual', 'float32', ['b', 'n', model.hiddenSize]);
  const input = attentionNorms.input ? norm(graph, weights, attentionNorms.input, residual) : residual;
  if (attention.lateNorms)
    throw new ModelError(
      'The model norms queries and keys behind their rotation, so they are not known without their positions. Choose another model.',
    );
  const { query, key, value, gate } = normedHeads(graph, attention, weights, input);
  graph.output(query, 'query');
  graph.output(key, 'key');
  graph.output(value, 'value');
  if (gate) graph.output(gate, 'gate');
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

  /** `input`: what attention reads. */
  throughHeads({ attention, state }: BlockSpec, headOutput: Value, input: () => Value): void {
    if (state && !attention) this.through(state.output);
    if (!attention) return;
    const { output, outputNorm, projection, heads } = attention;
    if (projection.kind === 'mixture') {
      const { graph, weights, direction } = this;
      if (output.bias !== undefined) this.add(along(direction, weight(graph, weights, output.bias, [output.outputs])));
      this.direction = expertDirections(graph, attention, projection, weights, input(), direction);
      return;
    }
    this.through(output);
    if (outputNorm) this.throughNorm(outputNorm, headOutput);
    if (attention.valueDim !== undefined) this.widen(attention, attention.valueDim);
    if (projection.kind !== 'latent') return;
    this.direction = latentValuesTransposed(this.graph, projection, heads, this.weights, this.direction);
  }

  /** From heads as wide as values to heads as wide as keys. */
  private widen({ heads, headDim }: AttentionSpec, valueDim: number): void {
    const rows = this.direction.shape.slice(0, -1);
    const byHead = reshape(this.direction, [...rows, heads, valueDim]);
    this.direction = reshape(pad(byHead, -1, 0, headDim - valueDim), [...rows, heads * headDim]);
  }

  throughNorm(through: Norm, whole: Value): void {
    const { graph, weights } = this;
    if (through.bias !== undefined)
      this.add(along(this.direction, weight(graph, weights, through.bias, [through.size])));
    this.direction = frozenNormTransposed(graph, weights, through, whole, this.direction);
  }

  output(): void {
    this.graph.output(this.direction, 'direction.in');
    if (this.rest) this.graph.output(this.rest, 'rest');
  }
}

/** Sum over the last axis of a product, [n, 1]. */
const along = (direction: Value, part: Value): Value => reduceSum(multiply(direction, part), [-1]);
