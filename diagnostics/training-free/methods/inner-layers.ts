/** Heads of a range of layers, as interventions name them. */
import type { WhichHeads } from '../../../protocol/interventions/which';
import type { ModelFacts } from '../../model-runner/model-runner';

/** The papers speak of models of 32 and more. */
const fewestLayers = 4;

/** All heads from the third layer on, without the last `last` layers; of all layers in models of fewer than four. */
export function innerLayers({ blocks }: ModelFacts, last: 0 | 1): readonly WhichHeads[] {
  if (blocks.length < fewestLayers) return [{ layer: 'all', head: 'all' }];
  return blocks.slice(2, blocks.length - last).map((_, at) => ({ layer: at + 2, head: 'all' }));
}
