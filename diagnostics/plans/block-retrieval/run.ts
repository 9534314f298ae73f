/**
 * What blocks hold for the last position of each prompt: one run of the plain model for each thing that may stand for a block, in which
 * heads choose and nothing acts on it; and one run for each number of blocks that are opened, under it.
 */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { BlockChange } from '../../../models/instrument/changes/block-choice';
import { representatives, type Representative } from '../../../protocol/interventions/block-retrieval';
import type { AnalysisJob, Step } from '../../analysis';
import { divergenceOf } from '../../shared/maps/changed-output';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import { sequencePart, type Sequence } from '../../model-runner/sequence';
import { largest } from '../../shared/statistics/largest';
import { wilson } from '../../shared/statistics/proportion';
import type { BlockBytes, BlockRetrievalResult, Opened } from './result';
import { mean } from '../../../kernels/tensors/vectors';

export type BlockRetrievalParameters = { readonly block: number; readonly open: string };

/** k of the list, rising. */
export const opensOf = (list: string): readonly number[] | undefined => {
  const numbers = list.split(',').map((each) => each.trim());
  if (!numbers.every((each) => /^\d{1,5}$/.test(each))) return undefined;
  return [...new Set(numbers.map(Number))].sort((a, b) => a - b);
};

interface Read {
  readonly sequence: Sequence;
  readonly answer: readonly number[];
  readonly needle: readonly number[];
}

export function readings({ input }: Pick<AnalysisJob<BlockRetrievalParameters>, 'input'>): readonly Read[] {
  const { task } = input;
  if (!task) return input.prompts.map((prompt) => ({ sequence: prompt, answer: [], needle: [] }));
  return task.samples.map(({ prompt, answers, roles }) => ({
    sequence: prompt,
    answer: [answers.right[0] ?? -1, ...answers.rest],
    needle: roles[task.task.changed] ?? [],
  }));
}

/** [layers][heads] */
type Table = readonly (readonly number[])[];

interface Choice {
  readonly by: Representative;
  readonly open: number;
  /** Attention of the last position on what it would read. */
  readonly mass: Table;
  /** 1 where the block of the needle is read; undefined without a needle among the candidates. */
  readonly hits: Table | undefined;
  readonly correct: boolean | undefined;
  readonly change: number;
}

interface Outcome {
  readonly tokens: number;
  readonly candidates: number;
  readonly plain: boolean | undefined;
  readonly choices: readonly Choice[];
}

/** Heads that choose by this; none where nothing acts on it. */
const choosing = (
  { blocks }: ModelFacts,
  by: Representative,
  width: number,
  open: number,
  acting: boolean,
): readonly BlockChange[] =>
  blocks.map(({ heads }, layer) => ({
    kind: 'blocks',
    layer,
    heads: Array.from({ length: heads }, () => acting),
    width,
    open,
    from: 0,
    by,
  }));

/** Scores of the candidates for the last position, [layers][heads][candidates]. */
async function scoresOf(
  model: ModelRunner,
  { sequence }: Read,
  own: Variant,
  by: Representative,
  block: number,
): Promise<readonly (readonly Float32Array[])[]> {
  const row = sequence.ids.length - 1;
  const candidates = Math.max(0, Math.floor(row / block) - 2);
  const { layers } = await model.run({
    ...sequencePart(sequence),
    variants: [[...own, ...choosing(model.facts, by, block, 0, false)]],
    logits: 'none',
    chosenBlocks: { rows: [row] },
  });
  return model.facts.blocks.map(({ heads }, layer) => {
    const scores = layers[layer]?.chosenBlocks?.rows.find((one) => one.row === row)?.scores ?? new Float32Array(0);
    const count = scores.length / heads;
    return Array.from({ length: heads }, (_, head) => scores.slice(head * count + 1, head * count + 1 + candidates));
  });
}

async function outcomeOf(
  model: ModelRunner,
  read: Read,
  { block }: BlockRetrievalParameters,
  opens: readonly number[],
  own: Variant,
): Promise<Outcome> {
  const { sequence, answer, needle } = read;
  const last = sequence.ids.length - 1;
  const candidates = Math.max(0, Math.floor(last / block) - 2);
  const ids = [...sequence.ids, ...answer.slice(0, -1)];
  const answered = async (variant: Variant) => {
    const { answers = [] } = await model.run({
      ...sequencePart(sequence),
      ids,
      variants: [variant],
      logits: 'none',
      answersAt: [
        { row: last, tokens: Array.from({ length: model.facts.summary.vocabulary }, (_, id) => id) },
        ...answer.slice(1).map((_, at) => ({ row: last + 1 + at, tokens: [] })),
      ],
    });
    const [found = []] = answers;
    return {
      correct: answer.length === 0 ? undefined : answer.every((id, at) => found[at]?.largest === id),
      logits: found[0]?.logits ?? [],
    };
  };
  const plain = await answered(own);
  const mass = candidates === 0 ? [] : await scoresOf(model, read, own, 'mass', block);
  const sought = [...new Set(needle.map((at) => Math.floor(at / block)))].filter((at) => at >= 1 && at <= candidates);
  const choices: Choice[] = [];
  for (const by of representatives) {
    const scores = by === 'mass' || candidates === 0 ? mass : await scoresOf(model, read, own, by, block);
    for (const open of opens) {
      const under =
        open >= candidates ? plain : await answered([...own, ...choosing(model.facts, by, block, open, true)]);
      const perHead = (of: (chosen: readonly number[], masses: Float32Array) => number): Table =>
        model.facts.blocks.map(({ heads }, layer) =>
          Array.from({ length: heads }, (_, head) =>
            of(largest(scores[layer]?.[head] ?? new Float32Array(0), open), mass[layer]?.[head] ?? new Float32Array(0)),
          ),
        );
      choices.push({
        by,
        open,
        // What is not a candidate is always read.
        mass: perHead((chosen, masses) => {
          const closed = masses.reduce((sum, value, at) => sum + (chosen.includes(at) ? 0 : value), 0);
          return Math.min(1, Math.max(0, 1 - closed));
        }),
        hits:
          sought.length === 0 ? undefined : perHead((chosen) => (sought.some((at) => chosen.includes(at - 1)) ? 1 : 0)),
        correct: under.correct,
        change: under === plain ? 0 : divergenceOf(plain.logits, under.logits),
      });
    }
  }
  return { tokens: sequence.ids.length, candidates, plain: plain.correct, choices };
}

