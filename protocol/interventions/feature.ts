import type { Output } from '../schema/check';
import { exactly, filledText, numberFrom, object, optional, wholeFrom } from '../schema/fields';
import { decimal, halves, placeAndPositions, positionsText, positionsWords, unquoted } from '../schema/written-form';
import { rangeField } from './fields';
import type { InterventionKind } from './kind';
import { positionsParameter, sourceText } from './source';

/** Factors and strengths lie from minus this to this: beyond, float32 runs give no finite numbers. */
const largest = 1e6;

/**
 * With x what the model computes at the place of a dictionary, f its activation of one feature at a position (models/dictionaries) and d
 * the row of W_dec of the feature: x becomes x + s ((factor - 1) f + strength) d, where s is the size of the position if the dictionary
 * scales by it, else 1. So the feature counts factor f + strength, and what the dictionary does not explain stays as it is. Factor 0 and
 * strength 0 take the feature out.
 */
const featureSchema = object({
  kind: exactly('feature'),
  feature: wholeFrom(0, 1 << 24),
  /** Absent: all positions. */
  positions: optional(rangeField),
  factor: numberFrom(-largest, largest),
  strength: numberFrom(-largest, largest),
  /** A dictionary (docs/dictionaries.md). */
  source: object({ from: exactly('file'), path: filledText }),
});
export type Feature = Output<typeof featureSchema>;

/** What the activation becomes, as it is written. */
const amountText = ({ factor, strength }: Pick<Feature, 'factor' | 'strength'>): string =>
  strength === 0 ? `${factor}` : `${factor}${strength < 0 ? '' : '+'}${strength}`;

const signedNumber = String.raw`[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?`;
const form = new RegExp(
  String.raw`^\s*(${signedNumber})\s*([-+]\s*${signedNumber.slice('[-+]?'.length)})?\s*\*\s*file:([\s\S]*)$`,
  'i',
);

export const feature: InterventionKind<Feature> = {
  kind: 'feature',
  name: 'feature of a dictionary',
  meaning:
    'Takes a feature of a sparse autoencoder out of what the model computes, scales it or adds it; factor 1 with strength 0 changes nothing.',
  form: 'feature:F[@FROM-TO]=FACTOR[+STRENGTH]*file:PATH',
  example: 'feature:12=0*file:dictionary',
  parameters: [
    { name: 'feature', takes: 'an index, from 0', meaning: 'the feature' },
    positionsParameter,
    {
      name: 'factor',
      takes: `a number from -${largest} to ${largest}`,
      meaning: 'the factor on the activation: 0 takes the feature out, 1 leaves it',
    },
    {
      name: 'strength',
      takes: `a number from -${largest} to ${largest}; absent: 0`,
      meaning: 'the number that is added to the activation, where the feature is not active too',
    },
    {
      name: 'path',
      takes: 'a folder, `.safetensors` or `.npz` file of a [dictionary](dictionaries.md)',
      meaning: 'the dictionary, which says where it acts',
    },
  ],
  schema: featureSchema,
  parse(text) {
    const [left, right] = halves(text) ?? [];
    const at = placeAndPositions(left ?? '');
    const parts = form.exec(right ?? '');
    const path = unquoted(parts?.[3] ?? '');
    const factor = decimal(parts?.[1] ?? '');
    const strength = parts?.[2] === undefined ? 0 : decimal(parts[2].replace(/\s/gu, ''));
    if (!at || !/^\s*\d{1,8}\s*$/u.test(at.place) || path === undefined) return undefined;
    if (factor === undefined || strength === undefined) return undefined;
    return {
      kind: 'feature',
      feature: Number(at.place),
      ...(at.positions ? { positions: at.positions } : {}),
      ...{ factor, strength },
      source: { from: 'file', path },
    };
  },
  print: ({ feature: index, positions, source, ...amount }) =>
    `${index}${positionsText(positions)}=${amountText(amount)}*${sourceText(source)}`,
  words: ({ feature: index, positions, factor, strength, source }) =>
    `${factor === 0 && strength === 0 ? `without feature ${index}` : `feature ${index} times ${amountText({ factor, strength })}`} of ${source.path.split(/[\\/]/).at(-1) ?? source.path}${positionsText(positions)}`,
  sentence: ({ feature: index, positions, factor, strength, source }) =>
    `Feature ${index} of the dictionary ${source.path} counts ${factor} times its activation${strength === 0 ? '' : ` and ${strength} more`}, ${positionsWords(positions)}.`,
  slide: { name: 'strength', of: ({ strength }) => strength, with: (value, strength) => ({ ...value, strength }) },
  neutral: ({ factor, strength }) => factor === 1 && strength === 0,
  anywhere: ({ positions }) => positions === undefined,
};
