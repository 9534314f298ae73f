/** From the interventions of a request to what the runner changes. */
import { allSizes } from '../../../models/architectures/layer-sizes';
import { changesOf, variantProblem, type Variant } from '../../../models/instrument/changes/changes';
import { gainChanges } from '../../../models/instrument/changes/gain';
import { printDo } from '../../../protocol/interventions/do-form';
import { inEncoder, kindOf, rowsPath, type Intervention } from '../../../protocol/interventions/interventions';
import { keysWords } from '../../../protocol/interventions/keys';
import type { Reinforce } from '../../../protocol/interventions/reinforce';
import { refusal } from '../../../protocol/wire/failures';
import { dictionaryStamp } from '../../dictionaries/dictionary-file';
import { stampOf } from '../checkpoint/model-files';
import { startReinforced, type ReinforcedRun } from '../generation/reinforcement';
import { spanPair } from '../../../diagnostics/shared/divergence/span-pair';
import type { KeyGroup } from '../../../diagnostics/model-runner/sequence';
import { range } from '../run/graphs/runtime-arrays';
import { additionsOf } from './additions';
import { featuresOf } from './features';
import { formOf, problemIn, type Resolved } from './forms';
import { lowRanksOf } from './low-ranks';
import { massiveDimensions } from './moved-attention';
import { resolveRows, type RunOf } from './resolve-rows';
import { chunkFor, setupOf, reinforcementOf, requireHead, requireVision } from './span-request';
import { wantedKey } from './wanted-rows';

export interface Lowered {
  /** As many as there were lists. */
  readonly variants: readonly Variant[];
  /** Groups of the sequence, and one for each range of keys that is named. */
  readonly groups: readonly KeyGroup[];
}

/** Each list is what one variant changes; sources that they share are run once. Changes of an encoder are already in its encoded source. */
export async function lower(run: RunOf, lists: readonly (readonly Intervention[])[]): Promise<Lowered> {
  const groups = groupsFor(run, lists.flat());
  const rows = await resolveRows(
    run,
    lists.flat().flatMap((one) => formOf(one).wanted?.(run, one) ?? []),
  );
  const dimensions = await massiveDimensions(run, lists.flat());
  const features = await featuresOf(run, lists.flat());
  const variants: Variant[] = [];
  for (const list of lists) {
    const lowRanks = await lowRanksOf(run.model, list);
    const variant = variantOf(run, list, {
      rows(wanted) {
        const found = rows.get(wantedKey(wanted));
        if (!found) throw new RangeError(`no rows for ${wantedKey(wanted)}`);
        return found;
      },
      ...{ lowRanks, dimensions, additions: await additionsOf(run, list) },
      features,
    });
    const reinforce = reinforcementIn(list);
    if (!reinforce) variants.push(variant);
    else {
      const { gains } = await reinforcedRun(run, reinforce, variant, 0);
      variants.push([...variant, ...gainChanges(gains)]);
    }
  }
  return { variants, groups };
}

/**
 * The groups of keys of the sequence, and one for each range that an intervention names; fails where one names what the model
 * or the sequence does not have. Nothing runs.
 */
export function groupsFor(
  { opened, model, sequence }: Pick<RunOf, 'opened' | 'model' | 'sequence'>,
  list: readonly Intervention[],
): readonly KeyGroup[] {
  const { source } = opened;
  if (source && sequence.source) groupsFor({ opened, model: source, sequence: sequence.source }, inEncoder(list));
  const groups = new Map((sequence.groups ?? []).map((group) => [group.name, group]));
  for (const one of list) {
    const problem = problemIn(model.spec, one, sequence);
    if (problem !== undefined) throw refusal(model === source ? `In the encoder: ${problem}` : problem);
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
  Promise.all(
    list.map((one) => {
      const own = one.kind === 'encoder' ? one.change : one;
      return own.kind === 'feature' ? dictionaryStamp(own.source.path) : stampOf(rowsPath(one));
    }),
  );

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
  const setup = setupOf(reinforcementOf(model, { distance, positions }, rest));
  if (removed.kind === 'image' && !sequence.image) requireVision(model);
  const pair = spanPair(sequence, removed, positions);
  const chunk = chunkFor(model, sequence, further, memoryLimit, true);
  return startReinforced(model.spec, model.sessions, { pair, setup, chunk, variant }, { signal });
}

/** If there are several plans or several ranks of layers, the last one counts. */
function variantOf(run: RunOf, list: readonly Intervention[], resolved: Resolved): Variant {
  const last = (kind: Intervention['kind']): Intervention | undefined => list.findLast((one) => one.kind === kind);
  const counted = list.filter(
    (one) => (one.kind !== 'plan' && one.kind !== 'low-rank' && one.kind !== 'add') || one === last(one.kind),
  );
  const variant = counted.flatMap((one) => formOf(one).changes(run, one, resolved));
  const uses = (kind: Variant[number]['kind']): boolean => variant.some((change) => change.kind === kind);
  if (uses('plan') && uses('blocks')) {
    throw refusal(
      'A cache plan drops positions, and LongHeads and block retrieval choose among all of them. Leave one of them out.',
    );
  }
  const tooMany = variantProblem(allSizes(run.model.spec), changesOf(variant, 'expert'), []);
  if (tooMany !== undefined) throw refusal(tooMany);
  return variant;
}
