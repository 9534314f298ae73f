/** Each written kind of intervention on a model: what it refuses, whose rows it needs, and the changes of a run that it becomes. */
import { planChanges } from '../../../diagnostics/model-runner/plan-changes';
import {
  layerProblem as noLayer,
  variantProblem,
  type Change,
  type Variant,
} from '../../../models/instrument/changes/changes';
import { regionRows } from '../../../diagnostics/model-runner/regions';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';
import { allSizes, layerSizes } from '../../../models/architectures/layer-sizes';
import { headsOf, withAttention, withoutAttention } from '../../../models/architectures/block-heads';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import type { AdditionChange } from '../../../models/instrument/changes/addition';
import type { ExpertChange } from '../../../models/instrument/changes/expert';
import type { IsolationChange } from '../../../models/instrument/changes/isolation';
import { headProblem as noHead } from '../../../models/instrument/changes/kind';
import type { LowRankChange } from '../../../models/instrument/changes/low-rank';
import type { PlanChange } from '../../../models/instrument/changes/plan';
import type { ReplacementChange } from '../../../models/instrument/changes/replacement';
import type { RoutingChange } from '../../../models/instrument/changes/routing';
import { printDo } from '../../../protocol/interventions/do-form';
import type { Part } from '../../../protocol/interventions/freeze';
import { kindOf, type Intervention, type KindName, type Of } from '../../../protocol/interventions/interventions';
import { keysWords, type Keys } from '../../../protocol/interventions/keys';
import { routingOf, sharedHeads, type RoutingRule } from '../../../protocol/interventions/moh';
import { keepOf } from '../../../protocol/interventions/plan';
import { covers, type Which, type WhichHeads } from '../../../protocol/interventions/which';
import { heldOf } from '../../../protocol/plans/held';
import { refusal } from '../../../protocol/wire/failures';
import { range } from '../run/graphs/runtime-arrays';
import { blockRetrievalOf, blockRetrievalProblem, longHeadsOf, longHeadsProblem } from './chosen-blocks';
import type { FeatureChanges } from './features';
import { frozenParts } from './freeze';
import { headsNamed } from './heads-named';
import {
  emphasesOf,
  emphasisProblem,
  redistributionProblem,
  redistributionsOf,
  type MassiveDimensions,
} from './moved-attention';
import { movedRows, repositionedParts, repositionedRows } from './repositioned';
import type { RunOf } from './resolve-rows';
import type { Rows, Wanted } from './wanted-rows';

/** What runs and weights gave for a list of interventions. */
export interface Resolved {
  readonly rows: (wanted: Wanted) => Rows;
  readonly lowRanks: readonly LowRankChange[];
  readonly additions: readonly AdditionChange[];
  readonly features: FeatureChanges;
  readonly dimensions: MassiveDimensions;
}

export interface Form<I extends Intervention> {
  /** One sentence where the model or the prompt does not have what is named. Absent: it is checked where it is lowered. */
  problem?(model: ModelSpec, one: I, sequence: Sequence): string | undefined;
  /** Rows that are to be resolved first. */
  wanted?(run: RunOf, one: I): readonly Wanted[];
  /** The changes of the run; an intervention without an effect may give none. */
  changes(run: RunOf, one: I, resolved: Resolved): Variant;
}

/** A head of a layer, on some keys. */
const keyed: Pick<Form<Of<'bias' | 'weight'>>, 'problem'> = {
  problem: (model, one, { ids }) =>
    headProblem(model, one.layer, one.head) ??
    withoutScores(model, one.layer) ??
    (one.keys === 'image' ? undefined : rangeProblem(one.keys, ids.length, one)),
};

type Replacing = Of<'head' | 'cross-head' | 'state-head' | 'query' | 'key' | 'value' | 'mlp' | 'residual'>;

