/** A run of the analysis `multiple-choice`. */
import type { AnalysisJob, Step } from '../../analysis';
import { type Answered, answersOf, contentAnswer } from '../../shared/choices/answers';
import { massesAt, type Masses } from '../../shared/choices/attention';
import { Choices } from '../../shared/choices/draw';
import type { ChoicePrompt } from '../../shared/choices/prompt';
import { partsOf } from '../../shared/effects/parts';
import type { ModelRunner } from '../../model-runner/model-runner';
import { meanInterval, wilson, type MeasuredMean } from '../../shared/statistics/proportion';
import {
  centred,
  directEffect,
  directPrompt,
  outputNodes,
  sumError,
  writtenTable,
  type DirectPrompt,
} from '../../shared/choices/direct';
import type { MultipleChoiceParameters } from './parameters';
import { levelNames, patchedPrompt, sourcesOf, type PatchedPrompt } from './total-effects';
import type { ByShots, ChoiceResult, HeadAttention, Node } from './result';
import { followedBy, typeOf } from './types';
import { mean } from '../../../kernels/tensors/vectors';

interface Scored extends Answered {
  /** Whether the right option is the most probable text; absent where an option cannot be scored. */
  readonly content?: { readonly whole: boolean; readonly byToken: boolean };
}

export async function* choiceRun(
  model: ModelRunner,
  { parameters, seed, step }: AnalysisJob<MultipleChoiceParameters>,
): AsyncGenerator<Step<ChoiceResult>, ChoiceResult> {
  const choices = await Choices.of(model, parameters, seed);
  const { questions, layout, notes, mark } = choices;
  const { shots, always, share, patched: most, sources } = parameters;
  const prompts = questions.flatMap((_, at) => choices.prompt(at) ?? []);
  const { blocks } = model.facts;
  // Heads are asked what they read too: those of a recurrence read no key.
  const parts = partsOf(blocks).filter(({ layer, head }) => head === undefined || blocks[layer]?.heads !== 0);
  // A prompt that is answered, taken apart and looked at costs about three passes; patched, as many as it has sources and some.
  const cost = { answer: 1 + layout.labels.length, direct: 3, patch: sources * (3 + Math.min(most, parts.length) / 8) };
  const total = prompts.length * ((shots + 1) * cost.answer + cost.direct + cost.patch);
  let done = 0;

  const byShots: ByShots[] = [];
  for (let count = 0; count <= shots; count++) {
    const scored: Scored[] = [];
    for (const [at] of prompts.entries()) {
      yield { sentence: `Answer ${at + 1} of ${prompts.length} behind ${count} examples`, done, total };
      scored.push(await step(`${mark} answer ${count} ${at}`, () => scoreOf(model, choices, at, count)));
      done += cost.answer;
    }
    byShots.push(byShotsOf(count, scored));
  }
  const options = layout.labels.length;
  const chance = { accuracy: 1 / options, loss: Math.log(options) };
  const first: ChoiceResult = {
    prompts: prompts.length,
    labels: layout.labels.map((label) => (typeof label === 'string' ? label : model.decode(label))),
    notes,
    byShots,
    chance,
    atChance: !((byShots.at(-1)?.letter.low ?? 0) > chance.accuracy),
  };
  if (first.atChance && !always) return first;

  const direct: DirectPrompt[] = [];
  const masses: (readonly (readonly Masses[])[])[] = [];
  const shuffled: { readonly prompt: ChoicePrompt; readonly masses: readonly (readonly Masses[])[] }[] = [];
  for (const [at, prompt] of prompts.entries()) {
    yield {
      sentence: `Direct effects on prompt ${at + 1} of ${prompts.length}`,
      done,
      total,
      ...(at === 0 ? { partial: first } : {}),
    };
    direct.push(await step(`${mark} direct ${at}`, () => directPrompt(model, prompt)));
    masses.push(await step(`${mark} attention ${at}`, () => massesAt(model, prompt)));
    const other = choices.prompt(at, 'shuffled letters');
    if (other) {
      shuffled.push({ prompt: other, masses: await step(`${mark} shuffled ${at}`, () => massesAt(model, other)) });
    }
    done += cost.direct;
  }
  const effects = parts.map((_, node) => direct.map(({ written, right }) => directEffect(written[node] ?? [], right)));
  const means = effects.map(mean);
  const { nodes: output, cumulative } = outputNodes(means, share);
  const nodes = parts.map((part, node): Node => {
    const { layer, head } = part;
    const { mean: own, low, high } = meanInterval(effects[node] ?? []);
    return {
      ...part,
      direct: own,
      low,
      high,
      ...(output.includes(node) ? { written: writtenTable(direct, node) } : {}),
      ...(head === undefined
        ? {}
        : { attention: attentionOf(prompts, masses, shuffled, choices, { layer, head }, own) }),
    };
  });
  const second: ChoiceResult = {
    ...first,
    nodes,
    heads: model.facts.blocks.map(({ heads }) => heads),
    output,
    cumulative: cumulative.slice(0, Math.max(2 * output.length, 10)),
    rest: mean(direct.map(({ rest, right }) => directEffect(rest, right))),
    logit: mean(direct.map(({ logits, right }) => centred(logits)[right] ?? Number.NaN)),
    error: Math.max(...direct.map(sumError)),
  };

  const ranked = [...parts.keys()].sort((a, b) => Math.abs(means[b] ?? 0) - Math.abs(means[a] ?? 0));
  const chosen = [...new Set([...output, ...ranked])].slice(0, most).sort((a, b) => a - b);
  const some = (places: readonly number[]) => places.flatMap((node) => parts[node] ?? []);
  const of = { all: parts, output: some(output), patched: some(chosen) };
  const found: PatchedPrompt[] = [];
  for (const [at, prompt] of prompts.entries()) {
    yield {
      sentence: `Patching prompt ${at + 1} of ${prompts.length}`,
      done,
      total,
      ...(at === 0 ? { partial: second } : {}),
    };
    const from = sourcesOf(prompts, at, sources, seed);
    if (from.length > 0) {
      found.push(await step(`${mark} patched ${at}`, () => patchedPrompt(model, prompt, from, of)));
    }
    done += cost.patch;
  }
  return {
    ...second,
    nodes: nodes.map((node, place) => {
      const at = chosen.indexOf(place);
      return at < 0 ? node : { ...node, total: meanInterval(found.map(({ totals }) => totals[at] ?? Number.NaN)) };
    }),
    patched: levelNames.map((what, at) => ({
      what,
      loss: meanInterval(found.map(({ levels }) => levels[at]?.loss ?? Number.NaN)),
      accuracy: meanInterval(
        found.map(({ levels }) => levels[at]?.accuracy ?? Number.NaN),
        { range: [0, 1] },
      ),
    })),
  };
}

