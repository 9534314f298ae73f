/** What a run of the analysis `heads` keeps of each layer, and what is known of some of them. */
import type { TopKey } from '../../../protocol/results/heads-schema';
import type { HeadsMeasured } from '../../../protocol/results/labelled-heads';
import { writtenThumbnails } from '../../../protocol/results/thumbnails';
import type { HeadNumbers } from '../../model-runner/head-numbers';
import type { ModelFacts, Prompt } from '../../model-runner/model-runner';
import type { LayerStep, TopKeys } from '../../model-runner/run-request';
import { statisticsIn, tablesOf } from '../../shared/labels/measured-run';

export interface KeptLayer {
  readonly numbers: HeadNumbers;
  readonly chunk: number;
  /** [heads]: the keys that the last query reads most. */
  readonly topKeys: NonNullable<HeadsMeasured['topKeys']>[number];
  /** [heads][size][size] */
  readonly picture?: Float32Array;
}

export function keptLayer(step: LayerStep): KeptLayer {
  const { layer, chunk, top, thumbnail } = step;
  if (!top) throw new RangeError(`layer ${layer} has no top keys`);
  return {
    numbers: statisticsIn(step),
    chunk,
    topKeys: topKeysOf(top),
    ...(thumbnail ? { picture: thumbnail } : {}),
  };
}

const topKeysOf = ({ heads, k, keys, weights }: TopKeys): KeptLayer['topKeys'] =>
  Array.from({ length: heads }, (_, head) =>
    Array.from({ length: k }, (_, slot): TopKey => {
      const at = head * k + slot;
      return { key: keys[at] ?? -1, weight: weights[at] ?? 0 };
    }).filter(({ key, weight }) => key >= 0 && weight > 0),
  );

export const knownOf = (
  layers: readonly KeptLayer[],
  { ids, tokens }: Prompt,
  { blocks, summary }: ModelFacts,
): Omit<HeadsMeasured, 'classes' | 'labelScores' | 'classAblations'> => ({
  tokens: ids.length,
  texts: tokens,
  chunk: layers[0]?.chunk ?? 0,
  ...tablesOf(
    layers.map(({ numbers }) => numbers),
    blocks,
  ),
  topKeys: layers.map(({ topKeys }) => topKeys),
  ...picturesOf(layers, summary.heads),
});

/** Layers with fewer heads than others have empty pictures behind theirs. */
function picturesOf(layers: readonly KeptLayer[], heads: number): Pick<HeadsMeasured, 'thumbnails'> {
  const pictures = layers.flatMap(({ picture, topKeys }) => (picture ? [{ picture, own: topKeys.length }] : []));
  const [first] = pictures;
  if (!first) return {};
  const size = Math.round(Math.sqrt(first.picture.length / first.own));
  const each = heads * size * size;
  const data = new Float32Array(pictures.length * each);
  pictures.forEach(({ picture }, layer) => data.set(picture, layer * each));
  return { thumbnails: writtenThumbnails({ size, layers: pictures.length, heads, data }) };
}
