/** What a person changes in a run: one union, one table of its kinds. An array of them is what requests and files hold. */
import type { Schema } from '../schema/check';
import { choosing, fieldsIn, list, object, oneOf } from '../schema/fields';
import { add, type Add } from './add';
import { bias, type Bias } from './bias';
import { blockRetrieval, type BlockRetrieval } from './block-retrieval';
import { emphasis, type Emphasis } from './emphasis';
import { freeze, type Freeze } from './freeze';
import { gain, type Gain } from './gain';
import { isolate, type Isolate } from './isolate';
import type { InterventionKind } from './kind';
import { lowRank, type LowRank } from './low-rank';
import { longheads, type LongHeads } from './longheads';
import { moh, type Moh } from './moh';
import { phase, type Phase } from './phase';
import { plan, type CachePlan } from './plan';
import { redistribute, type Redistribute } from './redistribute';
import { reinforce, type Reinforce } from './reinforce';
import { head, key, mlp, query, residual, value, type HeadReplacement, type LayerReplacement } from './replacement';
import { reposition, type Reposition } from './reposition';
import { uniform, type Uniform } from './uniform';
import { units, type Units } from './units';
import { unsuppress, type Unsuppress } from './unsuppress';
import { weight, type Weight } from './weight';

export type Intervention =
  | Gain
  | Bias
  | Weight
  | HeadReplacement<'head'>
  | LayerReplacement<'mlp'>
  | LayerReplacement<'residual'>
  | Add
  | HeadReplacement<'query'>
  | HeadReplacement<'key'>
  | HeadReplacement<'value'>
  | Freeze
  | Uniform
  | Phase
  | Isolate
  | Reposition
  | Redistribute
  | Emphasis
  | Reinforce
  | Unsuppress
  | CachePlan
  | Units
  | Moh
  | LowRank
  | LongHeads
  | BlockRetrieval;

export type KindName = Intervention['kind'];
export type Of<K extends KindName> = Extract<Intervention, { readonly kind: K }>;

export const kinds: { readonly [K in KindName]: InterventionKind<Of<K>> } = {
  gain,
  bias,
  weight,
  head,
  mlp,
  residual,
  add,
  query,
  key,
  value,
  freeze,
  uniform,
  phase,
  isolate,
  reposition,
  redistribute,
  emphasis,
  reinforce,
  unsuppress,
  plan,
  units,
  moh,
  'low-rank': lowRank,
  longheads,
  'block-retrieval': blockRetrieval,
};

export const kindNames = Object.keys(kinds) as readonly KindName[];

/** The kind of an intervention, for calls that take any. */
export const kindOf = (one: Intervention): InterventionKind<Intervention> => kinds[one.kind];

const named: Schema<Intervention> = object({ kind: oneOf(kindNames) }) as Schema<unknown> as Schema<Intervention>;

const schemaOf = (name: KindName): Schema<Intervention> =>
  kinds[name].schema as Schema<unknown> as Schema<Intervention>;

export const interventionField: Schema<Intervention> = choosing(
  (input) => {
    const { kind } = fieldsIn(input);
    const known = kindNames.find((name) => name === kind);
    return known === undefined ? named : schemaOf(known);
  },
  () => kindNames.map(schemaOf),
);

/** Whether the list makes every layer read texts of any length, with no distance beyond the `context` that the model was made for. */
export const readsBeyond = (list: readonly Intervention[], context: number | undefined): boolean =>
  list.some(
    (one) => one.kind === 'longheads' && !one.layers && Math.max(one.budget, one.begin ?? 0) <= (context ?? Infinity),
  );

/** Whether it is decided over all rows of a prompt what attention is taken from. */
export const decidesOverRows = (list: readonly Intervention[]): boolean =>
  list.some((one) => one.kind === 'redistribute' && one.from.kind === 'columns' && one.share > 0);

export const interventionsField = list(interventionField, 'a list of interventions', { most: 10_000 });
