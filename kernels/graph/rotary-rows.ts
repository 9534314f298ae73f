/** Rotary positions of rows by the runtime's operator: component i turns with component i + d / 2, by base^(-2 i / d) a position. */
import { integers } from '../integers';
import { rotaryEmbedding } from './operators/attention';
import { expand, reshape } from './operators/layout';
import type { Value } from './records';

/** Rotation of the rows of [..., R, d] at one position each, with a table of these positions alone. */
export const rotateRows = (x: Value, positions: readonly number[], base: number): Value =>
  base === 0
    ? x
    : rotateByTables(x, integers(0, positions.length), rotationTables(x, Number(x.shape.at(-1)), positions, base));

export interface RotationTables {
  readonly cosines: Value;
  readonly sines: Value;
}

export function rotationTables(like: Value, width: number, positions: readonly number[], base: number): RotationTables {
  const half = width / 2;
  const table = (f: (angle: number) => number) =>
    like.graph.constant(
      like.type,
      [positions.length, half],
      Float32Array.from({ length: positions.length * half }, (_, at) =>
        f(positions[Math.floor(at / half)]! * base ** (-(at % half) / half)),
      ),
    );
  return { cosines: table(Math.cos), sines: table(Math.sin) };
}

export function rotateByTables(x: Value, places: readonly number[], { cosines, sines }: RotationTables): Value {
  // The operator takes no more rows side by side than its table has: the axes before them are its batch.
  const [rows, width] = [Number(x.shape.at(-2)), Number(x.shape.at(-1))];
  const count = x.shape.slice(0, -2).reduce<number>((product, dim) => product * Number(dim), 1);
  const ids = x.graph.constant('int64', [places.length / rows, rows], places);
  const flat = reshape(x, [count, rows, width]);
  return reshape(rotaryEmbedding(flat, expand(ids, [count, rows]), cosines, sines, { heads: 1 }), x.shape);
}
