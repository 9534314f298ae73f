/** The result of the analysis `zerotuning`, and its schema. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Output, Schema } from '../../../protocol/schema/check';
import { count, figure, flag, list, object, oneOf, orNull, text, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostHeadsInAll, mostLayers } from '../../../protocol/schema/parts';
import type { PerHead } from '../../../protocol/results/heads';
import { heldOutField } from '../../shared/labelled-heads/halves';
import { method } from '../../shared/labelled-heads/methods';
import { scoreField } from '../../shared/labelled-heads/questions';
import { methods, targets } from './parameters';

const perHead: Schema<PerHead> = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  least: 1,
  most: mostLayers,
});
const place = { layer: whole, head: whole };
const places: Schema<readonly HeadPlace[]> = list(object(place), 'a list of heads', {
  most: mostHeadsInAll,
});
const range = object({ low: perHead, high: perHead });
export type Range = Output<typeof range>;

const curvePoint = object({ gamma: figure, calibration: scoreField, heldOut: scoreField });
export type CurvePoint = Output<typeof curvePoint>;

export const zeroTuningResult = object({
  target: oneOf(targets),
  /** Token 0 of the first prompt, and whether it is the beginning-of-sequence token. */
  firstToken: object({ text, special: flag }),
  /** Prompts on which heads and gamma are chosen, and those that they are judged on. */
  calibration: count,
  heldOutPrompts: count,
  /** The gamma of the profile `up`; that of `down` is its reciprocal. */
  gamma: figure,
  /** Mean over heads and queries behind the first of the weight on token 0. */
  firstTokenMass: perHead,
  /** Whether gains are measured by runs of single heads, or are ln gamma times the sensitivity. */
  method: oneOf(methods),
  /** Gain of the target (nats) at gamma, at its reciprocal, and the larger of the two; NaN of layers that are not tried. */
  up: perHead,
  down: perHead,
  profile: perHead,
  /** Ends of the 95 % intervals of the two gains over the calibration prompts (Student's t). */
  upRange: range,
  downRange: range,
  /** Derivative of the target by ln gamma of a head at gamma 1, mean over the calibration prompts, nats. */
  sensitivity: perHead,
  upEffective: places,
  downEffective: places,
  /** Heads whose gains at gamma and at its reciprocal have opposite signs, and heads that were tried. */
  opposite: whole,
  tried: whole,
  direction: orNull(oneOf(['up', 'down'])),
  chosen: list(
    object({
      ...place,
      /** Gamma. */
      value: figure,
      /** Gain of the target in the profile. */
      gain: figure,
    }),
    'a list of heads',
    {
      most: mostHeadsInAll,
    },
  ),
  /** The gamma of the chosen heads; 1 where none is. */
  best: figure,
  curve: list(curvePoint, 'a curve', {
    most: 256,
  }),
  heldOut: heldOutField,
  methods: list(method, 'a list of methods', { most: 16 }),
  /** The temperature of the control: labels' logits are divided by it. */
  temperature: figure,
  /** Layers whose window is shorter than the longest prompt: behind it token 0 is out of reach and gamma does nothing. */
  windowed: whole,
});
export type ZeroTuningResult = Output<typeof zeroTuningResult>;