const replacedIn = ({ sequence }: RunOf, one: Replacing): readonly Wanted[] => {
  const { start, end } = one.positions ?? { start: 0, end: sequence.ids.length };
  const place = { layer: one.layer, target: one.kind, source: one.source, first: start, count: end - start };
  return ['head' in one ? { ...place, head: one.head } : place];
};

/** A value of a layer that another takes the place of; of a query head, a key/value head, or of the layer. */
const replacing = (of?: 'heads' | 'kvHeads'): Form<Replacing> => ({
  problem: (model, one, { ids }) =>
    (one.kind === 'query' || one.kind === 'key' || one.kind === 'value'
      ? withoutScores(model, one.layer)
      : undefined) ??
    (of && 'head' in one ? headProblem(model, one.layer, one.head, of) : layerProblem(model, one.layer)) ??
    (one.kind === 'mlp' ? withoutNetwork(model, one.layer) : undefined) ??
    rangeProblem(one.positions, ids.length, one),
  wanted: replacedIn,
  changes: (run, one, { rows }) => replacementsOf(replacedIn(run, one), one, rows),
});

/** The output of a head of a kind that not every layer has. */
const replacingFurther = (): Form<Of<'cross-head' | 'state-head'>> => ({
  ...replacing(),
  problem: (model, one, { ids }) =>
    changesProblem(model, [
      { kind: 'replacement', target: one.kind, layer: one.layer, head: one.head, data: new Float32Array(0) },
    ]) ?? rangeProblem(one.positions, ids.length, one),
});

/** The router of a layer, at some positions. */
const ofExpert = <I extends Of<'force-expert' | 'forbid-expert' | 'bias-expert'>>(
  changeOf: (one: I) => ExpertChange,
): Form<I> => ({
  problem: (model, one, { ids }) =>
    changesProblem(model, [changeOf(one)]) ?? rangeProblem(one.positions, ids.length, one),
  changes: (_, one) =>
    kindOf(one).neutral(one)
      ? []
      : [
          {
            ...changeOf(one),
            ...(one.positions && { positions: range(one.positions.start, one.positions.end - one.positions.start) }),
          },
        ],
});

const frozenIn = ({ model, sequence }: RunOf, one: Of<'freeze'>): readonly Wanted[] => {
  const { start, end } = one.positions ?? { start: 0, end: sequence.ids.length };
  const rows = { source: one.source, first: start, count: end - start };
  return frozenParts(model.spec, one).map((part) => ({ ...part, ...rows }));
};

const repositionedIn = ({ model, sequence }: RunOf, one: Of<'reposition'>): readonly Wanted[] =>
  kindOf(one).neutral(one) ? [] : repositionedParts(model.spec, one, sequence.ids.length);

const group = (keys: Keys): string => (keys === 'image' ? 'image' : keysWords(keys));

/** Kinds that are changes of a run as they are written. */
type AsWritten = { readonly [K in KindName]: Of<K> extends Change ? K : never }[KindName];

const asWritten: Form<Of<AsWritten>> = {
  problem: (model, one) =>
    changesProblem(model, [one]) ?? (one.kind === 'unsuppress' ? withoutNetwork(model, one.layer) : undefined),
  // What changes nothing is left out: computed all the same, some of it would round.
  changes: (_, one) => (kindOf(one).neutral(one) ? [] : [one]),
};

