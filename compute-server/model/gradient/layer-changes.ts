/** What the run that is differentiated changes in a layer: kinds for the graph that has them for good, arrays for its inputs. */
import type { BlockSpec, ModelSpec } from '../../../models/architectures/model-spec';
import type { Change } from '../../../models/instrument/interventions/interventions';
import {
  replaceable,
  replaceables,
  rowsOf,
  type Replaceable,
} from '../../../models/instrument/interventions/replacement';
import { decidesSources } from '../../../diagnostics/model-runner/redistribution-sources';
import type { KeyGroup, Sequence } from '../../../diagnostics/model-runner/sequence';
import type { Variant } from '../../../diagnostics/model-runner/variant';
import { FailureError } from '../../../protocol/wire/failures';
import type { RuntimeArray } from '../../runtime/session';
import { interventionFeeds } from '../run/changes/interventions';
import { groupColumns } from '../run/stream/layer-feeds';
import { plansLayer, readsMeans } from '../run/changes/plan-feeds';
import type { LayerSessions } from '../run/graphs/layer-sessions';
import { redistributionInputs } from '../../../models/instrument/interventions/redistribution';
import { leadingDirections } from '../run/changes/leading-directions';

interface Rows {
  readonly start: number;
  readonly length: number;
  /** The first key that they read. */
  readonly firstKey: number;
  /** Of removed suppression, [1, length, w]. */
  readonly directions?: Float32Array | undefined;
}

export class LayerChanges {
  readonly kinds: readonly Change[];
  private readonly variant: Variant;

  constructor(
    private readonly model: ModelSpec,
    private readonly block: BlockSpec,
    variant: Variant,
    private readonly sequence: Pick<Sequence, 'ids' | 'positions'>,
    private readonly groups: readonly KeyGroup[],
    /** Whether the score biases are an input even where the run has none. */
    biases: boolean,
  ) {
    if (variant.blocks?.some(({ layer }) => layer === block.index)) {
      throw new FailureError({
        code: 'unsupported',
        detail: `Layer ${block.index} chooses the blocks that it reads, and what is chosen has no gradient. Leave that intervention out.`,
      });
    }
    if (decidesSources(variant, block.index)) {
      throw new FailureError({
        code: 'unsupported',
        detail: `Layer ${block.index} chooses the keys that attention is taken from, and what is chosen has no gradient. Name their positions instead.`,
      });
    }
    const here = <T extends { readonly layer: number }>(list: readonly T[] = []): readonly T[] =>
      list.filter(({ layer }) => layer === block.index);
    this.variant = {
      gains: here(variant.gains),
      scoreBiases: here(variant.scoreBiases),
      groupWeights: here(variant.groupWeights),
      uniform: here(variant.uniform),
      phases: here(variant.phases),
      isolations: here(variant.isolations),
      redistributions: here(variant.redistributions),
      emphases: here(variant.emphases),
      replacements: here(variant.replacements),
      unsuppressed: here(variant.unsuppressed),
      routings: here(variant.routings),
      unitGains: here(variant.unitGains),
      additions: here(variant.additions),
      mixtures: here(variant.mixtures),
      lowRanks: here(variant.lowRanks),
      ...(variant.plan ? { plan: variant.plan } : {}),
    };
    const {
      scoreBiases = [],
      groupWeights = [],
      uniform = [],
      phases = [],
      isolations = [],
      redistributions = [],
      emphases = [],
      replacements = [],
      unsuppressed = [],
      routings = [],
      unitGains = [],
      lowRanks = [],
    } = this.variant;
    this.kinds = [
      ...(biases || scoreBiases.length > 0 ? ['bias' as const] : []),
      ...(groupWeights.length > 0 ? ['weight' as const] : []),
      ...(uniform.length > 0 ? ['uniform' as const] : []),
      ...(unsuppressed.some(({ share }) => share !== 0) ? ['suppression' as const] : []),
      ...(phases.length > 0 ? ['phase' as const] : []),
      ...(isolations.length > 0 ? ['isolation' as const] : []),
      ...(emphases.length > 0 ? ['emphasis' as const] : []),
      ...(redistributions.length > 0 ? ['redistribution' as const] : []),
      ...(routings.length > 0 ? ['routing' as const] : []),
      ...(unitGains.length > 0 ? ['units' as const] : []),
      ...((this.variant.additions ?? []).length > 0 ? ['addition' as const] : []),
      ...((this.variant.mixtures ?? []).length > 0 ? ['mixture' as const] : []),
      ...(plansLayer(variant, block.index) ? ['plan' as const] : []),
      ...(readsMeans(variant, block.index) ? ['plan-mean' as const] : []),
      ...(lowRanks.length > 0 ? ['low-rank' as const] : []),
      ...replaceables.filter((each) => replacements.some(({ target }) => target === each)),
    ];
  }

