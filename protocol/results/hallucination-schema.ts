/**
 * Which heads of a vision-language model look at the image, which generated words lean on the language prior, and what
 * reinforcement changes, of one picture or of a set: as computed, saved (`*.headscope-hallucination.json`) and read back, and
 * printed (`headscope vhd`). Heads are query heads. Definitions: arXiv 2412.13949 (VHD eq. 4, T-VHD eq. 5, outliers eq. 6, head set
 * eq. 7).
 */
import type { Output, Schema } from '../schema/check';
import {
  choosing,
  count,
  fieldsIn,
  figure,
  flag,
  list,
  number,
  numbers,
  object,
  oneOf,
  optional,
  orNull,
  text,
  texts,
  whole,
  wholeFrom,
  wholes,
} from '../schema/fields';
import {
  chatPrompt,
  figurePerHead,
  anySize,
  flagPerHead,
  headGains,
  headOf,
  imageSpan,
  modelSummary,
  mostHeads,
  mostLayers,
  parity,
  provenance,
  sizeFields,
  sizeOf,
  type Size,
} from '../schema/parts';
import {
  layerList,
  outlierRules,
  reinforcement,
  removedPart,
  removedPositions,
  vhdDistances,
} from '../interventions/reinforcement';

export type SavedHallucination = HallucinationResult | HallucinationSet;

/** Captions of more tokens, results of more captions, sets of more pictures are no result that can be drawn. */
const ofTokens = { most: 65_536 };
const ofCaptions = { most: 1000 };
const ofPictures = { most: 100_000 };

export const captionToken = object({
  id: whole,
  /** The texts of all tokens joined are the caption. */
  text,
  probability: figure,
  /** Sum over all layers of the k largest divergences of the step that made the token. */
  tVhd: figure,
  /** Mass of the query that made the token on what the second pass lacks, mean over layers and heads. */
  visualAttention: figure,
});
export type CaptionToken = Output<typeof captionToken>;

/** A word, or two, of the lexicon: characters [start, end) of the caption. */
export const mention = object({
  start: whole,
  end: whole,
  word: text,
  /** The lexicon's name of the object. */
  object: text,
  /** Whether the truth holds the object; absent without a truth. */
  inTruth: optional(flag),
});
export type ObjectMention = Output<typeof mention>;

export const captionScore = object({
  /** Words. */
  length: whole,
  mentions: whole,
  hallucinated: whole,
  /** hallucinated / mentions; null without a mention. */
  chairI: orNull(number),
  /** Distinct true objects mentioned / objects of the truth; null without a truth object. */
  recall: orNull(number),
});
export type CaptionScore = Output<typeof captionScore>;

/** `size`: of the tables of its heads; a set does not say it, and has none. */
const captionOf = (size?: Size) =>
  object({
    /** Null: the plain model. */
    reinforcement: orNull(reinforcement),
    text,
    tokens: list(captionToken, 'a list', ofTokens),
    mentions: list(mention, 'a list', ofTokens),
    /** With a truth only. */
    score: optional(captionScore),
    /**
     * The caption was cut after so many tokens, by the limit of the run or the end of the context, and would have gone on;
     * absent: it ended by itself.
     */
    stoppedAt: optional(whole),
    /** What is wrong with the text (it repeats itself), as a sentence. */
    broken: optional(text),
    /** Heads that were chosen, false in layers that are not reinforced; absent for the plain model. */
    reinforced: optional(
      size
        ? flagPerHead(size)
        : list(list(flag, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers }),
    ),
    /** Factors held from the prompt on: the chosen heads', and in the controls those of others; absent for the plain model. */
    gains: optional(headGains(size)),
  });
export type Caption = Output<ReturnType<typeof captionOf>>;

/** Labels of the truth, each once an image. A label that the lexicon does not know names nothing that a caption could say. */
export const truthLabels = object({
  total: whole,
  unknown: whole,
  /** The unknown ones, each once. */
  names: texts,
});
export type TruthLabels = Output<typeof truthLabels>;

