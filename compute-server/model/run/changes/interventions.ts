/**
 * A person's interventions on a run, and the arrays that they become at the inputs of a layer graph
 * (models/instrument/interventions.ts). Heads are query heads.
 */
import type { BlockSpec, ModelSpec } from '../../../../models/architectures/model-spec';
import { reinforcementDistances, reinforcementRules } from '../../../../models/instrument/interventions/reinforcement';
import { replaceable, replaceables, rowsOf } from '../../../../models/instrument/interventions/replacement';
import type { LayerTap } from '../../../../models/instrument/taps';
import type { GraphReinforcement, HeadGain, Variant } from '../../../../diagnostics/model-runner/variant';
import type { Sequence } from '../../../../diagnostics/model-runner/sequence';
import type { RuntimeArray } from '../../../runtime/session';
import { unitTurns } from '../graphs/chunk-tables';
import { routingFeeds, unitFeeds } from './head-and-unit-feeds';
import { additionFeeds } from './addition-feeds';
import { emphasisFeeds } from './emphasis-feeds';
import { isolationFeeds } from './isolation-feeds';
import type { KeySources } from '../cache/key-sources';
import { mixtureFeeds } from './mixture-feeds';
import { planFeeds, plansLayer } from './plan-feeds';
import { redistributionFeeds } from './redistribution-feeds';
import { usesChange } from './rare-changes';
import { flag, int32 } from '../graphs/runtime-arrays';

/** The first layer that the variant changes, or undefined when it changes none. */
export function firstChangedLayer(variant: Variant): number | undefined {
  const layers = [
    ...(variant.gains ?? []),
    ...(variant.scoreBiases ?? []),
    ...(variant.groupWeights ?? []),
    ...(variant.uniform ?? []),
    ...(variant.phases ?? []),
    ...(variant.isolations ?? []),
    ...(variant.redistributions ?? []),
    ...(variant.emphases ?? []),
    ...(variant.routings ?? []),
    ...(variant.unitGains ?? []),
    ...(variant.blocks ?? []),
    ...(variant.replacements ?? []),
    ...(variant.unsuppressed ?? []),
    ...(variant.additions ?? []),
    ...(variant.mixtures ?? []),
    ...(variant.lowRanks ?? []),
  ].map(({ layer }) => layer);
  const planned = variant.plan?.heads.findIndex((_, layer) => plansLayer(variant, layer)) ?? -1;
  if (planned >= 0) layers.push(planned);
  return layers.length === 0 ? undefined : Math.min(...layers);
}

