import type { ImageSpan } from '../../../protocol/results/image';
import type { Schema } from '../../../protocol/schema/check';
import { figure, list, number, object, optional, text, texts, whole } from '../../../protocol/schema/fields';
import { figuresPerHead, imageSpan, mostHeads, mostLayers } from '../../../protocol/schema/parts';

/** [layers][heads] */
type PerHead = readonly (readonly number[])[];

export interface Named {
  readonly name: string;
  readonly value: number;
}

export interface DescribedHead {
  readonly layer: number;
  readonly head: number;
  /** By TextSpan, in its order; `value`: explained by this text and those before it. */
  readonly texts: readonly Named[];
  /** Pictures for which the head writes most and least along its first text, (c_k - mean c) . t, largest first. */
  readonly most: readonly Named[];
  readonly least: readonly Named[];
}

export interface Concept {
  readonly text: string;
  /** Deviation over pictures of the cosine of picture and text. */
  readonly spread: number;
  /** Described heads with the largest share of what varies along the text, largest first. */
  readonly heads: readonly { readonly layer: number; readonly head: number; readonly share: number }[];
  /** Sum of their shares. */
  readonly top: number;
  /** The same of as many heads drawn at random from the described ones, mean of the draws. */
  readonly random: number;
  /** The same of the largest shares along the rotated text, mean of a few rotations. */
  readonly rotated: number;
  /** The nearest picture, by the cosine. */
  readonly nearest: Named;
}

/** With what these layers write replaced by its mean over pictures; of attention alone and of MLPs alone. */
export interface Ablated {
  /** From the first on. */
  readonly layers: number;
  /** 1 - sum |e' - e|^2 / sum |e - mean e|^2 */
  readonly attentionKept: number;
  readonly mlpKept: number;
  /** Share of pictures whose nearest text stays the same. */
  readonly attentionAgrees: number;
  readonly mlpAgrees: number;
}

export interface Classified {
  readonly classes: number;
  /** Pictures of the half on which accuracies are measured; heads were chosen on the other half. */
  readonly tested: number;
  readonly accuracy: number;
  /** 1 / classes */
  readonly chance: number;
  readonly removed: readonly { readonly layer: number; readonly head: number }[];
  readonly withoutChosen: number;
  readonly withoutRandom: number;
  readonly lowestRandom: number;
  readonly highestRandom: number;
}

export interface MappedTexts {
  readonly image: ImageSpan;
  readonly texts: readonly {
    readonly text: string;
    readonly cosine: number;
    /** By image token. */
    readonly values: readonly number[];
    /** Of the rows before the patches (class). */
    readonly leading: number;
  }[];
}

export interface ConceptHeadsResult extends Readonly<Record<string, unknown>> {
  readonly pictures: readonly string[];
  /** Pictures of the folder. */
  readonly of: number;
  readonly failures: readonly { readonly name: string; readonly why: string }[];
  readonly texts: number;
  readonly width: number;
  /** Of those that are described. */
  readonly firstLayer: number;
  /** Largest |sum of the parts - embedding| / |embedding| of a picture. */
  readonly error: number;
  /** Share of what varies between pictures. */
  readonly direct: PerHead;
  /** [layers], sum over heads. */
  readonly attention: readonly number[];
  readonly mlps: readonly number[];
  readonly embedding: number;
  readonly bias: number;
  /** NaN where there is no network behind the pooling. */
  readonly network: number;
  /** Largest share of the variance of a head along one text. This and the next three: NaN of layers that are not described. */
  readonly along: PerHead;
  /** along - the largest of the rotations */
  readonly above: PerHead;
  readonly explained: PerHead;
  /** The same of rotated texts, mean. */
  readonly rotated: PerHead;
  readonly heads: readonly DescribedHead[];
  readonly concepts: readonly Concept[];
  readonly nearest: readonly { readonly name: string; readonly texts: readonly Named[] }[];
  readonly ablated: readonly Ablated[];
  readonly classified?: Classified;
  readonly map?: MappedTexts;
}

type Fields = { readonly [K in keyof ConceptHeadsResult as string extends K ? never : K]: ConceptHeadsResult[K] };

const named: Schema<Named> = object<Named>({ name: text, value: figure });
const nameds = list(named, 'a list of names', { most: 65_536 });
const place = object<{ layer: number; head: number }>({ layer: whole, head: whole });
const perLayer = list(figure, 'a list of layers', { most: mostLayers });

export const conceptHeadsResult: Schema<ConceptHeadsResult> = object<Fields>({
  pictures: texts,
  of: whole,
  failures: list(object<{ name: string; why: string }>({ name: text, why: text }), 'a list of pictures', {
    most: 65_536,
  }),
  texts: whole,
  width: whole,
  firstLayer: whole,
  error: figure,
  direct: figuresPerHead,
  attention: perLayer,
  mlps: perLayer,
  embedding: figure,
  bias: figure,
  network: figure,
  along: figuresPerHead,
  above: figuresPerHead,
  explained: figuresPerHead,
  rotated: figuresPerHead,
  heads: list(
    object<DescribedHead>({ layer: whole, head: whole, texts: nameds, most: nameds, least: nameds }),
    'a list of heads',
    { most: mostLayers * mostHeads },
  ),
  concepts: list(
    object<Concept>({
      text,
      spread: figure,
      heads: list(object<Concept['heads'][number]>({ layer: whole, head: whole, share: figure }), 'a list of heads', {
        most: 64,
      }),
      top: figure,
      random: figure,
      rotated: figure,
      nearest: named,
    }),
    'a list of texts',
    { most: 65_536 },
  ),
  nearest: list(
    object<{ name: string; texts: readonly Named[] }>({ name: text, texts: nameds }),
    'a list of pictures',
    {
      most: 65_536,
    },
  ),
  ablated: list(
    object<Ablated>({
      layers: whole,
      attentionKept: figure,
      mlpKept: figure,
      attentionAgrees: figure,
      mlpAgrees: figure,
    }),
    'a list of layers',
    { most: mostLayers + 1 },
  ),
  classified: optional(
    object<Classified>({
      classes: whole,
      tested: whole,
      accuracy: figure,
      chance: number,
      removed: list(place, 'a list of heads', { most: 64 }),
      withoutChosen: figure,
      withoutRandom: figure,
      lowestRandom: figure,
      highestRandom: figure,
    }),
  ),
  map: optional(
    object<MappedTexts>({
      image: imageSpan,
      texts: list(
        object<MappedTexts['texts'][number]>({
          text,
          cosine: figure,
          values: list(figure, 'a list of image tokens', { most: 65_536 }),
          leading: figure,
        }),
        'a list of texts',
        { most: 64 },
      ),
    }),
  ),
});
