/** From the interventions of a request to what the runner changes. */
import { kindOf, type Intervention } from '../../../protocol/interventions/interventions';
import { printDo } from '../../../protocol/interventions/do-form';
import type { Isolate } from '../../../protocol/interventions/isolate';
import type { Keys } from '../../../protocol/interventions/keys';
import { keepOf, type CachePlan } from '../../../protocol/interventions/plan';
import type { Reinforce } from '../../../protocol/interventions/reinforce';
import type { Reposition } from '../../../protocol/interventions/reposition';
import { routingOf, sharedHeads, type Moh } from '../../../protocol/interventions/moh';
import { keysWords } from '../../../protocol/interventions/keys';
import { heldOf } from '../../../protocol/plans/held';
import { refusal } from '../../../protocol/wire/failures';
import { stampOf } from '../checkpoint/model-files';
import { startReinforced, type ReinforcedRun } from '../generation/reinforcement';
import { chunkFor, planOf, reinforcementOf, requireHead, requireVision } from './span-request';
import { spanPair } from '../../../diagnostics/shared/divergence/span-pair';
import { regionRows } from '../../../diagnostics/model-runner/regions';
import type { KeyGroup } from '../../../diagnostics/model-runner/sequence';
import type {
  BlockChange,
  GroupChange,
  HeadGain,
  HeadPlace,
  HeadRouting,
  IsolationChange,
  KeyEmphasis,
  LowRankChange,
  PhaseChange,
  Redistribution,
  Replacement,
  UnitGain,
  Variant,
  VariantPlan,
} from '../../../diagnostics/model-runner/variant';
import { range } from '../run/graphs/runtime-arrays';
import { blockRetrievalOf, longHeadsOf } from './chosen-blocks';
import { frozenParts } from './freeze';
import { headsNamed } from './heads-named';
import { additionsOf } from './additions';
import { lowRanksOf } from './low-ranks';
import { emphasesOf, massiveDimensions, redistributionsOf, type MassiveDimensions } from './moved-attention';
import { placeProblem } from './places';
import { movedRows, repositionedParts, repositionedRows } from './repositioned';
import { resolveRows, type RunOf } from './resolve-rows';
import { wantedKey, type Rows, type Wanted } from './wanted-rows';

export interface Lowered {
  /** As many as there were lists. */
  readonly variants: readonly Variant[];
  /** Groups of the sequence, and one for each range of keys that is named. */
  readonly groups: readonly KeyGroup[];
}

/** Each list is what one variant changes; sources that they share are run once. */
export async function lower(run: RunOf, lists: readonly (readonly Intervention[])[]): Promise<Lowered> {
  const groups = groupsFor(run, lists.flat());
  const rows = await resolveRows(
    run,
    lists.flat().flatMap((one) => wantedBy(run, one)),
  );
  const dimensions = await massiveDimensions(run, lists.flat());
  const variants: Variant[] = [];
  for (const list of lists) {
    const variant = variantOf(
      run,
      list,
      rows,
      await lowRanksOf(run.model, list),
      dimensions,
      await additionsOf(run, list),
    );
    const reinforce = reinforcementIn(list);
    if (!reinforce) variants.push(variant);
    else {
      const { gains } = await reinforcedRun(run, reinforce, variant, 0);
      variants.push({ ...variant, gains: [...(variant.gains ?? []), ...gains] });
    }
  }
  return { variants, groups };
}

/**
 * The groups of keys of the sequence, and one for each range that an intervention names; fails where one names what the model
 * or the sequence does not have. Nothing runs.
 */
export function groupsFor(
  { model, sequence }: Pick<RunOf, 'model' | 'sequence'>,
  list: readonly Intervention[],
): readonly KeyGroup[] {
  const groups = new Map((sequence.groups ?? []).map((group) => [group.name, group]));
  for (const one of list) {
    const problem = placeProblem(model.spec, one, sequence);
    if (problem !== undefined) throw refusal(problem);
    if (one.kind !== 'bias' && one.kind !== 'weight') continue;
    if (one.keys === 'image' && !groups.has('image')) {
      throw refusal(
        `"${printDo(one)}" names the tokens of an image, and the prompt has none. Name positions such as 3-9.`,
      );
    }
    if (one.keys !== 'image') {
      const { start, end } = one.keys;
      groups.set(keysWords(one.keys), { name: keysWords(one.keys), positions: range(start, end - start) });
    }
  }
  return [...groups.values()];
}

/** Size and time of the files that interventions read: what was computed with others is not theirs. */
export const sourceStamps = (list: readonly Intervention[]): Promise<readonly (string | undefined)[]> =>
  Promise.all(list.map((one) => stampOf('source' in one && one.source.from === 'file' ? one.source.path : undefined)));

