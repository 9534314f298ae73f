/** The run of the analysis `relevance`: the answer, its maps by three methods, and how much hiding by each of them costs. */
import type { AnalysisJob, Step } from '../../analysis';
import { TextPieces } from '../../shared/captions/caption';
import { greedy } from '../../shared/captions/caption-run';
import { continued } from '../../model-runner/decoding';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { positionAt, type Sequence } from '../../model-runner/sequence';
import { spearman } from '../../shared/statistics/correlation';
import { refusal } from '../../../protocol/wire/failures';
import { drawnOrder, hiddenSquares, methods, ranked, sharedTop, shares, type Method } from './deletion';
import { logProbabilitiesWithout, lost, type Written } from './occlusion';
import type { RelevanceParameters } from './parameters';
import {
  mostText,
  type Agreement,
  type DeletionCurve,
  type RelevanceResult,
  type RelevanceShares,
  type RelevantToken,
} from './result';
import { numbersOf, Rollout } from './rollout';
import { bySquare, namedRows, seenOf, spanOf, squaresOf, type Seen, type Squares } from './squares';
import { mean, sum } from '../../../kernels/tensors/vectors';

type Job = AnalysisJob<RelevanceParameters>;
type Steps<T> = AsyncGenerator<Step<RelevanceResult>, T>;

/** Squares of one step. */
const together = 16;

interface Prepared {
  readonly prompt: Prompt;
  readonly seen: Seen;
  readonly squares: Squares;
  readonly text: readonly number[];
  readonly region?: Required<Seen>;
}

function prepared(job: Pick<Job, 'input' | 'parameters'>): Prepared {
  const [prompt] = job.input.prompts;
  if (!prompt) throw new RangeError('the analysis reads a prompt');
  const { span, side, region } = job.parameters;
  const seen = seenOf(prompt, span);
  const shown = new Set(seen.rows);
  const text = [...prompt.ids.keys()].filter((row) => !shown.has(row)).slice(-mostText);
  return {
    ...{ prompt, seen, text },
    squares: squaresOf(prompt, seen, side),
    ...(region.trim() === '' ? {} : { region: namedRows(prompt, spanOf(region)) }),
  };
}

