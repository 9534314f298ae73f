/** What a run keeps of the cross-attention of each layer, and what is known of some of them. */
import { crossStatisticNames, type CrossHeads, type CrossStatisticName } from '../../../protocol/results/cross-heads';
import { writtenThumbnails } from '../../../protocol/results/thumbnails';
import type { CrossNumbers } from '../../model-runner/head-numbers';
import type { ModelFacts } from '../../model-runner/model-runner';
import type { CrossResult } from '../../model-runner/run-request';
import type { Sequence } from '../../model-runner/sequence';
import { crossClasses } from './cross-labels';
import { crossMapNumbers, crossPicture, type CrossMapNumbers, type CrossTexts } from './cross-statistics';

/** Sides of a picture at most. */
const pictureSide = 32;
const mostTopKeys = 4;
/** Bytes that the maps of a layer may take: without them there are no pictures, and fewer numbers. */
const mostMapBytes = 2 ** 26;

export interface CrossLayer {
  readonly numbers: CrossNumbers;
  /** By head; absent where the maps would be too large. */
  readonly maps?: readonly {
    readonly numbers: CrossMapNumbers;
    readonly picture?: Float32Array;
    readonly topKeys: NonNullable<CrossHeads['topKeys']>[number][number];
  }[];
}

/** The heads whose maps a run gives. */
export function crossMapsOf(
  { blocks }: ModelFacts,
  { ids, source }: Sequence,
): readonly { readonly layer: number; readonly head: number }[] {
  const most = Math.max(0, ...blocks.map(({ cross }) => cross?.heads ?? 0));
  if (!source || 4 * most * ids.length * source.ids.length > mostMapBytes) return [];
  return blocks.flatMap(({ cross }, layer) =>
    Array.from({ length: cross?.heads ?? 0 }, (_, head) => ({ layer, head })),
  );
}

export const textsOf = ({ specialIds }: ModelFacts, { ids, source }: Sequence): CrossTexts => ({
  source: source?.ids ?? [],
  target: ids,
  specialIds,
});

export function crossLayerOf(
  { statistics, maps }: CrossResult,
  heads: number,
  texts: CrossTexts,
  pictures: boolean,
): CrossLayer {
  if (!statistics) throw new RangeError('the layer has no statistics of its cross-attention');
  if (maps.size === 0) return { numbers: statistics };
  const [rows, columns] = [texts.target.length, texts.source.length];
  return {
    numbers: statistics,
    maps: Array.from({ length: heads }, (_, head) => {
      const map = maps.get(head);
      if (!map) throw new RangeError(`there is no map of head ${head} of the cross-attention`);
      return {
        numbers: crossMapNumbers(map, texts),
        ...(pictures ? { picture: crossPicture(map, rows, columns, pictureSide) } : {}),
        topKeys: [...map.subarray((rows - 1) * columns)]
          .map((weight, key) => ({ key, weight }))
          .sort((a, b) => b.weight - a.weight || a.key - b.key)
          .slice(0, mostTopKeys),
      };
    }),
  };
}

/** Layers that are not measured yet have no numbers. */
export function crossOf(layers: readonly (CrossLayer | undefined)[], facts: ModelFacts, texts: CrossTexts): CrossHeads {
  const table = (name: CrossStatisticName): number[][] =>
    facts.blocks.map(({ cross }, layer) =>
      Array.from({ length: cross?.heads ?? 0 }, (_, head) => valueOf(layers[layer], name, head)),
    );
  const statistics = Object.fromEntries(crossStatisticNames.map((name) => [name, table(name)])) as Record<
    CrossStatisticName,
    number[][]
  >;
  const withMaps = layers.flatMap((layer) => (layer?.maps ? [layer.maps] : []));
  const side = Math.round(Math.sqrt(withMaps[0]?.[0]?.picture?.length ?? 0));
  const heads = Math.max(0, ...facts.blocks.map(({ cross }) => cross?.heads ?? 0));
  const data = new Float32Array(withMaps.length * heads * side ** 2);
  withMaps.forEach((maps, layer) =>
    maps.forEach(({ picture }, head) => {
      if (picture) data.set(picture, (layer * heads + head) * side ** 2);
    }),
  );
  return {
    statistics,
    classes: crossClasses(statistics, texts),
    ...(withMaps.length > 0 ? { topKeys: withMaps.map((maps) => maps.map(({ topKeys }) => topKeys)) } : {}),
    ...(side > 0 ? { thumbnails: writtenThumbnails({ size: side, layers: withMaps.length, heads, data }) } : {}),
  };
}

/** Those that only a map shows. */
const ofMaps = ['diagonal', 'order', 'sameToken'] as const;
const isOfMaps = (name: CrossStatisticName): name is (typeof ofMaps)[number] =>
  (ofMaps as readonly string[]).includes(name);

const valueOf = (layer: CrossLayer | undefined, name: CrossStatisticName, head: number): number =>
  (isOfMaps(name) ? layer?.maps?.[head]?.numbers[name] : layer?.numbers[name][head]) ?? Number.NaN;