/** One sentence when a variant names what the model does not have. */
export function variantProblem(model: ModelSpec, variant: Variant, groups: readonly string[]): string | undefined {
  const layers = model.blocks.length;
  const check = (layer: number, head: number | undefined, of: 'heads' | 'kvHeads' = 'heads'): string | undefined => {
    const block = model.blocks[layer];
    if (!Number.isInteger(layer) || !block) return `There is no layer ${layer}: the model has ${layers}, from 0.`;
    const count = block.attention[of];
    if (head !== undefined && !(Number.isInteger(head) && head >= 0 && head < count)) {
      return `There is no head ${head} in layer ${layer}: it has ${count} ${of === 'heads' ? 'query' : 'key/value'} heads, from 0.`;
    }
    return undefined;
  };
  for (const { layer, head, gain } of variant.gains ?? []) {
    const problem = check(layer, head);
    if (problem !== undefined) return problem;
    if (!Number.isFinite(gain)) return `The gain of layer ${layer} head ${head} is ${gain}; give a finite number.`;
  }
  for (const change of [...(variant.scoreBiases ?? []), ...(variant.groupWeights ?? [])]) {
    const problem = check(change.layer, change.head);
    if (problem !== undefined) return problem;
    if (!groups.includes(change.group)) return `There is no key group "${change.group}" in this run.`;
    if (!Number.isFinite(change.value))
      return `The value for group "${change.group}" is ${change.value}; give a finite number.`;
  }
  for (const { groupWeights } of [variant]) {
    const negative = groupWeights?.find(({ value }) => value < 0);
    if (negative) return `The weight of group "${negative.group}" is negative. Give 0 or more.`;
  }
  for (const { layer, head } of variant.uniform ?? []) {
    const problem = check(layer, head);
    if (problem !== undefined) return problem;
  }
  for (const { layer } of variant.unsuppressed ?? []) {
    const problem = check(layer, undefined);
    if (problem !== undefined) return problem;
  }
  for (const { layer, shares } of variant.mixtures ?? []) {
    const problem = check(layer, shares.length - 1);
    if (problem !== undefined) return problem;
  }
  for (const { layer, vector } of variant.additions ?? []) {
    const problem = check(layer, undefined);
    if (problem !== undefined) return problem;
    if (vector.length !== model.hiddenSize)
      return `The vector for layer ${layer} has ${vector.length} numbers, and the residual stream ${model.hiddenSize}.`;
  }
  for (const { layer, rank, basis } of variant.lowRanks ?? []) {
    const problem = check(layer, undefined);
    if (problem !== undefined) return problem;
    if (basis.length !== rank * model.hiddenSize)
      return `The basis of layer ${layer} has ${basis.length} numbers, not ${rank} for each of ${model.hiddenSize}.`;
  }
  for (const { layer, head, planes, delta, shift } of variant.phases ?? []) {
    const problem = check(layer, head);
    if (problem !== undefined) return problem;
    if (!Number.isFinite(delta) || !Number.isFinite(shift))
      return `The phase of layer ${layer} head ${head} is ${delta}, ${shift}; give finite numbers.`;
    const rope = model.blocks[layer]?.attention.rope;
    if (rope === undefined) return `Layer ${layer} rotates no queries and keys.`;
    const count = (model.ropes[rope]?.dimensions ?? 0) / 2;
    if (planes && planes.end > count) return `Layer ${layer} rotates ${count} planes of a head, from 0.`;
  }
  for (const { layer, head, beta } of variant.isolations ?? []) {
    const problem = check(layer, head);
    if (problem !== undefined) return problem;
    if (!Number.isFinite(beta)) return `The isolation of layer ${layer} head ${head} is ${beta}; give a finite number.`;
  }
  for (const { layer, head, share } of variant.redistributions ?? []) {
    const problem = check(layer, head);
    if (problem !== undefined) return problem;
    if (!(share >= 0 && share <= 1))
      return `The share that layer ${layer} head ${head} moves is ${share}; give 0 to 1.`;
  }
  for (const { layer, head, factor } of variant.emphases ?? []) {
    const problem = check(layer, head);
    if (problem !== undefined) return problem;
    if (!Number.isFinite(factor))
      return `The factor of layer ${layer} head ${head} is ${factor}; give a finite number.`;
  }
  for (const { layer, heads } of variant.blocks ?? []) {
    const problem = check(layer, heads.length - 1);
    if (problem !== undefined) return problem;
  }
  for (const { layer, shared, active } of variant.routings ?? []) {
    const problem = shared.map((head) => check(layer, head)).find((found) => found !== undefined) ?? check(layer, 0);
    if (problem !== undefined) return problem;
    const others = (model.blocks[layer]?.attention.heads ?? 0) - new Set(shared).size;
    if (!(Number.isInteger(active) && active >= 0 && active <= others))
      return `Layer ${layer} has ${others} heads besides the shared ones, and ${active} of them are to be active. Give 0 to ${others}.`;
  }
  for (const { layer, units, gain } of variant.unitGains ?? []) {
    const problem = check(layer, undefined);
    if (problem !== undefined) return problem;
    const count = model.blocks[layer]?.feedForward.down.inputs ?? 0;
    const bad = units.find(({ start, end }) => !(start >= 0 && start < end && end <= count));
    if (bad) return `There is no unit ${bad.end - 1} in layer ${layer}: it has ${count}, from 0.`;
    if (!Number.isFinite(gain)) return `The gain of units of layer ${layer} is ${gain}; give a finite number.`;
  }
  for (const { layer, target, head } of variant.replacements ?? []) {
    const { slots } = replaceable[target];
    const problem = slots === undefined ? check(layer, undefined) : check(layer, head ?? -1, slots);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

export type {
  GraphReinforcement,
  GroupChange,
  HeadGain,
  HeadPlace,
  IsolationChange,
  PhaseChange,
  Replacement,
  Variant,
} from '../../../../diagnostics/model-runner/variant';

export const gainsOfSelected = (layer: number, selected: readonly boolean[], gain: number): HeadGain[] =>
  selected.flatMap((is, head) => (is ? [{ layer, head, gain }] : []));

export interface ChunkOfRun {
  readonly variants: readonly Variant[];
  readonly groups: readonly string[];
  /** [groups, keys] for the keys of this layer and chunk. */
  readonly keyGroups: RuntimeArray;
  /** Token position of the first query of the chunk. */
  readonly start: number;
  readonly length: number;
  /** Whose rows these are. */
  readonly sequence: Pick<Sequence, 'ids' | 'positions' | 'prefix'>;
  /** Where the last query of this chunk decides the gains. */
  readonly reinforcement?: GraphReinforcement;
  /** Taps that the run reads of this layer. */
  readonly taps?: readonly LayerTap[];
  /** Keys that attention is taken from, where they were decided before. */
  readonly sources?: KeySources | undefined;
  /** Directions [b, n, w] of suppression, where a variant removes it in this layer. */
  readonly directions?: Float32Array | undefined;
}

/** The intervention inputs of one layer for one chunk. Arrays of neutral values are shared between calls: never write to them. */
export function interventionFeeds(model: ModelSpec, block: BlockSpec, chunk: ChunkOfRun): Record<string, RuntimeArray> {
  const { heads } = block.attention;
  const b = chunk.variants.length;
  const groups = chunk.groups.length;
  const here = <T extends { readonly layer: number }>(list: readonly T[] | undefined): readonly T[] =>
    (list ?? []).filter(({ layer }) => layer === block.index);

  let gain = neutral('ones', b * heads);
  let bias: Float32Array | undefined;
  let weight: Float32Array | undefined;
  let uniform: Uint8Array | undefined;
  chunk.variants.forEach((variant, v) => {
    for (const change of here(variant.gains)) {
      if (gain === neutral('ones', b * heads)) gain = gain.slice();
      const at = v * heads + change.head;
      gain[at] = (gain[at] ?? 1) * change.gain;
    }
    for (const change of here(variant.scoreBiases)) {
      bias ??= new Float32Array(b * heads * groups);
      const at = (v * heads + change.head) * groups + chunk.groups.indexOf(change.group);
      bias[at] = (bias[at] ?? 0) + change.value;
    }
    for (const change of here(variant.groupWeights)) {
      weight ??= new Float32Array(b * heads * groups).fill(1);
      const at = (v * heads + change.head) * groups + chunk.groups.indexOf(change.group);
      weight[at] = (weight[at] ?? 1) * change.value;
    }
    for (const { head } of here(variant.uniform)) {
      uniform ??= new Uint8Array(b * heads);
      uniform[v * heads + head] = 1;
    }
  });
  const keys = chunk.keyGroups.shape[1] ?? 0;
  return {
    head_gain: { data: gain, shape: [b, heads] },
    ...reinforcementFeeds(block, b, chunk.reinforcement),
    key_groups: chunk.keyGroups,
    use_score_bias: flag(bias !== undefined),
    score_bias: { data: bias ?? neutral('zeros', b * heads * groups), shape: [b, heads, groups] },
    use_uniform_attention: flag(uniform !== undefined),
    uniform_heads: { data: uniform ?? new Uint8Array(b * heads), shape: [b, heads, 1, 1] },
    ...phaseFeeds(model, block, chunk),
    ...isolationFeeds(block, { ...chunk, keys }),
    ...emphasisFeeds(block, { ...chunk, keys }),
    ...redistributionFeeds(block, { ...chunk, keys }),
    ...planFeeds(block, { ...chunk, keys }),
    ...routingFeeds(block, chunk.variants),
    ...unitFeeds(block, chunk.variants, chunk.taps?.includes('mlp_units') ?? false),
    ...mixtureFeeds(block, chunk),
    ...lowRankFeeds(model, block, chunk),
    use_group_weight: flag(weight !== undefined),
    group_weight: { data: weight ?? neutral('ones', b * heads * groups), shape: [b, heads, groups] },
    ...suppressionFeeds(model, block, chunk),
    ...additionFeeds(model, block, chunk),
    ...replacementFeeds(model, block, chunk),
  };
}

/** The share that each variant removes in a layer; of several the last counts. */
export const suppressionShares = (variants: readonly Variant[], layer: number): readonly number[] =>
  variants.map(({ unsuppressed = [] }) => unsuppressed.findLast((one) => one.layer === layer)?.share ?? 0);

function suppressionFeeds(
  { hiddenSize }: ModelSpec,
  { index }: BlockSpec,
  { variants, length, directions }: ChunkOfRun,
): Record<string, RuntimeArray> {
  const b = variants.length;
  const shares = Float32Array.from(suppressionShares(variants, index));
  const rows = directions ? length : 0;
  return {
    use_suppression: flag(directions !== undefined),
    suppression_direction: { data: directions ?? new Float32Array(0), shape: [b, rows, hiddenSize] },
    suppression_share: { data: shares, shape: [b, 1, 1] },
  };
}

/** Nothing where no variant turns a head of this layer: the graph has no inputs for it. */
function phaseFeeds(model: ModelSpec, block: BlockSpec, chunk: ChunkOfRun): Record<string, RuntimeArray> {
  const rope = block.attention.rope === undefined ? undefined : model.ropes[block.attention.rope];
  if (!rope || !usesChange('phase', chunk.variants, block.index)) return {};
  const { heads } = block.attention;
  const planes = rope.dimensions / 2;
  const shape = [chunk.variants.length, heads, 1, planes];
  const mask = new Uint8Array(chunk.variants.length * heads);
  const delta = new Float32Array(mask.length * planes).fill(1);
  const shift = new Float32Array(mask.length * planes);
  chunk.variants.forEach(({ phases = [] }, v) => {
    for (const change of phases) {
      if (change.layer !== block.index) continue;
      const at = v * heads + change.head;
      const { start, end } = change.planes ?? { start: 0, end: planes };
      mask[at] = 1;
      delta.fill(change.delta, at * planes + start, at * planes + end);
      shift.fill(change.shift, at * planes + start, at * planes + end);
    }
  });
  const turns = (start: number, length: number): RuntimeArray => ({
    data: unitTurns(rope, model, { start, length, sequence: chunk.sequence }),
    shape: [length, rope.dimensions],
  });
  const keys = chunk.keyGroups.shape[1] ?? 0;
  return {
    phase_heads: { data: mask, shape: [chunk.variants.length, heads, 1, 1] },
    phase_delta: { data: delta, shape },
    phase_shift: { data: shift, shape },
    phase_query_turn: turns(chunk.start, chunk.length),
    phase_key_turn: turns(chunk.start + chunk.length - keys, keys),
  };
}

/** Nothing where every variant has its keys and values of full rank; beside others these have the identity, which is exact. */
function lowRankFeeds(
  { hiddenSize }: ModelSpec,
  { index }: BlockSpec,
  { variants }: ChunkOfRun,
): Record<string, RuntimeArray> {
  const changes = variants.map(({ lowRanks = [] }) => lowRanks.findLast(({ layer }) => layer === index));
  if (changes.every((change) => change === undefined)) return {};
  const columns = Math.max(...changes.map((change) => change?.rank ?? hiddenSize));
  const data = new Float32Array(variants.length * hiddenSize * columns);
  changes.forEach((change, v) => {
    for (let row = 0; row < hiddenSize; row++) {
      const at = (v * hiddenSize + row) * columns;
      if (change) data.set(change.basis.subarray(row * change.rank, (row + 1) * change.rank), at);
      else data[at + row] = 1;
    }
  });
  return { key_value_basis: { data, shape: [variants.length, hiddenSize, columns] } };
}

function replacementFeeds(model: ModelSpec, block: BlockSpec, chunk: ChunkOfRun): Record<string, RuntimeArray> {
  const b = chunk.variants.length;
  const n = chunk.length;
  const feeds: Record<string, RuntimeArray> = {};
  for (const target of replaceables) {
    const { slots, width } = rowsOf(target, { ...block.attention, hiddenSize: model.hiddenSize });
    let mask: Uint8Array | undefined;
    let data: Float32Array | undefined;
    chunk.variants.forEach((variant, v) => {
      for (const change of variant.replacements ?? []) {
        if (change.target !== target || change.layer !== block.index) continue;
        mask ??= new Uint8Array(b * slots * n);
        data ??= new Float32Array(b * slots * n * width);
        for (let i = 0; i < n; i++) {
          const position = chunk.start + i;
          const source = change.everywhere
            ? change.data
            : change.data.subarray(position * width, (position + 1) * width);
          if (source.length < width || (change.positions && !change.positions.includes(position))) continue;
          const row = (v * slots + (change.head ?? 0)) * n + i;
          mask[row] = 1;
          data.set(source, row * width);
        }
      }
    });
    const [use, where, by] = replaceable[target].inputs;
    const rows = mask ? n : 0;
    const lead = replaceable[target].slots === undefined ? [b] : [b, slots];
    feeds[use] = flag(mask !== undefined);
    feeds[where] = { data: mask ?? new Uint8Array(0), shape: [...lead, rows, 1] };
    feeds[by] = { data: data ?? new Float32Array(0), shape: [...lead, rows, width] };
  }
  return feeds;
}

function reinforcementFeeds(
  { index, attention: { heads, headDim } }: BlockSpec,
  batch: number,
  reinforcement: GraphReinforcement | undefined,
): Record<string, RuntimeArray> {
  const text = reinforcement?.text.get(index);
  const width = heads * headDim;
  let rows = neutral('zeros', batch * width);
  if (text) {
    rows = new Float32Array(batch * width);
    for (let v = 0; v < batch; v++) rows.set(text, v * width);
  }
  return {
    use_reinforcement: flag(text !== undefined),
    reinforcement_text: { data: rows, shape: [batch, heads, headDim] },
    reinforcement_alpha: {
      data: text && reinforcement ? new Float32Array(batch).fill(reinforcement.alpha) : neutral('ones', batch),
      shape: [batch],
    },
    reinforcement_distance: int32([reinforcementDistances.indexOf(reinforcement?.distance ?? 'l2')], []),
    reinforcement_rule: int32([reinforcementRules.indexOf(reinforcement?.rule ?? 'off')], []),
  };
}

const kept = new Map<string, Float32Array>();
function neutral(kind: 'zeros' | 'ones', length: number): Float32Array {
  const key = `${kind}${length}`;
  let array = kept.get(key);
  if (!array) {
    // A handful of lengths recur (chunk, last chunk, one token); more would only hold memory.
    if (kept.size > 24) kept.clear();
    array = new Float32Array(length).fill(kind === 'ones' ? 1 : 0);
    kept.set(key, array);
  }
  return array;
}
