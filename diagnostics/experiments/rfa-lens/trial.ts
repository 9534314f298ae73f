/**
 * One seed: examples, frozen features, and the error of the fit on examples of its own. lambda is the one of the least error on 500
 * further examples, for each model, target, number of examples and number of heads by itself; the error is the mean of
 * (f - y)^2 over that of y^2 on 1000 others.
 */
import { random, seedFor } from '../../../kernels/tensors/random';
import { attentionFeatures, cut, drawnHeads, drawnNeurons, neuronFeatures, type Features } from './features';
import { relativeError, ridgePath } from './ridge';
import {
  drawnExamples,
  targetNames,
  targetValues,
  unitVector,
  type Degrees,
  type Examples,
  type Sizes,
  type TargetName,
} from './targets';

export const modelNames = ['RFA', 'BRFA', 'RFMLP'] as const;
export type ModelName = (typeof modelNames)[number];

const validationExamples = 500;
const testExamples = 1000;

interface Part {
  readonly examples: Examples;
  readonly targets: readonly Float64Array[];
}

export interface Data {
  readonly seed: number;
  readonly sizes: Sizes;
  readonly train: Part;
  readonly validation: Part;
  readonly test: Part;
}

export function drawnData(sizes: Sizes, degrees: Degrees, examples: number, seed: number): Data {
  const direction = unitVector(sizes.dimension, random(seedFor(seed, 'direction')));
  const part = (name: string, count: number): Part => {
    const drawn = drawnExamples(sizes, count, random(seedFor(seed, name)));
    const values = targetValues(drawn, direction, degrees);
    return { examples: drawn, targets: targetNames.map((target) => values[target]) };
  };
  return {
    seed,
    sizes,
    train: part('train', examples),
    validation: part('validation', validationExamples),
    test: part('test', testExamples),
  };
}

/** Features of the three parts by one draw of what is frozen. */
export interface Drawn {
  /** Query-key matrices [M, d + 1, d + 1], or weights of the neurons [M (d + 1), (N + 1) d + 1]. */
  readonly frozen: Float64Array;
  readonly train: Features;
  readonly validation: Features;
  readonly test: Features;
  /** Features that belong to one head. */
  readonly headWidth: number;
}

/** `meanStrength`: w0 of BRFA. Each model draws its own, and the heads along w0 differ by it alone. */
export function drawnFeatures(data: Data, model: ModelName, heads: number, meanStrength: number): Drawn {
  const { seed, sizes } = data;
  const source = random(seedFor(seed, model));
  const side = sizes.dimension + 1;
  const frozen =
    model === 'RFMLP'
      ? drawnNeurons(sizes, heads * side, source)
      : drawnHeads(sizes, heads, model === 'BRFA' ? meanStrength : 0, source);
  const of = ({ examples }: Part): Features =>
    model === 'RFMLP' ? neuronFeatures(examples, frozen) : attentionFeatures(examples, frozen);
  return {
    frozen,
    train: of(data.train),
    validation: of(data.validation),
    test: of(data.test),
    headWidth: side,
  };
}

export interface Fitted {
  /** Test error of each target. */
  readonly errors: Readonly<Record<TargetName, number>>;
  /** Learned numbers of each target, [f]. */
  readonly weights: readonly Float64Array[];
}

/** After `examples` examples with the first `heads` heads. */
export function fitted(data: Data, drawn: Drawn, examples: number, heads: number): Fitted {
  const width = heads * drawn.headWidth;
  const few = (of: Features): Features => cut(of, of.rows, width);
  const [validation, test] = [few(drawn.validation), few(drawn.test)];
  const path = ridgePath(
    cut(drawn.train, examples, width),
    data.train.targets.map((y) => y.subarray(0, examples)),
  );
  const best = data.train.targets.map((_, target): { readonly error: number; readonly weights: Float64Array } => {
    let chosen: Float64Array = new Float64Array(width);
    let least = Infinity;
    for (const { weights: { [target]: weights } = [] } of path) {
      const error = weights ? relativeError(validation, weights, data.validation.targets[target]!) : Infinity;
      if (!weights || error >= least) continue;
      least = error;
      chosen = weights;
    }
    return { error: relativeError(test, chosen, data.test.targets[target]!), weights: chosen };
  });
  return {
    errors: { T1: best[0]!.error, T2: best[1]!.error, mixed: best[2]!.error },
    weights: best.map(({ weights }) => weights),
  };
}
