import type { Output } from '../schema/check';
import { exactly, numberFrom, object } from '../schema/fields';
import { headField, layerField } from './fields';
import type { InterventionKind } from './kind';
import { decimal, halves, headName, headPlace } from '../schema/written-form';

/** Gains lie from minus this to this: beyond, float32 runs give no finite numbers. */
export const largestGain = 1e6;

const gainSchema = object({
  kind: exactly('gain'),
  layer: layerField,
  head: headField,
  gain: numberFrom(-largestGain, largestGain),
});
export type Gain = Output<typeof gainSchema>;

export const gain: InterventionKind<Gain> = {
  kind: 'gain',
  name: 'gain',
  meaning: "Multiplies a head's output before the output projection; 0 removes the head, 1 changes nothing.",
  form: 'gain:L.H=g',
  example: 'gain:2.5=0',
  parameters: [
    { name: 'layer, head', takes: 'a layer and a query head, from 0', meaning: 'the head' },
    { name: 'gain', takes: `a number from -${largestGain} to ${largestGain}`, meaning: 'the factor' },
  ],
  schema: gainSchema,
  parse(text) {
    const [place, factor] = halves(text) ?? [];
    const head = headPlace(place ?? '');
    const value = decimal(factor ?? '');
    return head && value !== undefined ? { kind: 'gain', ...head, gain: value } : undefined;
  },
  print: ({ layer, head, gain: factor }) => `${layer}.${head}=${factor}`,
  words: (value) => `${headName(value)} x ${value.gain}`,
  sentence: (value) =>
    value.gain === 0
      ? `The output of ${headName(value)} is removed.`
      : `The output of ${headName(value)} is multiplied by ${value.gain}.`,
  neutral: ({ gain: factor }) => factor === 1,
  anywhere: () => true,
};
