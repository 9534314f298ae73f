import type { Output } from '../../../protocol/schema/check';
import { figure, list, number, object, optional, text, texts, whole } from '../../../protocol/schema/fields';
import { figuresPerHead, imageSpan, mostHeads, mostLayers } from '../../../protocol/schema/parts';

const named = object({ name: text, value: figure });
export type Named = Output<typeof named>;

const nameds = list(named, 'a list of names', { most: 65_536 });
const place = object({ layer: whole, head: whole });
const perLayer = list(figure, 'a list of layers', { most: mostLayers });

const describedHead = object({
  layer: whole,
  head: whole,
  /** By TextSpan, in its order; `value`: explained by this text and those before it. */
  texts: nameds,
  /** Pictures for which the head writes most and least along its first text, (c_k - mean c) . t, largest first. */
  most: nameds,
  least: nameds,
});
export type DescribedHead = Output<typeof describedHead>;

const concept = object({
  text,
  /** Deviation over pictures of the cosine of picture and text. */
  spread: figure,
  /** Described heads with the largest share of what varies along the text, largest first. */
  heads: list(object({ layer: whole, head: whole, share: figure }), 'a list of heads', {
    most: 64,
  }),
  /** Sum of their shares. */
  top: figure,
  /** The same of as many heads drawn at random from the described ones, mean of the draws. */
  random: figure,
  /** The same of the largest shares along the rotated text, mean of a few rotations. */
  rotated: figure,
  /** The nearest picture, by the cosine. */
  nearest: named,
});
export type Concept = Output<typeof concept>;

/** With what these layers write replaced by its mean over pictures; of attention alone and of MLPs alone. */
const ablated = object({
  /** From the first on. */
  layers: whole,
  /** 1 - sum |e' - e|^2 / sum |e - mean e|^2 */
  attentionKept: figure,
  mlpKept: figure,
  /** Share of pictures whose nearest text stays the same. */
  attentionAgrees: figure,
  mlpAgrees: figure,
});
export type Ablated = Output<typeof ablated>;

const classified = object({
  classes: whole,
  /** Pictures of the half on which accuracies are measured; heads were chosen on the other half. */
  tested: whole,
  accuracy: figure,
  /** 1 / classes */
  chance: number,
  removed: list(place, 'a list of heads', { most: 64 }),
  withoutChosen: figure,
  withoutRandom: figure,
  lowestRandom: figure,
  highestRandom: figure,
});
export type Classified = Output<typeof classified>;

const mappedTexts = object({
  image: imageSpan,
  texts: list(
    object({
      text,
      cosine: figure,
      /** By image token. */
      values: list(figure, 'a list of image tokens', { most: 65_536 }),
      /** Mass on the rows before the patches (class). */
      leading: figure,
    }),
    'a list of texts',
    { most: 64 },
  ),
});
export type MappedTexts = Output<typeof mappedTexts>;

export const conceptHeadsResult = object({
  pictures: texts,
  /** Pictures of the folder. */
  of: whole,
  failures: list(object({ name: text, why: text }), 'a list of pictures', {
    most: 65_536,
  }),
  texts: whole,
  width: whole,
  /** The first of the layers that are described. */
  firstLayer: whole,
  /** Largest |sum of the parts - embedding| / |embedding| of a picture. */
  error: figure,
  /** Share of what varies between pictures. */
  direct: figuresPerHead,
  /** [layers], sum over heads. */
  attention: perLayer,
  mlps: perLayer,
  embedding: figure,
  bias: figure,
  /** NaN where there is no network behind the pooling. */
  network: figure,
  /** Largest share of the variance of a head along one text. This and the next three: NaN of layers that are not described. */
  along: figuresPerHead,
  /** along - the largest of the rotations */
  above: figuresPerHead,
  explained: figuresPerHead,
  /** The same of rotated texts, mean. */
  rotated: figuresPerHead,
  heads: list(describedHead, 'a list of heads', { most: mostLayers * mostHeads }),
  concepts: list(concept, 'a list of texts', { most: 65_536 }),
  nearest: list(object({ name: text, texts: nameds }), 'a list of pictures', {
    most: 65_536,
  }),
  ablated: list(ablated, 'a list of layers', { most: mostLayers + 1 }),
  classified: optional(classified),
  map: optional(mappedTexts),
});
export type ConceptHeadsResult = Output<typeof conceptHeadsResult>;