export async function* relevanceRun(model: ModelRunner, job: Job): Steps<RelevanceResult> {
  const ready = prepared(job);
  const { prompt, seen, squares, region } = ready;
  const { step, groups, variant, parameters, seed } = job;
  const most = parameters.tokens;
  const count = squares.places.length;
  const curves = Math.min(parameters.curves, most);
  const total = 3 + most + count + (curves > 0 ? parameters.draws + curves : 0);
  let done = 0;

  yield { sentence: 'Answer', done, total };
  const ids = await step('answer', () => answerOf(model, { ...prompt, groups }, job));
  const last = prompt.ids.length - 1;
  const written: Written = {
    sequence: withAnswer({ ...prompt, groups }, ids),
    variant,
    predicted: ids.map((token, at) => ({ row: last + at, token })),
  };
  done = 1;
  yield { sentence: 'Without the whole', done, total };
  const [plain = [], without = [], part] = await step('whole', () =>
    logProbabilitiesWithout(model, written, [[], seen.rows, ...(region ? [region.rows] : [])]),
  );
  done = 2;
  yield { sentence: 'Attention', done, total };
  const looks = await step('attention', () => attentionOf(model, written, seen.rows));
  const pieces = new TextPieces((some) => model.decode(some));
  const raw = model.pieces(ids);
  let words: readonly RelevantToken[] = ids.map((id, at) => ({
    id,
    text: pieces.next(id) || (raw[at] ?? ''),
    probability: Math.exp(plain[at] ?? Number.NaN),
    whole: lost(plain, without)[at] ?? Number.NaN,
    ...(part ? { region: lost(plain, part)[at] ?? Number.NaN } : {}),
    attention: looks[at] ?? [],
    attentionOnSeen: sum(looks[at] ?? []),
    rollout: [],
    rolloutOnText: [],
    occlusion: [],
  }));
  done = 3;

  const rollout = new Rollout(model, written.sequence, variant);
  for (const [at, token] of written.predicted.entries()) {
    yield {
      sentence: `Gradients of token ${at + 1} of ${ids.length}`,
      done: done + at,
      total,
      partial: gathered(ready, words),
    };
    const relevance = await step(`rollout of token ${at}`, () => rollout.of(token));
    words = words.map((word, place) => (place === at ? { ...word, ...readFrom(ready, relevance, ids.length) } : word));
  }
  done += most;

  const drops: (readonly number[])[] = [];
  for (let from = 0; from < count; from += together) {
    yield {
      sentence: `Squares hidden: ${from} of ${count}`,
      done: done + from,
      total,
      partial: gathered(ready, words),
    };
    const some = squares.places.slice(from, from + together);
    drops.push(
      ...(await step(`squares from ${from}`, async () => {
        const found = await logProbabilitiesWithout(model, written, rowsOf(some, seen));
        return found.map((one) => lost(plain, one));
      })),
    );
  }
  words = words.map((word, at) => {
    const known = { ...word, occlusion: drops.map((one) => one[at] ?? Number.NaN) };
    return { ...known, agreement: agreementOf(known, squares) };
  });
  done += count;
  const measured = gathered(ready, words);
  if (curves === 0) return measured;
  yield { sentence: 'Deletion', done, total, partial: measured };

  const of = ranked(words.map(({ whole }) => whole)).slice(0, curves);
  const chosen: Written = { ...written, predicted: of.flatMap((at) => written.predicted[at] ?? []) };
  const before = of.map((at) => plain[at] ?? Number.NaN);
  const hide = async (order: readonly number[]): Promise<readonly (readonly number[])[]> => {
    const sets = hiddenSquares(order).map((some) =>
      rowsOf(
        some.map((at) => squares.places[at] ?? []),
        seen,
      ).flat(),
    );
    const found = await logProbabilitiesWithout(model, chosen, sets);
    return found.map((one) => lost(before, one));
  };
  const random: (readonly number[])[] = [];
  for (let draw = 0; draw < parameters.draws; draw++) {
    yield { sentence: `Random order ${draw + 1} of ${parameters.draws}`, done: done + draw, total };
    random.push((await step(`random order ${draw}`, () => hide(drawnOrder(count, seed, draw)))).map(mean));
  }
  done += parameters.draws;
  const byMethod = new Map<Method, (readonly number[])[]>(methods.map((method) => [method, []]));
  for (const [place, at] of of.entries()) {
    const word = words[at];
    if (!word) continue;
    yield { sentence: `Order of token ${at + 1} of the answer`, done: done + place, total };
    const found = await step(`orders of token ${at}`, async () => {
      const losses: (readonly number[])[] = [];
      for (const method of methods) {
        losses.push((await hide(ranked(mapBySquare(word, method, squares)))).map((one) => one[place] ?? Number.NaN));
      }
      return losses;
    });
    methods.forEach((method, index) => byMethod.get(method)?.push(found[index] ?? []));
  }
  return { ...measured, deletion: { of, shares, draws: parameters.draws, curves: curvesOf(byMethod, random) } };
}

function curvesOf(
  byMethod: ReadonlyMap<Method, readonly (readonly number[])[]>,
  random: readonly (readonly number[])[],
): readonly DeletionCurve[] {
  const over = (list: readonly (readonly number[])[], of: (values: readonly number[]) => number): number[] =>
    shares.map((_, at) => of(list.map((values) => values[at] ?? Number.NaN)));
  const drawn = over(random, mean);
  return [
    ...methods.map((name) => {
      const values = over(byMethod.get(name) ?? [], mean);
      return { name, values, mean: mean(values) };
    }),
    {
      name: 'random',
      values: drawn,
      low: over(random, (values) => Math.min(...values)),
      high: over(random, (values) => Math.max(...values)),
      mean: mean(drawn),
    },
  ];
}

async function answerOf(
  model: ModelRunner,
  sequence: Sequence,
  { variant, parameters: { tokens, answer } }: Job,
): Promise<readonly number[]> {
  const { contextLength = Infinity } = model.facts.summary;
  const most = Math.min(tokens, contextLength - sequence.ids.length);
  if (most < 1) throw refusal('The prompt fills the context of the model. Write a shorter one.');
  if (answer !== '') {
    const ids = model.encode(answer).slice(0, most);
    if (ids.length > 0) return ids;
    throw refusal('The answer has no token. Write another, or leave it empty.');
  }
  const run = await model.continuation({ sequence, variant, further: most });
  const ids: number[] = [];
  for await (const { id } of continued(run, greedy(model, most), model)) ids.push(id);
  // The end says little of the picture, but is better than nothing.
  const end = ids.at(-1);
  return ids.length > 1 && end !== undefined && model.facts.stopIds.includes(end) ? ids.slice(0, -1) : ids;
}

