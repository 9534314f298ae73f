/** The run of `dictionary-features`. */
import { comparable, encode, type Active, type Dictionary } from '../../../models/dictionaries/dictionary';
import { refusal } from '../../../protocol/wire/failures';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';

import { attributionOf, namedTarget, placeGradient, withoutAttribution, type PlaceGradient } from './attribution';
import { headParts } from './head-parts';
import type { FeatureParameters } from './parameters';
import { placeProblem, placeValues } from './place-values';
import type { DictionaryResult, FeatureRow, HeadPart } from './result';

/** What is kept of one token. */
interface TokenFeatures {
  readonly active: Active;
  /** By which x is divided, and what features are multiplied with. */
  readonly divisor: number;
  readonly factor: number;
  /** |y - x|^2 and |x|^2. */
  readonly error: number;
  readonly size: number;
}

/** Features of which the parts of heads are shown. */
const takenApart = 5;
/** Heads that are listed. */
const listedHeads = 100;

export async function* featuresRun(
  model: ModelRunner,
  job: AnalysisJob<FeatureParameters>,
): AsyncGenerator<Step<DictionaryResult>, DictionaryResult> {
  const { parameters, step } = job;
  const [prompt] = job.input.prompts;
  if (!prompt) throw new RangeError('the analysis reads a prompt');
  const row = rowOf(prompt, parameters.token);
  const named = parameters.attribution && model.facts.predicts ? namedTarget(model, parameters) : {};
  const total = prompt.ids.length + 2;
  yield { sentence: 'Reading the dictionary', done: 0, total };
  const dictionary = await model.dictionary(parameters.dictionary);
  const { reads, writes, inputs, outputs } = dictionary;
  const problem = placeProblem(model.facts, reads, inputs) ?? placeProblem(model.facts, writes, outputs);
  if (problem !== undefined) throw refusal(problem);

  const read = await placeValues(model, prompt, job, reads);
  const wanted = writes.name === reads.name ? read : await placeValues(model, prompt, job, writes);
  const tokens: TokenFeatures[] = [];
  for (const [at, x] of read.entries()) {
    yield { sentence: `Token ${at + 1} of ${read.length}`, done: at, total };
    tokens.push(await step(`token ${at}`, () => Promise.resolve(featuresOf(dictionary, x, wanted[at] ?? x))));
  }

  const notes: string[] = [];
  yield { sentence: 'Heads', done: total - 2, total };
  const strongest = sorted(tokens[row]?.active).slice(0, takenApart);
  const apart = await step('heads', () =>
    headParts(model, prompt, job, dictionary, {
      ...{ row, divisor: tokens[row]?.divisor ?? Number.NaN },
      features: strongest.map(({ feature }) => feature),
    }),
  );
  if (typeof apart === 'string') notes.push(apart);
  yield { sentence: 'Attribution', done: total - 1, total };
  const withoutGradient = parameters.attribution ? withoutAttribution(model, dictionary) : undefined;
  if (withoutGradient !== undefined) notes.push(withoutGradient);
  const isAttributed = parameters.attribution && withoutGradient === undefined;
  const attributed = isAttributed
    ? await step('attribution', async () => {
        const gradient = await placeGradient(model, prompt, job, dictionary, { ...named, row });
        const { id, againstId, logit } = gradient;
        const scales = tokens.map(({ factor }) => factor);
        const all = [...activationsOf(tokens)].map(
          ([feature, activations]) =>
            [feature, attributionOf(dictionary, feature, { activations, scales }, gradient)] as const,
        );
        return { id, logit, all, ...(againstId === undefined ? {} : { againstId }) };
      })
    : undefined;
  const from = parameters.skipFirst && prompt.ids.length > 1 ? 1 : 0;
  const byFeature = new Map(attributed?.all);
  const features = rowsOf(tokens, byFeature);
  return {
    dictionary: {
      path: parameters.dictionary,
      kind: dictionary.kind,
      ...{ reads: reads.name, writes: writes.name, inputs, outputs, features: dictionary.features },
    },
    tokens: prompt.tokens,
    positions: tokens.map(({ active, error, size }) => ({
      active: active.indices.length,
      error: size > 0 ? error / size : Number.NaN,
      top: sorted(active).slice(0, parameters.perToken),
    })),
    ...{ from, row, notes },
    explained: explained(
      tokens.slice(from),
      wanted.slice(from).map((x) => comparable(dictionary, x)),
    ),
    meanActive: mean(tokens.slice(from).map(({ active }) => active.indices.length)),
    everActive: features.length,
    features: features.slice(0, parameters.listed),
    ...(attributed ? { target: targetOf(model, attributed) } : {}),
    ...(typeof apart === 'string' ? {} : { heads: headsOf(strongest, apart.parts) }),
  };
}

