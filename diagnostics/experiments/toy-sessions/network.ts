/** Two encoders into one space, trained by InfoNCE both ways over pairs of a glyph and a tone of one thing. */
import { add, divide, exponential, maximum, multiply } from '../../../kernels/graph/operators/elementwise';
import { transpose } from '../../../kernels/graph/operators/layout';
import { fusedMatmul } from '../../../kernels/graph/operators/matrix';
import { reduceNorm } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import { linearLayer } from '../../../kernels/module-parts/graph';
import { readMemory } from '../../../kernels/modules/m3c/read';
import { rankOf } from '../../../kernels/modules/m3c/retrieval';
import { tensor, zeros, type Tensor } from '../../../kernels/tensors/tensor';
import { crossEntropy } from '../../../kernels/training/losses';
import type { Network } from '../../../kernels/training/network';
import type { Random } from '../../../kernels/tensors/random';
import { floats } from '../../shared/training/module-network';
import type { Batch } from '../../model-runner/trainer';
import { glyphSize, toneSize, units, type Episode, type Modality, type Things } from './episodes';

export const batchSize = 32;
export const width = 16;
/** The paper does not give the temperature of its retriever; 0.05 is a start value of ours. */
const startTemperature = 0.05;

export const jointSpace: Network = {
  name: 'the joint space',
  parameters: { 'glyph.weight': [width, glyphSize], 'tone.weight': [width, toneSize], log_temperature: [1] },
  batch: {
    glyphs: { type: 'float32', shape: [batchSize, glyphSize] },
    tones: { type: 'float32', shape: [batchSize, toneSize] },
    pairs: { type: 'int64', shape: [batchSize] },
  },
  build(_graph, weights, { glyphs, tones, pairs }) {
    const encoded = (x: Value, name: string): Value => {
      const y = linearLayer(x, weights[`${name}.weight`]!);
      return divide(y, maximum(reduceNorm(y, [1]), 1e-6));
    };
    const [glyph, tone] = [encoded(glyphs!, 'glyph'), encoded(tones!, 'tone')];
    const scores = divide(fusedMatmul(glyph, tone, { transposeB: true }), exponential(weights['log_temperature']!));
    const both = add(crossEntropy(scores, pairs!), crossEntropy(transpose(scores, [1, 0]), pairs!));
    return { loss: multiply(both, 0.5), outputs: { glyph, tone } };
  },
};

export const startOfTemperature = Float32Array.of(Math.log(startTemperature));

const pairs = { data: BigInt64Array.from({ length: batchSize }, (_, at) => BigInt(at)), shape: [batchSize] };

/** Things that no episode has: each seen and heard once. */
export function pairBatch(things: Things, source: Random): Batch {
  const drawn = Array.from({ length: batchSize }, () => things.thing(source));
  const of = (modality: Modality, size: number) => {
    const data = new Float32Array(batchSize * size);
    drawn.forEach((thing, at) => data.set(things.perceived(thing, modality, source), at * size));
    return floats([batchSize, size], data);
  };
  return { glyphs: of('glyph', glyphSize), tones: of('tone', toneSize), pairs };
}

/** What is perceived in an episode, side by side: its units, then its questions. */
export function episodeBatch({ units: memory, questions }: Episode): Batch {
  const [glyphs, tones] = [new Float32Array(batchSize * glyphSize), new Float32Array(batchSize * toneSize)];
  [...memory, ...questions].forEach(({ modality, perceived }, at) => {
    if (modality === 'glyph') glyphs.set(perceived, at * glyphSize);
    else tones.set(perceived, at * toneSize);
  });
  return { glyphs: floats([batchSize, glyphSize], glyphs), tones: floats([batchSize, toneSize], tones), pairs };
}

export const readers = [
  { id: 'window', title: 'The last session alone' },
  { id: 'memory', title: 'The whole memory' },
  { id: 'links', title: 'The whole memory, with links' },
] as const;
export type Reader = (typeof readers)[number]['id'];

/** Softmax of the cosines: sharp enough that the nearest unit takes nearly all, as the published top 1 does. */
const beta = 30;

export interface EpisodeRead {
  /** Cosines, [questions][units]. */
  readonly similarity: readonly (readonly number[])[];
  /** Weights of the units, [questions][units], by reader. */
  readonly weights: Readonly<Record<Reader, readonly (readonly number[])[]>>;
}

/** `embedded`: rows of units, then of questions, [2 M][width]. */
export function readEpisode(episode: Episode, embedded: readonly (readonly number[])[]): EpisodeRead {
  const rows = (from: number): Tensor =>
    tensor([1, units, width], Float64Array.from(embedded.slice(from, from + units).flat()));
  const [keys, query] = [rows(0), rows(units)];
  const links = zeros([1, units, units]);
  episode.units.forEach(({ refersTo }, at) => {
    if (refersTo !== undefined) links.data[at * units + refersTo] = 1;
  });
  const read = (reader: Reader): readonly (readonly number[])[] => {
    const there = tensor(
      [1, units],
      Float64Array.from(episode.units, ({ session }) => (reader === 'window' && session === 1 ? 0 : 1)),
    );
    const { all } = readMemory(
      { query, keys, values: zeros([1, units, 1, 1]), there, links },
      {
        similarity: 'cosine',
        beta,
        eta: reader === 'links' ? 1 : 0,
        k: units,
        read: 'soft',
        nullUnit: false,
        floor: 0,
      },
    );
    return Array.from({ length: units }, (_, at) => [...all.data.subarray(at * units, (at + 1) * units)]);
  };
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);
  return {
    similarity: embedded
      .slice(units, 2 * units)
      .map((question) => embedded.slice(0, units).map((unit) => dot(question, unit))),
    weights: { window: read('window'), memory: read('memory'), links: read('links') },
  };
}

/** Rank of the unit with the answer, by question; a unit that cannot be read is last. */
export const ranksOf = (episode: Episode, weights: readonly (readonly number[])[]): readonly number[] =>
  episode.questions.map(({ answer }, at) => {
    const row = weights[at] ?? [];
    return (row[answer] ?? 0) === 0 ? units : rankOf(row, answer);
  });
