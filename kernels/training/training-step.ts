/**
 * One step of AdamW as one graph: forward, backward, clipping by the global norm, update. Parameters and moments are one vector
 * each, so that an update is a dozen nodes however many parameters there are.
 *
 * With gradient g, learning rate a, step t from 1 (Kingma and Ba 2015, arXiv 1412.6980; decay as Loshchilov and Hutter 2019,
 * arXiv 1711.05101):
 *
 *     g <- g * min(1, c / |g|)           c: clipping norm, |g| over all parameters together
 *     m <- b1 m + (1 - b1) g             v <- b2 v + (1 - b2) g^2
 *     p <- p - a (w p + m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + e))        w p: parameters of two axes or more
 *
 * t enters as the two factors 1 / (1 - b^t), computed in float64: in float32 1 - 0.999 has an error of 3e-5.
 */
import { GraphBuilder } from '../graph/builder';
import { add, divide, maximum, multiply, squareRoot, subtract } from '../graph/operators/elementwise';
import { concat, pad, reshape, slice, split } from '../graph/operators/layout';
import { reduceNorm } from '../graph/operators/reduce';
import { GraphError, type Value } from '../graph/records';
import { gradients } from '../gradient/gradients';
import { decays, parameterPlaces, type Losses, type Network } from './network';

export interface AdamSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Largest norm of the gradient of all parameters together; absent: no limit. */
  readonly clip?: number;
}

/** Those of PyTorch's Adam. */
export const usualAdam: AdamSettings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

/** Inputs and outputs of the graphs; the inputs of a batch have their own names. */
export const trainingNames = {
  parameters: 'training.parameters',
  first: 'training.first-moment',
  second: 'training.second-moment',
  rate: 'training.rate',
  firstFactor: 'training.first-factor',
  secondFactor: 'training.second-factor',
  newParameters: 'training.parameters.new',
  newFirst: 'training.first-moment.new',
  newSecond: 'training.second-moment.new',
  loss: 'training.loss',
  /** Before clipping. */
  norm: 'training.gradient-norm',
} as const;

/** What a step needs beside state and batch; `step` counts from 1. */
export const stepFactors = (
  { beta1, beta2 }: AdamSettings,
  step: number,
): { readonly firstFactor: number; readonly secondFactor: number } => ({
  firstFactor: 1 / (1 - beta1 ** step),
  secondFactor: 1 / (1 - beta2 ** step),
});

interface Forward extends Losses {
  readonly graph: GraphBuilder;
  /** [P] */
  readonly vector: Value;
  /** In the order of the vector. */
  readonly parameters: readonly Value[];
}

function forwardOf(network: Network): Forward {
  const graph = new GraphBuilder(network.name);
  const places = parameterPlaces(network);
  const last = places.at(-1);
  if (!last) throw new GraphError(`"${network.name}" has no parameters to train.`);
  const vector = graph.input(trainingNames.parameters, 'float32', [last.offset + last.size]);
  const sizes = places.map(({ size }) => size);
  const pieces = split(vector, 0, sizes);
  // Under their names: whoever looks for a weight in the graph finds it.
  const parameters = places.map(({ name, shape, size }, at): Value => {
    const piece = pieces[at] ?? vector;
    if (shape.length !== 1) return reshape(piece, shape, name);
    return graph.node('Identity', [piece], [{ type: 'float32', shape: [size], name }])[0];
  });
  const batch = Object.entries(network.batch).map(
    ([name, { type, shape }]) => [name, graph.input(name, type, shape)] as const,
  );
  const named = Object.fromEntries(places.map(({ name }, at) => [name, parameters[at] ?? vector]));
  const { loss, outputs = {} } = network.build(graph, named, Object.fromEntries(batch));
  if (loss.shape.length > 0 || loss.type !== 'float32') {
    throw new GraphError(`The loss of "${network.name}" has to be a float32 scalar.`);
  }
  return { graph, vector, parameters, loss, outputs };
}

/** Loss and the outputs of the network, by their names. */
export function forwardGraph(network: Network): GraphBuilder {
  const { graph, loss, outputs = {} } = forwardOf(network);
  graph.output(loss, trainingNames.loss);
  for (const [name, value] of Object.entries(outputs)) graph.output(value, name);
  return graph;
}

export function trainingStep(network: Network, settings: AdamSettings): GraphBuilder {
  const { graph, vector, parameters, loss } = forwardOf(network);
  const { shape } = vector;
  const first = graph.input(trainingNames.first, 'float32', shape);
  const second = graph.input(trainingNames.second, 'float32', shape);
  const scalar = (name: string): Value => graph.input(name, 'float32', []);
  const [rate, firstFactor, secondFactor] = [
    scalar(trainingNames.rate),
    scalar(trainingNames.firstFactor),
    scalar(trainingNames.secondFactor),
  ];
  const flat = gradients(graph, loss, parameters).map((gradient) => reshape(gradient, [-1]));
  graph.within('adam', () => {
    const { beta1, beta2, epsilon, weightDecay, clip } = settings;
    const raw = concat(flat, 0);
    const norm = reduceNorm(raw, [0], false);
    const gradient = clip === undefined ? raw : multiply(raw, divide(clip, maximum(norm, clip)));
    const newFirst = add(multiply(first, beta1), multiply(gradient, 1 - beta1));
    const newSecond = add(multiply(second, beta2), multiply(multiply(gradient, gradient), 1 - beta2));
    const direction = divide(
      multiply(newFirst, firstFactor),
      add(squareRoot(multiply(newSecond, secondFactor)), epsilon),
    );
    const whole = weightDecay === 0 ? direction : add(direction, decayed(vector, network, weightDecay));
    graph.output(subtract(vector, multiply(whole, rate)), trainingNames.newParameters);
    graph.output(newFirst, trainingNames.newFirst);
    graph.output(newSecond, trainingNames.newSecond);
    graph.output(norm, trainingNames.norm);
  });
  graph.output(loss, trainingNames.loss);
  return graph;
}

/** Weight decay times the parameters that decay, which come first, and 0 for the others. */
function decayed(vector: Value, network: Network, weightDecay: number): Value {
  const places = parameterPlaces(network);
  const total = places.reduce((sum, { size }) => sum + size, 0);
  const those = places.filter(({ shape }) => decays(shape)).reduce((sum, { size }) => sum + size, 0);
  if (those === 0) return multiply(vector, 0);
  return pad(multiply(slice(vector, 0, 0, those), weightDecay), 0, 0, total - those);
}
