/**
 * Interventions are inputs of the layer graph with neutral values, so that one opened session serves the plain run and
 * every experiment. One file a kind: what it declares, and what it does.
 *
 * With all inputs neutral the instrumented graph computes the very same numbers as the plain one: a gain of 1 multiplies
 * exactly, and everything else sits in branches (`If`) that are not taken; their inputs may then be empty.
 *
 * A graph that is differentiated has the changes of one run in it for good, without branches: which one runs is decided by data,
 * and no gradient goes through that.
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { multiply } from '../../../kernels/graph/operators/elementwise';
import { reshape } from '../../../kernels/graph/operators/layout';
import type { Value } from '../../../kernels/graph/records';
import { declareAddition } from './addition';
import { declareBlockChoice, type BlockChoice, type BlockChoiceShape } from './block-choice';
import { declareEmphasis, type EmphasisInputs } from './emphasis';
import { declareGroupWeight, type GroupWeight } from './group-weight';
import { declareIsolation, type Isolation } from './isolation';
import { declareMixture, mixed, type MixtureInputs } from './mixture';
import { declareLowRank } from './low-rank';
import { declarePhase, type Phase, type Rotated } from './phase';
import { declarePlan, type PlanInputs } from './plan';
import { declareRedistribution, type RedistributionInputs } from './redistribution';
import { declareReinforcement, reinforcedGain, type ReinforcementInputs } from './reinforcement';
import { declareReplacements, replaceables, replaced, type Replaceable, type Replacements } from './replacement';
import { declareRouting, type Routing } from './routing';
import { declareScoreBias, type ScoreBias } from './score-bias';
import type { LayerSizes } from './sizes';
import { declareSuppression, type Suppression } from './suppression';
import { declareUniformAttention, type UniformAttention } from './uniform-attention';
import { declareUnitGain } from './units';

/** Changes that only a graph of their own has, for good: what they cost to open and to run is left to the runs that use them. */
export const rareChanges = [
  'phase',
  'isolation',
  'emphasis',
  'redistribution',
  'column-sources',
  'plan',
  'plan-mean',
  'routing',
  'units',
  'mixture',
  'low-rank',
] as const;
export type RareChange = (typeof rareChanges)[number];

/** What a layer may have for good besides gains. Reinforcement is not among them: what it chose are gains. */
export type Change = 'bias' | 'weight' | 'uniform' | 'suppression' | 'addition' | RareChange | Replaceable;

export interface Interventions {
  /** Factor on each head's output before the output projection, [b, h]. Neutral 1. */
  readonly headGain: Value;
  /** Gains that the graph chooses itself; neutral: not in use. */
  readonly reinforcement?: ReinforcementInputs;
  /** 1 where key j belongs to group i, [groups, t]; with bias or weight. */
  readonly keyGroups?: Value;
  readonly scoreBias?: ScoreBias;
  readonly uniformAttention?: UniformAttention;
  /** Of a graph that is opened for runs that turn heads of its layer. */
  readonly phase?: Phase;
  /** Of a graph that is opened for runs that isolate regions in its layer. */
  readonly isolation?: Isolation;
  /** Of a graph that is opened for runs that emphasise keys in its layer. */
  readonly emphasis?: EmphasisInputs;
  /** Of a graph that is opened for runs that move attention between keys in its layer. */
  readonly redistribution?: RedistributionInputs;
  /** Of a graph that is opened for runs whose heads drop positions of the past. */
  readonly plan?: PlanInputs;
  /** Of a graph that is opened for runs that choose heads token by token. */
  readonly routing?: Routing;
  /** Factor on each unit of the feed-forward network, [b, u]; of a graph that is opened for runs that change or read units. */
  readonly unitGain?: Value;
  /** Of a graph that is opened for runs that mix in head outputs of another run. */
  readonly mixture?: MixtureInputs;
  /** Of a graph that is opened for runs with keys and values of low rank: V of low-rank.ts. */
  readonly keyValueBasis?: Value;
  /** Of a graph that is opened for runs whose heads choose blocks in its layer. */
  readonly blocks?: BlockChoice;
  readonly groupWeight?: GroupWeight;
  readonly replacements: Replacements;
  readonly suppression?: Suppression;
  /** Added to what leaves the layer. */
  readonly addition?: Value;
}