/** The one reinforcement of a list, checked against the other entries. */
export function reinforcementIn(list: readonly Intervention[]): Reinforce | undefined {
  const [first, second] = list.filter((one) => one.kind === 'reinforce');
  if (second) throw refusal('Heads are reinforced once in a run, and two reinforcements are named. Leave one.');
  const elsewhere = first && list.find((one) => !kindOf(one).anywhere(one));
  if (elsewhere) {
    throw refusal(
      `Reinforcement compares the prompt with a shorter one, and "${printDo(elsewhere)}" acts on positions of this one. Leave one of them out.`,
    );
  }
  return first;
}

/** The run whose heads are chosen at its last position; `further`: tokens that are to follow. */
export async function reinforcedRun(
  { model, sequence, memoryLimit, signal }: RunOf,
  reinforce: Reinforce,
  variant: Variant,
  further: number,
): Promise<ReinforcedRun> {
  requireHead(model);
  const { kind: _, removed, positions, distance, ...rest } = reinforce;
  const plan = planOf(reinforcementOf(model, { distance, positions }, rest));
  if (removed.kind === 'image' && !sequence.image) requireVision(model);
  const pair = spanPair(sequence, removed, positions);
  const chunk = chunkFor(model, sequence, further, memoryLimit, true);
  return startReinforced(model.spec, model.sessions, { pair, plan, chunk, variant }, { signal });
}

function wantedBy({ model, sequence }: RunOf, one: Intervention): readonly Wanted[] {
  const whole = { start: 0, end: sequence.ids.length };
  switch (one.kind) {
    case 'head':
    case 'query':
    case 'key':
    case 'value':
    case 'mlp':
    case 'residual': {
      const { start, end } = one.positions ?? whole;
      const { layer, source } = one;
      const place = { layer, target: one.kind, source, first: start, count: end - start };
      return ['head' in one ? { ...place, head: one.head } : place];
    }
    case 'freeze': {
      const { start, end } = one.positions ?? whole;
      return frozenParts(model.spec, one).map((part) => ({
        ...part,
        source: one.source,
        first: start,
        count: end - start,
      }));
    }
    case 'reposition':
      return kindOf(one).neutral(one) ? [] : repositionedParts(model.spec, one, whole.end);
    case 'gain':
    case 'bias':
    case 'weight':
    case 'uniform':
    case 'phase':
    case 'isolate':
    case 'reinforce':
    case 'unsuppress':
    case 'units':
    case 'moh':
    case 'plan':
    case 'low-rank':
    case 'add':
    case 'longheads':
    case 'block-retrieval':
    case 'redistribute':
    case 'emphasis':
      return [];
  }
}

function rowsFor(rows: ReadonlyMap<string, Rows>, wanted: Wanted): Rows {
  const found = rows.get(wantedKey(wanted));
  if (!found) throw new RangeError(`no rows for ${wantedKey(wanted)}`);
  return found;
}

function isolationsOf({ model, sequence }: RunOf, one: Isolate): readonly IsolationChange[] {
  const regions = regionRows(sequence, one.regions);
  if (!regions.ok) throw refusal(regions.why);
  if (one.beta === 0) return [];
  return headsNamed(model.spec, one.heads).map((place) => ({
    ...{ ...place, regions: regions.value, beta: one.beta },
    ...(one.oneWay ? { oneWay: true } : {}),
  }));
}

function repositionsOf(run: RunOf, one: Reposition, rows: ReadonlyMap<string, Rows>): readonly Replacement[] {
  const { model, sequence } = run;
  const moved = movedRows(sequence, one);
  if (typeof moved === 'string') throw refusal(moved);
  return wantedBy(run, one).map((wanted) => {
    const { layer, target, head = 0 } = wanted;
    const data = repositionedRows(model.spec, sequence, moved, wanted, rowsFor(rows, wanted).data);
    return { layer, target, head, positions: moved.to, data };
  });
}

/** The layers that the rules name, each by its last rule; none of a layer in which every token has all heads. */
function routingsOf({ model }: RunOf, one: Moh): readonly HeadRouting[] {
  return model.spec.blocks.flatMap(({ index: layer, attention: { heads } }) => {
    const rule = routingOf(one, layer);
    if (!rule) return [];
    const shared = sharedHeads(rule);
    return shared.length + rule.active === heads ? [] : [{ layer, shared, active: rule.active }];
  });
}

/** Nothing where every head keeps everything; the last of several plans counts. */
function planOfHeads({ model, sequence }: RunOf, one: CachePlan): VariantPlan | undefined {
  if (kindOf(one).neutral(one)) return undefined;
  const prompt = sequence.ids.length;
  const heads = model.spec.blocks.map(({ index, attention }) =>
    range(0, attention.kvHeads).map((head) => heldOf(keepOf(one.rules, index, head), prompt)),
  );
  return { prompt, from: one.prefill === 'dense' ? prompt : 0, heads };
}

