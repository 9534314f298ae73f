/** A model before and after a conversion, measured alike: the table that every conversion shows. */
import type { Output } from '../../../protocol/schema/check';
import type { Variant } from '../../../models/instrument/changes/changes';
import { kvBytesPerToken } from '../../../models/formats/estimates/kv-cache';
import { count, figure, flag, list, object, optional, orNull, text, whole } from '../../../protocol/schema/fields';
import type { TaskMetric } from '../../../protocol/analysis/tasks';
import { elementsOf, tensorBytes } from '../../model-runner/checkpoint';
import type { ModelRunner } from '../../model-runner/model-runner';
import { argMax } from '../../model-runner/sampling';
import { scoreTask } from '../accuracy/score';
import { quantile } from '../statistics/quantile';
import type { ConversionTexts, JudgedText } from './texts';

/** What does not depend on the texts. */
export interface Sizes {
  /** Numbers in the weights that are stored. */
  readonly parameters: number;
  /** Bytes of the stored weights. */
  readonly weightBytes: number;
  /** Bytes of keys and values (or of what stands for them) that one token adds over all layers, in the type of the model. */
  readonly kvBytesPerToken: number;
}

export interface Quality {
  /** Mean over the tokens of the held-out texts but the first of each, of a task over the answers: -ln of the probability of the token, nats. */
  readonly loss: number;
  /** Tokens that the mean is over. */
  readonly tokens: number;
  /** How the model does on held-out samples of the task that was given. */
  readonly task: {
    readonly accuracy: number;
    readonly low: number;
    readonly high: number;
    readonly n: number;
  } | null;
}

const side = object({
  /** Numbers in the weights that are stored. */
  parameters: whole,
  /** Bytes of the stored weights. */
  weightBytes: whole,
  /** Bytes of keys and values (or of what stands for them) that one token adds over all layers, in the type of the model. */
  kvBytesPerToken: figure,
  /** Mean over the tokens of the held-out texts but the first of each, of a task over the answers: -ln of the probability of the token, nats. */
  loss: figure,
  /** Tokens that the mean is over. */
  tokens: whole,
  /** How the model does on held-out samples of the task that was given. */
  task: orNull(object({ accuracy: figure, low: figure, high: figure, n: count })),
  /**
   * Greedy decoding of one text, after a prompt, in the round whose ratio of the two models is the median one: rates of other rounds were
   * measured while the machine did something else, and are no pair. Null where it was not measured.
   */
  tokensPerSecond: orNull(figure),
});
export type Side = Output<typeof side>;

const comparedRow = object({
  quantity: text,
  unit: text,
  before: figure,
  after: figure,
  /** 100 (after - before) / before; of an accuracy the difference in points of per cent. */
  change: figure,
  /** The interval of the change, which decoding has. */
  low: optional(figure),
  high: optional(figure),
});
type ComparedRow = Output<typeof comparedRow>;

export const beforeAfterField = object({
  before: side,
  after: side,
  /** The same as a table: quantities that were measured on both sides. */
  rows: list(comparedRow, 'a list of rows', { most: 64 }),
  /**
   * Median over rounds of tokens a second after / before, the quartiles `low` and `high`, and the interval of the median: the least and
   * the largest of n ratios, between which the median of all rounds there could be lies with 1 - 2^(1 - n), whatever their distribution
   * (order statistics; Hollander and Wolfe, Nonparametric Statistical Methods, 1973, 3.6). Older results have no interval.
   */
  speedup: orNull(
    object({
      median: figure,
      low: figure,
      high: figure,
      interval: optional(object({ low: figure, high: figure })),
    }),
  ),
  /** Whether losses and accuracy are of other texts than those that the conversion was made on. Older results do not say. */
  apart: optional(flag),
  /** The checkpoint that was written; null: the model after the conversion is the one before, with its parts switched off. */
  written: orNull(object({ folder: text, hash: text })),
});
export type BeforeAfter = Output<typeof beforeAfterField>;

interface Quantity {
  readonly quantity: string;
  /** Where one text is both what the conversion is made on and what it is judged on. */
  readonly ofSameText?: string;
  readonly unit: string;
  readonly of: (side: Side) => number;
}

const decoding = 'Decoding';

const quantities: readonly Quantity[] = [
  { quantity: 'Held-out loss', ofSameText: 'Loss on the same text', unit: 'nats/token', of: ({ loss }) => loss },
  { quantity: 'Accuracy', unit: '%', of: ({ task }) => 100 * (task?.accuracy ?? Number.NaN) },
  { quantity: 'Parameters', unit: 'millions', of: ({ parameters }) => parameters / 1e6 },
  { quantity: 'Weights', unit: 'MB', of: ({ weightBytes }) => weightBytes / 1e6 },
  { quantity: 'KV cache', unit: 'bytes/token', of: ({ kvBytesPerToken }) => kvBytesPerToken },
  { quantity: decoding, unit: 'tokens/s', of: ({ tokensPerSecond }) => tokensPerSecond ?? Number.NaN },
];

