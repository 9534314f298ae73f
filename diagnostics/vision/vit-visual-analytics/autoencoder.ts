/**
 * The autoencoder of patterns, in the small form: with x [D] a pattern (patterns.ts) and GELU between dense layers,
 *
 *   z = B gelu(A x + a) + b     A [128, D], B [8, 128]
 *   x' = F gelu(E z + e) + f    E [128, 8], F [D, 128]
 *   loss = mean over patterns and numbers of (x' - x)^2
 *
 * f starts as the mean of the patterns it is trained on, so that it begins where principal components begin.
 */
import { add, gelu, multiply, subtract } from '../../../kernels/graph/operators/elementwise';
import { fusedMatmul } from '../../../kernels/graph/operators/matrix';
import { reduceMean } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import type { Network } from '../../../kernels/training/network';
import type { AnalysisJob } from '../../analysis';
import { minibatch } from '../../shared/training/minibatches';
import { glorot, stacked } from '../../shared/training/module-network';
import { train, type Training } from '../../shared/training/train';
import type { Parameters, Trainer } from '../../model-runner/trainer';

export const latentSize = 8;
const hidden = 128;
const batchSize = 64;
const rate = 1e-3;
const every = 50;

const decoderShapes = (size: number) => ({
  fromLatent: [hidden, latentSize],
  fromLatentBias: [hidden],
  out: [size, hidden],
  outBias: [size],
});

const dense = (x: Value, weight: Value | undefined, bias: Value | undefined): Value =>
  add(fusedMatmul(x, given(weight), { transposeB: true }), given(bias));

const decoded = (z: Value, weights: Readonly<Record<string, Value>>): Value =>
  dense(gelu(dense(z, weights['fromLatent'], weights['fromLatentBias']), 'none'), weights['out'], weights['outBias']);

/** Batch `patterns` [rows, D]; outputs by row: `latent` [rows, 8] and `squared`, the mean of (x' - x)^2. */
const patternAutoencoder = (size: number): Network => ({
  name: 'Autoencoder of attention patterns',
  parameters: {
    in: [hidden, size],
    inBias: [hidden],
    toLatent: [latentSize, hidden],
    toLatentBias: [latentSize],
    ...decoderShapes(size),
  },
  batch: { patterns: { type: 'float32', shape: ['rows', size] } },
  build(_, weights, { patterns }) {
    const x = given(patterns);
    const inner = gelu(dense(x, weights['in'], weights['inBias']), 'none');
    const latent = dense(inner, weights['toLatent'], weights['toLatentBias']);
    const error = subtract(decoded(latent, weights), x);
    const squares = multiply(error, error);
    return {
      loss: reduceMean(squares, [0, 1], false),
      outputs: { latent, squared: reduceMean(squares, [1], false) },
    };
  },
});

/** The decoder alone: batch `latents` [rows, 8], output `patterns` [rows, D]. */
const patternDecoder = (size: number): Network => ({
  name: 'Decoder of attention patterns',
  parameters: decoderShapes(size),
  batch: { latents: { type: 'float32', shape: ['rows', latentSize] } },
  build(_, weights, { latents }) {
    const patterns = decoded(given(latents), weights);
    return { loss: reduceMean(patterns, [0, 1], false), outputs: { patterns } };
  },
});

function given(value: Value | undefined): Value {
  if (!value) throw new RangeError('the autoencoder lacks a value');
  return value;
}

function startOf(patterns: readonly Float32Array[], size: number, seed: number): Parameters {
  const outBias = new Float32Array(size);
  for (const pattern of patterns) pattern.forEach((value, i) => (outBias[i]! += value / patterns.length));
  return { ...glorot(patternAutoencoder(size).parameters, seed), outBias };
}

export async function* trainPatterns(
  trainer: Trainer,
  step: AnalysisJob<never>['step'],
  patterns: readonly Float32Array[],
  { steps, seed }: { readonly steps: number; readonly seed: number },
): AsyncGenerator<Training, Parameters> {
  const size = patterns[0]?.length ?? 0;
  const { parameters } = yield* train(trainer, step, {
    key: 'autoencoder',
    network: patternAutoencoder(size),
    initial: startOf(patterns, size, seed),
    steps,
    rate: { peak: rate },
    every,
    seed,
    batch: (at) => ({
      patterns: stacked(
        minibatch(patterns.length, batchSize, at, seed).map((one) => patterns[one] ?? new Float32Array(size)),
        [size],
      ),
    }),
  });
  return parameters;
}

export interface Encoded {
  /** By pattern, [8]. */
  readonly latents: readonly (readonly number[])[];
  /** By pattern: mean of (x' - x)^2. */
  readonly errors: readonly number[];
}

const batched = 256;

export async function encoded(
  trainer: Trainer,
  parameters: Parameters,
  patterns: readonly Float32Array[],
): Promise<Encoded> {
  const size = patterns[0]?.length ?? 0;
  const network = patternAutoencoder(size);
  const latents: number[][] = [];
  const errors: number[] = [];
  for (let first = 0; first < patterns.length; first += batched) {
    const some = patterns.slice(first, first + batched);
    const { outputs } = await trainer.forward(network, parameters, { patterns: stacked(some, [size]) });
    const all = Array.from(outputs['latent']?.data ?? [], Number);
    some.forEach((_, at) => latents.push(all.slice(at * latentSize, (at + 1) * latentSize)));
    errors.push(...Array.from(outputs['squared']?.data ?? [], Number));
  }
  return { latents, errors };
}

export async function decodedPatterns(
  trainer: Trainer,
  parameters: Parameters,
  latents: readonly (readonly number[])[],
): Promise<readonly (readonly number[])[]> {
  const size = parameters['outBias']?.length ?? 0;
  const network = patternDecoder(size);
  const own = Object.fromEntries(
    Object.keys(network.parameters).map((name) => [name, parameters[name] ?? new Float32Array(0)]),
  );
  const { outputs } = await trainer.forward(network, own, { latents: stacked(latents, [latentSize]) });
  const all = Array.from(outputs['patterns']?.data ?? [], Number);
  return latents.map((_, at) => all.slice(at * size, (at + 1) * size));
}