/** One entry for each other kind that a person can write. */
const forms: { readonly [K in Exclude<KindName, AsWritten>]: Form<Of<K>> } = {
  bias: {
    ...keyed,
    changes: (_, { layer, head: at, keys, bias }) => [
      { kind: 'bias', layer, head: at, group: group(keys), value: bias },
    ],
  },
  weight: {
    ...keyed,
    // A weight of 1 would still be renormalised, which rounds.
    changes: (_, { layer, head: at, keys, weight }) =>
      weight === 1 ? [] : [{ kind: 'weight', layer, head: at, group: group(keys), value: weight }],
  },
  head: replacing('heads'),
  'cross-head': replacingFurther(),
  'state-head': replacingFurther(),
  query: replacing('heads'),
  key: replacing('kvHeads'),
  value: replacing('kvHeads'),
  mlp: replacing(),
  residual: replacing(),
  freeze: {
    problem: (model, one, { ids }) =>
      problemOf([...one.parts, ...(one.except ?? [])], (part) => partProblem(model, part)) ??
      (frozenParts(model, one).length === 0
        ? `"${printDo(one)}" leaves nothing to hold. Name heads or MLPs that are not left out.`
        : rangeProblem(one.positions, ids.length, one)),
    wanted: frozenIn,
    changes: (run, one, { rows }) => replacementsOf(frozenIn(run, one), one, rows),
  },
  isolate: {
    problem(model, one, sequence) {
      const regions = regionRows(sequence, one.regions);
      return whichHeadsProblem(model, one.heads) ?? (regions.ok ? undefined : regions.why);
    },
    changes: isolationsOf,
  },
  reposition: {
    problem(model, one, sequence) {
      const moved = movedRows(sequence, one);
      return attendingProblem(model, one.layers) ?? (typeof moved === 'string' ? moved : undefined);
    },
    wanted: repositionedIn,
    changes: (run, one, { rows }) => repositionsOf(run, one, rows),
  },
  redistribute: {
    problem: (model, one, sequence) =>
      whichHeadsProblem(model, one.heads) ?? redistributionProblem(model, one, sequence),
    changes: (run, one, { dimensions }) => redistributionsOf(run, one, dimensions),
  },
  emphasis: {
    problem: (model, one, sequence) => whichHeadsProblem(model, one.heads) ?? emphasisProblem(one, sequence),
    changes: emphasesOf,
  },
  // The source that the decoder reads already has its change (changed-source.ts).
  encoder: {
    problem: (_, one, { source }) =>
      source === undefined
        ? `"${printDo(one)}" changes the encoder of an encoder-decoder, but this model is not one. Leave "encoder:" out.`
        : undefined,
    changes: () => [],
  },
  // Its layers and its span are checked where the heads are chosen, as gains.
  reinforce: { changes: () => [] },
  plan: { problem: (model, one, { ids }) => planProblem(model, one, ids.length), changes: plansOf },
  moh: {
    problem: (model, one) =>
      problemOf(
        one.rules,
        (rule) => layersProblem(model, [rule.layer]) ?? changesProblem(model, routingsBy(model, rule)),
      ),
    changes: routingsOf,
  },
  // Entries of one list are lowered together: a later one may give a layer its full rank back. So are the vectors of `add`.
  'low-rank': {
    problem: (model, one) => attendingProblem(model, one.layers),
    changes: (_, __, { lowRanks }) => lowRanks,
  },
  add: {
    problem: (model, one, { ids }) => layersProblem(model, one.layers) ?? rangeProblem(one.positions, ids.length, one),
    changes: (_, __, { additions }) => additions,
  },
  feature: {
    problem: (_, one, { ids }) => rangeProblem(one.positions, ids.length, one),
    changes(_, one, { features }) {
      const change = features.get(one);
      return change ? [change] : [];
    },
  },
  'force-expert': ofExpert(({ layer, expert }) => ({ kind: 'expert', layer, expert, act: 'force' })),
  'forbid-expert': ofExpert(({ layer, expert }) => ({ kind: 'expert', layer, expert, act: 'forbid' })),
  'bias-expert': ofExpert(({ layer, expert, bias }) => ({ kind: 'expert', layer, expert, act: 'bias', bias })),
  longheads: { problem: longHeadsProblem, changes: ({ model }, one) => longHeadsOf(model.spec, one) },
  'block-retrieval': {
    problem: (model, one) => whichHeadsProblem(model, one.heads) ?? blockRetrievalProblem(model, one),
    changes: ({ model }, one) => blockRetrievalOf(model.spec, one),
  },
};

