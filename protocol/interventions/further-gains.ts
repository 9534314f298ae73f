/** Gains of heads that `gain` does not name. */
import { exactly, numberFrom, object } from '../schema/fields';
import type { Schema } from '../schema/check';
import { headField, layerField } from './fields';
import { largestGain } from './gain';
import type { InterventionKind } from './kind';
import { decimal, halves, headName, headPlace } from '../schema/written-form';

export interface FurtherGain<K extends string> {
  readonly kind: K;
  readonly layer: number;
  readonly head: number;
  readonly gain: number;
}

const furtherGain = <K extends string>(
  kind: K,
  { head, meaning, place }: { readonly head: string; readonly meaning: string; readonly place: string },
): InterventionKind<FurtherGain<K>> => ({
  kind,
  name: `gain of a ${head}`,
  meaning,
  form: `${kind}:L.H=g`,
  example: `${kind}:2.5=0`,
  parameters: [
    { name: 'layer, head', takes: place, meaning: 'the head' },
    { name: 'gain', takes: `a number from -${largestGain} to ${largestGain}`, meaning: 'the factor' },
  ],
  schema: object({
    kind: exactly(kind),
    layer: layerField,
    head: headField,
    gain: numberFrom(-largestGain, largestGain),
  }) as Schema<unknown> as Schema<FurtherGain<K>>,
  parse(text) {
    const [place, factor] = halves(text) ?? [];
    const head = headPlace(place ?? '');
    const value = decimal(factor ?? '');
    return head && value !== undefined ? { kind, ...head, gain: value } : undefined;
  },
  print: ({ layer, head, gain }) => `${layer}.${head}=${gain}`,
  words: (value) => `${head} ${headName(value)} x ${value.gain}`,
  sentence: (value) =>
    value.gain === 0
      ? `The output of ${head} ${headName(value)} is removed.`
      : `The output of ${head} ${headName(value)} is multiplied by ${value.gain}.`,
  neutral: ({ gain }) => gain === 1,
  anywhere: () => true,
});

export const crossGain = furtherGain('cross-gain', {
  head: 'cross-attention head',
  meaning:
    'Multiplies the output of a cross-attention head of an encoder-decoder before the output projection; 0 removes the head, 1 changes nothing.',
  place: 'a layer of the decoder and a head of its cross-attention, from 0',
});

export const stateGain = furtherGain('state-gain', {
  head: 'recurrence head',
  meaning:
    'Multiplies the output of a head of the recurrence beside attention before the output projection; 0 removes the head, 1 changes nothing.',
  place: 'a layer with both and a head of its recurrence, from 0',
});
