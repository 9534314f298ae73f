/** Heads of a range of layers, as interventions name them. */
import type { WhichHeads } from '../../../../protocol/interventions/which';
import type { ModelFacts } from '../../../model-runner/model-runner';

/** The papers speak of models of 32 and more. */
const fewestLayers = 4;

/** From the third layer on, without the last `last` of them; all layers in models of fewer than four. */
export function innerLayers({ blocks }: ModelFacts, last: 0 | 1): readonly number[] {
  const [first, end] = blocks.length < fewestLayers ? [0, blocks.length] : [2, blocks.length - last];
  return Array.from({ length: end - first }, (_, at) => first + at);
}

/** All heads of these layers. */
export const innerHeads = (facts: ModelFacts, last: 0 | 1): readonly WhichHeads[] =>
  innerLayers(facts, last).map((layer) => ({ layer, head: 'all' }));
