import type { Output } from '../../../protocol/schema/check';
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
import { receivers } from './parameters';

/** Tokens whose maps are kept: a picture may have thousands of tokens. */
export const mostMaps = 60;

const figures = list(figure, 'a list of numbers', { most: 65_536 });
const perLayer = list(figure, 'a list of layers', { most: mostLayers });
const byToken = list(figures, 'a list of layers', { most: mostLayers });

const maskedRun = object({
  name: text,
  /** Masked tokens, summed over the layers. */
  tokens: whole,
  /** Nats: Kullback-Leibler, of the distribution with the tokens masked from that of the plain model. */
  divergence: figure,
  /** Probability of the token that is most probable in the plain run. */
  probability: figure,
  /** Most probable now. */
  leading: text,
});
export type MaskedRun = Output<typeof maskedRun>;

/** A token of the plain text, and what the redistributed model does behind the same text. */
const comparedToken = object({
  id: whole,
  text,
  /** Under the model that wrote it. */
  probability: number,
  /** Its probability there. */
  after: number,
  /** The most probable token there. */
  instead: text,
  changes: flag,
  /** Attention on the picture, mean over heads of the layers in which attention is moved: plain, and redistributed. */
  seenBefore: figure,
  seenAfter: figure,
  /** By image token; empty behind the first `mostMaps` tokens. */
  before: figures,
  moved: figures,
});
export type ComparedToken = Output<typeof comparedToken>;

export const varResult = object({
  width: whole,
  tau: number,
  scaled: flag,
  least: number,
  ratio: number,
  share: number,
  to: oneOf(receivers),
  /** In which attention is moved. */
  layers: wholes,
  /** The tokens of the prompt. */
  tokens: list(text, 'a list of tokens', { most: 65_536 }),
  /** Rows of the sequence in the order of `phi`. */
  seen: wholes,
  /** As an intervention names it; absent: the picture. */
  region: optional(text),
  image: optional(imageSpan),
  /** The row whose state shows the massive dimensions. */
  first: whole,
  /** By dimension: what |x_d| / RMS(x) of that row reaches in more than half of the layers. */
  profile: figures,
  dimensions: wholes,
  /** Layers that were looked at so far; arrays by layer are as long. */
  phi: byToken,
  /** Mean attention of the rows behind the picture, mean over heads, [layers][image tokens]. */
  attention: byToken,
  /** Places among the image tokens, by layer. */
  sinks: list(wholes, 'a list of layers', { most: mostLayers }),
  textSinks: list(
    object({
      position: whole,
      token: text,
      /** The largest over layers. */
      phi: number,
      layers: wholes,
    }),
    'a list of tokens',
    { most: 65_536 },
  ),
  counts: object({
    visual: perLayer,
    text: perLayer,
    byAttention: perLayer,
    both: perLayer,
    /** Share of the union of both kinds that is in both. */
    overlap: perLayer,
  }),
  /** Mean over heads and the rows behind the picture. */
  mass: object({ visual: perLayer, text: perLayer, others: perLayer }),
  /** Attention of the last row on the picture or span. */
  imageMass: figuresPerHead,
  /** The same on its tokens that are no sinks. */
  besideSinks: figuresPerHead,
  /** Share of the rows behind the picture that is image-centric. */
  centric: figuresPerHead,
  onVisual: figuresPerHead,
  onText: figuresPerHead,
  /** Mean |a_ij v_j W_O|. */
  contribution: object({ sinks: perLayer, random: perLayer, others: perLayer }),
  /** `sinks`, each draw, `all`; absent where no token is a sink. */
  masked: optional(
    list(maskedRun, 'a list of runs', {
      most: 128,
    }),
  ),
  /** Means over the draws, and their smallest and largest. */
  maskedRandom: optional(object({ mean: figure, low: figure, high: figure, draws: whole })),
  words: optional(list(comparedToken, 'a list of words', { most: 1024 })),
  /** Means over the words. */
  before: optional(figures),
  moved: optional(figures),
  texts: optional(list(object({ name: text, text, words: whole, different: whole }), 'a list of texts', { most: 16 })),
});
export type VarResult = Output<typeof varResult>;
