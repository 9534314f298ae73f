import type { Schema } from '../../../protocol/schema/check';
import {
  figure,
  flag,
  list,
  number,
  object,
  oneOf,
  optional,
  text,
  whole,
  wholes,
} from '../../../protocol/schema/fields';
import { figuresPerHead, imageSpan, mostLayers } from '../../../protocol/schema/parts';
import type { ImageSpan } from '../../../protocol/results/image';
import { receivers, type Receiver } from './parameters';

/** [layers][heads] */
type PerHead = readonly (readonly number[])[];
/** [layers] */
type PerLayer = readonly number[];

/** Tokens whose maps are kept: a picture may have thousands of tokens. */
export const mostMaps = 60;

export interface WrittenToken {
  readonly id: number;
  readonly text: string;
  /** Under the model that wrote it. */
  readonly probability: number;
}

/** A token of the plain text, and what the redistributed model does behind the same text. */
export interface ComparedToken extends WrittenToken {
  /** Its probability there. */
  readonly after: number;
  /** The most probable token there. */
  readonly instead: string;
  readonly changes: boolean;
  /** Attention on the picture, mean over heads of the layers in which attention is moved: plain, and redistributed. */
  readonly seenBefore: number;
  readonly seenAfter: number;
  /** By image token; empty behind the first `mostMaps` tokens. */
  readonly before: readonly number[];
  readonly moved: readonly number[];
}

export interface MaskedRun {
  readonly name: string;
  /** Masked tokens, summed over the layers. */
  readonly tokens: number;
  /** Nats: Kullback-Leibler, of the distribution with the tokens masked from that of the plain model. */
  readonly divergence: number;
  /** Of the token that is most probable in the plain run. */
  readonly probability: number;
  /** Most probable now. */
  readonly leading: string;
}

export interface VarResult extends Readonly<Record<string, unknown>> {
  readonly width: number;
  readonly tau: number;
  readonly scaled: boolean;
  readonly least: number;
  readonly ratio: number;
  readonly share: number;
  readonly to: Receiver;
  /** In which attention is moved. */
  readonly layers: readonly number[];
  /** Of the prompt. */
  readonly tokens: readonly string[];
  /** Rows of the sequence in the order of `phi`. */
  readonly seen: readonly number[];
  /** As an intervention names it; absent: the picture. */
  readonly region?: string;
  readonly image?: ImageSpan;
  /** The row whose state shows the massive dimensions. */
  readonly first: number;
  /** By dimension: what |x_d| / RMS(x) of that row reaches in more than half of the layers. */
  readonly profile: readonly number[];
  readonly dimensions: readonly number[];
  /** Layers that were looked at so far; arrays by layer are as long. */
  readonly phi: readonly (readonly number[])[];
  /** Mean attention of the rows behind the picture, mean over heads, [layers][image tokens]. */
  readonly attention: readonly (readonly number[])[];
  /** Places among the image tokens, by layer. */
  readonly sinks: readonly (readonly number[])[];
  readonly textSinks: readonly {
    readonly position: number;
    readonly token: string;
    /** The largest over layers. */
    readonly phi: number;
    readonly layers: readonly number[];
  }[];
  readonly counts: {
    readonly visual: PerLayer;
    readonly text: PerLayer;
    readonly byAttention: PerLayer;
    readonly both: PerLayer;
    /** Share of the union of both kinds that is in both. */
    readonly overlap: PerLayer;
  };
  /** Mean over heads and the rows behind the picture. */
  readonly mass: { readonly visual: PerLayer; readonly text: PerLayer; readonly others: PerLayer };
  /** Of the last row. */
  readonly imageMass: PerHead;
  readonly besideSinks: PerHead;
  /** Of the rows behind the picture, the share that is image-centric. */
  readonly centric: PerHead;
  readonly onVisual: PerHead;
  readonly onText: PerHead;
  /** Mean |a_ij v_j W_O|. */
  readonly contribution: { readonly sinks: PerLayer; readonly random: PerLayer; readonly others: PerLayer };
  /** `sinks`, each draw, `all`; absent where no token is a sink. */
  readonly masked?: readonly MaskedRun[];
  /** Means over the draws, and their smallest and largest. */
  readonly maskedRandom?: {
    readonly mean: number;
    readonly low: number;
    readonly high: number;
    readonly draws: number;
  };
  readonly words?: readonly ComparedToken[];
  /** Means over the words. */
  readonly before?: readonly number[];
  readonly moved?: readonly number[];
  readonly texts?: readonly {
    readonly name: string;
    readonly text: string;
    readonly words: number;
    readonly different: number;
  }[];
}

type Named = { readonly [K in keyof VarResult as string extends K ? never : K]: VarResult[K] };

const figures = list(figure, 'a list of numbers', { most: 65_536 });
const perLayer = list(figure, 'a list of layers', { most: mostLayers });
const byToken = list(figures, 'a list of layers', { most: mostLayers });

export const varResult: Schema<VarResult> = object<Named>({
  width: whole,
  tau: number,
  scaled: flag,
  least: number,
  ratio: number,
  share: number,
  to: oneOf(receivers),
  layers: wholes,
  tokens: list(text, 'a list of tokens', { most: 65_536 }),
  seen: wholes,
  region: optional(text),
  image: optional(imageSpan),
  first: whole,
  profile: figures,
  dimensions: wholes,
  phi: byToken,
  attention: byToken,
  sinks: list(wholes, 'a list of layers', { most: mostLayers }),
  textSinks: list(
    object<VarResult['textSinks'][number]>({ position: whole, token: text, phi: number, layers: wholes }),
    'a list of tokens',
    { most: 65_536 },
  ),
  counts: object<VarResult['counts']>({
    visual: perLayer,
    text: perLayer,
    byAttention: perLayer,
    both: perLayer,
    overlap: perLayer,
  }),
  mass: object<VarResult['mass']>({ visual: perLayer, text: perLayer, others: perLayer }),
  imageMass: figuresPerHead,
  besideSinks: figuresPerHead,
  centric: figuresPerHead,
  onVisual: figuresPerHead,
  onText: figuresPerHead,
  contribution: object<VarResult['contribution']>({ sinks: perLayer, random: perLayer, others: perLayer }),
  masked: optional(
    list(
      object<MaskedRun>({ name: text, tokens: whole, divergence: figure, probability: figure, leading: text }),
      'a list of runs',
      {
        most: 128,
      },
    ),
  ),
  maskedRandom: optional(
    object<NonNullable<VarResult['maskedRandom']>>({ mean: figure, low: figure, high: figure, draws: whole }),
  ),
  words: optional(
    list(
      object<ComparedToken>({
        id: whole,
        text,
        probability: number,
        after: number,
        instead: text,
        changes: flag,
        seenBefore: figure,
        seenAfter: figure,
        before: figures,
        moved: figures,
      }),
      'a list of words',
      { most: 1024 },
    ),
  ),
  before: optional(figures),
  moved: optional(figures),
  texts: optional(
    list(
      object<NonNullable<VarResult['texts']>[number]>({ name: text, text, words: whole, different: whole }),
      'a list of texts',
      { most: 16 },
    ),
  ),
});
