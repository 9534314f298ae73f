import type { Output } from '../schema/check';
import { exactly, numberFrom, object } from '../schema/fields';
import { headField, layerField } from './fields';
import { keysField, keysOf, keysText, keysWords } from './keys';
import type { InterventionKind } from './kind';
import { decimal, halves, headName, headPlace } from '../schema/written-form';

const largestWeight = 1e6;

const weightSchema = object({
  kind: exactly('weight'),
  layer: layerField,
  head: headField,
  keys: keysField,
  weight: numberFrom(0, largestWeight),
});
export type Weight = Output<typeof weightSchema>;

export const weight: InterventionKind<Weight> = {
  kind: 'weight',
  name: 'attention weight',
  meaning:
    'Multiplies the attention of a head on some keys after softmax and renormalises it to 1; 0 hides the keys, 1 changes nothing.',
  form: 'weight:L.H:FROM-TO=w',
  example: 'weight:2.5:3-9=0.5',
  parameters: [
    { name: 'layer, head', takes: 'a layer and a query head, from 0', meaning: 'the head' },
    { name: 'keys', takes: 'positions such as `3-9`, both counted, or `image`', meaning: 'the keys' },
    { name: 'weight', takes: `a number from 0 to ${largestWeight}`, meaning: 'the factor' },
  ],
  schema: weightSchema,
  parse(text) {
    const [place, number] = halves(text) ?? [];
    const [headText, keyText] = (place ?? '').split(':');
    const head = headPlace(headText ?? '');
    const keys = keysOf(keyText ?? '');
    const value = decimal(number ?? '');
    return head && keys && value !== undefined ? { kind: 'weight', ...head, keys, weight: value } : undefined;
  },
  print: ({ layer, head, keys, weight: factor }) => `${layer}.${head}:${keysText(keys)}=${factor}`,
  words: (value) => `${headName(value)} attention x ${value.weight} on ${keysWords(value.keys)}`,
  sentence: (value) =>
    `The attention of ${headName(value)} on the ${keysWords(value.keys)} is multiplied by ${value.weight} and renormalised.`,
  neutral: ({ weight: factor }) => factor === 1,
  anywhere: () => false,
};
