/**
 * How concentrated the attention of the heads of a layer is, and how alike. p_h(i, j): weight that query i of head h gives key j. Numbers
 * are means over queries.
 *
 * - mass: sum of the K largest p(i, .), over queries that may read more than K keys;
 * - entropy: -sum_j p ln p, nats, over queries that may read two keys or more;
 * - cosine: of p_a(i, .) and p_b(i, .) over the same queries. Its mean over pairs of heads is L_d of ACMIL (arXiv:2311.07125, equation
 *   of the diversity loss), which trains branches not to attend to the same instances.
 */
import { object, list, figure } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import { cosine } from '../../../kernels/modules/acmil/definition';
import { entropyOf, strongestMass } from '../../../kernels/modules/acmil/pictures';
import { mean } from '../../../kernels/tensors/vectors';

export const layerConcentration = object({
  /** [heads]; NaN where no query may read more than K keys. */
  mass: list(figure),
  /** [heads] */
  entropy: list(figure),
  /** [heads][heads]; 1 on the diagonal. */
  cosine: list(list(figure)),
  /** [heads]: mean cosine with the other heads, and the largest; NaN of a single head. */
  alike: list(figure),
  nearest: list(figure),
  /** L_d: mean cosine over pairs of heads; NaN for a single head. */
  diversity: figure,
});
export type LayerConcentration = Output<typeof layerConcentration>;

/** `maps`: [heads] of [n, n]; `keys`: how many keys a query may read; `queries`: those that count. */
export function concentrationOf(
  maps: readonly Float32Array[],
  n: number,
  queries: readonly number[],
  keys: (query: number) => number,
  strongest: number,
): LayerConcentration {
  const rowOf = (map: Float32Array, query: number): Float64Array =>
    Float64Array.from(map.subarray(query * n, (query + 1) * n));
  const some = queries.filter((query) => keys(query) > 1);
  const many = queries.filter((query) => keys(query) > strongest);
  const over = (those: readonly number[], of: (query: number) => number): number => mean(those.map(of));
  const cosines = maps.map(() => new Array<number>(maps.length).fill(Number.NaN));
  maps.forEach((a, first) => {
    for (let second = 0; second <= first; second++) {
      const b = maps[second] ?? a;
      const value = first === second ? 1 : over(some, (query) => cosine(rowOf(a, query), rowOf(b, query)));
      for (const [row, column] of [
        [first, second],
        [second, first],
      ] as const) {
        const of = cosines[row];
        if (of) of[column] = value;
      }
    }
  });
  return {
    mass: maps.map((map) => over(many, (query) => strongestMass(rowOf(map, query), strongest))),
    entropy: maps.map((map) => over(some, (query) => entropyOf(rowOf(map, query)))),
    cosine: cosines,
    alike: cosines.map((row, head) => mean(without(row, head))),
    nearest: cosines.map((row, head) => (row.length > 1 ? Math.max(...without(row, head)) : Number.NaN)),
    diversity: mean(cosines.flatMap((row, head) => row.slice(head + 1))),
  };
}

const without = (row: readonly number[], head: number): readonly number[] => row.filter((_, other) => other !== head);
