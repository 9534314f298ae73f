/**
 * What a variant of a run changes, and every kind of it. Each file says of one kind what it refuses, which inputs the graphs of
 * a layer have for it and what they do, whether the step graphs serve it and whether it has a gradient; this table is the
 * one list of them. How a person writes them down is in protocol/interventions.
 *
 * Changes are inputs of the layer graph with neutral values, so that one opened session serves the plain run and every
 * experiment. With all inputs neutral the instrumented graph computes the very same numbers as the plain one: a gain of 1
 * multiplies exactly, and everything else sits in branches (`If`) that are not taken; their inputs may then be empty.
 *
 * A graph that is differentiated contains the changes of one run without branches: which one runs is decided by data,
 * and no gradient goes through that.
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { multiply } from '../../../kernels/graph/operators/elementwise';
import { reshape } from '../../../kernels/graph/operators/layout';
import type { Value } from '../../../kernels/graph/records';
import type { LayerTap } from '../taps';
import { addition, type AdditionChange } from './addition';
import { bias, type BiasChange } from './bias';
import { blocks, shapeOf, type BlockChange } from './block-choice';
import { emphasis, type EmphasisChange } from './emphasis';
import { expert, type ExpertChange } from './expert';
import { borrowed, feature, withHeadFeatures, type FeatureChange } from './feature';
import type { ColumnRows, FedRows, GraphInput } from './fed-rows';
import { crossGain, stateGain, type FurtherGain } from './further-gains';
import { gain, type GainChange } from './gain';
import { isolation, type IsolationChange } from './isolation';
import { headProblem, type ChangeKind, type ColumnFeeds, type Declared, type LayerChange } from './kind';
import { lowRank, type LowRankChange } from './low-rank';
import { mixed, mixture, type MixtureChange } from './mixture';
import { phase, type PhaseChange } from './phase';
import { plan, type PlanChange } from './plan';
import { redistribution, type Redistribution } from './redistribution';
import { declareReinforcement, reinforcedGain, reinforcementFeeds, type ReinforcementInputs } from './reinforcement';
import { replaced, replacement, type ReplacementChange } from './replacement';
import { routing, type RoutingChange } from './routing';
import type { BlockChoiceShape, LayerSizes } from './sizes';
import { uniform, type UniformChange } from './uniform';
import { units, type UnitsChange } from './units';
import { unsuppress, type UnsuppressChange } from './unsuppress';
import { weight, type WeightChange } from './weight';

/** In the order in which a graph declares them. */
const kinds = {
  gain,
  'cross-gain': crossGain,
  'state-gain': stateGain,
  bias,
  uniform,
  phase,
  isolation,
  emphasis,
  redistribution,
  plan,
  routing,
  units,
  expert,
  mixture,
  'low-rank': lowRank,
  blocks,
  weight,
  replacement,
  unsuppress,
  feature,
  addition,
};

type Kinds = typeof kinds;
export type Kind = keyof Kinds;

export type Change =
  | GainChange
  | FurtherGain<'cross-gain'>
  | FurtherGain<'state-gain'>
  | BiasChange
  | UniformChange
  | PhaseChange
  | IsolationChange
  | EmphasisChange
  | Redistribution
  | PlanChange
  | RoutingChange
  | UnitsChange
  | ExpertChange
  | MixtureChange
  | LowRankChange
  | BlockChange
  | WeightChange
  | ReplacementChange
  | UnsuppressChange
  | FeatureChange
  | AdditionChange;

/** Without changes it is the plain model. */
export type Variant = readonly Change[];

export type ChangeOf<K extends Kind> = Extract<Change, { readonly kind: K }>;

/** What a graph may have besides gains, by name. */
export type Part = Kinds[Kind]['parts'][number];

/** Inputs of the changes that a graph has. */
export type Interventions = { readonly [K in Exclude<Kind, 'gain'>]?: ReturnType<Kinds[K]['declare']> } & {
  readonly gain: Value;
  /** Gains that the graph chooses itself. */
  readonly reinforcement?: ReinforcementInputs;
  /** 1 where key j belongs to group i, [groups, t]; with bias or weight. */
  readonly keyGroups?: Value;
};

