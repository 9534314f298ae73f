/** A run of the analysis `head-subspace`. */
import { random as randomFrom, seedFor } from '../../kernels/tensors/random';
import { FailureError } from '../../protocol/wire/failures';
import type { AnalysisJob, Step } from '../analysis';
import { answersOf, type Answered } from '../choices/answers';
import { Choices } from '../choices/draw';
import { mutations } from '../choices/layout';
import { massesAt } from '../choices/attention';
import type { ChoicePrompt } from '../choices/prompt';
import type { ModelRunner } from '../model-runner/model-runner';
import type { HeadPlace } from '../model-runner/variant';
import { directEffect, directPrompt } from '../multiple-choice/direct';
import { leastOnLabels } from '../multiple-choice/types';
import { headList } from '../retrieval/head-list';
import { mean } from '../statistics/mean';
import { classed, CompressedHead, fit, randomised, type Fitted } from './compress';
import { answersLevel } from './levels';
import { mutationRow, mutatedPrompt, type MutatedPrompt } from './mutated';
import type { SubspaceParameters } from './parameters';
import { compressions, leastLowered, type Both, type Compressed, type Point, type SubspaceResult } from './result';
import { coordinates, type Basis } from './subspace';
import { inputs, vectorsOf, type HeadVectors, type Input } from './vectors';

interface Seen {
  readonly prompt: ChoicePrompt;
  readonly vectors: HeadVectors;
}

export async function* subspaceRun(
  model: ModelRunner,
  { parameters, seed, step }: AnalysisJob<SubspaceParameters>,
): AsyncGenerator<Step<SubspaceResult>, SubspaceResult> {
  const choices = await Choices.of(model, parameters, seed);
  const { questions, layout, mark, notes } = choices;
  const prompts = questions.flatMap((_, at) => choices.prompt(at) ?? []);
  const labels = layout.labels.length;
  // Halves in which each label is right equally often, where the order is balanced.
  const half = labels * Math.ceil(prompts.length / 2 / labels);
  const changed = mutations.filter((mutation) => choices.prompt(half, mutation));
  const total = prompts.length * 4 + (prompts.length - half) * changed.length * 3;
  let done = 0;

  const effects: (readonly HeadEffect[])[] = [];
  const given = headList(parameters.head, model.facts);
  if (!given.ok) throw new FailureError({ code: 'bad-request', detail: given.why });
  const places = model.facts.blocks.flatMap(({ heads }, layer) =>
    Array.from({ length: heads }, (_, head): HeadPlace => ({ layer, head })),
  );
  for (const [at, prompt] of prompts.slice(0, half).entries()) {
    yield { sentence: `Direct effects on prompt ${at + 1} of ${half}`, done, total };
    effects.push(await step(`${mark} direct ${at}`, () => headEffects(model, prompt)));
    done += 2;
  }
  const means = places.map((_, at) => ({
    direct: mean(effects.map((one) => one[at]?.direct ?? Number.NaN)),
    onLabels: mean(effects.map((one) => one[at]?.onLabels ?? Number.NaN)),
  }));
  const [place = places[bestOf(means)] ?? { layer: 0, head: 0 }] = given.heads;
  const own = means[places.findIndex(({ layer, head }) => layer === place.layer && head === place.head)];
  const { direct, onLabels } = own ?? { direct: Number.NaN, onLabels: Number.NaN };

  const seen: Seen[] = [];
  for (const [at, prompt] of prompts.entries()) {
    yield { sentence: `Query, keys and values of prompt ${at + 1} of ${prompts.length}`, done, total };
    seen.push({ prompt, vectors: await step(`${mark} vectors ${at}`, () => vectorsOf(model, prompt, place)) });
    done += 1;
  }
  const basis = parameters.basis as Basis;
  const found = fit(seen.slice(0, half), basis);
  const available = Math.max(...inputs.map((input) => found.subspaces[input].values.length));
  const rank = Math.max(1, Math.min(parameters.rank, available));
  const asked: readonly Asked[] = compressions.flatMap((input) =>
    Array.from({ length: 1 + Math.min(parameters.most, available) }, (_, at) => ({ input, rank: at })),
  );
  const drawn = Array.from({ length: parameters.random }, (_, at) =>
    randomised(found, randomFrom(seedFor(seed, `directions ${at}`))),
  );
  const answered: (readonly Answered[])[] = [];
  for (const [at, one] of seen.entries()) {
    yield { sentence: `Fewer directions on prompt ${at + 1} of ${prompts.length}`, done, total };
    answered.push(
      await step(`${mark} compressed ${at}`, () => {
        const head = new CompressedHead(model, place, one.prompt, one.vectors);
        return answersOf(model, one.prompt, [
          {},
          head.ablated(found),
          ...asked.map((ask) => head.compressed(found, ask.input, ask.rank)),
          ...drawn.map((other) => head.compressed(other, 'all', rank)),
        ]);
      }),
    );
    done += 1;
  }
  const both = (at: number): Both => {
    const own = answered.map((answers) => answers[at]);
    return { fit: answersLevel(own.slice(0, half)), held: answersLevel(own.slice(half)) };
  };
  const [full, ablated] = [both(0), both(1)];
  const { heads = 1, kvHeads = 1 } = model.facts.blocks[place.layer] ?? {};
  const result: SubspaceResult = {
    head: place,
    named: given.heads.length > 0,
    direct,
    onLabels,
    labels: layout.labels.map((label) => (typeof label === 'string' ? label : model.decode(label))),
    notes,
    basis,
    rank,
    fit: half,
    held: prompts.length - half,
    sharing: heads / kvHeads,
    chance: { accuracy: 1 / labels, loss: Math.log(labels) },
    full,
    ablated,
    values: {
      query: found.subspaces.query.values,
      key: found.subspaces.key.values,
      value: found.subspaces.value.values,
    },
    points: {
      query: pointsOf('query', seen, found),
      key: pointsOf('key', seen, found),
      value: pointsOf('value', seen, found),
    },
    compressed: asked.map(({ input, rank: directions }, at): Compressed => {
      const levels = both(2 + at);
      const [without, whole] = [ablated.held.loss.mean, full.held.loss.mean];
      return { input, rank: directions, ...levels, kept: keptShare(levels.held.loss.mean, without, whole) };
    }),
    random: drawn.map((_, at) => both(2 + asked.length + at)),
    mutations: [],
  };

  const rows: SubspaceResult['mutations'][number][] = [];
  for (const mutation of changed) {
    const seenOn: MutatedPrompt[] = [];
    for (let at = half; at < prompts.length; at++) {
      yield {
        sentence: `Prompt ${at - half + 1} of ${prompts.length - half}, ${mutation}`,
        done,
        total,
        ...(at === half ? { partial: { ...result, mutations: [...rows] } } : {}),
      };
      const prompt = choices.prompt(at, mutation);
      const usual = prompts[at];
      done += 3;
      if (!prompt || !usual) continue;
      const to = otherPlace(labels, prompt.right, seedFor(seed, `place ${at}`));
      seenOn.push(
        await step(`${mark} ${mutation} ${at}`, () => mutatedPrompt(model, { prompt, usual, place, found, rank, to })),
      );
    }
    rows.push(mutationRow(mutation, seenOn));
  }
  return { ...result, mutations: rows };
}

