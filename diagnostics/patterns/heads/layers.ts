/** What a run of the analysis `heads` keeps of each layer, and what is known of some of them. */
import type { TopKey } from '../../../protocol/results/heads-schema';
import type { HeadsMeasured, StackMeasured } from '../../../protocol/results/labelled-heads';
import { writtenThumbnails } from '../../../protocol/results/thumbnails';
import type { EffectiveNumbers, HeadNumbers } from '../../model-runner/head-numbers';
import type { ModelFacts, Prompt } from '../../model-runner/model-runner';
import type { LayerStep, TopKeys } from '../../model-runner/run-request';
import { shownTokens, type ExpertLayer } from '../../../protocol/sections/experts';
import type { CrossTexts } from '../../shared/cross-attention/cross-statistics';
import { statisticsIn, tablesOf } from '../../shared/labels/measured-run';
import { routedBlocks, routingOf, shownRouting } from '../../shared/routed-experts';
import { crossLayerOf, type CrossLayer } from '../../shared/cross-attention/cross-layer';

export interface KeptLayer {
  readonly numbers: HeadNumbers;
  readonly chunk: number;
  /** [heads]: the keys that the last query reads most. */
  readonly topKeys: NonNullable<HeadsMeasured['topKeys']>[number];
  /** [heads][size][size] */
  readonly picture?: Float32Array;
  /** For a layer with a recurrence, where it was measured. */
  readonly effective?: EffectiveNumbers;
  /** For a layer with routed experts. */
  readonly experts?: ExpertLayer;
  /** In a decoder that reads a source. */
  readonly cross?: CrossLayer;
}

/** `texts`: source and target of an encoder-decoder. */
export const keptLayer = (facts: ModelFacts, texts: CrossTexts): ((step: LayerStep) => KeptLayer) => {
  const routed = routedBlocks(facts);
  const shown = shownTokens(routed);
  return (step) => {
    const block = routed.find(({ layer }) => layer === step.layer);
    const crossHeads = facts.blocks[step.layer]?.cross?.heads;
    return {
      ...keptOf(step),
      ...(block ? { experts: shownRouting(routingOf(step, block), shown) } : {}),
      ...(step.cross && crossHeads !== undefined
        ? { cross: crossLayerOf(step.cross, crossHeads, texts, step.thumbnail !== undefined) }
        : {}),
    };
  };
};

function keptOf(step: LayerStep): KeptLayer {
  const { layer, chunk, top, thumbnail, effective } = step;
  if (!top) throw new RangeError(`layer ${layer} has no top keys`);
  return {
    numbers: statisticsIn(step),
    chunk,
    topKeys: topKeysOf(top),
    ...(thumbnail ? { picture: thumbnail } : {}),
    ...(effective ? { effective } : {}),
  };
}

const topKeysOf = ({ heads, k, keys, weights }: TopKeys): KeptLayer['topKeys'] =>
  Array.from({ length: heads }, (_, head) =>
    Array.from({ length: k }, (_, slot): TopKey => {
      const at = head * k + slot;
      return { key: keys[at] ?? -1, weight: weights[at] ?? 0 };
    }).filter(({ key, weight }) => key >= 0 && weight > 0),
  );

/** What is measured of the heads of one stack. */
export const knownOf = (
  layers: readonly KeptLayer[],
  { ids, tokens }: Pick<Prompt, 'ids' | 'tokens'>,
  { blocks }: Pick<ModelFacts, 'blocks'>,
): Omit<StackMeasured, 'classes' | 'labelScores' | 'classAblations'> => ({
  tokens: ids.length,
  texts: tokens,
  chunk: layers[0]?.chunk ?? 0,
  ...tablesOf(
    layers.map(({ numbers }) => numbers),
    blocks,
  ),
  topKeys: layers.map(({ topKeys }) => topKeys),
  ...picturesOf(layers, Math.max(...blocks.map(({ heads }) => heads))),
  ...expertsOf(layers),
});

function expertsOf(layers: readonly KeptLayer[]): Pick<HeadsMeasured, 'experts'> {
  const experts = layers.flatMap((layer) => layer.experts ?? []);
  return experts.length > 0 ? { experts } : {};
}

/** Layers with fewer heads than others have empty pictures behind theirs. */
function picturesOf(layers: readonly KeptLayer[], heads: number): Pick<HeadsMeasured, 'thumbnails'> {
  const pictures = layers.flatMap(({ picture, topKeys }) => (picture ? [{ picture, own: topKeys.length }] : []));
  const first = pictures.find(({ own }) => own > 0);
  if (!first) return {};
  const size = Math.round(Math.sqrt(first.picture.length / first.own));
  const each = heads * size * size;
  const data = new Float32Array(pictures.length * each);
  pictures.forEach(({ picture }, layer) => data.set(picture, layer * each));
  return { thumbnails: writtenThumbnails({ size, layers: pictures.length, heads, data }) };
}
