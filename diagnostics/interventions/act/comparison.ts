/** The chosen heads beside what else could be calibrated, on the held-out prompts; and their curve over beta. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import { random as randomFrom, seedFor } from '../../../kernels/tensors/random';
import { drawn } from '../../shared/labelled-heads/halves';
import { methodOf, type Compared } from '../../shared/labelled-heads/methods';
import { scoreOf, type Answered } from '../../shared/labelled-heads/questions';
import { meanInterval } from '../../shared/statistics/proportion';
import { headsWords } from '../../shared/labelled-heads/words';
import { calibrated, pushed, type ColumnRule } from './calibration';
import type { ActCurvePoint, ActMethod } from './result';
import type { SinkRows } from './sinks';

/** Betas of the curve besides the one of the run; 1 is the plain model. */
const grid: readonly number[] = [0, 0.2, 0.4, 0.6, 0.8];

export const betasOf = (beta: number): readonly number[] =>
  [...new Set([...grid, beta])].filter((one) => one < 1).sort((a, b) => a - b);

export interface HeadSets {
  readonly chosen: readonly HeadPlace[];
  /** All that may be calibrated and have sinks. */
  readonly all: readonly HeadPlace[];
  /** As many others of these as are chosen, or as there are. */
  readonly random: readonly (readonly HeadPlace[])[];
}

export function headSets(
  chosen: readonly HeadPlace[],
  all: readonly HeadPlace[],
  { sets, seed }: { readonly sets: number; readonly seed: number },
): HeadSets {
  const names = new Set(chosen.map(({ layer, head }) => `${layer}.${head}`));
  const others = all.filter(({ layer, head }) => !names.has(`${layer}.${head}`));
  const count = Math.min(chosen.length, others.length);
  const random = randomFrom(seedFor(seed, 'act random heads'));
  // If there are few others, only one set exists.
  const different = count === others.length ? Math.min(1, sets) : sets;
  return {
    chosen,
    all,
    random: count === 0 ? [] : Array.from({ length: different }, () => drawn(others, count, random)),
  };
}

interface Named {
  readonly name: string;
  readonly variant: Variant;
}

/** What is run on a held-out prompt besides the curve. */
export function controlsOf(
  variant: Variant,
  { chosen, all, random }: HeadSets,
  {
    rule,
    beta,
    prompt,
    sinks,
  }: { readonly rule: ColumnRule; readonly beta: number; readonly prompt: number; readonly sinks: SinkRows },
): readonly Named[] {
  const under = { rule, beta, prompt };
  return [
    ...random.map((heads, at) => ({
      name: `${headsWords(heads.length)} at random, draw ${at + 1}`,
      variant: calibrated(variant, heads, under),
    })),
    ...(all.length > 0
      ? [{ name: `all ${headsWords(all.length)} with sinks`, variant: calibrated(variant, all, under) }]
      : []),
    ...(chosen.length > 0
      ? [
          {
            name: 'chosen heads, attention pushed to sinks',
            variant: pushed(
              variant,
              chosen.map(({ layer, head }) => ({ layer, head, sinks: sinks[layer]?.[head] ?? [] })),
              under,
            ),
          },
        ]
      : []),
  ];
}

export const curveOf = (
  points: readonly { readonly beta: number; readonly answers: readonly Answered[] }[],
  calibration: number,
): readonly ActCurvePoint[] =>
  points
    .map(({ beta, answers }) => ({
      beta,
      calibration: scoreOf(answers.slice(0, calibration)),
      heldOut: scoreOf(answers.slice(calibration)),
    }))
    .sort((a, b) => a.beta - b.beta);

const unknown = { mean: Number.NaN, low: Number.NaN, high: Number.NaN };

export function actMethod(compared: Compared, plain: readonly Answered[]): ActMethod {
  const { answers, ofLabels } = compared;
  const own = answers === plain;
  const share = (one: Answered | undefined): number => (one?.correct ? 1 : 0);
  const change = own ? unknown : meanInterval(plain.map((one, at) => share(answers[at]) - share(one)));
  const gain =
    own || ofLabels
      ? unknown
      : meanInterval(plain.map((one, at) => (answers[at]?.logProbability ?? Number.NaN) - one.logProbability));
  return {
    ...methodOf(compared),
    ...{ change: change.mean, low: change.low, high: change.high },
    ...{ gain: gain.mean, gainLow: gain.low, gainHigh: gain.high },
  };
}
