/** What heads are worth on pictures: one run for each head without it, and one with no other head of its layer. */
import { figuresPerHead } from '../../../protocol/schema/parts';
import { object, oneOf } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import { gainsOf } from '../../../models/instrument/changes/gain';
import type { PerHead } from '../../../protocol/results/heads';
import type { ModelFacts, ModelRunner, Prompt } from '../../model-runner/model-runner';
import { meanInterval } from '../../shared/statistics/proportion';
import { featuresUnder } from './features';
import { divergence, metrics, turned, type Metric } from './metrics';
import { predicted, probabilitiesOf, type Pooling, type Reader } from './reader';

export const headsOf = ({ blocks }: Pick<ModelFacts, 'blocks'>): readonly HeadPlace[] =>
  blocks.flatMap(({ heads }, layer) => Array.from({ length: heads }, (_, head) => ({ layer, head })));

export const without = (places: readonly HeadPlace[]): Variant => gainsOf(places, 0);

const sameLayer = (all: readonly HeadPlace[], { layer, head }: HeadPlace): readonly HeadPlace[] =>
  all.filter((one) => one.layer === layer && one.head !== head);

/** What names the classes of pictures, and what it reads. */
export interface Judge {
  readonly reader: Reader;
  readonly pooling: Pooling;
}

/** Losses on one picture: by metric, one number for each head in the order of `headsOf`. */
export type HeadLosses = Readonly<Record<Metric, readonly number[]>>;

export interface Compared {
  readonly p: readonly number[];
  readonly features: readonly number[];
}

/** One variant against the whole model on a picture of class `label`. */
export function lossOf(plain: Compared, changed: Compared, label: number): Omit<Record<Metric, number>, 'kept'> {
  const right = ({ p }: Compared): number => (predicted(p) === label ? 1 : 0);
  return {
    probability: (plain.p[label] ?? 0) - (changed.p[label] ?? 0),
    accuracy: right(plain) - right(changed),
    divergence: divergence(plain.p, changed.p),
    representation: turned(plain.features, changed.features),
  };
}

export async function comparedUnder(
  model: ModelRunner,
  prompt: Prompt,
  variants: readonly Variant[],
  { reader, pooling }: Judge,
): Promise<readonly Compared[]> {
  const found = await featuresUnder(model, prompt, variants, pooling);
  return found.map((features) => ({ features, p: probabilitiesOf(reader, features) }));
}

export async function headLosses(model: ModelRunner, prompt: Prompt, judge: Judge, label: number): Promise<HeadLosses> {
  const heads = headsOf(model.facts);
  const variants = [
    [],
    ...heads.map((place) => without([place])),
    ...heads.map((place) => without(sameLayer(heads, place))),
  ];
  const [plain, ...changed] = await comparedUnder(model, prompt, variants, judge);
  if (!plain) throw new RangeError('the run gave nothing');
  const losses = heads.map((_, at) => lossOf(plain, changed[at] ?? plain, label));
  return {
    probability: losses.map((one) => one.probability),
    accuracy: losses.map((one) => one.accuracy),
    divergence: losses.map((one) => one.divergence),
    representation: losses.map((one) => one.representation),
    kept: heads.map((_, at) => changed[heads.length + at]?.p[label] ?? Number.NaN),
  };
}

/** A list of all heads as [layers][heads]. */
export function perHead({ blocks }: Pick<ModelFacts, 'blocks'>, values: readonly number[]): PerHead {
  let from = 0;
  return blocks.map(({ heads }) => values.slice(from, (from += heads)));
}

export const importance = object({
  metric: oneOf(metrics),
  values: figuresPerHead,
  low: figuresPerHead,
  high: figuresPerHead,
});
export type Importance = Output<typeof importance>;

export function importanceOf(
  facts: Pick<ModelFacts, 'blocks'>,
  pictures: readonly HeadLosses[],
): readonly Importance[] {
  return metrics.map((metric) => {
    const each = headsOf(facts).map((_, at) => meanInterval(pictures.map((one) => one[metric][at] ?? Number.NaN)));
    return {
      metric,
      values: perHead(
        facts,
        each.map(({ mean }) => mean),
      ),
      low: perHead(
        facts,
        each.map(({ low }) => low),
      ),
      high: perHead(
        facts,
        each.map(({ high }) => high),
      ),
    };
  });
}

/** Heads by importance, the least important first; of equal ones the earlier first. */
export const ascending = (heads: readonly HeadPlace[], values: readonly number[]): readonly HeadPlace[] =>
  heads
    .map((place, at) => ({ place, value: values[at] ?? 0, at }))
    .sort((a, b) => a.value - b.value || a.at - b.at)
    .map(({ place }) => place);
