/** What is asked of a divergence and of a reinforcement, checked against the model. */
import type { Reinforcement, ReinforcementRequest } from '../../../protocol/interventions/reinforcement';
import { refusal } from '../../../protocol/wire/failures';
import type { ReinforcementSetup } from '../../model-runner/reinforcement-setup';
import { defaultTopHeads, reinforcedLayers } from './divergence';

export const readsTextAlone =
  'The model reads text alone: it has no vision encoder, so there is no image to leave out. Choose a vision-language model, or a span of the prompt (a document, a system prompt; --span on the command line): heads that read it are found in the same way.';

/** k, where a layer has so many heads; the usual one where none is given. */
export function topHeads(heads: number, k = defaultTopHeads(heads)): number {
  if (k > heads) {
    throw refusal(`T-VHD cannot add up ${k} heads of a layer, which has ${heads}. Choose at most ${heads}.`);
  }
  return k;
}

/** Checked, with layers resolved for a model of `count` layers. */
export function resolvedReinforcement(
  count: number,
  { distance, positions }: Pick<Reinforcement, 'distance' | 'positions'>,
  request: ReinforcementRequest,
): Reinforcement {
  const { layers: wanted, ...rest } = request;
  const layers = [...new Set(wanted ?? reinforcedLayers(count))].sort((a, b) => a - b);
  if (!Number.isFinite(request.alpha)) {
    throw refusal(`The factor alpha is ${request.alpha}. Give a finite number; 1 changes nothing, 2 is the paper's.`);
  }
  if (layers.length === 0) {
    throw refusal('No layer is named to be reinforced. Name at least one, or leave the choice to auto.');
  }
  const outside = layers.find((layer) => !Number.isInteger(layer) || layer < 0 || layer >= count);
  if (outside !== undefined) throw refusal(`There is no layer ${outside}: the model has ${count}, from 0.`);
  if (request.normMatched && request.heads === 'all') {
    throw refusal('All heads scaled and then scaled back is the plain model. Choose one of the two controls.');
  }
  return { ...rest, layers, distance, positions };
}

export const setupOf = ({ positions: _, ...setup }: Reinforcement): ReinforcementSetup => setup;