  /** Those that keys and values depend on. */
  get ofKeys(): readonly Change[] {
    return this.kinds.filter((kind) => ['key', 'value', 'low-rank'].includes(kind));
  }

  /** Of the stream that enters the layer; they count as constants: a token that leads is the same nearby. */
  directions(sessions: LayerSessions, residual: RuntimeArray, signal?: AbortSignal): Promise<Float32Array | undefined> {
    return leadingDirections(this.model, sessions, this.block.index, [this.variant], residual, signal);
  }

  feeds({ start, length, firstKey, directions }: Rows, kinds = this.kinds): Record<string, RuntimeArray> {
    const all = interventionFeeds(this.model, this.block, {
      variants: [this.variant],
      groups: this.groups.map(({ name }) => name),
      keyGroups: groupColumns(this.groups, firstKey, start + length - firstKey),
      start,
      length,
      directions,
      sequence: this.sequence,
    });
    const names = ['head_gain', ...new Set(kinds.flatMap((kind) => (isReplaced(kind) ? [] : inputsOf[kind])))];
    return {
      ...Object.fromEntries(names.flatMap((name) => (all[name] ? [[name, all[name]] as const] : []))),
      ...this.replacements(all, length, kinds),
    };
  }

  /** A row for each of these, 0 in the mask where it stays. */
  private replacements(
    all: Readonly<Record<string, RuntimeArray>>,
    length: number,
    kinds: readonly Change[],
  ): Record<string, RuntimeArray> {
    const feeds: Record<string, RuntimeArray> = {};
    for (const target of replaceables) {
      const [, where, by] = replaceable[target].inputs;
      if (!kinds.includes(target)) continue;
      const { slots, width } = rowsOf(target, { ...this.block.attention, hiddenSize: this.model.hiddenSize });
      const lead = replaceable[target].slots === undefined ? [1] : [1, slots];
      const [mask, data] = [new Float32Array(slots * length), new Float32Array(slots * length * width)];
      mask.set(Array.from(all[where]?.data ?? [], Number));
      data.set(Array.from(all[by]?.data ?? [], Number));
      feeds[where] = { data: mask, shape: [...lead, length, 1] };
      feeds[by] = { data, shape: [...lead, length, width] };
    }
    return feeds;
  }
}

const isReplaced = (kind: Change): kind is Replaceable => (replaceables as readonly string[]).includes(kind);

const inputsOf: Readonly<Record<Exclude<Change, Replaceable>, readonly string[]>> = {
  bias: ['key_groups', 'score_bias'],
  weight: ['key_groups', 'group_weight'],
  uniform: ['uniform_heads'],
  suppression: ['suppression_direction', 'suppression_share'],
  addition: ['residual_addition'],
  mixture: ['mixture_share', 'mixture_given'],
  isolation: ['isolation_queries', 'isolation_keys', 'isolation_bias'],
  emphasis: ['emphasis_rows', 'emphasis_factor'],
  redistribution: redistributionInputs,
  'column-sources': [],
  routing: ['routing_shared', 'routing_active'],
  units: ['unit_gain'],
  plan: ['plan_rows', 'plan_start', 'plan_end', 'plan_kept'],
  'plan-mean': ['plan_mean'],
  'low-rank': ['key_value_basis'],
  phase: ['phase_heads', 'phase_delta', 'phase_shift', 'phase_query_turn', 'phase_key_turn'],
};