/** All of them behind conditions, or only `changes`, for good. */
export function declareInterventions(
  graph: GraphBuilder,
  sizes: LayerSizes,
  keys: string,
  changes?: readonly Change[],
  /** For good, here too. */
  rare: readonly RareChange[] = [],
  /** Of a layer that rotates. */
  rotated?: Rotated,
  /** How heads of the layer choose blocks. */
  blocks?: BlockChoiceShape,
): Interventions {
  const { heads, headDim, units } = sizes;
  const always = changes !== undefined;
  const has = (change: Change): boolean => changes?.includes(change) ?? true;
  return {
    headGain: graph.input('head_gain', 'float32', ['b', heads]),
    ...(always ? {} : { reinforcement: declareReinforcement(graph, heads, headDim) }),
    ...(has('bias') || has('weight') ? { keyGroups: graph.input('key_groups', 'float32', ['groups', keys]) } : {}),
    ...(has('bias') ? { scoreBias: declareScoreBias(graph, heads, always) } : {}),
    ...(has('uniform') ? { uniformAttention: declareUniformAttention(graph, heads, always) } : {}),
    ...(rotated && rare.includes('phase') ? { phase: declarePhase(graph, heads, keys, rotated) } : {}),
    ...(rare.includes('isolation') ? { isolation: declareIsolation(graph, heads, keys) } : {}),
    ...(rare.includes('emphasis') ? { emphasis: declareEmphasis(graph, heads, keys) } : {}),
    ...(rare.includes('redistribution')
      ? { redistribution: declareRedistribution(graph, heads, keys, rare.includes('column-sources')) }
      : {}),
    ...(rare.includes('plan') ? { plan: declarePlan(graph, heads, keys, rare.includes('plan-mean')) } : {}),
    ...(rare.includes('routing') ? { routing: declareRouting(graph, heads) } : {}),
    ...(rare.includes('units') ? { unitGain: declareUnitGain(graph, units) } : {}),
    ...(rare.includes('mixture') ? { mixture: declareMixture(graph, heads, headDim) } : {}),
    ...(rare.includes('low-rank') ? { keyValueBasis: declareLowRank(graph, sizes) } : {}),
    ...(blocks ? { blocks: declareBlockChoice(graph, sizes, keys, blocks, rotated) } : {}),
    ...(has('weight') ? { groupWeight: declareGroupWeight(graph, heads, always) } : {}),
    replacements: declareReplacements(graph, sizes, always ? replaceables.filter(has) : undefined),
    ...(has('suppression') ? { suppression: declareSuppression(graph, sizes, always) } : {}),
    ...(has('addition') ? { addition: declareAddition(graph, sizes.hiddenSize) } : {}),
  };
}

/** Gain, then replacement, then mixture, of the head outputs [b, h, n, d]. */
export function interveneOnHeads(
  graph: GraphBuilder,
  { headGain, reinforcement, replacements, mixture }: Interventions,
  output: Value,
  name: string,
  /** Of each token and head, [b, h, n, 1]. */
  tokenGain?: Value,
): Value {
  const count = output.shape[1] ?? 1;
  const gain = reinforcement ? reinforcedGain(graph, reinforcement, output, headGain) : headGain;
  const scaled = (operand: (value: Value) => Value): Value =>
    multiply(operand(output), reshape(operand(gain), ['b', count, 1, 1]));
  const routed = (operand: (value: Value) => Value): Value =>
    tokenGain ? multiply(scaled(operand), operand(tokenGain)) : scaled(operand);
  if (mixture) return mixed(mixture, replaced(replacements.head, routed), name);
  return replaced(replacements.head, routed, name);
}
