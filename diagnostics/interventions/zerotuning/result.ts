/** The result of the analysis `zerotuning`, and its schema. */
import type { HeadPlace } from '../../../protocol/sections/heads';
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, flag, list, object, oneOf, orNull, text, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostHeadsInAll, mostLayers } from '../../../protocol/schema/parts';
import type { PerHead } from '../../../protocol/results/heads';
import { heldOutField, type HeldOut } from '../../shared/labelled-heads/halves';
import { methodFields, type Method } from '../../shared/labelled-heads/methods';
import { scoreField, type Score } from '../../shared/labelled-heads/questions';
import { methods, targets } from './parameters';

export interface Range {
  readonly low: PerHead;
  readonly high: PerHead;
}

export interface CurvePoint {
  readonly gamma: number;
  readonly calibration: Score;
  readonly heldOut: Score;
}

export interface ChosenHead extends HeadPlace {
  /** Gamma. */
  readonly value: number;
  /** Gain of the target in the profile. */
  readonly gain: number;
}

export interface ZeroTuningResult extends Readonly<Record<string, unknown>> {
  readonly target: (typeof targets)[number];
  /** Token 0 of the first prompt, and whether it is the beginning-of-sequence token. */
  readonly firstToken: { readonly text: string; readonly special: boolean };
  /** Prompts on which heads and gamma are chosen, and those that they are judged on. */
  readonly calibration: number;
  readonly heldOutPrompts: number;
  /** Of the profile; the other is its reciprocal. */
  readonly gamma: number;
  /** Mean over heads and queries behind the first of the weight on token 0. */
  readonly firstTokenMass: PerHead;
  /** Whether gains are measured by runs of single heads, or are ln gamma times the sensitivity. */
  readonly method: (typeof methods)[number];
  /** Gain of the target (nats) at gamma, at its reciprocal, and the larger of the two; NaN of layers that are not tried. */
  readonly up: PerHead;
  readonly down: PerHead;
  readonly profile: PerHead;
  /** Ends of the 95 % intervals of the two gains over the calibration prompts (Student's t). */
  readonly upRange: Range;
  readonly downRange: Range;
  /** Derivative of the target by ln gamma of a head at gamma 1, mean over the calibration prompts, nats. */
  readonly sensitivity: PerHead;
  readonly upEffective: readonly HeadPlace[];
  readonly downEffective: readonly HeadPlace[];
  /** Heads whose gains at gamma and at its reciprocal have opposite signs, and heads that were tried. */
  readonly opposite: number;
  readonly tried: number;
  readonly direction: 'up' | 'down' | null;
  readonly chosen: readonly ChosenHead[];
  /** The gamma of the chosen heads; 1 where none is. */
  readonly best: number;
  readonly curve: readonly CurvePoint[];
  readonly heldOut: HeldOut;
  readonly methods: readonly Method[];
  /** Of the control: labels' logits are divided by it. */
  readonly temperature: number;
  /** Layers whose window is shorter than the longest prompt: behind it token 0 is out of reach and gamma does nothing. */
  readonly windowed: number;
}

const perHead: Schema<PerHead> = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  least: 1,
  most: mostLayers,
});
const place = { layer: whole, head: whole };
const places: Schema<readonly HeadPlace[]> = list(object<HeadPlace>(place), 'a list of heads', {
  most: mostHeadsInAll,
});
const range: Schema<Range> = object<Range>({ low: perHead, high: perHead });

/** As named, which an interface with an index signature leaves out of `keyof`. */
type Named = { readonly [K in keyof ZeroTuningResult as string extends K ? never : K]: ZeroTuningResult[K] };

export const zeroTuningResult: Schema<ZeroTuningResult> = object<Named>({
  target: oneOf(targets),
  firstToken: object<ZeroTuningResult['firstToken']>({ text, special: flag }),
  calibration: count,
  heldOutPrompts: count,
  gamma: figure,
  firstTokenMass: perHead,
  method: oneOf(methods),
  up: perHead,
  down: perHead,
  profile: perHead,
  upRange: range,
  downRange: range,
  sensitivity: perHead,
  upEffective: places,
  downEffective: places,
  opposite: whole,
  tried: whole,
  direction: orNull(oneOf(['up', 'down'])),
  chosen: list(object<ChosenHead>({ ...place, value: figure, gain: figure }), 'a list of heads', {
    most: mostHeadsInAll,
  }),
  best: figure,
  curve: list(object<CurvePoint>({ gamma: figure, calibration: scoreField, heldOut: scoreField }), 'a curve', {
    most: 256,
  }),
  heldOut: heldOutField,
  methods: list(object<Method>(methodFields), 'a list of methods', { most: 16 }),
  temperature: figure,
  windowed: whole,
});
