/** A run of the analysis `head-subspace`. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { random as randomFrom, seedFor } from '../../../kernels/tensors/random';
import { refusal } from '../../../protocol/wire/failures';
import type { AnalysisJob, Step } from '../../analysis';
import { answersOf, type Answered } from '../../shared/choices/answers';
import { Choices } from '../../shared/choices/draw';
import { mutations } from '../../shared/choices/layout';
import { massesAt } from '../../shared/choices/attention';
import type { ChoicePrompt } from '../../shared/choices/prompt';
import type { ModelRunner } from '../../model-runner/model-runner';
import { directEffect, directPrompt } from '../../shared/choices/direct';
import { headList } from '../../shared/retrieval/head-list';
import { classed, CompressedHead, fit, randomised, type Fitted, type Seen } from './compress';
import { answersLevel } from './levels';
import { mutationRow, mutatedPrompt, type MutatedPrompt } from './mutations';
import type { SubspaceParameters } from './parameters';
import {
  compressions,
  leastLowered,
  type Both,
  type Compressed,
  type Kept,
  type Point,
  type SubspaceResult,
} from './result';
import { coordinates, type Basis } from './subspace';
import { inputs, items, itemsOf, vectorsOf, type Input } from './vectors';
import { mean, sum } from '../../../kernels/tensors/vectors';

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
  if (!given.ok) throw refusal(given.why);
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
    labels: mean(effects.map((one) => one[at]?.labels ?? Number.NaN)),
    options: mean(effects.map((one) => one[at]?.options ?? Number.NaN)),
  }));
  const largest = means.reduce((best, { direct }, at) => (direct > (means[best]?.direct ?? 0) ? at : best), 0);
  const [place = places[largest] ?? { layer: 0, head: 0 }] = given.heads;
  const own = places.findIndex(({ layer, head }) => layer === place.layer && head === place.head);
  const attends = means[own] ?? { direct: Number.NaN, labels: Number.NaN, options: Number.NaN };
  const mostRead = attends.options > attends.labels ? 'options' : 'labels';
  const at = items.find((one) => one === parameters.at) ?? mostRead;

  const seen: Seen[] = [];
  for (const [number, prompt] of prompts.entries()) {
    yield { sentence: `Query, keys and values of prompt ${number + 1} of ${prompts.length}`, done, total };
    const own = itemsOf(prompt, at);
    const vectors = await step(`${mark} vectors ${number}`, () => vectorsOf(model, prompt, place, own));
    seen.push({ prompt, items: own, vectors });
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
  for (const [number, one] of seen.entries()) {
    yield { sentence: `Fewer directions on prompt ${number + 1} of ${prompts.length}`, done, total };
    answered.push(
      await step(`${mark} compressed ${number}`, () => {
        const head = new CompressedHead(model, place, one);
        return answersOf(model, one.prompt, [
          [],
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
  const kept = (at: number): Kept => {
    const levels = both(at);
    return { ...levels, kept: keptShare(levels.held.loss.mean, ablated.held.loss.mean, full.held.loss.mean) };
  };
  const { heads = 1, kvHeads = 1 } = model.facts.blocks[place.layer] ?? {};
  const result: SubspaceResult = {
    head: place,
    named: given.heads.length > 0,
    direct: attends.direct,
    onLabels: attends.labels,
    onOptions: attends.options,
    at,
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
    compressed: asked.map((ask, at): Compressed => ({ ...ask, ...kept(2 + at) })),
    random: drawn.map((_, at) => kept(2 + asked.length + at)),
    mutations: [],
  };

  const rows: SubspaceResult['mutations'][number][] = [];
  for (const mutation of changed) {
    const seenOn: MutatedPrompt[] = [];
    for (let number = half; number < prompts.length; number++) {
      yield {
        sentence: `Prompt ${number - half + 1} of ${prompts.length - half}, ${mutation}`,
        done,
        total,
        ...(number === half ? { partial: { ...result, mutations: [...rows] } } : {}),
      };
      const prompt = choices.prompt(number, mutation);
      const usual = prompts[number];
      done += 3;
      if (!prompt || !usual) continue;
      const to = otherPlace(labels, prompt.right, seedFor(seed, `place ${number}`));
      seenOn.push(
        await step(`${mark} ${mutation} ${number}`, () =>
          mutatedPrompt(model, { prompt, usual, place, at, found, rank, to }),
        ),
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
  /** Attention to all labels, and to all options. */
  readonly labels: number;
  readonly options: number;
}

/** Effects of every head, layer by layer. */
async function headEffects(model: ModelRunner, prompt: ChoicePrompt): Promise<readonly HeadEffect[]> {
  const { written, right } = await directPrompt(model, prompt);
  const masses = await massesAt(model, prompt);
  let node = 0;
  return masses.flatMap((heads) => {
    const from = node;
    // Behind the heads of a layer stands its MLP.
    node += heads.length + 1;
    return heads.map(({ labels, options }, head) => ({
      direct: directEffect(written[from + head] ?? [], right),
      labels: sum(labels),
      options: sum(options),
    }));
  });
}

function otherPlace(labels: number, right: number, seed: number): number {
  const drawn = randomFrom(seed).whole(labels - 1);
  return drawn < right ? drawn : drawn + 1;
}

/** Along the first three directions, of all prompts. */
function pointsOf(input: Input, seen: readonly Seen[], { subspaces }: Fitted): readonly Point[] {
  return seen.flatMap((one) =>
    classed(input, one).map(({ vector, of }): Point => {
      const [x = 0, y = 0, z = 0] = coordinates(vector, subspaces[input], 3);
      return { label: of, at: [x, y, z] };
    }),
  );
}