export const formOf = (one: Intervention): Form<Intervention> =>
  one.kind in forms ? forms[one.kind as keyof typeof forms] : asWritten;

/** Kinds with forms for all layers, which pass over layers without attention. */
const ofAttentionAlone: readonly KindName[] = [
  ...(['isolate', 'reposition', 'redistribute', 'emphasis', 'moh'] as const),
  ...(['plan', 'low-rank', 'longheads', 'block-retrieval'] as const),
];

/** A sentence where the intervention names what the model or the prompt does not have, or would change nothing of any layer. */
export function problemIn(model: ModelSpec, one: Intervention, sequence: Sequence): string | undefined {
  const problem = formOf(one).problem?.(model, one, sequence);
  if (problem !== undefined) return problem;
  return ofAttentionAlone.includes(one.kind) && model.blocks.every(({ attention }) => attention === undefined)
    ? `No layer of the model has attention, so "${printDo(one)}" has nothing to change. Leave it out, or change what heads give (gain, head).`
    : undefined;
}

const replacementsOf = (
  wanted: readonly Wanted[],
  { positions }: Pick<Of<'head'>, 'positions'>,
  rows: Resolved['rows'],
): readonly ReplacementChange[] =>
  wanted.map((one) => ({
    ...{ kind: 'replacement', layer: one.layer, target: one.target },
    ...(one.head === undefined ? {} : { head: one.head }),
    ...(positions && { positions: range(positions.start, positions.end - positions.start) }),
    ...rows(one),
  }));

function isolationsOf({ model, sequence }: RunOf, one: Of<'isolate'>): readonly IsolationChange[] {
  const regions = regionRows(sequence, one.regions);
  if (!regions.ok) throw refusal(regions.why);
  if (one.beta === 0) return [];
  return headsNamed(model.spec, one.heads).map((place) => ({
    ...{ kind: 'isolation', ...place, regions: regions.value, beta: one.beta },
    ...(one.oneWay ? { oneWay: true } : {}),
  }));
}

function repositionsOf(run: RunOf, one: Of<'reposition'>, rows: Resolved['rows']): readonly ReplacementChange[] {
  const { model, sequence } = run;
  const moved = movedRows(sequence, one);
  if (typeof moved === 'string') throw refusal(moved);
  return repositionedIn(run, one).map((wanted) => {
    const { layer, target, head = 0 } = wanted;
    const data = repositionedRows(model.spec, sequence, moved, wanted, rows(wanted).data);
    return { kind: 'replacement', layer, target, head, positions: moved.to, data };
  });
}

/** The layers that the rules name, each by its last rule; none of a layer in which every token has all heads. */
function routingsOf({ model: { spec } }: RunOf, one: Of<'moh'>): readonly RoutingChange[] {
  return withAttention(spec.blocks).flatMap(({ index, attention: { heads } }) => {
    const rule = routingOf(one, index);
    const routings = rule ? routingsBy(spec, { ...rule, layer: index }) : [];
    return routings.filter(({ shared, active }) => shared.length + active !== heads);
  });
}

/** A rule for all layers passes over those without attention. */
const routingsBy = ({ blocks }: ModelSpec, rule: RoutingRule): readonly RoutingChange[] =>
  blocks
    .filter(({ index, attention }) => covers(rule.layer, index) && (attention || rule.layer !== 'all'))
    .map(({ index }) => ({ kind: 'routing', layer: index, shared: sharedHeads(rule), active: rule.active }));

function plansOf({ model, sequence }: RunOf, one: Of<'plan'>): readonly PlanChange[] {
  if (kindOf(one).neutral(one)) return [];
  const prompt = sequence.ids.length;
  const heads = model.spec.blocks.map((block) =>
    range(0, headsOf(block).kvHeads).map((head) => heldOf(keepOf(one.rules, block.index, head), prompt)),
  );
  return planChanges({ prompt, from: one.prefill === 'dense' ? prompt : 0, heads });
}

