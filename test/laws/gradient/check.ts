/**
 * Holds the gradients that a graph was given against central differences of its own float64 arithmetic, number by number, and what
 * onnxruntime makes of them against the same.
 */
import assert from 'node:assert/strict';
import type { GraphBuilder } from '../../../kernels/graph/builder';
import type { Value } from '../../../kernels/graph/records';
import { GraphBuilder as Builder } from '../../../kernels/graph/builder';
import { inStandardOperators } from '../../../kernels/graph/portable';
import { gradients } from '../../../kernels/gradient/gradients';
import { normalTensor, random, seedFor } from '../../../kernels/tensors/random';
import { largest, tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { evaluate, type Feeds } from '../../support/graph-arithmetic/evaluate';
import { runGraph } from '../kernels/run';

/** Inputs by name: a shape of normal numbers, or a draw of its own. */
export type Draws = Readonly<Record<string, readonly number[] | ((seed: number) => Tensor)>>;

type Values = Readonly<Record<string, Value>>;

export interface GradientCase {
  readonly name: string;
  readonly inputs: Draws;
  readonly build: (inputs: Values, graph: GraphBuilder) => Value;
  /** The function bends at points: a draw beside one is drawn again. */
  readonly kinks?: boolean;
  /** onnxruntime has no kernel for one of its nodes here: only float64 is held against the differences. */
  readonly onlyFloat64?: boolean;
}

export const uniform =
  (shape: readonly number[], low: number, high: number) =>
  (seed: number): Tensor => {
    const source = random(seed);
    const size = shape.reduce((product, dim) => product * dim, 1);
    return tensor(
      shape,
      Float64Array.from({ length: size }, () => Math.fround(low + (high - low) * source.uniform())),
    );
  };

export interface Prepared {
  readonly graph: GraphBuilder;
  readonly objective: Value;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

const gradientName = (name: string): string => `gradient of ${name}`;

/** The graph alone. */
function forward({ name, inputs, build }: GradientCase): { graph: GraphBuilder; values: Values; y: Value } {
  const graph = new Builder(name);
  const values = Object.fromEntries(
    Object.entries(inputs).map(([input, draw]) => {
      const shape = typeof draw === 'function' ? draw(1).shape : draw;
      return [input, graph.input(input, 'float32', shape)] as const;
    }),
  );
  return { graph, values, y: build(values, graph) };
}

/** The graph with the gradient of sum(seed * y) for each input. */
export function prepared(each: GradientCase): { graph: GraphBuilder; y: Value } {
  const { graph, values, y } = forward(each);
  const seed = graph.input('seed', 'float32', y.shape);
  const wrt = Object.values(values);
  gradients(graph, [[y, seed]], wrt).forEach((value, at) => graph.output(value, gradientName(wrt[at]!.name)));
  return { graph, y };
}

function drawn(inputs: Draws, seed: number): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, draw]) => {
      const own = seedFor(seed, name);
      return [name, typeof draw === 'function' ? draw(own) : normalTensor(draw, own)] as const;
    }),
  );
}

const sum = (seed: Tensor, y: Tensor): number => y.data.reduce((total, value, i) => total + value * seed.data[i]!, 0);

export const float64Limit = 1e-6;
export const float32Limit = 1e-3;

/** Largest difference of two tensors over the largest number of the first. */
export function relativeError(expected: Tensor, actual: Tensor): number {
  assert.deepEqual(actual.shape, expected.shape);
  const most = expected.data.reduce((error, value, i) => {
    const difference = Math.abs(value - actual.data[i]!);
    return Number.isNaN(difference) ? Infinity : Math.max(error, difference);
  }, 0);
  const scale = largest(expected);
  return scale === 0 ? most : most / scale;
}

export interface Checked {
  readonly redrawn: number;
  readonly float64: number;
  readonly float32: number;
}

/** Errors of the gradients, relative to the largest of their tensor; throws where one is too large. */
export async function checked(each: GradientCase): Promise<Checked> {
  const { graph, y } = prepared(each);
  const plain = forward(each);
  const seedShape = y.shape.map(Number);
  const seed = normalTensor(seedShape, seedFor(1, 'seed'));
  for (let redrawn = 0; redrawn < (each.kinks ? 20 : 1); redrawn++) {
    const inputs = drawn(each.inputs, 11 + redrawn);
    const values = evaluate(graph, { ...inputs, seed });
    const objective = (feeds: Feeds): number => sum(seed, evaluate(plain.graph, feeds).get(plain.y.name)!);
    const differences = differencesOf(objective, inputs);
    if (!differences) continue;
    let float64 = 0;
    for (const [name, expected] of Object.entries(differences)) {
      const error = relativeError(expected, values.get(gradientName(name))!);
      assert.ok(error <= float64Limit, `${each.name}: the gradient of ${name} is off by ${error} in float64`);
      float64 = Math.max(float64, error);
    }
    const float32 = each.onlyFloat64 ? 0 : await inRuntime(each.name, graph, { ...inputs, seed }, differences);
    return { redrawn, float64, float32 };
  }
  throw new Error(`${each.name}: every draw lies at a kink, or the differences do not settle`);
}

/** By the runtime, in the graph's own operators and in standard ones. */
async function inRuntime(name: string, graph: GraphBuilder, feeds: Feeds, expected: Feeds): Promise<number> {
  const encoded = graph.finish();
  let most = 0;
  for (const each of [encoded, inStandardOperators(encoded)]) {
    const outputs = await runGraph(each, feeds);
    for (const [input, tensor64] of Object.entries(expected)) {
      const error = relativeError(tensor64, outputs[gradientName(input)]!);
      assert.ok(error <= float32Limit, `${name}: the gradient of ${input} is off by ${error} in float32`);
      most = Math.max(most, error);
    }
  }
  return most;
}

/** Central differences for each number of each input; undefined where two step lengths disagree, as at a kink. */
export function differencesOf(objective: (feeds: Feeds) => number, inputs: Feeds): Feeds | undefined {
  const found: Record<string, Tensor> = {};
  for (const [name, { shape, data }] of Object.entries(inputs)) {
    const slope = (at: number, step: number): number => {
      const moved = (by: number): number => {
        const changed = data.slice();
        changed[at] = changed[at]! + by;
        return objective({ ...inputs, [name]: tensor(shape, changed) });
      };
      return (moved(step) - moved(-step)) / (2 * step);
    };
    const [near, far] = [1e-4, 2e-4].map((step) => Float64Array.from(data, (_, at) => slope(at, step)));
    // Richardson: the error of the second order falls out.
    const better = near!.map((value, at) => (4 * value - far![at]!) / 3);
    const scale = Math.max(1e-3, largest(tensor(shape, near!)));
    if (near!.some((value, at) => !(Math.abs(value - far![at]!) < 1e-4 * scale))) return undefined;
    found[name] = tensor(shape, better);
  }
  return found;
}
