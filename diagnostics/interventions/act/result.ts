/** The result of the analysis `act`, and its schema. */
import type { PerHead } from '../../../protocol/results/heads';
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, object, oneOf, text, texts, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostHeadsInAll, mostLayers } from '../../../protocol/schema/parts';
import type { HeadPlace } from '../../../protocol/sections/heads';
import { heldOutField, type HeldOut } from '../../shared/labelled-heads/halves';
import { methodFields, type Method } from '../../shared/labelled-heads/methods';
import { scoreField, type Score } from '../../shared/labelled-heads/questions';
import { metrics, rules } from './parameters';

/** Later sinks are those behind the first token. */
export interface TokenSinks {
  readonly text: string;
  readonly kind: string;
  /** How often it is a sink, over heads and prompts. */
  readonly sinks: number;
  /** Of all later sinks. */
  readonly share: number;
  /** How often it stands in the prompts behind their first token. */
  readonly stands: number;
}

/** Of one token of the first prompt. */
export interface PlaceSinks {
  readonly position: number;
  readonly text: string;
  readonly kind: string;
  readonly heads: number;
  /** Largest column strength of a head in which it is a sink. */
  readonly strength: number;
}

/** Means over the heads of a layer; the three shares add up to 1. */
export interface LayerSinks {
  /** Later sinks of a head and prompt. */
  readonly sinks: number;
  readonly firstMass: number;
  readonly sinkMass: number;
  readonly restMass: number;
}

export interface ActCurvePoint {
  readonly beta: number;
  readonly calibration: Score;
  readonly heldOut: Score;
}

/** Beside the plain model: changes with their 95 % intervals over the held-out prompts (Student's t of paired differences). */
export interface ActMethod extends Method {
  readonly change: number;
  readonly low: number;
  readonly high: number;
  readonly gain: number;
  readonly gainLow: number;
  readonly gainHigh: number;
}

/** Of the method that the finding speaks of. */
export const chosenName = 'chosen heads';

export interface ActHead extends HeadPlace {
  /** Beta. */
  readonly value: number;
  /** Of the metric, calibrated alone. */
  readonly gain: number;
}

export interface ActResult extends Readonly<Record<string, unknown>> {
  readonly rule: (typeof rules)[number];
  readonly alpha: number;
  readonly strength: number;
  readonly beta: number;
  readonly metric: (typeof metrics)[number];
  readonly margin: number;
  /** Layers whose heads may be calibrated, half-open. */
  readonly from: number;
  readonly to: number;
  readonly calibration: number;
  readonly heldOutPrompts: number;
  /** Prompts whose maps were read. */
  readonly maps: number;
  /** Of the first prompt. */
  readonly tokens: readonly string[];
  /** By token: heads in which it is a later sink, by either rule. */
  readonly headsByAlpha: readonly number[];
  readonly headsByStrength: readonly number[];
  /** By token: largest column strength of a head, and the mean over the heads of a layer, [layers][tokens]. */
  readonly largest: readonly number[];
  readonly layerStrengths: readonly (readonly number[])[];
  readonly places: readonly PlaceSinks[];
  /** Of all prompts, the most frequent first. */
  readonly kinds: readonly TokenSinks[];
  /** Later sinks a prompt, mean over all prompts. */
  readonly sinks: PerHead;
  /** Mean over the queries behind the first, and over prompts whose maps were read, of the attention on token 0 and on later sinks. */
  readonly firstMass: PerHead;
  readonly sinkMass: PerHead;
  readonly layers: readonly LayerSinks[];
  /** Heads of the model, and of these with a later sink in a prompt. */
  readonly heads: number;
  readonly headsWithSinks: number;
  /** Gain of the metric by each head calibrated alone, mean over the calibration prompts that it was tried on; NaN where it was not. */
  readonly profile: PerHead;
  /** Ends of its 95 % interval (Student's t), its standard error, and the prompts. */
  readonly profileRange: { readonly low: PerHead; readonly high: PerHead };
  readonly error: PerHead;
  readonly seen: PerHead;
  /** Heads that may be calibrated, and of these with a later sink in a calibration prompt. */
  readonly tried: number;
  readonly triedWithSinks: number;
  /** Best first. */
  readonly chosen: readonly ActHead[];
  readonly heldOut: HeldOut;
  readonly methods: readonly ActMethod[];
  /** NaN where none was fitted. */
  readonly temperature: number;
  /** Of the chosen heads; beta 1 is the plain model. */
  readonly curve: readonly ActCurvePoint[];
}

const perHead: Schema<PerHead> = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  most: mostLayers,
});
const figures = list(figure, 'a list of numbers', { most: 1 << 20 });
const layers = { most: mostLayers };

type Named = { readonly [K in keyof ActResult as string extends K ? never : K]: ActResult[K] };

export const actResult: Schema<ActResult> = object<Named>({
  rule: oneOf(rules),
  alpha: figure,
  strength: figure,
  beta: figure,
  metric: oneOf(metrics),
  margin: figure,
  from: whole,
  to: whole,
  calibration: count,
  heldOutPrompts: count,
  maps: count,
  tokens: texts,
  headsByAlpha: figures,
  headsByStrength: figures,
  largest: figures,
  layerStrengths: list(figures, 'a list of layers', layers),
  places: list(
    object<PlaceSinks>({ position: whole, text, kind: text, heads: whole, strength: figure }),
    'a list of tokens',
    { most: 64 },
  ),
  kinds: list(
    object<TokenSinks>({ text, kind: text, sinks: whole, share: figure, stands: whole }),
    'a list of tokens',
    { most: 64 },
  ),
  sinks: perHead,
  firstMass: perHead,
  sinkMass: perHead,
  layers: list(
    object<LayerSinks>({ sinks: figure, firstMass: figure, sinkMass: figure, restMass: figure }),
    'a list of layers',
    layers,
  ),
  heads: whole,
  headsWithSinks: whole,
  profile: perHead,
  profileRange: object<ActResult['profileRange']>({ low: perHead, high: perHead }),
  error: perHead,
  seen: perHead,
  tried: whole,
  triedWithSinks: whole,
  chosen: list(object<ActHead>({ layer: whole, head: whole, value: figure, gain: figure }), 'a list of heads', {
    most: mostHeadsInAll,
  }),
  heldOut: heldOutField,
  methods: list(
    object<ActMethod>({
      ...methodFields,
      change: figure,
      low: figure,
      high: figure,
      gain: figure,
      gainLow: figure,
      gainHigh: figure,
    }),
    'a list of methods',
    { most: 32 },
  ),
  temperature: figure,
  curve: list(object<ActCurvePoint>({ beta: figure, calibration: scoreField, heldOut: scoreField }), 'a curve', {
    most: 64,
  }),
});
