/** The result of the analysis `act`, and its schema. */
import type { Output, Schema } from '../../../protocol/schema/check';
import type { PerHead } from '../../../protocol/results/heads';
import { count, figure, list, object, oneOf, text, texts, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostHeadsInAll, mostLayers } from '../../../protocol/schema/parts';
import { heldOutField } from '../../shared/labelled-heads/halves';
import { methodFields } from '../../shared/labelled-heads/methods';
import { scoreField } from '../../shared/labelled-heads/questions';
import { metrics, rules } from './parameters';

/** The name of the method that the finding speaks of. */
export const chosenName = 'chosen heads';

const perHead: Schema<PerHead> = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  most: mostLayers,
});
const figures = list(figure, 'a list of numbers', { most: 1 << 20 });
const layers = { most: mostLayers };

/** What is known of one token of the first prompt. */
const placeSinks = object({
  position: whole,
  text,
  kind: text,
  heads: whole,
  /** Largest column strength of a head in which it is a sink. */
  strength: figure,
});
export type PlaceSinks = Output<typeof placeSinks>;

/** Later sinks are those behind the first token. */
const tokenSinks = object({
  text,
  kind: text,
  /** How often it is a sink, over heads and prompts. */
  sinks: whole,
  /** Its share of all later sinks. */
  share: figure,
  /** How often it stands in the prompts behind their first token. */
  stands: whole,
});
export type TokenSinks = Output<typeof tokenSinks>;

/** Means over the heads of a layer; the three shares add up to 1. */
const layerSinks = object({
  /** Later sinks of a head and prompt. */
  sinks: figure,
  firstMass: figure,
  sinkMass: figure,
  restMass: figure,
});
export type LayerSinks = Output<typeof layerSinks>;

const actHead = object({
  layer: whole,
  head: whole,
  /** Beta. */
  value: figure,
  /** What the metric gains where this head alone is calibrated. */
  gain: figure,
});
export type ActHead = Output<typeof actHead>;

/** Beside the plain model: changes with their 95 % intervals over the held-out prompts (Student's t of paired differences). */
const actMethod = object({
  ...methodFields,
  change: figure,
  low: figure,
  high: figure,
  gain: figure,
  gainLow: figure,
  gainHigh: figure,
});
export type ActMethod = Output<typeof actMethod>;

const actCurvePoint = object({ beta: figure, calibration: scoreField, heldOut: scoreField });
export type ActCurvePoint = Output<typeof actCurvePoint>;

export const actResult = object({
  rule: oneOf(rules),
  alpha: figure,
  strength: figure,
  beta: figure,
  metric: oneOf(metrics),
  margin: figure,
  /** Layers whose heads may be calibrated, half-open. */
  from: whole,
  to: whole,
  calibration: count,
  heldOutPrompts: count,
  /** Prompts whose maps were read. */
  maps: count,
  /** The tokens of the first prompt. */
  tokens: texts,
  /** By token: heads in which it is a later sink, by either rule. */
  headsByAlpha: figures,
  headsByStrength: figures,
  /** By token: largest column strength of a head, and the mean over the heads of a layer, [layers][tokens]. */
  largest: figures,
  layerStrengths: list(figures, 'a list of layers', layers),
  places: list(placeSinks, 'a list of tokens', { most: 64 }),
  /** Counted over all prompts, the most frequent first. */
  kinds: list(tokenSinks, 'a list of tokens', { most: 64 }),
  /** Later sinks a prompt, mean over all prompts. */
  sinks: perHead,
  /** Mean over the queries behind the first, and over prompts whose maps were read, of the attention on token 0 and on later sinks. */
  firstMass: perHead,
  sinkMass: perHead,
  layers: list(layerSinks, 'a list of layers', layers),
  /** Heads of the model, and of these with a later sink in a prompt. */
  heads: whole,
  headsWithSinks: whole,
  /** Gain of the metric by each head calibrated alone, mean over the calibration prompts that it was tried on; NaN where it was not. */
  profile: perHead,
  /** Ends of its 95 % interval (Student's t), its standard error, and the prompts. */
  profileRange: object({ low: perHead, high: perHead }),
  error: perHead,
  seen: perHead,
  /** Heads that may be calibrated, and of these with a later sink in a calibration prompt. */
  tried: whole,
  triedWithSinks: whole,
  /** Best first. */
  chosen: list(actHead, 'a list of heads', {
    most: mostHeadsInAll,
  }),
  heldOut: heldOutField,
  methods: list(actMethod, 'a list of methods', { most: 32 }),
  /** NaN where none was fitted. */
  temperature: figure,
  /** The curve of the chosen heads; at beta 1 it is the plain model. */
  curve: list(actCurvePoint, 'a curve', {
    most: 64,
  }),
});
export type ActResult = Output<typeof actResult>;