function problemOf<T>(list: readonly T[], problem: (one: T) => string | undefined): string | undefined {
  for (const one of list) {
    const found = problem(one);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Why scores of these heads cannot be changed. */
const whichHeadsProblem = (model: ModelSpec, heads: readonly WhichHeads[]): string | undefined =>
  problemOf(heads, (one) => partProblem(model, one) ?? withoutScores(model, one.layer));

function withoutScores(model: ModelSpec, layer: Which): string | undefined {
  const block = layer === 'all' ? undefined : model.blocks[layer];
  const why = block && withoutAttention(block);
  return why && `${why} Choose layers that have attention.`;
}

function withoutNetwork(model: ModelSpec, layer: number): string | undefined {
  const block = model.blocks[layer];
  return block && block.feedForward === undefined
    ? `Layer ${layer} has no feed-forward network, so there is no output of one to change. Name a layer that has one.`
    : undefined;
}

const changesProblem = (model: ModelSpec, changes: Variant): string | undefined =>
  variantProblem(allSizes(model), changes, []);

const layerProblem = ({ blocks }: ModelSpec, layer: number): string | undefined =>
  blocks[layer] ? undefined : noLayer(blocks.length, layer);

const layersProblem = (model: ModelSpec, layers: readonly Which[]): string | undefined =>
  problemOf(layers, (layer) => (layer === 'all' ? undefined : layerProblem(model, layer)));

/** Why keys and values of these layers cannot be changed. */
const attendingProblem = (model: ModelSpec, layers: readonly Which[]): string | undefined =>
  layersProblem(model, layers) ?? problemOf(layers, (layer) => withoutScores(model, layer));

function headProblem(
  model: ModelSpec,
  layer: number,
  head: number,
  of: 'heads' | 'kvHeads' = 'heads',
): string | undefined {
  const block = model.blocks[layer];
  return block ? noHead(layerSizes(model, block), head, of) : layerProblem(model, layer);
}

function planProblem(model: ModelSpec, one: Of<'plan'>, length: number): string | undefined {
  const keepOther = model.blocks.findIndex(({ attention }) => attention?.causal === false);
  if (keepOther >= 0) return `Layer ${keepOther} reads in both directions, so it keeps no cache that a plan could cut.`;
  if (one.prompt !== undefined && one.prompt !== length)
    return `The plan keeps chosen positions of a prompt of ${one.prompt} tokens, and this one has ${length}. Derive a plan for this prompt.`;
  for (const { heads, keep } of one.rules) {
    const problem = problemOf(heads, ({ layer, head }) =>
      layer !== 'all' && layerProblem(model, layer) !== undefined
        ? layerProblem(model, layer)
        : head === 'all'
          ? undefined
          : headProblem(model, layer === 'all' ? 0 : layer, head, 'kvHeads'),
    );
    if (problem !== undefined) return problem;
    const last = keep.kind === 'kept' ? (keep.ranges.at(-1)?.end ?? 0) : 0;
    if (last > length)
      return `The plan keeps position ${last - 1}, and the prompt has ${length} tokens, from 0. A plan of chosen positions is for one prompt.`;
  }
  return undefined;
}

function partProblem(model: ModelSpec, part: Part): string | undefined {
  const layer = 'mlp' in part ? part.mlp : part.layer;
  if (layer !== 'all' && layerProblem(model, layer) !== undefined) return layerProblem(model, layer);
  if ('mlp' in part || part.head === 'all') return undefined;
  return headProblem(model, layer === 'all' ? 0 : layer, part.head);
}

function rangeProblem(
  range: { readonly end: number } | undefined,
  length: number,
  one: Intervention,
): string | undefined {
  return range === undefined || range.end <= length
    ? undefined
    : `"${printDo(one)}" names position ${range.end - 1}, and the prompt has ${length} tokens, from 0.`;
}
