import type { Output } from '../schema/check';
import { exactly, numberFrom, object, optional } from '../schema/fields';
import { headField, layerField, rangeField } from './fields';
import type { InterventionKind } from './kind';
import {
  decimal,
  halves,
  headName,
  headPlace,
  placeAndPositions,
  positionsText,
  rangeText,
} from '../schema/written-form';

/** Deltas and shifts lie from minus this to this: beyond, float32 loses the angle. */
const largestPhase = 1000;

const phaseSchema = object({
  kind: exactly('phase'),
  layer: layerField,
  head: headField,
  /** Rotated planes from the fastest; absent: all. */
  planes: optional(rangeField),
  /** Factor on the angle between query and key in each rotated plane. */
  delta: numberFrom(-largestPhase, largestPhase),
  /** Radians added to that angle. */
  shift: numberFrom(-largestPhase, largestPhase),
});
export type Phase = Output<typeof phaseSchema>;

export const phase: InterventionKind<Phase> = {
  kind: 'phase',
  name: 'phase',
  meaning:
    'Multiplies the angle between query and key in each rotated plane of a head by delta, before the angle of their distance, and adds a shift; delta 0 leaves magnitudes and distances only, delta 1 with shift 0 changes nothing. For rotary models.',
  form: 'phase:L.H[@PLANES]=DELTA[,SHIFT]',
  example: 'phase:2.5=0',
  parameters: [
    { name: 'layer, head', takes: 'a layer and a query head, from 0', meaning: 'the head' },
    {
      name: 'planes',
      takes: 'a plane, or the first and the last, from 0, the fastest; absent: all',
      meaning: 'the planes that are turned',
    },
    { name: 'delta', takes: `a number from -${largestPhase} to ${largestPhase}`, meaning: 'the factor on the angle' },
    {
      name: 'shift',
      takes: `radians from -${largestPhase} to ${largestPhase}; absent: 0`,
      meaning: 'what is added to the angle in every plane',
    },
  ],
  schema: phaseSchema,
  parse(text) {
    const [place, numbers] = halves(text) ?? [];
    const of = placeAndPositions(place ?? '');
    const head = headPlace(of?.place ?? '');
    const [factor, added = '0', ...more] = (numbers ?? '').split(',');
    const delta = decimal(factor ?? '');
    const shift = decimal(added);
    if (!head || delta === undefined || shift === undefined || more.length > 0) return undefined;
    return { kind: 'phase', ...head, ...(of?.positions ? { planes: of.positions } : {}), delta, shift };
  },
  print: ({ layer, head, planes, delta, shift }) =>
    `${layer}.${head}${positionsText(planes)}=${delta}${shift === 0 ? '' : `,${shift}`}`,
  words: (value) =>
    `${headName(value)}${value.planes ? ` planes ${rangeText(value.planes)}` : ''} angle x ${value.delta}${value.shift === 0 ? '' : ` ${value.shift < 0 ? '' : '+'}${value.shift} rad`}`,
  sentence: (value) => {
    const shift = value.shift === 0 ? '' : ` and ${value.shift} radians are added`;
    const planes = value.planes ? ` in planes ${rangeText(value.planes)}` : '';
    return `The angle between query and key of ${headName(value)}${planes} is multiplied by ${value.delta}${shift}, before the angle of their distance.`;
  },
  neutral: ({ delta, shift }) => delta === 1 && shift === 0,
  anywhere: () => true,
};
