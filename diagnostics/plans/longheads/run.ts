/** Prompts by the plain model, by LongHeads and by a window, and what heads choose for the last position. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { planIntervention } from '../../../protocol/interventions/plan';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { ChosenBlocks } from '../../model-runner/run-request';
import { sequencePart, type Sequence } from '../../model-runner/sequence';
import { atLeast } from '../../shared/statistics/binomial';
import { pairedProportions } from '../../shared/statistics/over-pictures';
import { wilson } from '../../shared/statistics/proportion';
import { longChunk } from './pass-keys';
import { ways, type Answered, type AtLength, type LongHeadsResult, type Way } from './result';
import { mean } from '../../../kernels/tensors/vectors';

export type LongHeadsParameters = { readonly chunk: number; readonly budget: number; readonly begin: number };

interface Read {
  readonly sequence: Sequence;
  /** Tokens of the right answer; none of a prompt. */
  readonly answer: readonly number[];
  readonly needle: readonly number[];
  /** As it was asked for, where it was. */
  readonly length: number | undefined;
}

/** What one prompt gives. */
interface Outcome {
  readonly tokens: number;
  readonly length: number | undefined;
  readonly correct: Readonly<Record<Way, boolean>> | undefined;
  /** Sums of losses and tokens by chunk. */
  readonly losses: Readonly<Record<Way, readonly number[]>>;
  readonly counts: readonly number[];
  readonly candidates: number;
  /** [layers][heads]; undefined where the needle is not among the candidates. */
  readonly ranks: readonly (readonly number[])[] | undefined;
  readonly opened: readonly (readonly number[])[] | undefined;
  /** Distinct chunks opened by any head, by layer; undefined where none is chosen. */
  readonly distinct: readonly number[] | undefined;
}

export const longHeadsIntervention = ({ chunk, budget, begin }: LongHeadsParameters): Intervention => ({
  kind: 'longheads',
  chunk,
  budget,
  ...(begin > budget ? { begin } : {}),
});

export function readings({ input }: Pick<AnalysisJob<LongHeadsParameters>, 'input'>): readonly Read[] {
  const { task } = input;
  if (!task) return input.prompts.map((prompt) => ({ sequence: prompt, answer: [], needle: [], length: undefined }));
  return task.samples.map(({ prompt, answers, roles, facts }) => ({
    sequence: prompt,
    answer: [answers.right[0] ?? -1, ...answers.rest],
    needle: roles[task.task.changed] ?? [],
    length: typeof facts['length'] === 'number' ? facts['length'] : undefined,
  }));
}

/** The variant of each way, over the person's interventions. */
export async function variantsOf(
  model: ModelRunner,
  parameters: LongHeadsParameters,
  sequence: Sequence,
  own: Variant,
): Promise<Readonly<Record<Way, Variant>>> {
  const heads = model.facts.blocks.map(({ kvHeads }) =>
    Array.from({ length: kvHeads }, () => ({ kind: 'recent' as const, sinks: 0, recent: parameters.budget - 1 })),
  );
  const [long, window] = [
    await model.variant([longHeadsIntervention(parameters)], sequence),
    await model.variant([planIntervention(heads)], sequence),
  ];
  return { plain: own, long: [...own, ...long.variant], window: [...own, ...window.variant] };
}