export async function* run(
  model: ModelRunner,
  job: AnalysisJob<BlockRetrievalParameters>,
): AsyncGenerator<Step<BlockRetrievalResult>, BlockRetrievalResult> {
  const { parameters, variant, step, input } = job;
  const opens = opensOf(parameters.open) ?? [];
  const reads = readings(job);
  const outcomes: Outcome[] = [];
  for (const [at, read] of reads.entries()) {
    yield {
      sentence: `Prompt ${at + 1} of ${reads.length}`,
      done: at,
      total: reads.length,
      ...(at > 0 ? { partial: resultOf(outcomes, model.facts, parameters, input.task?.notes) } : {}),
    };
    outcomes.push(await step(`prompt ${at}`, () => outcomeOf(model, read, parameters, opens, variant)));
  }
  return resultOf(outcomes, model.facts, parameters, input.task?.notes);
}

function resultOf(
  outcomes: readonly Outcome[],
  facts: ModelFacts,
  { block, open: list }: BlockRetrievalParameters,
  notes: readonly string[] = [],
): BlockRetrievalResult {
  const opens = opensOf(list) ?? [];
  const all = (tables: readonly (Table | undefined)[], of: (value: number) => number = (value) => value): number => {
    const values = tables.flatMap((table) => table?.flat().map(of) ?? []);
    return values.length === 0 ? Number.NaN : mean(values);
  };
  const answers = (correct: readonly (boolean | undefined)[]) => {
    const known = correct.filter((one) => one !== undefined);
    const count = known.filter(Boolean).length;
    return known.length === 0
      ? { correct: Number.NaN, share: Number.NaN, low: Number.NaN, high: Number.NaN }
      : { correct: count, share: count / known.length, ...wilson(count / known.length, known.length) };
  };
  const of = (by: Representative, open: number) =>
    outcomes.flatMap(({ choices }) => choices.find((one) => one.by === by && one.open === open) ?? []);
  const headOpen = opens.find((open) => open > 0) ?? 0;
  const perHead = (tables: readonly (Table | undefined)[]): Table =>
    facts.blocks.map(({ heads }, layer) =>
      Array.from({ length: heads }, (_, head) =>
        all(tables.map((table) => table && [[table[layer]?.[head] ?? Number.NaN]])),
      ),
    );
  return {
    block,
    prompts: outcomes.length,
    tokens: mean(outcomes.map(({ tokens }) => tokens)),
    candidates: mean(outcomes.map(({ candidates }) => candidates)),
    sought: outcomes.filter(({ choices }) => choices[0]?.hits).length,
    plain: answers(outcomes.map(({ plain }) => plain)),
    n: outcomes.filter(({ plain }) => plain !== undefined).length,
    opened: representatives.flatMap((by) =>
      opens.map((open): Opened => {
        const some = of(by, open);
        return {
          by,
          open,
          mass: all(some.map(({ mass }) => mass)),
          divergence: all(
            some.map(({ mass }) => mass),
            // Where rounding makes the mass 0, the logarithm of the smallest float32 number is used.
            (value) => Math.max(0, -Math.log(Math.max(value, 2 ** -149))),
          ),
          hits: all(some.map(({ hits }) => hits)),
          ...answers(some.map(({ correct }) => correct)),
          change: mean(some.map(({ change }) => change)),
        };
      }),
    ),
    bytes: opens.map((open) => bytesOf(outcomes, facts, block, open)),
    headOpen,
    headHits: perHead(of('mean', headOpen).map(({ hits }) => hits)),
    headMass: perHead(of('mean', headOpen).map(({ mass }) => mass)),
    note: notes.join(' '),
  };
}

/** 4 bytes a number. Resident: a key for each complete block and key/value head. Read: keys and values of k + 3 blocks at most, for each query head. */
function bytesOf(
  outcomes: readonly Pick<Outcome, 'tokens'>[],
  { blocks }: Pick<ModelFacts, 'blocks'>,
  block: number,
  open: number,
): BlockBytes {
  const over = (heads: 'heads' | 'kvHeads'): number =>
    blocks.reduce((sum, one) => sum + 4 * one[heads] * one.headDim, 0);
  const rounded = (values: readonly number[]): number => Math.round(mean(values));
  return {
    open,
    resident: rounded(outcomes.map(({ tokens }) => Math.floor(tokens / block) * over('kvHeads'))),
    whole: rounded(outcomes.map(({ tokens }) => 2 * tokens * over('kvHeads'))),
    read: rounded(outcomes.map(({ tokens }) => 2 * Math.min(tokens, (open + 3) * block) * over('heads'))),
  };
}
