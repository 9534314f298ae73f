/** Saved results of a vision-language model, `*.headscope-hallucination.json`, of one picture or of a set, as they are read back. */
import type { Schema } from '../schema/check';
import {
  choosing,
  byKind,
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
  wholes,
  type Fields,
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
import type {
  Caption,
  CaptionScore,
  CaptionSetScore,
  CaptionToken,
  DatasetEntry,
  DivergenceStep,
  HallucinationResult,
  HallucinationSet,
  ImageSinks,
  ObjectMention,
  PairedChange,
  PictureSample,
  ShareChange,
  TruthLabels,
  TVhdSeparation,
} from './hallucination';
import {
  outlierRules,
  reinforcedHeads,
  reinforcementExecutors,
  removedPositions,
  vhdDistances,
  type Reinforcement,
  type Removed,
} from '../interventions/reinforcement';

export type SavedHallucination = HallucinationResult | HallucinationSet;

/** Captions of more tokens, results of more captions, sets of more pictures are no result that can be drawn. */
const ofTokens = { most: 65_536 };
const ofCaptions = { most: 1000 };
const ofPictures = { most: 100_000 };

export const layerList = list(whole, 'a list of layers', { most: mostLayers });

export const reinforcementFields: Fields<Reinforcement> = {
  alpha: number,
  layers: layerList,
  distance: oneOf(vhdDistances),
  outliers: oneOf(outlierRules),
  positions: oneOf(removedPositions),
  heads: oneOf(reinforcedHeads),
  normMatched: flag,
  executor: oneOf(reinforcementExecutors),
  seed: number,
};

const reinforcement = object<Reinforcement>(reinforcementFields);

export const captionToken = object<CaptionToken>({
  id: whole,
  text,
  probability: figure,
  tVhd: figure,
  visualAttention: figure,
});

const mention = object<ObjectMention>({
  start: whole,
  end: whole,
  word: text,
  object: text,
  inTruth: optional(flag),
});

const captionScore = object<CaptionScore>({
  length: whole,
  mentions: whole,
  hallucinated: whole,
  chairI: orNull(number),
  recall: orNull(number),
});

/** `size`: of the tables of its heads; a set does not say it, and has none. */
const captionOf = (size?: Size): Schema<Caption> =>
  object<Caption>({
    reinforcement: orNull(reinforcement),
    text,
    tokens: list(captionToken, 'a list', ofTokens),
    mentions: list(mention, 'a list', ofTokens),
    score: optional(captionScore),
    stoppedAt: optional(whole),
    broken: optional(text),
    reinforced: optional(
      size
        ? flagPerHead(size)
        : list(list(flag, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers }),
    ),
    gains: optional(headGains(size)),
  });

export const truthLabels = object<TruthLabels>({ total: whole, unknown: whole, names: texts });

/** What both kinds say of how they were measured. */
export const measureFields = {
  model: modelSummary,
  prompt: orNull(text),
  chatPrompt: optional(chatPrompt),
  distance: oneOf(vhdDistances),
  outliers: oneOf(outlierRules),
  positions: oneOf(removedPositions),
  k: count,
  truthLabels: optional(truthLabels),
  seconds: number,
} satisfies Partial<Fields<HallucinationResult>>;

export const removedPart: Schema<Removed> = byKind<Removed>({ image: {}, span: { start: whole, end: whole } });

export const imageSinks = object<ImageSinks>({
  notApplicable: optional(text),
  dimensions: wholes,
  threshold: figure,
  tokens: list(
    object<ImageSinks['tokens'][number]>({ token: whole, phi: figure, layers: layerList }),
    'a list',
    ofTokens,
  ),
});

function resultOf(size: Size): Schema<HallucinationResult> {
  const table = figurePerHead(size);
  const flags = flagPerHead(size);
  const caption = captionOf(size);
  const tables = { vhd: table, textEnergy: table, outlier: flags, selected: flags, visualAttention: table };
  return object<HallucinationResult>(
    {
      ...headOf('headscope-hallucination', 'saved result of a picture'),
      ...provenance,
      parity: optional(parity),
      ...measureFields,
      promptIds: wholes,
      promptTokens: texts,
      image: optional(imageSpan),
      removed: removedPart,
      ...sizeFields(size),
      ...tables,
      steps: optional(list(object<DivergenceStep>({ step: whole, ...tables }), 'a list', ofTokens)),
      caption,
      variants: list(caption, 'a list', ofCaptions),
      sinks: optional(imageSinks),
      truth: optional(list(text, 'a list of objects')),
      references: optional(list(text, 'a list of captions')),
    },
    'a JSON object',
  );
}

export const setScore = object<CaptionSetScore>({
  captions: whole,
  unfinished: optional(whole),
  mentions: whole,
  chairS: orNull(number),
  chairI: orNull(number),
  recall: orNull(number),
  precision: orNull(number),
  f1: orNull(number),
  length: orNull(number),
});

export const shareChange = orNull(object<ShareChange>({ difference: number, low: number, high: number }));

const change = object<PairedChange>({
  pictures: whole,
  onlyPlain: whole,
  onlyReinforced: whole,
  chairS: shareChange,
  chairI: shareChange,
  recall: shareChange,
});

const separation = object<TVhdSeparation>({
  hallucinated: numbers,
  truthful: numbers,
  histogram: object<TVhdSeparation['histogram']>({
    from: number,
    to: number,
    hallucinated: list(whole, 'a list of counts', ofCaptions),
    truthful: list(whole, 'a list of counts', ofCaptions),
  }),
  auroc: orNull(number),
});

const captionOfSet = captionOf();

/** What is known of the pictures of a set. */
export const captionedPictures = {
  entries: list(
    object<DatasetEntry>({
      name: text,
      truth: list(text, 'a list of objects'),
      plain: captionOfSet,
      variants: list(captionOfSet, 'a list', ofCaptions),
    }),
    'a list',
    ofPictures,
  ),
  failures: list(object<HallucinationSet['failures'][number]>({ name: text, why: text }), 'a list', ofPictures),
  plain: setScore,
  variants: list(
    object<HallucinationSet['variants'][number]>({ reinforcement, score: setScore, change: optional(change) }),
    'a list',
    ofCaptions,
  ),
  sample: optional(object<PictureSample>({ count: whole, seed: whole, of: whole })),
  separation,
  total: whole,
} satisfies Partial<Fields<HallucinationSet>>;

const set = object<HallucinationSet>(
  {
    ...headOf('headscope-hallucination-set', 'saved set of captions'),
    ...provenance,
    parity: optional(parity),
    ...measureFields,
    ...captionedPictures,
    state: oneOf(['done', 'cancelled']),
  },
  'a JSON object',
);

/** The tables are held against the size that the file itself says. */
export const savedHallucination: Schema<SavedHallucination> = choosing<SavedHallucination>(
  (value) => (fieldsIn(value)['kind'] === 'headscope-hallucination-set' ? set : resultOf(sizeOf(value))),
  () => [resultOf(anySize), set],
);
