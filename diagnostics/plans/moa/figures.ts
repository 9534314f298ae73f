/** Figures of a result from maps of influence and rules. */
import { heldOf, rowsHeld } from '../../../protocol/plans/held';
import type { ModelFacts } from '../../model-runner/model-runner';
import { bytesOf } from '../../shared/plans/model-bytes';
import { byDistance } from './influence';
import { meanInterval } from '../../shared/statistics/proportion';
import { diagonalBlocks, keptBlocks, lossByWindow, spanPlan, type Rule } from './rules';
import { rowsOf, type Heads, type Answered } from './measure';
import type { Judged, LengthInfluence, MoaResult } from './result';
import { mean } from '../../../kernels/tensors/vectors';

/** [layers][heads], mean over the prompts. */
export interface Profile {
  readonly tokens: number;
  readonly prompts: number;
  readonly blocks: number;
  readonly maps: readonly (readonly Float64Array[])[];
}

/** Numbers of maps that a result holds at most. */
const mostNumbers = 200_000;
const [leastSide, mostSide] = [8, 32];

const fourDigits = (value: number): number => Number(value.toPrecision(4));

export function influenceSection(profile: Profile, block: number, lengths: number): LengthInfluence {
  const { tokens, prompts, blocks, maps } = profile;
  const heads = maps.flat().length;
  const room = Math.floor(Math.sqrt(mostNumbers / heads / lengths));
  const side = Math.min(blocks, mostSide, Math.max(leastSide, room));
  return {
    ...{ tokens, prompts, side },
    total: maps.map((layer) => layer.map((map) => map.reduce((sum, value) => sum + value, 0))),
    distance: maps.map((layer) => layer.map((map) => meanDistance(map, blocks) * block)),
    maps: maps.map((layer) => layer.map((map) => smaller(map, blocks, side).map(fourDigits))),
  };
}

function meanDistance(map: Float64Array, blocks: number): number {
  const sums = byDistance(map, blocks);
  const all = sums.reduce((sum, value) => sum + value, 0);
  return sums.reduce((sum, value, distance) => sum + value * distance, 0) / all;
}

/** Neighbouring blocks added up, [side x side]. */
function smaller(map: Float64Array, blocks: number, side: number): readonly number[] {
  const sums = new Array<number>(side * side).fill(0);
  map.forEach((value, at) => {
    const [row, column] = [Math.floor(at / blocks), at % blocks].map((place) => Math.floor((place * side) / blocks));
    const to = (row ?? 0) * side + (column ?? 0);
    sums[to] = (sums[to] ?? 0) + value;
  });
  return sums;
}

export const headsOf = (rules: readonly (readonly Rule[])[], block: number): Heads =>
  rules.map((layer) => layer.map((rule) => spanPlan(rule, block)));

export function rulesPart(
  facts: ModelFacts,
  rules: readonly (readonly Rule[])[],
  profiles: readonly Profile[],
  lengths: readonly number[],
  block: number,
): Pick<MoaResult, 'rules' | 'lengths' | 'spans' | 'meanSpan' | 'bytes' | 'bytesFull' | 'predicted' | 'headLoss'> {
  const heads = headsOf(rules, block);
  const bytes = lengths.map((tokens) => bytesOf(facts, heads, tokens));
  const lossOf = ({ tokens, blocks, maps }: Profile, layer: number, head: number, window: number): number =>
    tokens === 0 ? 0 : (lossByWindow(maps[layer]?.[head] ?? [], blocks)[Math.min(blocks, window)] ?? 0);
  const perHead = (of: (layer: number, head: number, rule: Rule) => number) =>
    rules.map((layer, index) => layer.map((rule, head) => of(index, head, rule)));
  const own = (profile: Profile) =>
    perHead((layer, head, rule) => lossOf(profile, layer, head, diagonalBlocks(rule, profile.tokens, block)));
  const sum = (table: readonly (readonly number[])[]): number =>
    table.flat().reduce((total, value) => total + value, 0);
  const last = profiles.at(-1);
  return {
    rules,
    lengths,
    spans: lengths.map((tokens) =>
      heads.map((layer) => layer.map((plan) => rowsHeld(heldOf(plan, tokens), tokens, tokens))),
    ),
    meanSpan: lengths.map((tokens) => rowsOf(heads, tokens) / heads.flat().length),
    bytes: bytes.map(({ plan }) => plan),
    bytesFull: bytes.map(({ full }) => full),
    predicted: profiles.map((profile) => {
      const kept = mean(rules.flat().map((rule) => keptBlocks(rule, profile.tokens, block)));
      const window = Math.max(1, Math.floor(kept) - 1);
      return {
        tokens: profile.tokens,
        plan: sum(own(profile)),
        uniform: sum(perHead((layer, head) => lossOf(profile, layer, head, window))),
      };
    }),
    ...(last ? { headLoss: own(last) } : {}),
  };
}

/** One prompt under the plans that are compared. */
export interface SideBySide {
  readonly full: Answered;
  readonly plan: Answered;
  readonly uniform: Answered;
  /** Values of each draw. */
  readonly random: readonly number[];
}

export function judgedRow(facts: ModelFacts, heads: Heads, tokens: number, answered: readonly SideBySide[]): Judged {
  const { plan, full } = bytesOf(facts, heads, tokens);
  const over = (of: (one: SideBySide) => Answered): Answered => ({
    loss: mean(answered.map((one) => of(one).loss)),
    right: mean(answered.map((one) => of(one).right)),
  });
  const random = (answered[0]?.random ?? []).map((_, draw) =>
    mean(answered.map((one) => one.random[draw] ?? Number.NaN)),
  );
  return {
    ...{ tokens, prompts: answered.length, bytes: plan, share: plan / full },
    full: over((one) => one.full),
    plan: over((one) => one.plan),
    uniform: over((one) => one.uniform),
    random,
    randomLoss: mean(random),
    gain: meanInterval(answered.map((one) => one.uniform.loss - one.plan.loss)),
  };
}
