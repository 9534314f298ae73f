/**
 * Groups of points. k-means (Lloyd, begun by k-means++ from a seed, the best of several starts) with the number of groups by the mean
 * silhouette (Rousseeuw 1987), and groups of distributions by average linkage over their Jensen-Shannon distances (square root of the
 * divergence in nats), cut where the mean silhouette is largest.
 */
import { kmeans } from 'ml-kmeans';
import { seedFor } from '../../../kernels/tensors/random';
import { divergence } from './metrics';

type Point = readonly number[];

const squared = (a: Point, b: Point): number => a.reduce((sum, x, i) => sum + (x - (b[i] ?? 0)) ** 2, 0);

export interface Groups {
  /** The group of each point. */
  readonly of: readonly number[];
  readonly centres: readonly Point[];
  /** Mean over points; NaN where no number of groups has one. */
  readonly silhouette: number;
}

const starts = 4;
const rounds = 50;
/** Points whose silhouettes are measured, at most: their distances to each other are. */
const mostMeasured = 400;

/** Indices of rows in the order of their numbers: what begins with it does not depend on the order in which rows are given. */
export function inOrder(rows: readonly ArrayLike<number>[]): readonly number[] {
  const before = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
    for (let i = 0; i < a.length; i++) {
      const difference = (a[i] ?? 0) - (b[i] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  };
  return [...rows.keys()].sort((a, b) => before(rows[a] ?? [], rows[b] ?? []));
}

/** k from `least` to `most`, as far as there are so many different points. */
export function kMeans(given: readonly Point[], least: number, most: number, seed: number): Groups {
  const order = inOrder(given);
  const points = order.map((at) => given[at] ?? []);
  const different = new Set(points.map((point) => point.join())).size;
  const stride = Math.ceil(points.length / mostMeasured);
  const some = [...points.keys()].filter((at) => at % stride === 0);
  const distance = (a: number, b: number): number =>
    Math.sqrt(squared(points[some[a] ?? 0] ?? [], points[some[b] ?? 0] ?? []));
  let best: Groups | undefined;
  for (let k = Math.min(least, different); k <= Math.min(most, different); k++) {
    const found = bestStart(points, k, seed);
    const silhouette = silhouetteOf(
      some.map((at) => found.of[at] ?? 0),
      distance,
    );
    if (!best || silhouette > best.silhouette) best = { ...found, silhouette };
  }
  if (!best) return { of: given.map(() => 0), centres: [], silhouette: Number.NaN };
  const of = new Array<number>(given.length).fill(0);
  order.forEach((at, place) => (of[at] = best.of[place] ?? 0));
  return { ...best, of };
}

/** Lloyd's rounds from the start whose points end nearest to their centres (sum of squared distances). */
function bestStart(points: readonly Point[], k: number, seed: number) {
  const given = points.map((point) => [...point]);
  let best: { readonly of: readonly number[]; readonly centres: readonly Point[]; readonly spread: number } | undefined;
  for (let start = 0; start < starts; start++) {
    const options = { seed: seedFor(seed, `k-means ${k}, start ${start}`), maxIterations: rounds };
    const { clusters: of, centroids: centres } = kmeans(given, k, options);
    const spread = points.reduce((sum, point, at) => sum + squared(point, centres[of[at] ?? 0] ?? []), 0);
    if (!best || spread < best.spread) best = { of, centres, spread };
  }
  return best ?? { of: [], centres: [], spread: 0 };
}

export const nearestOf = (points: readonly Point[], centres: readonly Point[]): readonly number[] =>
  points.map((point) => {
    const far = centres.map((centre) => squared(point, centre));
    return far.indexOf(Math.min(...far));
  });

export function meanOf(points: readonly Point[]): number[] | undefined {
  const [first] = points;
  return first?.map((_, i) => points.reduce((sum, point) => sum + (point[i] ?? 0), 0) / points.length);
}

/** Mean over points of (b - a) / max(a, b); a point alone in its group has 0. NaN with one group. */
export function silhouetteOf(of: readonly number[], distance: (a: number, b: number) => number): number {
  const groups = [...new Set(of)];
  if (groups.length < 2) return Number.NaN;
  let sum = 0;
  of.forEach((own, at) => {
    const far = new Map(groups.map((group) => [group, { sum: 0, count: 0 }]));
    of.forEach((group, other) => {
      const one = far.get(group);
      if (other === at || !one) return;
      one.sum += distance(at, other);
      one.count += 1;
    });
    const mine = far.get(own);
    if (!mine || mine.count === 0) return;
    const a = mine.sum / mine.count;
    const b = Math.min(
      ...groups
        .filter((group) => group !== own)
        .map((group) => (far.get(group)?.sum ?? 0) / (far.get(group)?.count ?? 1)),
    );
    sum += Math.max(a, b) === 0 ? 0 : (b - a) / Math.max(a, b);
  });
  return sum / of.length;
}

/** Groups of distributions: [least, most] of them; one where all are alike. */
export function byDistribution(
  distributions: readonly Point[],
  least: number,
  most: number,
): Pick<Groups, 'of' | 'silhouette'> {
  const table = distributions.map((a) => distributions.map((b) => Math.sqrt(divergence(a, b))));
  const distance = (a: number, b: number): number => table[a]?.[b] ?? 0;
  let groups = distributions.map((_, at) => [at]);
  let best: Pick<Groups, 'of' | 'silhouette'> = { of: distributions.map(() => 0), silhouette: Number.NaN };
  const linkage = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, i) => sum + b.reduce((inner, j) => inner + distance(i, j), 0), 0) / (a.length * b.length);
  while (groups.length > 1) {
    if (groups.length <= most && groups.length >= least) {
      const of = distributions.map((_, at) => groups.findIndex((group) => group.includes(at)));
      const silhouette = silhouetteOf(of, distance);
      if (!(silhouette <= best.silhouette) && silhouette > 0) best = { of, silhouette };
    }
    let pair: readonly [number, number] = [0, 1];
    let nearest = Infinity;
    groups.forEach((a, i) =>
      groups.slice(0, i).forEach((b, j) => {
        const far = linkage(a, b);
        if (far < nearest - 1e-12) [nearest, pair] = [far, [j, i]];
      }),
    );
    const [j, i] = pair;
    groups = groups.flatMap((group, at) => (at === i ? [] : at === j ? [[...group, ...(groups[i] ?? [])]] : [group]));
  }
  // In the order in which their first members stand.
  const order = [...new Set(best.of)];
  return { ...best, of: best.of.map((group) => order.indexOf(group)) };
}