type AnyKind = ChangeKind<LayerChange, Part, unknown>;
const table = Object.values(kinds) as unknown as readonly AnyKind[];
const kindOf = ({ kind }: Pick<LayerChange, 'kind'>): AnyKind => kinds[kind as Kind] as unknown as AnyKind;
const partsOf = (change: LayerChange): readonly Part[] => kindOf(change).partsOf?.(change) ?? kindOf(change).parts;

/** Parts that every graph has which is not the plain model, behind conditions. */
const commonParts = table.flatMap(({ rare = false, parts }) => (rare ? [] : parts));

/** Parts that only graphs of their own have. */
export const rareParts = table.flatMap(({ rare = false, shaped = false, parts }) => (rare && !shaped ? parts : []));

export const changesOf = <K extends Kind>(variant: Variant, kind: K, layer?: number): readonly ChangeOf<K>[] =>
  variant.filter(
    (change): change is ChangeOf<K> => change.kind === kind && (layer === undefined || change.layer === layer),
  );

/**
 * The variant with these changes, where there are some, and no others of their kind. Appended alone, they would leave those of layers that
 * they do not name.
 */
export const withAll = <K extends Kind>(variant: Variant, kind: K, changes: readonly ChangeOf<K>[]): Variant =>
  changes.length === 0 ? variant : [...variant.filter((change) => change.kind !== kind), ...changes];

export const hasChange = (variant: Variant, ...some: readonly Kind[]): boolean =>
  variant.some(({ kind }) => some.includes(kind));

/** Whether vectors are added at some positions alone, which in another prompt are other tokens. */
export const addsAtPositions = (variant: Variant): boolean =>
  changesOf(variant, 'addition').some(({ positions }) => positions !== undefined);

/** The factor on the output of a head. */
export const gainOf = (variant: Variant, layer: number, head: number): number =>
  changesOf(variant, 'gain', layer).reduce((product, one) => (one.head === head ? product * one.gain : product), 1);

export const inLayer = (variant: Variant, layer: number): Variant => variant.filter((change) => change.layer === layer);

/** The first layer that the variant changes, or undefined where it changes none. */
export const firstChangedLayer = (variant: Variant): number | undefined =>
  variant.length === 0 ? undefined : Math.min(...variant.map(({ layer }) => layer));