/** What both kinds say of how they were measured. */
export const measureFields = {
  model: modelSummary,
  /** Null where token ids were given. */
  prompt: orNull(text),
  /** Where the text went through the chat template; absent in results of earlier versions. */
  chatPrompt: optional(chatPrompt),
  distance: oneOf(vhdDistances),
  outliers: oneOf(outlierRules),
  positions: oneOf(removedPositions),
  k: count,
  /** Which labels of the truth the lexicon does not know; absent in results of earlier versions. */
  truthLabels: optional(truthLabels),
  seconds: number,
};

/** Image tokens that draw attention whatever the text says; arXiv 2503.03321, phi(x) = max over the dimensions of |x_d| / RMS(x). */
export const imageSinks = object({
  /** Why no sink can be detected in this model, as a sentence; absent where the rule applies. */
  notApplicable: optional(text),
  /** Those in which the first token of the text (BOS, where there is one) is massive in most layers from the third on. */
  dimensions: wholes,
  threshold: figure,
  tokens: list(
    object({
      /** Among the image tokens, from 0. */
      token: whole,
      /** Largest over the layers. */
      phi: figure,
      /** Layers whose input passes the threshold. */
      layers: layerList,
    }),
    'a list',
    ofTokens,
  ),
});
export type ImageSinks = Output<typeof imageSinks>;

function resultOf(size: Size) {
  const table = figurePerHead(size);
  const flags = flagPerHead(size);
  const caption = captionOf(size);
  /** Tables of one generation step, [layers][heads]; those of the result are of the step of the first token. */
  const tables = {
    /** In units of the distance, before outliers are set to 0. */
    vhd: table,
    /** Squared norm of the head's output in the second pass. */
    textEnergy: table,
    outlier: flags,
    /** Above the lower median of the layer, outliers set to 0. */
    selected: flags,
    /** Mass of the step's query on what the second pass lacks: the image tokens, or the removed span. */
    visualAttention: table,
  };
  return object(
    {
      ...headOf('headscope-hallucination', 'saved result of a picture'),
      ...provenance,
      /** The instrumented run against the plain model, on the first prompt; absent where nothing ran, and in earlier versions. */
      parity: optional(parity),
      ...measureFields,
      /** The ids of the sequence with its image tokens. */
      promptIds: list(wholeFrom(0, 2 ** 31 - 1, 'a token id'), 'a list of token ids'),
      /** One text for each row outside the image, in order. */
      promptTokens: texts,
      /** Absent where a span of text is removed. */
      image: optional(imageSpan),
      removed: removedPart,
      ...sizeFields(size),
      ...tables,
      /** Every step with its tables, where all were asked for. */
      steps: optional(
        list(
          object({
            /** Tokens generated before. */
            step: whole,
            ...tables,
          }),
          'a list',
          ofTokens,
        ),
      ),
      caption,
      /** Reinforced captions and their controls, as they were made. */
      variants: list(caption, 'a list', ofCaptions),
      sinks: optional(imageSinks),
      /** Objects in the picture, as given. */
      truth: optional(list(text, 'a list of objects')),
      /** Captions of the picture by people; the objects that they name are in it too. Absent where there are none. */
      references: optional(list(text, 'a list of captions')),
    },
    'a JSON object',
  );
}
export type HallucinationResult = Output<ReturnType<typeof resultOf>>;
export type DivergenceStep = NonNullable<HallucinationResult['steps']>[number];

/** CHAIR of a set of captions (Rohrbach et al. 2018) and what must stand beside it; null where there is nothing to divide by. */
export const setScore = object({
  captions: whole,
  /** Captions that were cut before their end, scored as far as they go; absent in results of earlier versions. */
  unfinished: optional(whole),
  /** Object mentions, repeats counted. */
  mentions: whole,
  /** Captions with a hallucinated object / captions. */
  chairS: orNull(number),
  /** Hallucinated mentions / mentions, pooled. */
  chairI: orNull(number),
  /** Distinct true objects mentioned / objects of the truth, pooled. */
  recall: orNull(number),
  /** Distinct true objects mentioned / distinct objects mentioned, pooled. */
  precision: orNull(number),
  /** Harmonic mean of precision and recall. */
  f1: orNull(number),
  /** Words per caption. */
  length: orNull(number),
});
export type CaptionSetScore = Output<typeof setScore>;