async function outcomeOf(
  model: ModelRunner,
  { sequence, answer, needle, length }: Read,
  parameters: LongHeadsParameters,
  own: Variant,
): Promise<Outcome> {
  const { chunk } = parameters;
  const variants = await variantsOf(model, parameters, sequence, own);
  const prompt = sequence.ids.length;
  const ids = [...sequence.ids, ...answer.slice(0, -1)];
  const rows = Array.from({ length: prompt - 1 }, (_, row) => row);
  const counts = new Array<number>(Math.ceil((prompt - 1) / chunk)).fill(0);
  for (const row of rows) counts[Math.floor(row / chunk)]!++;
  const correct: Partial<Record<Way, boolean>> = {};
  const losses: Partial<Record<Way, readonly number[]>> = {};
  let chosen: readonly (ChosenBlocks | undefined)[] = [];
  for (const way of ways) {
    const run = await model.run({
      ...sequencePart(sequence),
      ids,
      variants: [variants[way]],
      chunk: longChunk,
      logits: 'none',
      lossAt: rows,
      eachToken: true,
      ...(answer.length > 0 ? { answersAt: answer.map((_, at) => ({ row: prompt - 1 + at, tokens: [] })) } : {}),
      ...(way === 'long' ? { chosenBlocks: { rows: [prompt - 1] } } : {}),
    });
    const sums = counts.map(() => 0);
    const each = run.nextTokens?.[0]?.loss ?? new Float64Array(0);
    rows.forEach((row) => (sums[Math.floor(row / chunk)]! += each[row] ?? Number.NaN));
    losses[way] = sums;
    correct[way] = answer.every((id, at) => run.answers?.[0]?.[at]?.largest === id);
    if (way === 'long') chosen = run.layers.map(({ chosenBlocks }) => chosenBlocks);
  }
  const choice = choiceOf(chosen, model, needle, prompt - 1, parameters);
  return {
    tokens: prompt,
    length,
    correct: answer.length > 0 ? (correct as Record<Way, boolean>) : undefined,
    losses: losses as Record<Way, readonly number[]>,
    counts,
    ...choice,
  };
}

/** The choice at the last position; undefined where it reads everything. */
function choiceOf(
  chosen: readonly (ChosenBlocks | undefined)[],
  { facts }: Pick<ModelRunner, 'facts'>,
  needle: readonly number[],
  row: number,
  { chunk, budget, begin }: LongHeadsParameters,
): Pick<Outcome, 'candidates' | 'ranks' | 'opened' | 'distinct'> {
  const candidates = Math.max(0, Math.floor(row / chunk) - 2);
  const none = { candidates, ranks: undefined, opened: undefined, distinct: undefined };
  if (row < Math.max(begin, budget) || candidates === 0) return none;
  const found = chosen.map((layer) => layer?.rows.find((one) => one.row === row));
  const sought = [...new Set(needle.map((at) => Math.floor(at / chunk)))].filter((at) => at >= 1 && at <= candidates);
  const perHead = (of: (layer: number, from: number, blocks: number) => number): readonly (readonly number[])[] =>
    facts.blocks.map(({ heads }, layer) => {
      const blocks = (found[layer]?.scores.length ?? 0) / heads;
      return Array.from({ length: heads }, (_, head) => of(layer, head * blocks, blocks));
    });
  const distinct = facts.blocks.map(({ heads }, layer) => {
    const opened = found[layer]?.opened ?? new Uint8Array(0);
    const blocks = opened.length / heads;
    return Array.from({ length: candidates }, (_, at) => at + 1).filter((block) =>
      Array.from({ length: heads }, (_, head) => opened[head * blocks + block]).includes(1),
    ).length;
  });
  if (sought.length === 0) return { ...none, distinct };
  const rank = (layer: number, from: number): number => {
    const scores = found[layer]?.scores ?? new Float32Array(0);
    const best = Math.max(...sought.map((at) => scores[from + at] ?? -Infinity));
    return 1 + scores.subarray(from + 1, from + 1 + candidates).filter((score) => score > best).length;
  };
  const opens = (layer: number, from: number): number =>
    sought.some((at) => found[layer]?.opened[from + at] === 1) ? 1 : 0;
  return { candidates, ranks: perHead(rank), opened: perHead(opens), distinct };
}

export async function* run(
  model: ModelRunner,
  job: AnalysisJob<LongHeadsParameters>,
): AsyncGenerator<Step<LongHeadsResult>, LongHeadsResult> {
  const { parameters, variant, step } = job;
  const reads = readings(job);
  const outcomes: Outcome[] = [];
  for (const [at, read] of reads.entries()) {
    yield {
      sentence: `Prompt ${at + 1} of ${reads.length}`,
      done: at,
      total: reads.length,
      ...(at > 0 ? { partial: resultOf(outcomes, model, parameters, job.input.task?.notes) } : {}),
    };
    outcomes.push(await step(`prompt ${at}`, () => outcomeOf(model, read, parameters, variant)));
  }
  return resultOf(outcomes, model, parameters, job.input.task?.notes);
}

