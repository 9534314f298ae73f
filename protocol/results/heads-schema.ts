/** A saved result of heads, `*.headscope-heads.json`, as it is read back. */
import * as v from 'valibot';
import { fromBiases, fromGains, gainsIn, type KeyBias } from '../interventions/gains';
import { interventionsField } from '../interventions/interventions';
import type { Schema } from '../schema/check';
import {
  choosing,
  count,
  exactly,
  fieldsIn,
  figure,
  filledText,
  list,
  listOf,
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
  type Fields,
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
  type HeadGain,
} from '../schema/parts';
import {
  headLabels,
  type CausalChange,
  type ClassAblation,
  type HeadClass,
  type HeadsResult,
  type HeadStatistics,
  type LabelScores,
  type PerHead,
  type TopKey,
} from './heads';

/** The pictures of the heads as text: little-endian float32, [layers][heads][size][size], as base64. */
export interface WrittenThumbnails {
  readonly size: number;
  readonly layers: number;
  readonly heads: number;
  readonly encoding: 'float32-base64';
  readonly data: string;
}

export type WrittenHeads = HeadsResult & { readonly thumbnails?: WrittenThumbnails };

/** Numbers in all pictures of a file: 1,024 heads of 64 x 64. */
const mostPixels = 1024 * 64 * 64;
/** Keys of a head's last query that a result names. */
const mostTopKeys = 64;

export const label = oneOf(headLabels);

export const causalChange: Fields<CausalChange> = {
  lossChange: figure,
  on: text,
  promptLossChange: optional(figure),
  alreadyOff: optional(count),
};

/** `size` bounds the head that it names, where it is known. */
export const headClass = (size?: Size): Schema<HeadClass> =>
  object<HeadClass>({
    ...placeFields(size),
    label,
    score: figure,
    null: object<HeadClass['null']>({
      mean: figure,
      sd: figure,
      seeds: optional(count),
      floor: optional(number),
    }),
    confidence: figure,
    causal: optional(object<CausalChange>(causalChange)),
  });

/** `table`: of one number for each head. */
export const statisticsOf = (table: Schema<PerHead>): Schema<HeadStatistics> =>
  object<HeadStatistics>({
    previousToken: table,
    firstToken: table,
    selfToken: table,
    entropy: table,
    meanDistance: table,
    localWindow: table,
    induction: table,
    duplicateToken: table,
  });

export const labelScoresOf = (table: Schema<PerHead>): Schema<LabelScores> =>
  object<LabelScores>({
    score: table,
    nullMean: table,
    nullSd: table,
    nullSeeds: optional(count),
    nullFloor: optional(number),
    confidence: table,
    needed: optional(table),
  });

const topKeysOf = (size: Size, tokens: number): Schema<NonNullable<HeadsResult['topKeys']>> =>
  perHead(
    size,
    list(
      object<TopKey>({ key: wholeFrom(0, tokens - 1, `a position from 0 to ${tokens - 1}`), weight: figure }),
      'a list',
      { most: mostTopKeys },
    ),
  );

function thumbnailsOf({ layers, heads }: Size): Schema<WrittenThumbnails> {
  const most = Math.floor(Math.sqrt(mostPixels / Math.max(1, layers * heads)));
  return choosing(
    (value) => {
      const numbers = layers * heads * wholeOf(fieldsIn(value)['size']) ** 2;
      return object<WrittenThumbnails>({
        size: wholeFrom(1, most),
        layers: exactly(layers),
        heads: exactly(heads),
        encoding: exactly('float32-base64'),
        data: v.custom<string>((data) => isBase64(data, 4 * numbers), `${numbers} numbers of 4 bytes in base64`),
      });
    },
    () => [
      object<WrittenThumbnails>({
        size: count,
        layers: count,
        heads: count,
        encoding: exactly('float32-base64'),
        data: filledText,
      }),
    ],
  );
}

const isBase64 = (data: unknown, bytes: number): boolean =>
  typeof data === 'string' && data.length === 4 * Math.ceil(bytes / 3) && /^[A-Za-z0-9+/]*={0,2}$/.test(data);

function writtenHeadsOf(size: Size, tokens: number): Schema<WrittenHeads> {
  const table = figurePerHead(size);
  return object<WrittenHeads>(
    {
      ...headOf('headscope-heads', 'saved result of heads'),
      ...provenance,
      model: modelSummary,
      prompt: orNull(text),
      ids: list(whole, 'a list of token ids'),
      tokens: listOf(tokens, text, 'a list with one text for each id'),
      image: optional(imageSpan),
      chatPrompt: optional(chatPrompt),
      ...sizeFields(size),
      gains: headGains(size),
      interventions: interventionsField,
      statistics: statisticsOf(figurePerHead(size)),
      groups: record(table),
      topKeys: optional(topKeysOf(size, tokens)),
      classes: list(headClass(size), 'a list', { most: size.layers * size.heads * headLabels.length }),
      labelScores: optional(recordOf(headLabels, labelScoresOf(figurePerHead(size)))),
      classAblations: optional(
        list(object<ClassAblation>({ label, heads: count, ...causalChange }), 'a list', { most: headLabels.length }),
      ),
      parity,
      seconds: number,
      thumbnails: optional(thumbnailsOf(size)),
    },
    'a JSON object',
  );
}

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

const earlierGains: Schema<readonly HeadGain[]> = list(object<HeadGain>({ layer: whole, head: whole, gain: number }));
const earlierBiases: Schema<readonly KeyBias[]> = list(
  object<KeyBias>({ layer: whole, head: whole, start: whole, end: whole, bias: number }),
);

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
