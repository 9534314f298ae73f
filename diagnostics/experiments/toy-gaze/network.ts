/** A small OAT over toy scenes: the features of its objects are given, everything behind them is trained. */
import { divide, multiply } from '../../../kernels/graph/operators/elementwise';
import { reduceSum, softmax } from '../../../kernels/graph/operators/reduce';
import { slice } from '../../../kernels/graph/operators/layout';
import { oat } from '../../../kernels/modules/oat/oat';
import { trainedModule } from '../../../kernels/training/module-graph';
import { surprisals } from '../../../kernels/training/losses';
import type { Network } from '../../../kernels/training/network';
import { floats, wholes } from '../../shared/training/module-network';
import { trainedShapes } from '../../shared/training/module-weights';
import type { Batch } from '../../model-runner/trainer';
import { columns, count, rows, type Scene } from './searcher';

export const batchSize = 12;
/** Fixations that are predicted, the end among them. */
export const steps = 8;
export const half = 32;
/** Index of the end: the target's token. */
export const end = count;

export interface GazeForm {
  readonly positions: string;
  readonly targetPlace: string;
}

const sizeOf = (form: GazeForm) => ({
  rows,
  columns,
  steps,
  width: 2 * half,
  hidden: 64,
  layers: 2,
  attentionHeads: 4,
  heads: 2,
  batch: batchSize,
  ...form,
});

/** Mean surprisal of the steps that count, nats. Output: `shares` [b, T, P + 1], the pointer over objects and end. */
export function gazeNetwork(name: string, form: GazeForm): Network {
  const size = sizeOf(form);
  return {
    name,
    parameters: trainedShapes(oat.weights(size)),
    batch: {
      objects: { type: 'float32', shape: [batchSize, count, half] },
      target: { type: 'float32', shape: [batchSize, 1, half] },
      fixations: { type: 'int64', shape: [batchSize, steps] },
      place: { type: 'int64', shape: [batchSize, 1] },
      next: { type: 'int64', shape: [batchSize, steps] },
      counted: { type: 'float32', shape: [batchSize, steps] },
    },
    build(graph, weights, { next, counted, ...given }) {
      const inputs = {
        ...given,
        blank: graph.constant('float32', [batchSize, 1, half], new Float32Array(batchSize * half)),
        there: graph.constant('float32', [batchSize, count], new Float32Array(batchSize * count).fill(1)),
      };
      const { logits } = oat.build(trainedModule(graph, inputs, weights), size);
      // The null column is for padding, of which there is none.
      const over = slice(logits!, 2, 0, count + 1);
      const total = reduceSum(multiply(surprisals(over, next!), counted!), [0, 1], false);
      return {
        loss: divide(total, reduceSum(counted!, [0, 1], false)),
        outputs: { shares: softmax(over) },
      };
    },
  };
}

/** What is looked at next at each step, the end behind the target; steps behind it do not count. */
export const answersOf = ({ path }: Scene): readonly number[] => [...path, end].slice(0, steps);

/** `paths`: fixations so far; absent: those of the searcher (teacher forcing). */
export function gazeBatch(
  scenes: readonly Scene[],
  features: readonly Float64Array[],
  paths: readonly (readonly number[])[] = scenes.map(({ path }) => path),
): Batch {
  const n = scenes.length;
  const feature = (kind: number | undefined): number[] => [...(features[kind ?? 0] ?? [])];
  const rowsOf = (of: (scene: Scene, at: number, step: number) => number): number[] =>
    scenes.flatMap((scene, at) => Array.from({ length: steps }, (_, step) => of(scene, at, step)));
  return {
    objects: floats(
      [n, count, half],
      scenes.flatMap(({ kinds }) => kinds.flatMap(feature)),
    ),
    target: floats(
      [n, 1, half],
      scenes.flatMap(({ kinds, target }) => feature(kinds[target])),
    ),
    // `count` is the blank patch in the middle, where a search starts.
    fixations: wholes(
      [n, steps],
      rowsOf((_, at, step) => (step === 0 ? count : (paths[at]?.[step - 1] ?? count))),
    ),
    place: wholes(
      [n, 1],
      scenes.map(({ target }) => target),
    ),
    next: wholes(
      [n, steps],
      rowsOf((scene, _, step) => answersOf(scene)[step] ?? 0),
    ),
    counted: floats(
      [n, steps],
      rowsOf((scene, _, step) => (step < answersOf(scene).length ? 1 : 0)),
    ),
  };
}