/** NaN where the head hardly lowers the loss. */
const keptShare = (loss: number, without: number, whole: number): number =>
  without - whole < leastLowered ? Number.NaN : (without - loss) / (without - whole);

interface Asked {
  readonly input: Compressed['input'];
  readonly rank: number;
}

interface HeadEffect {
  readonly direct: number;
  /** Attention to all labels. */
  readonly onLabels: number;
}

/** Of every head, layer by layer. */
async function headEffects(model: ModelRunner, prompt: ChoicePrompt): Promise<readonly HeadEffect[]> {
  const { written, right } = await directPrompt(model, prompt);
  const masses = await massesAt(model, prompt);
  let node = 0;
  return masses.flatMap((heads) => {
    const from = node;
    // Behind the heads of a layer stands its MLP.
    node += heads.length + 1;
    return heads.map(({ labels }, head) => ({
      direct: directEffect(written[from + head] ?? [], right),
      onLabels: labels.reduce((sum, value) => sum + value, 0),
    }));
  });
}

/** The largest direct effect among the heads that read labels, or of all where none of these has a positive one. */
function bestOf(heads: readonly HeadEffect[]): number {
  const reading = heads.map(({ direct, onLabels }) => (onLabels >= leastOnLabels ? direct : -Infinity));
  const best = Math.max(...reading);
  const effects = best > 0 ? reading : heads.map(({ direct }) => direct);
  return effects.indexOf(Math.max(...effects));
}

function otherPlace(labels: number, right: number, seed: number): number {
  const drawn = randomFrom(seed).whole(labels - 1);
  return drawn < right ? drawn : drawn + 1;
}

/** Along the first three directions, of all prompts. */
function pointsOf(input: Input, seen: readonly Seen[], { subspaces }: Fitted): readonly Point[] {
  return seen.flatMap(({ prompt, vectors }) =>
    classed(input, prompt.right, vectors).map(({ vector, of }): Point => {
      const [x = 0, y = 0, z = 0] = coordinates(vector, subspaces[input], 3);
      return { label: of, at: [x, y, z] };
    }),
  );
}