/** By how much a share of the reinforced captions is above that of the plain ones, with its 95 % interval. */
const shareChangeSchema = object({ difference: number, low: number, high: number });
export type ShareChange = Output<typeof shareChangeSchema>;

export const shareChange = orNull(shareChangeSchema);

/**
 * What a reinforcement changed on the same pictures (`diagnostics/shared/captions/paired-change.ts` defines the intervals);
 * null where one of the two shares has nothing to divide by, or the pictures are too few for an interval.
 */
const change = object({
  /** With a caption of both kinds. */
  pictures: whole,
  /** Pictures of which only the plain caption, or only the reinforced one, names an object that is not there. */
  onlyPlain: whole,
  onlyReinforced: whole,
  chairS: shareChange,
  chairI: shareChange,
  recall: shareChange,
});

/** T-VHD of the tokens that begin an object word of the plain captions, apart by truth. */
const separation = object({
  hallucinated: numbers,
  truthful: numbers,
  /** Counts of both in the same equal steps from `from` to `to`, the last with its end. */
  histogram: object({
    from: number,
    to: number,
    hallucinated: list(whole, 'a list of counts', ofCaptions),
    truthful: list(whole, 'a list of counts', ofCaptions),
  }),
  /** Chance that a hallucinated word lies below a true one, ties half; null when one of the two is empty. */
  auroc: orNull(number),
});
export type TVhdSeparation = Output<typeof separation>;

const captionOfSet = captionOf();

const datasetEntry = object({
  name: text,
  /** Classes of the lexicon that the image has, by its labels and by captions of people. */
  truth: list(text, 'a list of objects'),
  plain: captionOfSet,
  /** In the order of the reinforcements that were asked for. */
  variants: list(captionOfSet, 'a list', ofCaptions),
});
export type DatasetEntry = Output<typeof datasetEntry>;

/** Pictures that were drawn from a folder. */
export const pictureSample = object({
  /** Asked for; a folder with no more gives all it has. */
  count: whole,
  seed: whole,
  /** Pictures with a truth that the folder held. */
  of: whole,
});
export type PictureSample = Output<typeof pictureSample>;

/** What is known of the pictures of a set. */
export const captionedPictures = {
  entries: list(datasetEntry, 'a list', ofPictures),
  failures: list(object({ name: text, why: text }), 'a list', ofPictures),
  plain: setScore,
  variants: list(
    object({
      reinforcement,
      score: setScore,
      /** From the plain captions; absent in results of earlier versions. */
      change: optional(change),
    }),
    'a list',
    ofCaptions,
  ),
  /** Absent where all pictures were asked for, and in results of earlier versions. */
  sample: optional(pictureSample),
  separation,
  /** Images that were asked for; more than the entries when the run was stopped. */
  total: whole,
};

/** Images with their truth, captioned. */
const set = object(
  {
    ...headOf('headscope-hallucination-set', 'saved set of captions'),
    ...provenance,
    /** The instrumented run against the plain model, on the first prompt; absent where nothing ran, and in earlier versions. */
    parity: optional(parity),
    ...measureFields,
    ...captionedPictures,
    state: oneOf(['done', 'cancelled']),
  },
  'a JSON object',
);
export type HallucinationSet = Output<typeof set>;

/** The tables are held against the size that the file itself says. */
export const savedHallucination: Schema<SavedHallucination> = choosing<SavedHallucination>(
  (value) => (fieldsIn(value)['kind'] === 'headscope-hallucination-set' ? set : resultOf(sizeOf(value))),
  () => [resultOf(anySize), set],
);
