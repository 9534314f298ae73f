import type { Output } from '../schema/check';
import { exactly, numberFrom, object } from '../schema/fields';
import { decimal, halves, positionsText, positionsWords } from '../schema/written-form';
import { expertFields, expertName, expertParameters, expertPlace, expertText } from './expert-place';
import type { InterventionKind } from './kind';

/** Beyond this no router has anything else left to choose. */
const largestBias = 1e6;

/** With z [E] the products of the router of the layer: z_expert becomes z_expert + bias, before softmax or sigmoid. */
const biasExpertSchema = object({
  kind: exactly('bias-expert'),
  ...expertFields,
  bias: numberFrom(-largestBias, largestBias),
});
export type BiasExpert = Output<typeof biasExpertSchema>;

export const biasExpert: InterventionKind<BiasExpert> = {
  kind: 'bias-expert',
  name: 'router bias',
  meaning: 'Adds a number to what the router of a layer gives an expert, before softmax or sigmoid; 0 changes nothing.',
  form: 'bias-expert:L.E[@FROM-TO]=b',
  example: 'bias-expert:3.5=2',
  parameters: [
    ...expertParameters,
    { name: 'bias', takes: `a number from -${largestBias} to ${largestBias}`, meaning: 'what is added' },
  ],
  schema: biasExpertSchema,
  parse(text) {
    const [left, right] = halves(text) ?? [];
    const place = expertPlace(left ?? '');
    const bias = decimal(right ?? '');
    return place && bias !== undefined ? { kind: 'bias-expert', ...place, bias } : undefined;
  },
  print: (value) => `${expertText(value)}=${value.bias}`,
  words: (value) => `${expertName(value)} ${value.bias < 0 ? '' : '+'}${value.bias}${positionsText(value.positions)}`,
  sentence: (value) =>
    `The router of layer ${value.layer} gives expert ${value.expert} ${Math.abs(value.bias)} ${value.bias < 0 ? 'less' : 'more'} ${positionsWords(value.positions)}.`,
  slide: { name: 'bias', of: ({ bias }) => bias, with: (value, bias) => ({ ...value, bias }) },
  neutral: ({ bias }) => bias === 0,
  anywhere: ({ positions }) => positions === undefined,
};
