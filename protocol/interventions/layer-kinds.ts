/** The kinds of interventions on the layers of one model: those that it runs by itself, and the decoder of an encoder-decoder. */
import type { Schema } from '../schema/check';
import { choosing, fieldsIn, object, oneOf } from '../schema/fields';
import { add, type Add } from './add';
import { bias, type Bias } from './bias';
import { biasExpert, type BiasExpert } from './bias-expert';
import { blockRetrieval, type BlockRetrieval } from './block-retrieval';
import { emphasis, type Emphasis } from './emphasis';
import { feature, type Feature } from './feature';
import { forbidExpert, type ForbidExpert } from './forbid-expert';
import { forceExpert, type ForceExpert } from './force-expert';
import { freeze, type Freeze } from './freeze';
import { crossGain, stateGain, type FurtherGain } from './further-gains';
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
import {
  crossHead,
  head,
  key,
  mlp,
  query,
  residual,
  stateHead,
  value,
  type HeadReplacement,
  type LayerReplacement,
} from './replacement';
import { reposition, type Reposition } from './reposition';
import { uniform, type Uniform } from './uniform';
import { units, type Units } from './units';
import { unsuppress, type Unsuppress } from './unsuppress';
import { weight, type Weight } from './weight';

export type LayerIntervention =
  | Gain
  | Bias
  | Weight
  | HeadReplacement<'head'>
  | LayerReplacement<'mlp'>
  | LayerReplacement<'residual'>
  | Add
  | Feature
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
  | ForceExpert
  | ForbidExpert
  | BiasExpert
  | Moh
  | LowRank
  | LongHeads
  | BlockRetrieval
  | FurtherGain<'cross-gain'>
  | HeadReplacement<'cross-head'>
  | FurtherGain<'state-gain'>
  | HeadReplacement<'state-head'>;

export type LayerKind = LayerIntervention['kind'];

export const layerKinds: {
  readonly [K in LayerKind]: InterventionKind<Extract<LayerIntervention, { readonly kind: K }>>;
} = {
  gain,
  bias,
  weight,
  head,
  mlp,
  residual,
  add,
  feature,
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
  'force-expert': forceExpert,
  'forbid-expert': forbidExpert,
  'bias-expert': biasExpert,
  moh,
  'low-rank': lowRank,
  longheads,
  'block-retrieval': blockRetrieval,
  'cross-gain': crossGain,
  'cross-head': crossHead,
  'state-gain': stateGain,
  'state-head': stateHead,
};

/** An intervention of one of the kinds. */
export function ofKinds<I extends { readonly kind: string }>(
  kinds: Readonly<Record<I['kind'], { readonly schema: Schema<unknown> }>>,
): Schema<I> {
  const names = Object.keys(kinds) as readonly I['kind'][];
  const named = object({ kind: oneOf(names) }) as Schema<unknown> as Schema<I>;
  const schemaOf = (name: I['kind']): Schema<I> => kinds[name].schema as Schema<I>;
  return choosing(
    (input) => {
      const { kind } = fieldsIn(input);
      const known = names.find((name) => name === kind);
      return known === undefined ? named : schemaOf(known);
    },
    () => names.map(schemaOf),
  );
}
