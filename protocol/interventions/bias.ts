import type { Output } from '../schema/check';
import { exactly, number, numberFrom, object, whole } from '../schema/fields';
import { headField, layerField } from './fields';
import { keysField, keysOf, keysText, keysWords } from './keys';
import type { InterventionKind } from './kind';
import { decimal, halves, headName, headPlace } from '../schema/written-form';

/** Biases lie from minus this to this: e^-10000 is nothing, and float32 scores keep a thousandth. */
export const largestBias = 1e4;

const biasSchema = object({
  kind: exactly('bias'),
  layer: layerField,
  head: headField,
  keys: keysField,
  bias: numberFrom(-largestBias, largestBias),
});
export type Bias = Output<typeof biasSchema>;

export const bias: InterventionKind<Bias> = {
  kind: 'bias',
  name: 'score bias',
  meaning:
    'Adds a number to the scores of a head on some keys before softmax; -10000 hides the keys, 0 changes nothing.',
  form: 'bias:L.H:FROM-TO=b',
  example: 'bias:2.5:3-9=-4',
  parameters: [
    { name: 'layer, head', takes: 'a layer and a query head, from 0', meaning: 'the head' },
    { name: 'keys', takes: 'positions such as `3-9`, both counted, or `image`', meaning: 'the keys' },
    { name: 'bias', takes: `a number from -${largestBias} to ${largestBias}`, meaning: 'what is added' },
  ],
  schema: biasSchema,
  parse(text) {
    const [place, number] = halves(text) ?? [];
    const [headText, keyText] = (place ?? '').split(':');
    const head = headPlace(headText ?? '');
    const keys = keysOf(keyText ?? '');
    const value = decimal(number ?? '');
    return head && keys && value !== undefined ? { kind: 'bias', ...head, keys, bias: value } : undefined;
  },
  print: ({ layer, head, keys, bias: number }) => `${layer}.${head}:${keysText(keys)}=${number}`,
  words: (value) => `${headName(value)} ${value.bias < 0 ? '' : '+'}${value.bias} on ${keysWords(value.keys)}`,
  sentence: (value) => `${value.bias} is added to the scores of ${headName(value)} on the ${keysWords(value.keys)}.`,
  neutral: ({ bias: number }) => number === 0,
  anywhere: () => false,
};

/** A bias as earlier requests and results have it. */
export const keyBias = object({ layer: whole, head: whole, start: whole, end: whole, bias: number });
export type KeyBias = Output<typeof keyBias>;
