/**
 * What the heads of a model do on a prompt: as computed, saved and read back (`*.headscope-heads.json`), and printed
 * (`headscope heads`). T tokens, positions from 0, p(i, j) the probability that query i gives key j, natural logarithm. Heads are
 * query heads.
 */
import type { Output, Schema } from '../schema/check';
import * as v from 'valibot';
import { keyBias } from '../interventions/bias';
import { fromBiases, fromGains, gainsIn } from '../interventions/gains';
import { interventionsField } from '../interventions/interventions';
import {
  choosing,
  count,
  ensure,
  exactly,
  fieldsIn,
  figure,
  list,
  listOf,
  longText,
  mostItems,
  number,
  object,
  oneOf,
  optional,
  orNull,
  record,
  recordOf,
  text,
  whole,
  wholeFrom,
  wholeOf,
} from '../schema/fields';
import {
  chatPrompt,
  anySize,
  figurePerHead,
  headGains,
  headOf,
  imageSpan,
  modelSummary,
  parity,
  perHead,
  placeFields,
  provenance,
  sizeFields,
  sizeOf,
  type Size,
} from '../schema/parts';
import { expertLayers } from '../sections/experts';
import { isBase64Of } from '../wire/base64';
import { readoutField } from './readout';
import { headLabels, type headStatisticNames, type PerHead } from './heads';

/** Numbers in all pictures of a file: 1,024 heads of 64 x 64. */
const mostPixels = 1024 * 64 * 64;
/** Keys of a head's last query that a result names. */
const mostTopKeys = 64;

export const label = oneOf(headLabels);

const causalFields = {
  /** On the random sequence named by `on`; NaN where vocabulary or context are too small for one, or all heads are off already. */
  lossChange: figure,
  on: text,
  /** On the prompt itself; absent where it has no token to predict. */
  promptLossChange: optional(figure),
  /** How many of the heads the gains of the run have at 0: their removal is in neither loss. Absent: none. */
  alreadyOff: optional(count),
};

/** Change of the mean loss of the next token, in nats per token, on top of the gains of the run: without the heads less with them. */
const causalChange = object(causalFields);
export type CausalChange = Output<typeof causalChange>;

/** All heads of a label removed at once. */
export const classAblation = object({
  label,
  /** How many heads have it. */
  heads: count,
  ...causalFields,
});
export type ClassAblation = Output<typeof classAblation>;

/** `size` bounds the head that it names, where it is known. */
export const headClass = (size?: Size) =>
  object({
    ...placeFields(size),
    label,
    score: figure,
    /** The same score where the structure that the label needs is absent (shuffled or random tokens). */
    null: object({
      mean: figure,
      sd: figure,
      /** Random sequences that mean and sd were measured on; absent: both follow from a formula. */
      seeds: optional(count),
      /** Used instead of a smaller sd for the confidence; absent: the sd itself was used. */
      floor: optional(number),
    }),
    /**
     * 0..1: the distribution function of (score - null mean) / null sd, normal where the null model is a formula; where it was
     * measured, Student's with seeds - 1 degrees of freedom, the sd widened by sqrt(1 + 1/seeds).
     */
    confidence: figure,
    /** What removing the head (gain 0) does; absent when it was not asked for. */
    causal: optional(causalChange),
  });
export type HeadClass = Output<ReturnType<typeof headClass>>;

/** `table`: of one number for each head. */
export const statisticsOf = (table: Schema<PerHead>) =>
  object({
    /** Mean over i = 1..T-1 of p(i, i-1). */
    previousToken: table,
    /** Mean over i = 1..T-1 of p(i, 0). */
    firstToken: table,
    /** Mean over all i of p(i, i). */
    selfToken: table,
    /** Mean over all i of -sum_j p ln p, in nats. */
    entropy: table,
    /** Mean over all i of sum_j p(i, j) (i - j), in tokens. */
    meanDistance: table,
    /** Mean over all i of the mass on keys i-15..i. */
    localWindow: table,
    /** Mean, over queries whose token occurred before, of the mass on the tokens after its (4 latest) earlier occurrences. */
    induction: table,
    /** The same queries, mass on the earlier occurrences. */
    duplicateToken: table,
  } satisfies Record<(typeof headStatisticNames)[number], Schema<PerHead>>);
export type HeadStatistics = Output<ReturnType<typeof statisticsOf>>;

export const labelScoresOf = (table: Schema<PerHead>) =>
  object({
    score: table,
    nullMean: table,
    nullSd: table,
    /** As `null.seeds` of a label. */
    nullSeeds: optional(count),
    /** Used instead of each sd that is smaller; absent: all were used. */
    nullFloor: optional(number),
    confidence: table,
    /**
     * From which score on the head would have the label, were the score also sure enough: `diagnostics/shared/labels/labels.ts`. NaN
     * where no score would do; absent in older results.
     */
    needed: optional(table),
  });
/** A label's score of every head with its null model, whether it makes a label or not. */
export type LabelScores = Output<ReturnType<typeof labelScoresOf>>;

