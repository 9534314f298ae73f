/** One layer's heads by their vectors, and one head's kept positions. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { TokensSection } from '../../../protocol/sections/tokens';
import { threeDigits } from '../../../protocol/wire/number-words';
import type { Space, TaskKvResult } from './result';
import * as build from '../../../protocol/sections/builders';

export const spaceWords = (space: Space): string =>
  space === 'residual' ? 'behind the output projection' : 'in the coordinates of each head';

/** The two directions in which the semantic vectors of a layer differ most; the centre is at the origin. */
export function layerChart({ pictures, placed, space }: TaskKvResult, layer: number): ChartSection | undefined {
  const picture = pictures?.[layer];
  if (!picture || !placed) return undefined;
  const { first, second, shares } = picture;
  const far = placed.far[layer] ?? [];
  const nearest = placed.nearest[layer];
  const point = (head: number) => ({ x: first[head] ?? 0, y: second[head] ?? 0, label: `H${head}` });
  const heads = [...first.keys()];
  const percent = (share: number): string => `${threeDigits(100 * share)} %`;
  return build.chart(
    `layer-${layer}`,
    `Semantic vectors of layer ${layer}`,
    `One point a key/value head, ${spaceWords(space)}, on the two principal components of the layer (${percent(shares[0])} and ${percent(shares[1])} of the variance). The centre of the layer is at 0, 0; distances are measured in all directions.`,
    build.axis('first component'),
    build.axis('second component'),
    [
      build.points('far', 'far', far.map(point)),
      build.points(
        'nearest',
        'nearest to the centre, kept with them',
        nearest === null || nearest === undefined ? [] : [point(nearest)],
      ),
      build.points('near', 'limited', heads.filter((head) => !far.includes(head) && head !== nearest).map(point)),
      build.points('centre', 'centre', [{ x: 0, y: 0, label: 'centre' }]),
    ].filter(({ points }) => points.length > 0),
  );
}

const classNames = ['sink', 'middle', 'recent'] as const;

/** -1 for a position that is not kept. */
function classAt(position: number, { sinks, recents, tokens }: TaskKvResult, isKept: boolean): number {
  if (!isKept) return -1;
  return position < sinks ? 0 : position >= tokens - recents ? 2 : 1;
}

/** Which positions the heads without a whole cache keep. */
export function positionsSection(result: TaskKvResult): TokensSection | undefined {
  const { pieces, keptBy, sinks, recents } = result;
  if (!pieces || !keptBy) return undefined;
  return {
    kind: 'tokens',
    id: 'positions',
    title: 'Positions that limited heads keep',
    caption: `All of them keep the first ${sinks} and the last ${recents}; each chooses its own between.`,
    tokens: pieces,
    numbers: [
      build.shares(
        'share',
        'Heads that keep it',
        'share of the key/value heads without a whole cache that keep the position, over all layers',
        keptBy,
      ),
    ],
    classes: { names: classNames, of: keptBy.map((share, position) => classAt(position, result, share > 0)) },
  };
}

export function headPositions(result: TaskKvResult, layer: number, head: number): TokensSection | undefined {
  const { pieces, plan } = result;
  const keep = plan?.[layer]?.[head];
  if (!pieces || !keep) return undefined;
  const isKept = (position: number): boolean =>
    keep.kind !== 'kept' || keep.ranges.some(({ start, end }) => position >= start && position < end);
  return {
    kind: 'tokens',
    id: `positions-L${layer}H${head}`,
    title: `Positions that key/value head ${head} of layer ${layer} keeps`,
    caption: keep.kind === 'kept' ? 'What it does not keep has no colour.' : 'It keeps the whole prompt.',
    tokens: pieces,
    numbers: [
      build.shares(
        'kept',
        'Kept',
        '1 where the position is kept behind the prompt, else 0',
        pieces.map((_, position) => (isKept(position) ? 1 : 0)),
      ),
    ],
    classes: { names: classNames, of: pieces.map((_, position) => classAt(position, result, isKept(position))) },
  };
}
