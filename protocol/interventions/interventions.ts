/** What a person changes in a run: one union, one table of its kinds. An array of them is what requests and files hold. */
import type { Schema } from '../schema/check';
import { list } from '../schema/fields';
import { encoder, type InEncoder } from './encoder';
import type { InterventionKind } from './kind';
import { layerKinds, ofKinds, type LayerIntervention } from './layer-kinds';

export type Intervention = LayerIntervention | InEncoder;

export type KindName = Intervention['kind'];
export type Of<K extends KindName> = Extract<Intervention, { readonly kind: K }>;

export const kinds: { readonly [K in KindName]: InterventionKind<Of<K>> } = { ...layerKinds, encoder };

export const kindNames = Object.keys(kinds) as readonly KindName[];

/** The kind of an intervention, for calls that take any. */
export const kindOf = (one: Intervention): InterventionKind<Intervention> => kinds[one.kind];

export const interventionField: Schema<Intervention> = ofKinds(kinds);

/** What is changed in the encoder of an encoder-decoder. */
export const inEncoder = (list: readonly Intervention[]): readonly Intervention[] =>
  list.flatMap((one) => (one.kind === 'encoder' ? [one.change] : []));

/** The file that its rows come from; undefined if they come from elsewhere. */
export function rowsPath(one: Intervention): string | undefined {
  const { source } = { source: undefined, ...(one.kind === 'encoder' ? one.change : one) };
  return source?.from === 'file' ? source.path : undefined;
}

/** Whether the list makes every layer read texts of any length, with no distance beyond the `context` that the model was made for. */
export const readsBeyond = (list: readonly Intervention[], context: number | undefined): boolean =>
  list.some(
    (one) => one.kind === 'longheads' && !one.layers && Math.max(one.budget, one.begin ?? 0) <= (context ?? Infinity),
  );

/** Whether it is decided over all rows of a prompt what attention is taken from. */
export const decidesOverRows = (list: readonly Intervention[]): boolean =>
  list.some((one) => one.kind === 'redistribute' && one.from.kind === 'columns' && one.share > 0);

export const interventionsField = list(interventionField, 'a list of interventions', { most: 10_000 });
