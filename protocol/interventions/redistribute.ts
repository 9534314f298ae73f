import type { Output, Schema } from '../schema/check';
import { byKind, either, exactly, list, numberFrom, object, oneOf, optional, wholeFrom } from '../schema/fields';
import type { InterventionKind } from './kind';
import { regionField, regionOf, regionText, type Region } from './regions';
import { settingsOf } from './settings';
import { decimal } from '../schema/written-form';
import { whichHeadsField, whichHeadsOf, whichHeadsText } from './which';

/** All other keys; keys behind the image; or these and the image; or named ones. Sources are never among them. */
type Receivers = 'rest' | 'text' | 'image+text' | Region;

/** The values that the papers use. */
export const usualAlpha = 5;
export const usualTau = 20;
export const mostDimensions = 64;

const fraction = numberFrom(0, 1);
const positive = numberFrom(0, 1e6);

/**
 * Keys that attention is taken from.
 *
 * `columns` (ACT, arXiv:2406.15765): column strength c_k = sum over queries q >= k of A_qk, divided by the number of these queries,
 * n - k. Sources are the keys with c_k > alpha / n, or c_k > strength where that is given. Never the first key; nor a key that fewer
 * than 2 n / alpha (2 / strength) queries read: the mean over a few rows is large for any head that looks near itself.
 *
 * `states` (VAR, arXiv:2503.03321): keys whose hidden state x, as it enters the layer, has a value |x_d| / RMS(x) > tau in one of the
 * dimensions d. Dimensions absent: those in which the first token has it in more than half of the layers from the third on.
 *
 * Both are decided when the prompt has been read, and are the same while tokens are generated.
 */
const sourcesField = byKind({
  positions: { region: regionField },
  columns: { alpha: optional(positive), strength: optional(fraction) },
  states: {
    tau: positive,
    dimensions: optional(list(wholeFrom(0, 1 << 24), 'a list of dimensions', { least: 1, most: mostDimensions })),
  },
});
export type Sources = Output<typeof sourcesField>;

const receiversField: Schema<Receivers> = either(
  oneOf(['rest', 'text', 'image+text'] as const),
  regionField,
  '"rest", "text", "image+text" or a list of ranges and rectangles',
);

const names = ['alpha', 'strength', 'tau', 'dimensions', 'rows', 'region', 'least', 'ratio'] as const;
type Name = (typeof names)[number];

const redistributeSchema = object({
  kind: exactly('redistribute'),
  heads: whichHeadsField,
  from: sourcesField,
  to: receiversField,
  /** The share of the attention on the sources that is moved, 0 to 1. */
  share: fraction,
  /** Absent: every row. `after`: rows behind the region. */
  rows: optional(exactly('after')),
  /** What `rows`, `least` and `ratio` speak of; absent: the image. */
  region: optional(regionField),
  /** A row of a head moves nothing unless it gives the region this much. */
  least: optional(fraction),
  /** Nor unless this share of that goes to keys that are no source. */
  ratio: optional(fraction),
});
export type Redistribute = Output<typeof redistributeSchema>;

