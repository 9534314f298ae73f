/**
 * The neural memory of Titans from its equations, in numbers that carry their derivative along a direction (dual numbers): what
 * the derivatives of a whole run are compared with. The gradient inside is written out for two layers.
 */
import type { AttentionShape } from '../../../../kernels/shape';
import type { MemoryParameters } from '../../../../kernels/mechanisms/titans/layers';
import { zeros, type Tensor } from '../../../../kernels/tensors/tensor';

/** A value and its derivative. */
type Dual = readonly [number, number];
type Row = readonly Dual[];

const plus = (a: Dual, b: Dual): Dual => [a[0] + b[0], a[1] + b[1]];
const times = (a: Dual, b: Dual): Dual => [a[0] * b[0], a[0] * b[1] + a[1] * b[0]];
const scaled = (a: Dual, factor: number): Dual => [a[0] * factor, a[1] * factor];
const through = (a: Dual, value: (x: number) => number, slope: (x: number) => number): Dual => [
  value(a[0]),
  slope(a[0]) * a[1],
];
const sigmoid = (a: Dual): Dual => {
  const of = (x: number) => 1 / (1 + Math.exp(-x));
  return through(a, of, (x) => of(x) * (1 - of(x)));
};
const tanh = (a: Dual): Dual => through(a, Math.tanh, (x) => 1 - Math.tanh(x) ** 2);
const power = (a: Dual, exponent: number): Dual =>
  through(
    a,
    (x) => x ** exponent,
    (x) => exponent * x ** (exponent - 1),
  );
const sum = (row: Row): Dual => row.reduce(plus, [0, 0]);
const dot = (a: Row, b: Row): Dual => sum(a.map((each, at) => times(each, b[at]!)));

const bend = (x: Dual): Dual => tanh(scaled(plus(x, scaled(power(x, 3), 0.044715)), Math.sqrt(2 / Math.PI)));
const gelu = (x: Dual): Dual => scaled(times(x, plus([1, 0], bend(x))), 0.5);
const geluSlope = (x: Dual): Dual => {
  const t = bend(x);
  const inner = scaled(plus([1, 0], scaled(power(x, 2), 3 * 0.044715)), Math.sqrt(2 / Math.PI));
  const second = times(times(x, plus([1, 0], scaled(times(t, t), -1))), inner);
  return scaled(plus(plus([1, 0], t), second), 0.5);
};
const unit = (x: Row): Row => {
  const active = x.map((each) => times(each, sigmoid(each)));
  const length = power(plus(dot(active, active), [1e-6, 0]), -0.5);
  return active.map((each) => times(each, length));
};

/** Outputs and their derivative when the named tensors move along their directions; two layers. */
export function dualMemory(
  given: Readonly<Record<string, Tensor>>,
  directions: Readonly<Record<string, Tensor>>,
  { kvHeads, keys, headDim, valueDim }: AttentionShape,
  { chunk, expansion }: MemoryParameters,
): { readonly output: Tensor; readonly derivative: Tensor } {
  const [output, derivative] = [zeros([1, kvHeads, keys, valueDim]), zeros([1, kvHeads, keys, valueDim])];
  const at = (name: string, index: number): Dual => [given[name]!.data[index]!, directions[name]?.data[index] ?? 0];
  const row = (name: string, from: number, width: number): Row =>
    Array.from({ length: width }, (_, x) => at(name, from + x));
  /** By columns, so that x W is a dot product for each. */
  const matrix = (name: string, head: number, rows: number, columns: number): Row[] =>
    Array.from({ length: columns }, (_, c) =>
      Array.from({ length: rows }, (__, r) => at(name, (head * rows + r) * columns + c)),
    );
  const hidden = expansion * headDim;
  for (let head = 0; head < kvHeads; head++) {
    let memory = [matrix('memory.1', head, headDim, hidden), matrix('memory.2', head, hidden, valueDim)] as const;
    let surprise = memory.map((layer) => layer.map((column) => column.map((): Dual => [0, 0])));
    let start = memory;
    const gateColumns = matrix('gates', head, headDim, 3);
    for (let t = 0; t < keys; t++) {
      if (t % chunk === 0) start = memory;
      const raw = row('key', (head * keys + t) * headDim, headDim);
      const value = row('value', (head * keys + t) * valueDim, valueDim);
      const [forget, learn, keep] = gateColumns.map((column, c) =>
        sigmoid(plus(dot(raw, column), at('gates.offset', head * 3 + c))),
      ) as [Dual, Dual, Dual];
      const key = unit(raw);
      const z = start[0].map((column) => dot(key, column));
      const a = z.map(gelu);
      const error = start[1].map((column, y) => plus(dot(a, column), scaled(value[y]!, -1)));
      const below = z.map((each, r) => times(sum(error.map((u, c) => times(u, start[1][c]![r]!))), geluSlope(each)));
      const gradients = [below.map((u) => key.map((x) => times(x, u))), error.map((u) => a.map((x) => times(x, u)))];
      surprise = surprise.map((layer, l) =>
        layer.map((column, c) =>
          column.map((s, r) => plus(times(keep, s), scaled(times(learn, gradients[l]![c]![r]!), -1))),
        ),
      );
      const kept = plus([1, 0], scaled(forget, -1));
      const after = (layer: 0 | 1): Row[] =>
        memory[layer].map((column, c) => column.map((m, r) => plus(times(kept, m), surprise[layer]![c]![r]!)));
      const [first, second] = [after(0), after(1)];
      memory = [first, second];
      const query = unit(row('query', (head * keys + t) * headDim, headDim));
      const answer = second.map((column) =>
        dot(
          first.map((each) => gelu(dot(query, each))),
          column,
        ),
      );
      answer.forEach(([y, dy], c) => {
        output.data[(head * keys + t) * valueDim + c] = y;
        derivative.data[(head * keys + t) * valueDim + c] = dy;
      });
    }
  }
  return { output, derivative };
}
