/** MLPs explained by what entered them (regression.ts), and what their intercept stands for. */
import { object, figure } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { headWrites } from '../../shared/weights/head-writes';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Facts } from './prompts';
import type { Reading } from './reading';
import { addTo, explained, fit, residue, type Fit, type Observation, type Vector } from './regression';
import { cosine, mean } from '../../../kernels/tensors/vectors';

/** What every head of the window writes at the last position, [prompts][heads of the window][w]. */
export type Writes = ReadonlyMap<string, readonly Float32Array[]>;

const keyOf = ({ layer, head }: HeadPlace): string => `${layer}.${head}`;

export interface WrittenOut {
  readonly writes: Writes;
  /** Largest difference between the heads' writes with their biases and what attention adds, over the largest of the latter. */
  readonly error: number;
}

/** Weights are read once a layer, not once a prompt. */
export async function writesOf(
  model: ModelRunner,
  readings: readonly Reading[],
  heads: readonly HeadPlace[],
): Promise<WrittenOut> {
  const writes = new Map<string, Float32Array[]>(heads.map((place) => [keyOf(place), []]));
  let error = 0;
  for (const layer of [...new Set(heads.map((place) => place.layer))]) {
    const weights = await model.weights.layer(layer, ['gates', 'scores']);
    const { headDim = 0 } = model.facts.blocks[layer] ?? {};
    for (const { headOutputs, attentionOutputs } of readings) {
      const added = attentionOutputs[layer] ?? new Float32Array(0);
      const { heads: own, bias } = headWrites(weights, headOutputs[layer] ?? added, headDim);
      own.forEach((write, head) => writes.get(keyOf({ layer, head }))?.push(Float32Array.from(write)));
      const sum = bias.slice();
      for (const write of own) addTo(sum, write);
      const largest = added.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
      added.forEach((value, i) => (error = Math.max(error, Math.abs(value - (sum[i] ?? 0)) / largest)));
    }
  }
  return { writes, error };
}

export interface Decomposed {
  readonly layer: number;
  readonly heads: readonly HeadPlace[];
  readonly byHead: Fit;
  readonly heldR2: number;
  /** All heads of the window as one regressor. */
  readonly summed: { readonly r2: number; readonly heldR2: number; readonly weight: number };
  /** Fit with the whole stream before the MLP as one regressor: what a layer that only scales would give. */
  readonly stream: { readonly r2: number; readonly heldR2: number };
  /** By prompt: m - sum w a - w_r r, which is c and what is the prompt's own. */
  readonly residues: readonly Float64Array[];
}

/** Heads whose writes enter the MLP of a layer. */
const entering = (
  { facts }: Pick<ModelRunner, 'facts'>,
  heads: readonly HeadPlace[],
  layer: number,
): readonly HeadPlace[] =>
  heads.filter((place) => (facts.blocks[layer]?.parallel ? place.layer < layer : place.layer <= layer));

export function decomposed(
  model: Pick<ModelRunner, 'facts'>,
  readings: readonly Reading[],
  writes: Writes,
  { fitted, held }: Pick<Facts, 'fitted' | 'held'>,
  layer: number,
  window: readonly HeadPlace[],
): Decomposed {
  const heads = entering(model, window, layer);
  const parts = readings.map(({ streams, attentionOutputs, networkOutputs }, prompt) => {
    const whole = Float64Array.from(streams[layer] ?? []);
    if (!model.facts.blocks[layer]?.parallel) addTo(whole, attentionOutputs[layer] ?? new Float32Array(0));
    const own = heads.map((place): Vector => writes.get(keyOf(place))?.[prompt] ?? new Float32Array(0));
    const sum = new Float64Array(whole.length);
    for (const write of own) addTo(sum, write);
    const rest = whole.slice();
    addTo(rest, sum, -1);
    return { output: networkOutputs[layer] ?? new Float32Array(0), own, sum, rest, whole };
  });
  const run = (regressors: (part: (typeof parts)[number]) => readonly Vector[]) => {
    const all = parts.map((part): Observation => ({ output: part.output, regressors: regressors(part) }));
    const of = (places: readonly number[]): readonly Observation[] => places.flatMap((at) => all[at] ?? []);
    const found = fit(of(fitted));
    return { found, heldR2: explained(found, of(held)), all };
  };
  const byHead = run(({ own, rest }) => [...own, rest]);
  const summed = run(({ sum, rest }) => [sum, rest]);
  const stream = run(({ whole }) => [whole]);
  return {
    layer,
    heads,
    byHead: byHead.found,
    heldR2: byHead.heldR2,
    summed: { r2: summed.found.r2, heldR2: summed.heldR2, weight: summed.found.weights[0] ?? Number.NaN },
    stream: { r2: stream.found.r2, heldR2: stream.heldR2 },
    residues: byHead.all.map((one) => residue(byHead.found.weights, one)),
  };
}

/** Directions of the vocabulary: of each answer, and their mean over all tokens. */
export interface Unembedding {
  readonly mean: Float64Array;
  readonly answers: ReadonlyMap<number, Float64Array>;
}

/** Rows of the vocabulary that are read together. */
const together = 4096;

/** Undefined where the language head is no linear map. */
export async function unembeddingOf(
  { weights, facts, signal }: ModelRunner,
  answers: readonly number[],
): Promise<Unembedding | undefined> {
  const { tokens } = weights;
  const { vocabulary } = facts.summary;
  if (!tokens) return undefined;
  const sum = new Float64Array(facts.hiddenSize);
  const found = new Map<number, Float64Array>();
  for (let first = 0; first < vocabulary; first += together) {
    signal.throwIfAborted();
    const count = Math.min(together, vocabulary - first);
    const rows = await tokens.unembedding(first, count);
    for (let at = 0; at < count; at++) {
      const row = rows.subarray(at * sum.length, (at + 1) * sum.length);
      addTo(sum, row, 1 / vocabulary);
      if (answers.includes(first + at)) found.set(first + at, Float64Array.from(row));
    }
  }
  return { mean: sum, answers: found };
}

export const directions = object({
  /** Cosine of c with the mean direction of the answers less that of all tokens. */
  intercept: figure,
  /** Mean over the held-out prompts of the cosine of m - sum w a with the direction of the prompt's own answer less the mean of all tokens. */
  own: figure,
  /** The same with the answer of another fact: what any answer has. */
  other: figure,
});
type Directions = Output<typeof directions>;

export function directionsOf(
  { byHead, residues }: Decomposed,
  { all, held }: Pick<Facts, 'all' | 'held'>,
  { mean: centre, answers }: Unembedding,
): Directions {
  const towards = (token: number | undefined): Float64Array => {
    const row = Float64Array.from(answers.get(token ?? -1) ?? centre);
    addTo(row, centre, -1);
    return row;
  };
  const tokens = [...answers.keys()];
  const middle = new Float64Array(centre.length);
  for (const token of tokens) addTo(middle, towards(token), 1 / tokens.length);
  const otherOf = (token: number): number => tokens[(tokens.indexOf(token) + 1) % tokens.length] ?? token;
  const over = (tokenOf: (answer: number) => number): number =>
    mean(held.map((at) => cosine(residues[at] ?? centre, towards(tokenOf(all[at]?.answer ?? -1)))));
  return { intercept: cosine(byHead.intercept, middle), own: over((token) => token), other: over(otherOf) };
}