export const topKeysAmong = (tokens: number) =>
  list(
    object({
      /** Position of its token. */
      key: wholeFrom(0, tokens - 1, `a position from 0 to ${tokens - 1}`),
      /** p(query, key). */
      weight: figure,
    }),
    'a list',
    { most: mostTopKeys },
  );

/** The pictures of the heads as text: little-endian float32, [layers][heads][size][size], as base64. */
function thumbnailsOf({ layers, heads }: Size) {
  const most = Math.floor(Math.sqrt(mostPixels / Math.max(1, layers * heads)));
  return choosing(
    (value) => {
      const numbers = layers * heads * wholeOf(fieldsIn(value)['size']) ** 2;
      return object({
        size: wholeFrom(1, most),
        layers: exactly(layers),
        heads: exactly(heads),
        encoding: exactly('float32-base64'),
        data: v.custom<string>(
          (data) => typeof data === 'string' && isBase64Of(data, 4 * numbers),
          `${numbers} numbers of 4 bytes in base64`,
        ),
      });
    },
    () => [thumbnailFields],
  );
}

const thumbnailFields = object({
  size: count,
  layers: count,
  heads: count,
  encoding: exactly('float32-base64'),
  data: longText,
});

/** Thumbnails of as many heads as they say. */
export const anyThumbnails = ensure(
  thumbnailFields,
  ({ size, layers, heads, data }) => isBase64Of(data, 4 * layers * heads * size ** 2),
  'pictures of 4 bytes a number in base64',
);

export type WrittenThumbnails = Output<typeof thumbnailFields>;

function writtenHeadsOf(size: Size, tokens: number) {
  const table = figurePerHead(size);
  return object(
    {
      ...headOf('headscope-heads', 'saved result of heads'),
      ...provenance,
      model: modelSummary,
      prompt: orNull(text),
      ids: list(wholeFrom(0, 2 ** 31 - 1, 'a token id'), 'a list of token ids', { least: 1 }),
      /** Text of each token, special tokens as they are written. */
      tokens: listOf(tokens, text, 'a list with one text for each id'),
      /** Where the picture stands among the tokens; the group `image` is its tokens. */
      image: optional(imageSpan),
      /** Where the text went through the chat template; absent in older results. */
      chatPrompt: optional(chatPrompt),
      ...sizeFields(size),
      /** The interventions that are gains. */
      gains: headGains(size),
      /** What was changed in the run. */
      interventions: interventionsField,
      statistics: statisticsOf(figurePerHead(size)),
      /** By group name: mean mass on its keys. */
      groups: record(table),
      /** [layers][heads]: what the last query reads most, largest weight first, at most 4 keys; absent in older results. */
      topKeys: optional(perHead(size, topKeysAmong(tokens))),
      classes: list(headClass(size), 'a list', { most: size.layers * size.heads * headLabels.length }),
      /** By label; a label that needs a random sequence is absent where none could be made. Absent in results without labels. */
      labelScores: optional(recordOf(headLabels, labelScoresOf(figurePerHead(size)))),
      /** For layers with routed experts: what their routers did; absent in models without them. */
      experts: optional(expertLayers),
      /** With the causal check only. */
      classAblations: optional(list(classAblation, 'a list', { most: headLabels.length })),
      /** For a classifier or an embedding model: what it says of the prompt; absent of others, and in older results. */
      readout: optional(readoutField),
      parity,
      seconds: number,
      thumbnails: optional(thumbnailsOf(size)),
    },
    'a JSON object',
  );
}

export type WrittenHeads = Output<ReturnType<typeof writtenHeadsOf>>;
export type HeadsResult = Omit<WrittenHeads, 'thumbnails'>;
export type TopKey = NonNullable<HeadsResult['topKeys']>[number][number][number];

/** The tables are held against the size that the file itself says. */
export const writtenHeads: Schema<WrittenHeads> = v.pipe(
  v.unknown(),
  v.transform(withInterventions),
  choosing(
    (value) => {
      const { ids } = fieldsIn(value);
      return writtenHeadsOf(sizeOf(value), Array.isArray(ids) ? ids.length : 0);
    },
    () => [writtenHeadsOf(anySize, mostItems)],
  ),
);

const earlierGains = list(object({ layer: whole, head: whole, gain: number }));
const earlierBiases = list(keyBias);

/** Earlier results have `gains`, and biases among their settings; the command line leaves `gains` out where there is more. */
function withInterventions(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { interventions, gains, settings } = value as Readonly<Record<string, unknown>>;
  if (interventions !== undefined) {
    const now = v.safeParse(interventionsField, interventions);
    return now.success ? { ...value, gains: gainsIn(now.output) } : value;
  }
  const before = v.safeParse(earlierGains, gains);
  if (!before.success) return value;
  const biases = v.safeParse(earlierBiases, fieldsIn(settings)['biases']);
  return {
    ...value,
    interventions: [...fromGains(before.output), ...(biases.success ? fromBiases(biases.output) : [])],
  };
}