function resultOf(
  outcomes: readonly Outcome[],
  { facts }: Pick<ModelRunner, 'facts'>,
  { chunk, budget, begin }: LongHeadsParameters,
  notes: readonly string[] = [],
): LongHeadsResult {
  const ranked = outcomes.filter(({ ranks }) => ranks !== undefined);
  const covered = outcomes.filter(({ distinct }) => distinct !== undefined);
  const perHead = (of: (values: readonly Outcome[], layer: number, head: number) => number) =>
    facts.blocks.map(({ heads }, layer) => Array.from({ length: heads }, (_, head) => of(ranked, layer, head)));
  const firstOf = (some: readonly Outcome[], layer: number, head: number): number =>
    some.length === 0 ? Number.NaN : mean(some.map(({ ranks }) => (ranks?.[layer]?.[head] === 1 ? 1 : 0)));
  const firsts = perHead(firstOf);
  const end = (which: 'low' | 'high') =>
    firsts.map((layer) =>
      layer.map((share) => (Number.isNaN(share) ? Number.NaN : wilson(share, ranked.length)[which])),
    );
  const [firstsLow, firstsHigh] = [end('low'), end('high')];
  const chance = ranked.length === 0 ? Number.NaN : mean(ranked.map(({ candidates }) => 1 / candidates));
  // For all heads together (Bonferroni). Chances of prompts differ little, and their mean stands for them.
  const heads = facts.blocks.reduce((sum, one) => sum + one.heads, 0);
  const retrieves = (share: number): boolean =>
    share >= 0.5 && heads * atLeast(Math.round(share * ranked.length), ranked.length, chance) < 0.05;
  const most = Math.max(0, ...outcomes.map(({ counts }) => counts.length));
  const positions = Array.from({ length: most }, (_, at) => {
    const tokens = outcomes.reduce((sum, { counts }) => sum + (counts[at] ?? 0), 0);
    const loss = (way: Way): number => outcomes.reduce((sum, { losses }) => sum + (losses[way][at] ?? 0), 0) / tokens;
    return { position: at * chunk, tokens, plain: loss('plain'), long: loss('long'), window: loss('window') };
  });
  return {
    chunk,
    budget,
    begin: Math.max(begin, budget),
    prompts: outcomes.length,
    lengths: lengthsOf(outcomes),
    positions,
    ranked: ranked.length,
    candidates: ranked.length === 0 ? Number.NaN : mean(ranked.map(({ candidates }) => candidates)),
    chance,
    ranks: perHead((some, layer, head) =>
      some.length === 0 ? Number.NaN : mean(some.map(({ ranks }) => ranks?.[layer]?.[head] ?? Number.NaN)),
    ),
    firsts,
    firstsLow,
    firstsHigh,
    opened: perHead((some, layer, head) =>
      some.length === 0 ? Number.NaN : mean(some.map(({ opened }) => opened?.[layer]?.[head] ?? Number.NaN)),
    ),
    retrieving: firsts.flatMap((layer, at) =>
      layer.flatMap((share, head) => (retrieves(share) ? [{ layer: at, head }] : [])),
    ),
    coverage:
      covered.length === 0
        ? []
        : facts.blocks.map((_, layer) => ({
            layer,
            opened: mean(covered.map(({ distinct }) => distinct?.[layer] ?? 0)),
            share: mean(covered.map(({ distinct, candidates }) => (distinct?.[layer] ?? 0) / candidates)),
          })),
    note: notes.join(' '),
  };
}

function lengthsOf(outcomes: readonly Outcome[]): readonly AtLength[] {
  const groups = new Map<number | undefined, Outcome[]>();
  for (const outcome of outcomes) {
    if (!outcome.correct) continue;
    groups.set(outcome.length, [...(groups.get(outcome.length) ?? []), outcome]);
  }
  return [...groups.values()]
    .map((group): AtLength => {
      const n = group.length;
      const of = (way: Way): Answered => {
        const correct = group.filter((one) => one.correct?.[way]).length;
        return { correct, share: correct / n, ...wilson(correct / n, n) };
      };
      const more = group.filter(({ correct }) => correct?.long && !correct.plain).length;
      const fewer = group.filter(({ correct }) => correct?.plain && !correct.long).length;
      const { low, high } = pairedProportions(n, more, fewer);
      return {
        length: Math.round(mean(group.map(({ tokens }) => tokens))),
        n,
        plain: of('plain'),
        long: of('long'),
        window: of('window'),
        difference: { value: (more - fewer) / n, low, high },
      };
    })
    .sort((a, b) => a.length - b.length);
}