function variantOf(
  run: RunOf,
  list: readonly Intervention[],
  rows: ReadonlyMap<string, Rows>,
  lowRanks: readonly LowRankChange[],
  dimensions: MassiveDimensions,
  additions: Variant['additions'] & object,
): Variant {
  const gains: HeadGain[] = [];
  const scoreBiases: GroupChange[] = [];
  const groupWeights: GroupChange[] = [];
  const uniform: HeadPlace[] = [];
  const phases: PhaseChange[] = [];
  const isolations: IsolationChange[] = [];
  const redistributions: Redistribution[] = [];
  const emphases: KeyEmphasis[] = [];
  const blocks: BlockChange[] = [];
  const replacements: Replacement[] = [];
  const unsuppressed: { layer: number; share: number }[] = [];
  const routings: HeadRouting[] = [];
  const unitGains: UnitGain[] = [];
  let plan: VariantPlan | undefined;
  const group = (keys: Keys): string => (keys === 'image' ? 'image' : keysWords(keys));
  for (const one of list) {
    // A weight of 1 would still be renormalised, which rounds.
    if (one.kind === 'gain') gains.push({ layer: one.layer, head: one.head, gain: one.gain });
    else if (one.kind === 'bias')
      scoreBiases.push({ layer: one.layer, head: one.head, group: group(one.keys), value: one.bias });
    else if (one.kind === 'weight' && one.weight !== 1)
      groupWeights.push({ layer: one.layer, head: one.head, group: group(one.keys), value: one.weight });
    else if (one.kind === 'uniform') uniform.push({ layer: one.layer, head: one.head });
    else if (one.kind === 'unsuppress') {
      if (one.share !== 0) unsuppressed.push({ layer: one.layer, share: one.share });
    } else if (one.kind === 'phase') {
      // One that changes nothing would still be computed by angles, which rounds.
      const { kind: _, ...change } = one;
      if (!kindOf(one).neutral(one)) phases.push(change);
    } else if (one.kind === 'isolate') isolations.push(...isolationsOf(run, one));
    else if (one.kind === 'redistribute') redistributions.push(...redistributionsOf(run, one, dimensions));
    else if (one.kind === 'emphasis') emphases.push(...emphasesOf(run, one));
    else if (one.kind === 'reposition') replacements.push(...repositionsOf(run, one, rows));
    else if (one.kind === 'longheads') blocks.push(...longHeadsOf(run.model.spec, one));
    else if (one.kind === 'block-retrieval') blocks.push(...blockRetrievalOf(run.model.spec, one));
    else if (one.kind === 'moh') routings.push(...routingsOf(run, one));
    else if (one.kind === 'units') {
      if (one.gain !== 1) unitGains.push({ layer: one.layer, units: one.units, gain: one.gain });
    } else if (one.kind === 'plan') plan = planOfHeads(run, one);
    else if (one.kind !== 'weight' && one.kind !== 'reinforce' && one.kind !== 'low-rank' && one.kind !== 'add') {
      const at = one.positions && { positions: range(one.positions.start, one.positions.end - one.positions.start) };
      for (const wanted of wantedBy(run, one)) {
        const found = rowsFor(rows, wanted);
        const { layer, target, head } = wanted;
        replacements.push({ layer, target, ...(head === undefined ? {} : { head }), ...at, ...found });
      }
    }
  }
  if (plan && blocks.length > 0) {
    throw refusal(
      'A cache plan drops positions, and LongHeads and block retrieval choose among all of them. Leave one of them out.',
    );
  }
  return {
    ...(gains.length > 0 ? { gains } : {}),
    ...(scoreBiases.length > 0 ? { scoreBiases } : {}),
    ...(groupWeights.length > 0 ? { groupWeights } : {}),
    ...(uniform.length > 0 ? { uniform } : {}),
    ...(phases.length > 0 ? { phases } : {}),
    ...(isolations.length > 0 ? { isolations } : {}),
    ...(redistributions.length > 0 ? { redistributions } : {}),
    ...(emphases.length > 0 ? { emphases } : {}),
    ...(blocks.length > 0 ? { blocks } : {}),
    ...(replacements.length > 0 ? { replacements } : {}),
    ...(unsuppressed.length > 0 ? { unsuppressed } : {}),
    ...(routings.length > 0 ? { routings } : {}),
    ...(unitGains.length > 0 ? { unitGains } : {}),
    ...(plan ? { plan } : {}),
    ...(lowRanks.length > 0 ? { lowRanks } : {}),
    ...(additions.length > 0 ? { additions } : {}),
  };
}