/** One sentence when a variant names what the model, or the run with its groups of keys, does not have. */
export function variantProblem(
  layers: readonly LayerSizes[],
  variant: Variant,
  groups: readonly string[],
): string | undefined {
  for (const change of variant) {
    const layer = layers[change.layer];
    if (!layer) return layerProblem(layers.length, change.layer);
    const kind = kindOf(change);
    if (layer.noScores !== undefined && kind.ofAttention) return `${layer.noScores} Choose layers that have attention.`;
    const of = kind.headsOf ? kind.headsOf(change) : 'heads';
    const head = 'head' in change ? change.head : kind.headsOf && of ? -1 : undefined;
    const problem =
      (of && head !== undefined ? headProblem(layer, head, of) : undefined) ?? kind.problem?.(change, layer, groups);
    if (problem !== undefined) return problem;
  }
  for (const kind of table) {
    for (const sizes of kind.together ? layers : []) {
      const own = changesOf(variant, kind.kind as Kind, sizes.index);
      const problem = own.length === 0 ? undefined : kind.together?.(own, sizes);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

export const layerProblem = (layers: number, layer: number): string =>
  `There is no layer ${layer}: the model has ${layers}, from 0.`;

/** Parts that the graph of a layer needs for these variants, in the order of the table, so that a graph has one name. */
export const partsIn = (variants: readonly Variant[], layer: number): readonly Part[] => {
  const used = new Set(variants.flatMap((variant) => inLayer(variant, layer).flatMap(partsOf)));
  return table.flatMap(({ parts }) => parts).filter((part) => used.has(part));
};

/** Those of them that only a graph of their own has, and those whose graph has one of the taps. */
export function rarePartsIn(
  variants: readonly Variant[],
  layer: number,
  taps: readonly LayerTap[] = [],
): readonly Part[] {
  const used = partsIn(variants, layer);
  const tapped = table.flatMap(({ tap, parts }) => (tap && taps.includes(tap) ? parts : []));
  return rareParts.filter((part) => used.includes(part) || tapped.includes(part));
}

/** How heads of a layer choose blocks, undefined where none does. */
export const blockShapeOf = (variants: readonly Variant[], layer: number): BlockChoiceShape | undefined =>
  shapeOf(
    variants.map((variant) => changesOf(variant, 'blocks', layer)),
    layer,
  );

/** Whether the step graphs compute rows from `start` on under the variant. */
export function servedBySteps(layers: readonly LayerSizes[], variant: Variant, start: number): boolean {
  const all = new Set<string>(variant.map(({ kind }) => kind));
  return variant.every((change) => {
    const layer = layers[change.layer];
    return layer !== undefined && kindOf(change).steps(change, start, layer, all);
  });
}

/** Why one of the changes has no gradient. */
export const withoutGradient = (variant: Variant): string | undefined =>
  variant.map((change) => kindOf(change).withoutGradient?.(change)).find((why) => why !== undefined);

/** The parts of a graph that keys and values depend on. */
export const partsOfKeys = (parts: readonly Part[]): readonly Part[] =>
  parts.filter((part) => table.some(({ ofKeys }) => ofKeys?.includes(part)));

/** Changes that two variants do not have in common, kind by kind from the first that differs. */
export const differences = (one: Variant, other: Variant): Variant =>
  (Object.keys(kinds) as Kind[]).flatMap((kind): Variant => {
    const [own, given] = [changesOf<Kind>(one, kind), changesOf<Kind>(other, kind)];
    const { same = Object.is } = kindOf({ kind });
    let common = 0;
    while (own[common] && given[common] && same(own[common]!, given[common]!)) common++;
    return [...own.slice(common), ...given.slice(common)];
  });

/** The first row of a sequence that a change acts on. */
export const firstRow = (change: Change): number => kindOf(change).firstRow?.(change) ?? 0;

export interface GraphParts {
  /** Parts that the graph has beside the common ones, which are behind conditions. */
  readonly parts: readonly Part[];
  /** The graph is differentiated: it has `parts` alone, without conditions. */
  readonly always?: boolean;
  readonly blocks?: BlockChoiceShape | undefined;
}

const kindsOf = (
  { noScores }: LayerSizes,
  { parts, always = false, blocks: shape }: GraphParts,
): readonly [readonly AnyKind[], Omit<Declared, 'keys'>] => {
  const some = [...(always ? [] : commonParts), ...parts, ...(shape ? (['blocks'] as const) : [])];
  const kinds = noScores === undefined ? table : table.filter((kind) => !kind.ofAttention);
  const all = some.filter((part) => kinds.some((kind) => kind.parts.includes(part)));
  return [
    kinds.filter((kind) => kind.parts.length === 0 || kind.parts.some((part) => all.includes(part))),
    { always, parts: all, blocks: shape },
  ];
};

const grouped = ({ parts }: Pick<Declared, 'parts'>): boolean => parts.includes('bias') || parts.includes('weight');

export function declareChanges(graph: GraphBuilder, sizes: LayerSizes, keys: string, of: GraphParts): Interventions {
  const [list, declared] = kindsOf(sizes, of);
  const made: Record<string, unknown> = {};
  for (const kind of list) {
    made[kind.kind] = kind.declare(graph, sizes, { ...declared, keys });
    if (kind.kind !== 'gain') continue;
    // What the graph chooses are gains.
    if (!declared.always) made['reinforcement'] = declareReinforcement(graph, sizes);
    if (grouped(declared)) made['keyGroups'] = graph.input('key_groups', 'float32', ['groups', keys]);
  }
  return made as unknown as Interventions;
}

/** The inputs that `declareChanges` named, for one call. Arrays of neutral values are shared between calls: never write to them. */
export function changeFeeds(
  variants: readonly Variant[],
  sizes: LayerSizes,
  rows: FedRows,
  of: GraphParts,
): Record<string, GraphInput> {
  const [list, declared] = kindsOf(sizes, of);
  const here = variants.map((variant) => inLayer(variant, sizes.index));
  const own = (kind: AnyKind): readonly Variant[] =>
    here.map((variant) => variant.filter((change) => change.kind === kind.kind));
  return {
    ...(declared.always ? {} : reinforcementFeeds(variants.length, sizes, rows)),
    ...(grouped(declared) ? { key_groups: rows.keyGroups } : {}),
    ...Object.fromEntries(list.flatMap((kind) => Object.entries(kind.feeds(own(kind), sizes, rows, declared)))),
  };
}

/** The inputs that every step graph has, and those of kinds that it is built for, for a row of the sequence. */
export function stepFeeds(variant: Variant, sizes: LayerSizes, row: number): Record<string, GraphInput> {
  const here = inLayer(variant, sizes.index);
  return Object.fromEntries(
    table.flatMap((kind) =>
      Object.entries(
        sizes.noScores !== undefined && kind.ofAttention
          ? {}
          : (kind.stepFeeds?.(
              here.filter((change) => change.kind === kind.kind),
              sizes,
              row,
            ) ?? {}),
      ),
    ),
  );
}

/** In the order of the table, those that a step graph has to be built for. */
export const stepKindsIn = (changes: Variant): readonly Kind[] =>
  table
    .filter((kind) => kind.stepGraph && changes.some((change) => change.kind === kind.kind))
    .map(({ kind }) => kind as Kind);

const graphChanges = (of: readonly Kind[]) => of.flatMap((kind) => kindOf({ kind }).stepGraph ?? []);

/** Whether what a row reads is no softmax of its scores. */
export const movesProbabilities = (of: readonly Kind[]): boolean =>
  graphChanges(of).some(({ probabilities }) => probabilities);

/** Whether these kinds act on the scores or the probabilities of all heads. */
export const movesScores = (of: readonly Kind[]): boolean =>
  graphChanges(of).some(({ scores, probabilities }) => scores ?? probabilities);

/** Scores of a step graph [g, h / g, columns] under the changes of these kinds. */
export const stepScores = (graph: GraphBuilder, of: readonly Kind[], scores: Value): Value =>
  graphChanges(of).reduce((value, change) => change.scores?.(graph, value) ?? value, scores);

/** The same of its probabilities. */
export const stepProbabilities = (graph: GraphBuilder, of: readonly Kind[], probabilities: Value): Value =>
  graphChanges(of).reduce((value, change) => change.probabilities?.(graph, value) ?? value, probabilities);

/** The inputs that a step graph of these kinds has besides. */
export function stepColumnFeeds(variant: Variant, sizes: LayerSizes, columns: ColumnRows): ColumnFeeds {
  const here = inLayer(variant, sizes.index);
  const feeds = stepKindsIn(here).flatMap(
    (kind) => kindOf({ kind }).stepGraph?.feeds?.(changesOf(here, kind), sizes, columns) ?? [],
  );
  return (used) => Object.assign({}, ...feeds.map((of) => of(used))) as ReturnType<ColumnFeeds>;
}

/** Whether the stream between the step graphs of two layers is changed. */
export const changesStepStream = (variant: Variant, layer: number): boolean =>
  table.some((kind) => kind.stepStream && changesOf(variant, kind.kind as Kind, layer).length > 0);

/** Changes the stream of a row [w] that left the step graph of a layer. */
export function changeStepStream(variant: Variant, layer: number, stream: Float32Array, row: number): void {
  for (const kind of table) kind.stepStream?.(changesOf(variant, kind.kind as Kind, layer), stream, row);
}

/** Gain, then features of a dictionary, replacement and mixture, of the head outputs [b, h, n, d]. */
export function interveneOnHeads(
  graph: GraphBuilder,
  { gain: own, reinforcement, feature: features, replacement: replacements, mixture: mixing }: Interventions,
  output: Value,
  name: string,
  /** A gain for each token and head, [b, h, n, 1]. */
  tokenGain?: Value,
): Value {
  const count = output.shape[1] ?? 1;
  const factor = reinforcement ? reinforcedGain(graph, reinforcement, output, own) : own;
  const scaled = (operand: (value: Value) => Value): Value =>
    multiply(operand(output), reshape(operand(factor), ['b', count, 1, 1]));
  const gained = (operand: (value: Value) => Value): Value =>
    tokenGain ? multiply(scaled(operand), operand(tokenGain)) : scaled(operand);
  const ofHeads = features?.heads;
  const routed = (operand: (value: Value) => Value): Value =>
    withHeadFeatures(ofHeads && borrowed(ofHeads, operand), gained(operand));
  if (mixing) return mixed(mixing, replaced(replacements?.head, routed), name);
  return replaced(replacements?.head, routed, name);
}
