/** Changed features of dictionaries: files become changes of the layers that they belong to. */
import { featureForm, type Dictionary } from '../../../models/dictionaries/dictionary';
import type { HookPart } from '../../../models/dictionaries/hook';
import { allSizes } from '../../../models/architectures/layer-sizes';
import { variantProblem } from '../../../models/instrument/changes/changes';
import type { FeatureChange, FeatureTarget } from '../../../models/instrument/changes/feature';
import { printDo } from '../../../protocol/interventions/do-form';
import { kindOf, type Intervention, type Of } from '../../../protocol/interventions/interventions';
import { refusal } from '../../../protocol/wire/failures';
import { dictionaryAt, dictionaryShare } from '../../dictionaries/dictionary-file';
import { range } from '../run/graphs/runtime-arrays';
import type { RunOf } from './resolve-rows';

const targets: Readonly<Partial<Record<HookPart, FeatureTarget>>> = {
  'stream-in': 'stream',
  'stream-out': 'stream',
  'attention-out': 'attention',
  heads: 'heads',
  'network-out': 'network',
};

export type FeatureChanges = ReadonlyMap<Intervention, FeatureChange>;

/**
 * Of all variants of a run. Nothing of a feature that stays as it is; its file is read all the same, so that a wrong one is told at once.
 */
export async function featuresOf(
  { model, memoryLimit }: Pick<RunOf, 'model' | 'memoryLimit'>,
  list: readonly Intervention[],
): Promise<FeatureChanges> {
  const changes = new Map<Intervention, FeatureChange>();
  for (const one of list) {
    if (one.kind !== 'feature') continue;
    const dictionary = await dictionaryAt(one.source.path, memoryLimit * dictionaryShare);
    const refuse = (why: string) => refusal(`"${printDo(one)}" cannot be run: ${why}`);
    const place = placeOf(dictionary);
    if (typeof place === 'string') throw refuse(place);
    if (one.feature >= dictionary.features) {
      throw refuse(`there is no feature ${one.feature}: the dictionary has ${dictionary.features}, from 0.`);
    }
    const change = changeOf(dictionary, one, place);
    const block = model.spec.blocks[change.layer];
    if (change.target !== 'stream' && change.target !== 'network' && block && !block.attention) {
      throw refuse(`layer ${change.layer} has no attention. Choose the dictionary of another layer.`);
    }
    if (change.target === 'network' && block && !block.feedForward) {
      throw refuse(`layer ${change.layer} has no feed-forward network. Choose the dictionary of another layer.`);
    }
    const problem = variantProblem(allSizes(model.spec), [change], []);
    if (problem !== undefined) throw refuse(`${problem} Choose a dictionary that was made for this model.`);
    if (kindOf(one).neutral(one)) continue;
    changes.set(one, change);
    const together = variantProblem(allSizes(model.spec), [...changes.values()], []);
    if (together !== undefined) throw refuse(together);
  }
  return changes;
}

type Place = Pick<FeatureChange, 'layer' | 'target'>;

function placeOf({ reads, writes }: Dictionary): Place | string {
  if (reads.name !== writes.name) {
    return `the dictionary is a transcoder from ${reads.name} to ${writes.name}, and features are changed where they are read. Choose a sparse autoencoder.`;
  }
  const target = targets[reads.part];
  const layer = reads.part === 'stream-in' ? reads.layer - 1 : reads.layer;
  return target === undefined || layer < 0
    ? `features at ${reads.name} cannot be changed. Choose a dictionary of hook_resid_post, hook_resid_pre of layer 1 or above, hook_attn_out, hook_z or hook_mlp_out.`
    : { layer, target };
}

function changeOf(dictionary: Dictionary, { feature, positions, factor, strength }: Of<'feature'>, place: Place) {
  return {
    ...({ kind: 'feature', ...place, ...featureForm(dictionary, feature), factor, strength } as const),
    ...(positions ? { positions: range(positions.start, positions.end - positions.start) } : {}),
  } satisfies FeatureChange;
}
