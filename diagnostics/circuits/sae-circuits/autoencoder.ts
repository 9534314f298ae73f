/**
 * The sparse autoencoder that all heads share (O'Neill and Bui 2024, arXiv:2405.12522, and the authors' code). Of x [D], one head's
 * output in one example, with F features:
 *
 *   f = ReLU(E (x - t) + e)      E [F, D], each row of norm 1; e [F]; t [D]
 *   x' = W f + t                 W [D, F], each row of norm 1 (`outputs`) or each column (`features`)
 *   loss = mean over examples, heads and channels of (x' - x)^2 + sparsity * 768 / D * mean over examples and heads of the sum of f
 *   code = the feature with the largest f, the first of equal ones: 0 where none is active
 *
 * 768 is the width of GPT-2 small, for which the paper gives the sparsity: a mean over channels weighs the same error more in a
 * narrower model, and without the factor one sparsity would mean another thing for every width.
 *
 * The norms are taken in the graph, so that the gradient of a row has no part along the row. The authors set the weights themselves
 * to norm 1 before every step instead; here their lengths grow slowly, which makes the later steps of Adam a little smaller.
 */
import { add, cast, divide, greater, multiply, rectify, subtract } from '../../../kernels/graph/operators/elementwise';
import { fusedMatmul } from '../../../kernels/graph/operators/matrix';
import { argMax, reduceMean, reduceNorm, reduceSum } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import type { Network } from '../../../kernels/training/network';
import { random, seedFor } from '../../../kernels/tensors/random';
import type { DecoderNorm } from './parameters';

/** Width for which the sparsity of the paper is given. */
const paperWidth = 768;

export interface AutoencoderShape {
  /** F */
  readonly features: number;
  /** D */
  readonly width: number;
  readonly sparsity: number;
  readonly decoderNorm: DecoderNorm;
}

/** The batch is `outputs` [rows, D]; outputs are by row: `codes`, `squared` (sum of (x' - x)^2), `active` (features above 0). */
export const autoencoder = ({ features, width, sparsity, decoderNorm }: AutoencoderShape): Network => ({
  name: 'Autoencoder of head outputs',
  parameters: {
    encoder: [features, width],
    encoderBias: [features],
    decoder: [width, features],
    tiedBias: [width],
  },
  batch: { outputs: { type: 'float32', shape: ['rows', width] } },
  build(_, { encoder, encoderBias, decoder, tiedBias }, { outputs }) {
    const x = given(outputs);
    const [e, t] = [given(encoderBias), given(tiedBias)];
    const f = rectify(add(fusedMatmul(subtract(x, t), unit(given(encoder), 1), { transposeB: true }), e));
    const w = unit(given(decoder), decoderNorm === 'outputs' ? 1 : 0);
    const error = subtract(add(fusedMatmul(f, w, { transposeB: true }), t), x);
    const squares = multiply(error, error);
    const activation = reduceMean(reduceSum(f, [1], false), [0], false);
    return {
      loss: add(reduceMean(squares, [0, 1], false), multiply(activation, (sparsity * paperWidth) / width)),
      outputs: {
        codes: cast(argMax(f, 1), 'int32'),
        squared: reduceSum(squares, [1], false),
        active: reduceSum(cast(greater(f, 0), 'float32'), [1], false),
      },
    };
  },
});

const unit = (matrix: Value, axis: number): Value => divide(matrix, reduceNorm(matrix, [axis]));

function given(value: Value | undefined): Value {
  if (!value) throw new RangeError('the autoencoder lacks a value');
  return value;
}

/** Normal numbers put to norm 1, encoder biases uniform within 1 / sqrt(D), the tied bias 0. */
export function startOf({ features, width, decoderNorm }: AutoencoderShape, seed: number) {
  const bound = 1 / Math.sqrt(width);
  const biases = random(seedFor(seed, 'encoder bias'));
  return {
    encoder: normals(features, width, 1, seedFor(seed, 'encoder')),
    encoderBias: Float32Array.from({ length: features }, () => bound * (2 * biases.uniform() - 1)),
    decoder: normals(width, features, decoderNorm === 'outputs' ? 1 : 0, seedFor(seed, 'decoder')),
    tiedBias: new Float32Array(width),
  };
}

/** [rows, columns]: of norm 1 along the axis. */
function normals(rows: number, columns: number, axis: 0 | 1, seed: number): Float32Array {
  const source = random(seed);
  const drawn = Float64Array.from({ length: rows * columns }, () => source.normal());
  const vectorOf = (at: number): number => (axis === 1 ? Math.floor(at / columns) : at % columns);
  const squares = new Float64Array(axis === 1 ? rows : columns);
  drawn.forEach((value, at) => (squares[vectorOf(at)]! += value ** 2));
  return Float32Array.from(drawn, (value, at) => value / Math.sqrt(squares[vectorOf(at)]!));
}
