/** An expert of a layer at some positions, as the kinds that change routers name it. */
import type { Schema } from '../schema/check';
import { exactly, object, optional, wholeFrom, type KindOutput } from '../schema/fields';
import { placeAndPositions, positionsText, positionsWords, type Range } from '../schema/written-form';
import { layerField, rangeField } from './fields';
import type { InterventionKind } from './kind';
import { positionsParameter } from './source';

export const expertFields = {
  layer: layerField,
  expert: wholeFrom(0, 1 << 16),
  /** Absent: all positions, those of generated tokens included. */
  positions: optional(rangeField),
};

interface ExpertPlace {
  readonly layer: number;
  readonly expert: number;
  readonly positions?: Range;
}

export const expertParameters = [
  { name: 'layer, expert', takes: 'a layer and an expert, from 0', meaning: 'the expert' },
  positionsParameter,
];

/** `3.5`, `L3E5` or `3.5@0-9`. */
export function expertPlace(text: string): ExpertPlace | undefined {
  const at = placeAndPositions(text);
  const parts = /^\s*L?(\d+)[.E](\d+)\s*$/i.exec(at?.place ?? '');
  if (!at || !parts) return undefined;
  const place = { layer: Number(parts[1]), expert: Number(parts[2]) };
  return at.positions ? { ...place, positions: at.positions } : place;
}

export const expertText = ({ layer, expert, positions }: ExpertPlace): string =>
  `${layer}.${expert}${positionsText(positions)}`;

export const expertName = ({ layer, expert }: Omit<ExpertPlace, 'positions'>): string => `L${layer}E${expert}`;

export type OfExpert<K extends string> = KindOutput<K, typeof expertFields>;

/** A kind that names an expert and has no number. */
export const ofExpert = <K extends string>(
  kind: K,
  {
    done,
    sentence,
    ...words
  }: Pick<InterventionKind<OfExpert<K>>, 'name' | 'meaning'> & {
    /** What is done to it, as the words after its name. */
    readonly done: string;
    readonly sentence: (expert: string, positions: string) => string;
  },
): InterventionKind<OfExpert<K>> => ({
  kind,
  ...words,
  form: `${kind}:L.E[@FROM-TO]`,
  example: `${kind}:3.5`,
  parameters: expertParameters,
  schema: object({ kind: exactly(kind), ...expertFields }) as Schema<unknown> as Schema<OfExpert<K>>,
  parse(text) {
    const place = expertPlace(text);
    return place && { kind, ...place };
  },
  print: expertText,
  words: (value) => `${expertName(value)} ${done}${positionsText(value.positions)}`,
  sentence: (value) => sentence(`expert ${value.expert} of layer ${value.layer}`, positionsWords(value.positions)),
  neutral: () => false,
  anywhere: ({ positions }) => positions === undefined,
});
