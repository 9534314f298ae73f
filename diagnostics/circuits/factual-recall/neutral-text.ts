/** Text that asks for no fact: what a correction of facts may spoil. */
import { object, figure, count } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import type { Variant } from '../../../models/instrument/changes/changes';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner } from '../../model-runner/model-runner';
import { meanInterval, wilson } from '../../shared/statistics/proportion';

const usual = `In the morning the rain had stopped, and the street in front of the house was still wet. A man came out of the
bakery with two loaves under his arm and walked slowly towards the bridge. On the other side the children were waiting for the bus, and
one of them had left his bag at home. He ran back as fast as he could, but when he reached the corner again the bus was gone. His
mother said that it did not matter, because they could walk together, and the school was not far.

The garden behind the library is small, but many people like to sit there when the weather is good. There are three benches under an
old tree, a narrow path with white stones, and a pond where nobody has ever seen a fish. Most of the visitors read, some of them
sleep, and a few only look at the clouds. In winter the gate stays closed. Then the snow lies on the benches until the first warm
days, and the only steps that can be seen are those of a cat that lives next door.`;

/** Tokens of a window; each begins anew. */
const windowLength = 64;
const mostWindows = 16;

/** Ids of the text; none where the model reads no text. */
export async function neutralIds(model: ModelRunner, path: string): Promise<readonly number[]> {
  if (model.facts.summary.tokenizer !== true) return [];
  const text = path === '' ? usual.replace(/(?<!\n)\n(?!\n)/gu, ' ') : await model.textFile(path);
  const ids = model.encode(text).slice(0, windowLength * mostWindows);
  if (ids.length >= 2) return ids;
  throw refusal(`${path} has no two tokens, and the loss on a neutral text needs them. Choose a longer file.`);
}

export interface Window {
  /** Sum of -ln of the probability of the next token, nats, and tokens that were predicted. */
  readonly loss: number;
  readonly tokens: number;
  /** By token: probability of the most probable one, and whether it is right. */
  readonly confidence: readonly number[];
  readonly right: readonly boolean[];
}

export const windowsOf = (ids: readonly number[], lead: readonly number[]): readonly (readonly number[])[] =>
  Array.from({ length: Math.ceil(ids.length / windowLength) }, (_, at) => [
    ...lead,
    ...ids.slice(at * windowLength, (at + 1) * windowLength),
  ]).filter(({ length }) => length >= 2);

export async function readWindow(model: ModelRunner, ids: readonly number[], variant: Variant): Promise<Window> {
  const { logits } = await model.run({ ids, variants: [variant], logits: 'all' });
  if (!(logits?.data instanceof Float32Array)) throw new RangeError('the model has no language head');
  const size = logits.data.length / ids.length;
  const [confidence, right]: [number[], boolean[]] = [[], []];
  let loss = 0;
  for (let row = 0; row + 1 < ids.length; row++) {
    const own = logits.data.subarray(row * size, (row + 1) * size);
    const next = ids[row + 1] ?? 0;
    let best = 0;
    for (let id = 1; id < size; id++) if ((own[id] ?? 0) > (own[best] ?? 0)) best = id;
    const most = own[best] ?? 0;
    let sum = 0;
    for (let id = 0; id < size; id++) sum += Math.exp((own[id] ?? 0) - most);
    loss += most + Math.log(sum) - (own[next] ?? Number.NaN);
    confidence.push(1 / sum);
    right.push(best === next);
  }
  return { loss, tokens: ids.length - 1, confidence, right };
}

export const neutral = object({
  /** Nats a token. */
  loss: figure,
  /** Change against the unchanged model, with its interval over windows. */
  change: figure,
  changeLow: figure,
  changeHigh: figure,
  /** Mean probability of the most probable token, share of tokens where it is right. */
  confidence: figure,
  accuracy: figure,
  accuracyLow: figure,
  accuracyHigh: figure,
  /** Expected calibration error: over ten bins of confidence, mean |accuracy - confidence| weighted by tokens. */
  calibration: figure,
  tokens: count,
});
export type Neutral = Output<typeof neutral>;

const bins = 10;

export function neutralOf(windows: readonly Window[], before: readonly Window[]): Neutral {
  const tokens = windows.reduce((sum, one) => sum + one.tokens, 0);
  const lossOf = (some: readonly Window[]): number => some.reduce((sum, one) => sum + one.loss, 0) / tokens;
  const changes = windows.map((one, at) => (one.loss - (before[at]?.loss ?? Number.NaN)) / one.tokens);
  const { low, high } = meanInterval(changes);
  const confidence = windows.flatMap((one) => one.confidence);
  const right = windows.flatMap((one) => one.right);
  const accuracy = right.filter(Boolean).length / tokens;
  const interval = wilson(accuracy, tokens);
  let calibration = 0;
  for (let bin = 0; bin < bins; bin++) {
    const inside = [...confidence.keys()].filter(
      (at) => Math.min(bins - 1, Math.floor((confidence[at] ?? 0) * bins)) === bin,
    );
    const sum = inside.reduce((total, at) => total + (right[at] ? 1 : 0) - (confidence[at] ?? 0), 0);
    calibration += Math.abs(sum) / tokens;
  }
  return {
    loss: lossOf(windows),
    change: lossOf(windows) - lossOf(before),
    changeLow: low,
    changeHigh: high,
    confidence: confidence.reduce((sum, value) => sum + value, 0) / tokens,
    accuracy,
    accuracyLow: interval.low,
    accuracyHigh: interval.high,
    calibration,
    tokens,
  };
}