export const redistribute: InterventionKind<Redistribute> = {
  kind: 'redistribute',
  name: 'redistributed attention',
  meaning:
    'Takes a share of the attention that each row gives to some keys (named ones, or attention sinks that the run itself finds) and gives it to others, in proportion to what they have; rows still sum to 1.',
  form: 'redistribute:HEADS:FROM>TO=SHARE[;OPTION=VALUE]',
  example: 'redistribute:*.*:columns>rest=0.6;alpha=5',
  parameters: [
    { name: 'heads', takes: 'query heads (`2.5`, `2.*`, `*.*`), separated by commas', meaning: 'the heads' },
    {
      name: 'from',
      takes:
        '`columns`, `states`, or positions (`3-9`), rectangles of patches (`0-3x2-5`), `image`, separated by commas',
      meaning: 'whose attention is taken: keys of a large column strength, of a massive hidden state, or named ones',
    },
    {
      name: 'to',
      takes: '`rest`, `text`, `image+text`, or positions as above',
      meaning: 'who gets it: all others, what stands behind the image, and so on; never a source',
    },
    { name: 'share', takes: 'a number from 0 to 1', meaning: 'how much of it is moved; 0 changes nothing' },
    { name: 'alpha', takes: 'a number (5)', meaning: 'of columns: a strength above alpha / n' },
    {
      name: 'strength',
      takes: 'a number from 0 to 1',
      meaning: 'of columns, instead of alpha: the least strength itself',
    },
    { name: 'tau', takes: 'a number (20)', meaning: 'of states: how many times its RMS a value must be' },
    {
      name: 'dimensions',
      takes: 'dimensions of the hidden state, joined by `+`; absent: found at the first token',
      meaning: 'of states: where massive values stand',
    },
    { name: 'rows', takes: '`after`; absent: all', meaning: 'only queries behind the region' },
    { name: 'region', takes: 'positions as above; absent: the image', meaning: 'what rows, least and ratio speak of' },
    { name: 'least', takes: 'a number from 0 to 1', meaning: 'rows that give the region less are left alone' },
    {
      name: 'ratio',
      takes: 'a number from 0 to 1',
      meaning: 'rows that give less than this share of it to keys that are no source are left alone',
    },
  ],
  schema: redistributeSchema,
  parse(text) {
    const at = text.indexOf(';');
    const first = at < 0 ? text : text.slice(0, at);
    const [, heads, from, to, amount] = /^([^:]*):([^>]*)>([^=]*)=(.*)$/.exec(first) ?? [];
    const given: Given | undefined = at < 0 ? {} : settingsOf(text.slice(at + 1), names, ';');
    const which = whichHeadsOf(heads ?? '');
    const sources = given && sourcesOf((from ?? '').trim(), given);
    const receivers = receiversOf((to ?? '').trim());
    const share = decimal(amount ?? '');
    const [least, ratio] = [numberIn(given?.least), numberIn(given?.ratio)];
    const region = given?.region === undefined ? undefined : regionOf(given.region);
    if (!given || !which || !sources || !receivers || share === undefined) return undefined;
    if (least === null || ratio === null || (given.region !== undefined && !region)) return undefined;
    if (given.rows !== undefined && given.rows !== 'after') return undefined;
    return {
      kind: 'redistribute',
      heads: which,
      from: sources,
      to: receivers,
      share,
      ...(given.rows === undefined ? {} : { rows: given.rows }),
      ...(region ? { region } : {}),
      ...(least === undefined ? {} : { least }),
      ...(ratio === undefined ? {} : { ratio }),
    };
  },
  print({ heads, from, to, share, rows, region, least, ratio }) {
    const options: Partial<Record<Name, string | number | undefined>> = {
      ...(from.kind === 'columns' ? { alpha: from.alpha, strength: from.strength } : {}),
      ...(from.kind === 'states' ? { tau: from.tau, dimensions: from.dimensions?.join('+') } : {}),
      rows,
      region: region && regionText(region),
      least,
      ratio,
    };
    const written = names.flatMap((name) => (options[name] === undefined ? [] : [`;${name}=${options[name]}`]));
    return `${whichHeadsText(heads)}:${sourcesText(from)}>${receiversText(to)}=${share}${written.join('')}`;
  },
  words: ({ heads, from, to, share }) =>
    `${whichHeadsText(heads)} moves ${share} of the attention on ${sourcesWords(from)} to ${receiversWords(to)}`,
  sentence: ({ heads, from, to, share, least, ratio, region }) =>
    `The heads ${whichHeadsText(heads)} move ${share} of the attention on ${sourcesWords(from)} to ${receiversWords(to)}, in proportion${
      least === undefined && ratio === undefined
        ? ''
        : `, in rows that give ${region ? regionText(region) : 'the image'} ${[
            ...(least === undefined ? [] : [`at least ${least}`]),
            ...(ratio === undefined ? [] : [`a share of at least ${ratio} beside the sources`]),
          ].join(' and ')}`
    }.`,
  neutral: ({ share }) => share === 0,
  anywhere: ({ from, to, rows, region, least, ratio }) =>
    from.kind !== 'positions' && to === 'rest' && [rows, region, least, ratio].every((given) => given === undefined),
};

const sourcesText = (from: Sources): string => (from.kind === 'positions' ? regionText(from.region) : from.kind);
const receiversText = (to: Receivers): string => (typeof to === 'string' ? to : regionText(to));

const sourcesWords = (from: Sources): string =>
  from.kind === 'positions'
    ? regionText(from.region)
    : from.kind === 'columns'
      ? `sinks (column strength above ${from.strength ?? `${from.alpha ?? usualAlpha} / n`})`
      : `sinks (hidden states above ${from.tau} times their RMS)`;

const receiversWords = (to: Receivers): string =>
  to === 'rest' ? 'all other keys' : to === 'text' ? 'the text behind the image' : receiversText(to);

const receiversOf = (text: string): Receivers | undefined =>
  text === 'rest' || text === 'text' || text === 'image+text' ? text : regionOf(text);

type Given = Readonly<Partial<Record<Name, string>>>;

/** Null where it is given and no number. */
const numberIn = (text: string | undefined): number | undefined | null =>
  text === undefined ? undefined : (decimal(text) ?? null);

function sourcesOf(text: string, given: Given): Sources | undefined {
  const [alpha, strength, tau] = [numberIn(given.alpha), numberIn(given.strength), numberIn(given.tau)];
  if (alpha === null || strength === null || tau === null) return undefined;
  const dimensions = given.dimensions?.split('+');
  if (dimensions && !dimensions.every((one) => /^\d+$/.test(one))) return undefined;
  const ofColumns = alpha !== undefined || strength !== undefined;
  const ofStates = tau !== undefined || dimensions !== undefined;
  if (text === 'columns') {
    if (ofStates || (alpha !== undefined && strength !== undefined)) return undefined;
    return strength === undefined ? { kind: 'columns', alpha: alpha ?? usualAlpha } : { kind: 'columns', strength };
  }
  if (ofColumns) return undefined;
  if (text === 'states') {
    return { kind: 'states', tau: tau ?? usualTau, ...(dimensions ? { dimensions: dimensions.map(Number) } : {}) };
  }
  const region = regionOf(text);
  return region && !ofStates ? { kind: 'positions', region } : undefined;
}
