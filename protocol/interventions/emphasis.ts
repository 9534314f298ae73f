import type { Output } from '../schema/check';
import { exactly, number, object, optional } from '../schema/fields';
import type { InterventionKind } from './kind';
import { regionField, regionOf, regionText } from './regions';
import { decimal } from '../schema/written-form';
import { whichHeadsField, whichHeadsOf, whichHeadsText } from './which';

/**
 * Scores z of some keys become z + c |z| before softmax (PAINT, arXiv:2501.12206; with all tokens of an image PAI, arXiv:2407.21771), in
 * the last row of the prompt and in each generated one. z has its scale and capping; biases and masks come after.
 */
const emphasisSchema = object({
  kind: exactly('emphasis'),
  heads: whichHeadsField,
  keys: regionField,
  factor: number,
  /** Absent: the last row of the prompt, and each behind it. */
  rows: optional(exactly('all')),
});
export type Emphasis = Output<typeof emphasisSchema>;

export const emphasis: InterventionKind<Emphasis> = {
  kind: 'emphasis',
  name: 'emphasised keys',
  meaning:
    'Raises the scores z of some keys to z + c|z| before softmax, in the last row of the prompt and in every generated one.',
  form: 'emphasis:HEADS:KEYS=C[;rows=all]',
  example: 'emphasis:*.*:image=0.5',
  parameters: [
    { name: 'heads', takes: 'query heads (`2.5`, `2.*`, `*.*`), separated by commas', meaning: 'the heads' },
    {
      name: 'keys',
      takes: 'positions (`3-9`), rectangles of image patches (`0-3x2-5`) or `image`, separated by commas',
      meaning: 'the keys; of several entries for one key the factors add up',
    },
    { name: 'factor', takes: 'a number', meaning: 'c; 0 changes nothing' },
    { name: 'rows', takes: '`all`; absent: the last of the prompt and generated ones', meaning: 'the queries' },
  ],
  schema: emphasisSchema,
  parse(text) {
    const [, heads, keys, amount, rows] = /^([^:]*):([^=]*)=([^;]*)(?:;rows=(all))?$/.exec(text.trim()) ?? [];
    const which = whichHeadsOf(heads ?? '');
    const region = regionOf(keys ?? '');
    const factor = decimal(amount ?? '');
    if (!which || !region || factor === undefined) return undefined;
    return { kind: 'emphasis', heads: which, keys: region, factor, ...(rows === undefined ? {} : { rows: 'all' }) };
  },
  print: ({ heads, keys, factor, rows }) =>
    `${whichHeadsText(heads)}:${regionText(keys)}=${factor}${rows === undefined ? '' : `;rows=${rows}`}`,
  words: ({ heads, keys, factor }) => `${whichHeadsText(heads)} emphasises ${regionText(keys)} by ${factor}`,
  sentence: ({ heads, keys, factor, rows }) =>
    `In the heads ${whichHeadsText(heads)} the scores z of ${regionText(keys)} become z + ${factor} |z| in ${rows === 'all' ? 'every row' : 'the last row and in generated ones'}.`,
  neutral: ({ factor }) => factor === 0,
  anywhere: () => false,
};