async function scoreOf(model: ModelRunner, choices: Choices, at: number, shots: number): Promise<Scored> {
  const prompt = choices.prompt(at, 'usual', shots);
  if (!prompt) throw new RangeError(`question ${at} has no prompt behind ${shots} examples`);
  const [answered] = await answersOf(model, prompt, [[]]);
  if (!answered) throw new RangeError('the run gave no answer');
  const content = choices.content(at, shots);
  if (!content) return answered;
  const { whole, byToken } = await contentAnswer(model, content);
  return { ...answered, content: { whole: whole === prompt.right, byToken: byToken === prompt.right } };
}

function byShotsOf(shots: number, scored: readonly Scored[]): ByShots {
  const shareOf = (of: readonly boolean[]): MeasuredMean => {
    const share = mean(of.map(Number));
    return of.length === 0 ? { mean: share, low: share, high: share } : { mean: share, ...wilson(share, of.length) };
  };
  const contents = scored.flatMap(({ content }) => content ?? []);
  return {
    shots,
    letter: shareOf(scored.map(({ correct }) => correct)),
    first: shareOf(scored.map(({ first }) => first)),
    content: shareOf(contents.map(({ whole }) => whole)),
    contentByToken: shareOf(contents.map(({ byToken }) => byToken)),
    loss: meanInterval(scored.map(({ loss }) => loss)),
    fullLoss: meanInterval(scored.map(({ fullLoss }) => fullLoss)),
  };
}

function attentionOf(
  prompts: readonly ChoicePrompt[],
  masses: readonly (readonly (readonly Masses[])[])[],
  shuffled: readonly { readonly prompt: ChoicePrompt; readonly masses: readonly (readonly Masses[])[] }[],
  choices: Choices,
  { layer, head }: { readonly layer: number; readonly head: number },
  direct: number,
): HeadAttention {
  const own = masses.map((one) => one[layer]?.[head] ?? { labels: [], options: [], end: Number.NaN });
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const labels = choices.layout.labels;
  const matrixOf = (of: 'labels' | 'options'): readonly (readonly number[])[] =>
    labels.map((_, c) =>
      labels.map((__, t) => mean(own.flatMap((one, at) => (prompts[at]?.right === c ? (one[of][t] ?? []) : [])))),
    );
  const right = (of: 'labels' | 'options'): number =>
    mean(own.map((one, at) => one[of][prompts[at]?.right ?? -1] ?? Number.NaN));
  const matrix = matrixOf('labels');
  const attends = {
    matrix,
    options: mean(own.map(({ options }) => sum(options))),
    end: mean(own.map(({ end }) => end)),
  };
  const [usual] = prompts;
  const moved = shuffled.map(({ prompt, masses: changed }) => {
    const on = changed[layer]?.[head]?.labels ?? [];
    const letter = prompt.answers.indexOf(usual?.answers[prompt.right] ?? -1);
    return { place: on[prompt.right] ?? Number.NaN, letter: on[letter] ?? Number.NaN };
  });
  const place = mean(moved.map((one) => one.place));
  const letter = mean(moved.map((one) => one.letter));
  return {
    ...attends,
    optionMatrix: matrixOf('options'),
    rightLabel: right('labels'),
    rightOption: right('options'),
    labels: mean(own.map((one) => sum(one.labels))),
    type: typeOf({ ...attends, direct }),
    place,
    letter,
    follows: followedBy(place, letter),
  };
}
