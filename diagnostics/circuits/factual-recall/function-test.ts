/**
 * Whether the intercept c of an MLP works as a function: alpha times it is added to the stream that leaves the layer, at the last
 * position of the bare topic ("France"), and the place of the answer among the logits is read. Beside it stand what the MLP adds
 * for the fact itself (the residue m - sum w a, mean over its prompts of the fit: it knows the answer), and a random direction of
 * the length of c.
 */
import { object, optional, whole, oneOf, figure } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import type { Variant } from '../../../models/instrument/changes/changes';
import { random, seedFor } from '../../../kernels/tensors/random';
import type { ModelRunner } from '../../model-runner/model-runner';
import { withReplacements } from '../../shared/effects/parts';
import type { Decomposed } from './decomposition';
import type { Facts } from './prompts';
import { rankAmong, rankOf, spreadOf } from './ranks';
import { meanOf } from './regression';
import { dot } from '../../../kernels/tensors/vectors';

export const additions = ['intercept', 'residue', 'random'] as const;
type Addition = (typeof additions)[number];

export const functionPoint = object({
  /** Absent where nothing is added. */
  layer: optional(whole),
  addition: oneOf([...additions, 'none']),
  alpha: figure,
  /** Median over the topics, and quartiles, of the rank of the answer. */
  rank: figure,
  low: figure,
  high: figure,
  /** Share of topics whose answer is first among the answers of the task. */
  first: figure,
  topics: whole,
});
type FunctionPoint = Output<typeof functionPoint>;

/** Topics that are tried at most. */
const mostTopics = 16;
const sideBySide = 16;

interface Topic {
  readonly ids: readonly number[];
  readonly answer: number;
  /** Prompts of the fit that ask for it. */
  readonly prompts: readonly number[];
}

export function topicsOf({ all, fitted }: Pick<Facts, 'all' | 'fitted'>, lead: readonly number[]): readonly Topic[] {
  const found = new Map<string, Topic & { readonly prompts: number[] }>();
  for (const at of fitted) {
    const fact = all[at];
    if (!fact) continue;
    const key = JSON.stringify([fact.topic.ids, fact.answer]);
    const known = found.get(key);
    if (known) known.prompts.push(at);
    else if (found.size < mostTopics)
      found.set(key, { ids: [...lead, ...fact.topic.ids], answer: fact.answer, prompts: [at] });
  }
  return [...found.values()];
}

interface Places {
  readonly rank: number;
  readonly among: number;
}

/** Ranks of the answer of one topic: first without anything, then by layer, addition and alpha. */
export async function triedTopic(
  model: ModelRunner,
  { ids, answer, prompts }: Topic,
  {
    mlps,
    alphas,
    candidates,
    variant,
    seed,
  }: {
    readonly mlps: readonly Decomposed[];
    readonly alphas: readonly number[];
    readonly candidates: readonly number[];
    readonly variant: Variant;
    readonly seed: number;
  },
): Promise<readonly Places[]> {
  const row = ids.length - 1;
  const { layers } = await model.run({
    ids,
    variants: [variant],
    taps: mlps.map(({ layer }) => ({ layer, tap: 'residual' as const })),
    tapRows: [row],
    logits: 'none',
  });
  const variants = [variant];
  for (const { layer, byHead, residues } of mlps) {
    const stream = layers[layer]?.taps['residual']?.data;
    if (!(stream instanceof Float32Array)) throw new RangeError(`layer ${layer} gave no stream`);
    const added: Readonly<Record<Addition, Float64Array>> = {
      intercept: byHead.intercept,
      residue: meanOf(prompts.flatMap((at) => residues[at] ?? [])),
      random: randomAs(byHead.intercept, seedFor(seed, `direction of layer ${layer}`)),
    };
    for (const name of additions) {
      for (const alpha of alphas) {
        const data = stream.map((value, i) => value + alpha * (added[name][i] ?? 0));
        variants.push(
          withReplacements(variant, [
            { kind: 'replacement', layer, target: 'residual', positions: [row], data, everywhere: true },
          ]),
        );
      }
    }
  }
  const found: Places[] = [];
  for (let first = 0; first < variants.length; first += sideBySide) {
    const some = variants.slice(first, first + sideBySide);
    const { logits } = await model.run({ ids, variants: some, logits: 'last' });
    if (!(logits?.data instanceof Float32Array)) throw new RangeError('the model has no language head');
    const size = logits.data.length / some.length;
    for (let at = 0; at < some.length; at++) {
      const own = logits.data.subarray(at * size, (at + 1) * size);
      found.push({ rank: rankOf(own, [answer]), among: rankAmong(own, answer, candidates) });
    }
  }
  return found;
}

/** `places`: [topics][as `triedTopic` gives them]. */
export function functionPoints(
  places: readonly (readonly Places[])[],
  layers: readonly number[],
  alphas: readonly number[],
): readonly FunctionPoint[] {
  const point = (
    at: number,
    layer: number | undefined,
    addition: FunctionPoint['addition'],
    alpha: number,
  ): FunctionPoint => {
    const own = places.flatMap((of) => of[at] ?? []);
    const { median, low, high } = spreadOf(own.map(({ rank }) => rank));
    const first = own.filter(({ among }) => among === 1).length / own.length;
    return {
      ...(layer === undefined ? {} : { layer }),
      addition,
      alpha,
      rank: median,
      low,
      high,
      first,
      topics: own.length,
    };
  };
  return [
    point(0, undefined, 'none', 0),
    ...layers.flatMap((layer, l) =>
      additions.flatMap((addition, a) =>
        alphas.map((alpha, s) => point(1 + (l * additions.length + a) * alphas.length + s, layer, addition, alpha)),
      ),
    ),
  ];
}

/** A random direction of the same length. */
function randomAs(vector: Float64Array, seed: number): Float64Array {
  const drawn = random(seed);
  const found = vector.map(() => drawn.normal());
  const scale = Math.sqrt(dot(vector, vector) / dot(found, found));
  return found.map((value) => value * scale);
}