function withAnswer(prompt: Sequence, answer: readonly number[]): Sequence {
  const ids = [...prompt.ids, ...answer];
  return {
    ...prompt,
    ids,
    ...(prompt.positions ? { positions: ids.map((_, row) => positionAt(prompt, row)) } : {}),
  };
}

/** Attention of the query that predicts each token to each row, mean over layers and heads, [tokens][rows]. */
async function attentionOf(
  model: ModelRunner,
  { sequence, variant, predicted }: Written,
  rows: readonly number[],
): Promise<readonly (readonly number[])[]> {
  const n = sequence.ids.length;
  const { layers } = await model.run({
    ...sequence,
    variants: [variant],
    taps: model.facts.blocks.map((_, layer) => ({ layer, tap: 'attention.probabilities' as const })),
    tapRows: predicted.map(({ row }) => row),
    logits: 'none',
  });
  const sums = predicted.map(() => new Float64Array(rows.length));
  let heads = 0;
  for (const { layer, taps } of layers) {
    const weights = numbersOf(taps['attention.probabilities']);
    const own = model.facts.blocks[layer]?.heads ?? 0;
    heads += own;
    for (let head = 0; head < own; head++) {
      sums.forEach((into, at) => {
        const from = (head * predicted.length + at) * n;
        rows.forEach((row, place) => (into[place] = (into[place] ?? 0) + (weights[from + row] ?? 0)));
      });
    }
  }
  return sums.map((into) => Array.from(into, (value) => value / heads));
}

const rowsOf = (places: readonly (readonly number[])[], { rows }: Seen): readonly (readonly number[])[] =>
  places.map((own) => own.map((place) => rows[place] ?? -1));

/** What a token's row of R says of the rows. */
function readFrom(
  { seen, text, prompt }: Prepared,
  relevance: readonly number[],
  answer: number,
): Pick<RelevantToken, 'rollout' | 'rolloutOnText' | 'shares'> {
  const shown = new Set(seen.rows);
  const all = { seen: 0, first: 0, prompt: 0, answer: 0 };
  relevance.forEach((value, row) => {
    const part: keyof RelevanceShares = shown.has(row)
      ? 'seen'
      : row === 0
        ? 'first'
        : row < prompt.ids.length
          ? 'prompt'
          : 'answer';
    all[part] += value;
  });
  const total = sum(relevance);
  const behind = Array.from({ length: answer - 1 }, (_, at) => prompt.ids.length + at);
  return {
    rollout: seen.rows.map((row) => relevance[row] ?? 0),
    rolloutOnText: [...text, ...behind].map((row) => relevance[row] ?? Number.NaN),
    shares: {
      seen: all.seen / total,
      first: all.first / total,
      prompt: all.prompt / total,
      answer: all.answer / total,
    },
  };
}

function mapBySquare(word: RelevantToken, method: Method, squares: Squares): readonly number[] {
  return method === 'occlusion' ? word.occlusion : bySquare(word[method], squares);
}

function agreementOf(word: RelevantToken, squares: Squares): Agreement {
  const [occlusion, rollout, attention] = methods.map((method) => mapBySquare(word, method, squares)) as [
    readonly number[],
    readonly number[],
    readonly number[],
  ];
  return {
    occlusionRollout: spearman(occlusion, rollout).r,
    occlusionAttention: spearman(occlusion, attention).r,
    rolloutAttention: spearman(rollout, attention).r,
    topRollout: sharedTop(occlusion, rollout),
    topAttention: sharedTop(occlusion, attention),
  };
}

function gathered({ prompt, seen, squares, text, region }: Prepared, words: readonly RelevantToken[]): RelevanceResult {
  return {
    seen: seen.rows,
    seenTokens: seen.rows.map((row) => prompt.tokens[row] ?? ''),
    ...(seen.region === undefined ? {} : { span: seen.region }),
    ...(prompt.image && seen.region === undefined ? { image: prompt.image } : {}),
    side: squares.side,
    squares: squares.places,
    text,
    textTokens: text.map((row) => prompt.tokens[row] ?? ''),
    ...(region ? { region: { written: region.region, rows: region.rows } } : {}),
    words,
  };
}