function targetOf(
  model: ModelRunner,
  { id, againstId, logit }: Pick<PlaceGradient, 'id' | 'againstId' | 'logit'>,
): NonNullable<DictionaryResult['target']> {
  const text = (of: number): string => model.pieces([of])[0] ?? '';
  return { token: text(id), id, logit, ...(againstId === undefined ? {} : { against: text(againstId), againstId }) };
}

function rowOf({ ids }: Prompt, token: number): number {
  if (token < ids.length) return token < 0 ? ids.length - 1 : token;
  throw refusal(
    `There is no token ${token}: the prompt has ${ids.length}, from 0. Give one of them, or -1 for the last.`,
  );
}

function featuresOf(dictionary: Dictionary, x: Float64Array, wanted: Float64Array): TokenFeatures {
  const { active, divisor, factor, decode } = encode(dictionary, x);
  const target = comparable(dictionary, wanted);
  const y = decode();
  return {
    ...{ active, divisor, factor },
    error: target.reduce((sum, value, at) => sum + ((y[at] ?? 0) - value) ** 2, 0),
    size: target.reduce((sum, value) => sum + value * value, 0),
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Largest first; of equal ones the lower index. */
const sorted = (active: Active | undefined): readonly { readonly feature: number; readonly activation: number }[] =>
  (active?.indices ?? [])
    .map((feature, at) => ({ feature, activation: active?.values[at] ?? 0 }))
    .sort((a, b) => b.activation - a.activation || a.feature - b.feature);

function explained(tokens: readonly TokenFeatures[], targets: readonly Float64Array[]): number {
  const [first] = targets;
  if (!first) return Number.NaN;
  const centre = first.map((_, at) => mean(targets.map((x) => x[at] ?? 0)));
  const spread = targets.reduce(
    (sum, x) => sum + x.reduce((own, value, at) => own + (value - (centre[at] ?? 0)) ** 2, 0),
    0,
  );
  const error = tokens.reduce((sum, token) => sum + token.error, 0);
  return spread > 0 ? 1 - error / spread : Number.NaN;
}

/** By feature: its activation at every token. */
function activationsOf(tokens: readonly TokenFeatures[]): ReadonlyMap<number, readonly number[]> {
  const found = new Map<number, number[]>();
  tokens.forEach(({ active: { indices, values } }, token) =>
    indices.forEach((feature, at) => {
      const own = found.get(feature) ?? new Array<number>(tokens.length).fill(0);
      own[token] = values[at] ?? 0;
      found.set(feature, own);
    }),
  );
  return found;
}

/** All features that are active somewhere: by the size of their attribution, else by their largest activation. */
function rowsOf(tokens: readonly TokenFeatures[], attribution: ReadonlyMap<number, number>): readonly FeatureRow[] {
  const rows = [...activationsOf(tokens)].map(([feature, activations]): FeatureRow => {
    const largest = Math.max(...activations);
    const part = attribution.get(feature);
    return {
      ...{ feature, activations, largest },
      tokens: activations.filter((value) => value > 0).length,
      at: activations.indexOf(largest),
      ...(part === undefined ? {} : { attribution: part }),
    };
  });
  const weight = (row: FeatureRow): number => Math.abs(row.attribution ?? row.largest);
  return rows.sort((a, b) => weight(b) - weight(a) || a.feature - b.feature);
}

function headsOf(
  strongest: readonly { readonly feature: number; readonly activation: number }[],
  parts: readonly (readonly (readonly number[])[])[],
): NonNullable<DictionaryResult['heads']> {
  const byHead = new Map<string, HeadPart>();
  strongest.forEach(({ feature }, at) =>
    parts[at]?.forEach((heads, layer) =>
      heads.forEach((part, head) => {
        const key = `${layer}.${head}`;
        if (Number.isFinite(part) && Math.abs(part) > Math.abs(byHead.get(key)?.part ?? 0)) {
          byHead.set(key, { layer, head, feature, part });
        }
      }),
    ),
  );
  return {
    features: strongest,
    parts,
    strongest: [...byHead.values()].sort((a, b) => Math.abs(b.part) - Math.abs(a.part)).slice(0, listedHeads),
  };
}