/** The two sides and their table. */
export function comparedSides(
  before: Side,
  after: Side,
  {
    apart,
    speedup = null,
    written = null,
  }: Pick<ConversionTexts, 'apart'> & Partial<Pick<BeforeAfter, 'speedup' | 'written'>>,
): BeforeAfter {
  const rows = quantities
    .filter(({ of }) => Number.isFinite(of(before)) && Number.isFinite(of(after)))
    .map(({ quantity, ofSameText, unit, of }): ComparedRow => {
      const [old, now] = [of(before), of(after)];
      const row = { quantity: apart ? quantity : (ofSameText ?? quantity), unit, before: old, after: now };
      if (unit === '%') return { ...row, change: now - old };
      if (quantity !== decoding || !speedup) return { ...row, change: (100 * (now - old)) / old };
      const percent = (ratio: number): number => 100 * (ratio - 1);
      const { median, interval } = speedup;
      return {
        ...row,
        change: percent(median),
        ...(interval ? { low: percent(interval.low), high: percent(interval.high) } : {}),
      };
    });
  return { before, after, rows, speedup, apart, written };
}

export const sizesOf = ({
  tensors,
  description,
}: Pick<ModelRunner['checkpoint'], 'tensors' | 'description'>): Sizes => ({
  parameters: tensors.reduce((sum, { shape }) => sum + elementsOf(shape), 0),
  weightBytes: tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0),
  kvBytesPerToken: kvBytesPerToken(description),
});

/** [variants] */
export async function qualityOf(
  model: ModelRunner,
  { heldOut, samples }: Pick<ConversionTexts, 'heldOut' | 'samples'>,
  metric: TaskMetric | undefined,
  variants: readonly Variant[] = [[]],
): Promise<readonly Quality[]> {
  const losses = await lossesOf(model, heldOut, variants);
  const tokens = heldOut.reduce((sum, { ids, from }) => sum + ids.length - 1 - from, 0);
  const scores = metric && samples.length > 0 ? await scoreTask(model, samples, metric, variants) : [];
  return losses.map((loss, at) => {
    const accuracy = scores[at]?.accuracy;
    const { value = Number.NaN, low = Number.NaN, high = Number.NaN, n = 1 } = accuracy ?? {};
    return { loss, tokens, task: accuracy ? { accuracy: value, low, high, n } : null };
  });
}

/** Mean over the judged tokens of all texts, by variant, nats per token. */
export async function lossesOf(
  model: ModelRunner,
  texts: readonly JudgedText[],
  variants: readonly Variant[],
): Promise<readonly number[]> {
  const found = await model.nextTokens(
    texts.map(({ ids }) => ids),
    variants,
  );
  return variants.map((_, at) => {
    let [sum, count] = [0, 0];
    found.forEach((ofText, text) => {
      for (const loss of ofText[at]?.loss.subarray(texts[text]?.from ?? 0) ?? []) {
        sum += loss;
        count += 1;
      }
    });
    return sum / count;
  });
}

/** Tokens decoded in a round, behind one that is not timed. */
const decoded = 16;
/** Odd, so that one round has the median ratio; the interval of seven ratios holds the median with 98.4 %. */
const rounds = 7;

export interface Speeds {
  /** Tokens a second in the round whose ratio is the median; null where the two run on different devices. */
  readonly before: number | null;
  readonly after: number | null;
  readonly speedup: BeforeAfter['speedup'];
}

/** The two models in turns, each in front in every second round, behind the same text. A new checkpoint runs on the cpu. */
export async function decodingSpeeds(
  before: ModelRunner,
  after: ModelRunner,
  text: readonly number[],
): Promise<Speeds> {
  const { device, contextLength = Infinity } = before.facts.summary;
  const prompt = text.slice(0, Math.max(1, contextLength - decoded - 2));
  // The summary names no device but another than the cpu.
  if (device) return { before: null, after: null, speedup: null };
  const [first, second]: [number[], number[]] = [[], []];
  for (let round = -1; round < rounds; round++) {
    const turns = [
      [before, first],
      [after, second],
    ] as const;
    for (const [model, times] of round % 2 === 0 ? turns : [...turns].reverse()) {
      const rate = await rateOf(model, prompt);
      // The first round opens sessions.
      if (round >= 0) times.push(rate);
    }
  }
  return pairedSpeeds(first, second);
}

/** From the rates of two models in the same rounds, an odd number of them. */
export function pairedSpeeds(before: readonly number[], after: readonly number[]): Speeds {
  const ratios = after.map((rate, at) => rate / (before[at] ?? Number.NaN));
  const median = quantile(ratios, 0.5);
  const round = ratios.indexOf(median);
  return {
    before: before[round] ?? Number.NaN,
    after: after[round] ?? Number.NaN,
    speedup: {
      median,
      low: quantile(ratios, 0.25),
      high: quantile(ratios, 0.75),
      interval: { low: Math.min(...ratios), high: Math.max(...ratios) },
    },
  };
}

/** Tokens a second at the median time of a token: other processes delay some tokens much, and most not at all. */
async function rateOf(model: ModelRunner, ids: readonly number[]): Promise<number> {
  const run = await model.continuation({ sequence: { ids }, further: decoded + 1 });
  let next = argMax(run.logits);
  next = argMax((await run.extend([next])).logits);
  const times: number[] = [];
  for (let at = 0; at < decoded; at++) {
    const started = performance.now();
    next = argMax((await run.extend([next])).logits);
    times.push(performance.now() - started);
  }
  return 1000 / quantile(times, 0.5);
}
