/** Gradient rules of layout.ts: what an operator moves goes back to where it came from, what it repeats is added up. */
import {
  constantOf,
  fromFront,
  inputOf,
  intOf,
  intsOf,
  knownOf,
  isFixed,
  ofOutput,
  outputOf,
  passesNothing,
  reshapeLike,
  sumTo,
  textOf,
  zerosLike,
  type Applied,
  type GradientRule,
  type GradientRules,
  type Pass,
} from './gradient-rule';
import { addDims, multiplyDims, type Dim } from '../dims';
import { GraphError, int, type Value } from '../records';
import { add, cast, subtract } from './elementwise';
import { shapeOf, sliceBy } from './dynamic';
import {
  concat,
  gather,
  gatherElements,
  pad,
  reshape,
  scatterElements,
  scatterRows,
  slice,
  transpose,
  triangle,
} from './layout';
import { reduceSum } from './reduce';

const first = (pass: (x: Value, g: Value, applied: Applied) => Value): GradientRule =>
  ofOutput((applied, g) => [() => pass(inputOf(applied, 0), g, applied)]);

const inverseOf = (order: readonly number[]): readonly number[] => order.map((_, axis) => order.indexOf(axis));

/** The parts of a joined value; lengths that a run decides are read from the parts. */
const joined = ofOutput((applied, g): readonly Pass[] => {
  const parts = applied.inputs.map((_, at) => inputOf(applied, at));
  const axis = fromFront(intOf(applied.node, 'axis', 0), g.shape.length);
  let known: readonly Value[] | undefined;
  const cut = (): readonly Value[] => {
    if (known) return known;
    let rest = g;
    return (known = parts.map((part, at) => {
      if (at === parts.length - 1) return rest;
      // One part after the other: a Split by their lengths would join int64 numbers, which WebGPU does not compute.
      const length = shapeOf(part, axis, axis + 1);
      const start = g.graph.constant('int64', [1], [0]);
      const end = g.graph.constant('int64', [1], [2 ** 31 - 1]);
      const left = sumOf(parts.slice(at + 1).map(({ shape }) => shape[axis] ?? 0));
      const cut = sliceBy(rest, axis, start, length, part.shape[axis] ?? 0);
      rest = sliceBy(rest, axis, length, end, left);
      return cut;
    }));
  };
  let start = 0;
  const fixed = parts.every(({ shape }) => typeof shape[axis] === 'number');
  return parts.map((part, at) => {
    if (!fixed) return () => cut()[at];
    const from = start;
    start += Number(part.shape[axis]);
    return () => slice(g, axis, from, from + Number(part.shape[axis]));
  });
});

/** Zeros around the part that was cut out. */
function uncut(x: Value, g: Value, applied: Applied): Value {
  const axes = applied.inputs[3] ? constantOf(applied, 3) : x.shape.map((_, axis) => axis);
  if (applied.inputs[4] && constantOf(applied, 4).some((step) => step !== 1)) {
    throw new GraphError(`Slice "${applied.node.name}" skips numbers, and its gradient takes steps of 1.`);
  }
  const starts = knownOf(inputOf(applied, 1));
  return axes.reduce((padded, place, at) => {
    const axis = fromFront(place, x.shape.length);
    const [length, cut, start] = [x.shape[axis], g.shape[axis], starts?.[at]];
    if (typeof length === 'number' && typeof cut === 'number' && start !== undefined) {
      const before = Math.min(fromFront(start, length), length);
      return pad(padded, axis, before, length - before - cut);
    }
    if (axes.length > 1) throw new GraphError(`Slice "${applied.node.name}" cuts several axes by what a run decides.`);
    // A bound below 0 counts from the end.
    const given = inputOf(applied, 1);
    return uncutBy(x, padded, axis, start !== undefined && start < 0 ? add(shapeOf(x, axis, axis + 1), given) : given);
  }, g);
}

/** The same where a run decides the bounds: `start` is int64 [1]. */
function uncutBy(x: Value, g: Value, axis: number, start: Value): Value {
  const { graph, type, shape } = x;
  const behind = subtract(subtract(shapeOf(x, axis, axis + 1), start), shapeOf(g, axis, axis + 1));
  const zeros = (count: number): Value => graph.constant('int64', [count], new Array<number>(count).fill(0));
  const rest = shape.length - axis - 1;
  const parts = [zeros(axis), start, zeros(rest + axis), behind, zeros(rest)].filter((part) => part.shape[0] !== 0);
  const amounts = concat(parts, 0);
  return graph.node('Pad', [g, amounts, graph.constant(type, [], [0])], [{ type, shape }])[0];
}

/** What a Pad puts around `x` passes nothing. */
function unpadded(x: Value, g: Value, applied: Applied): Value {
  const amounts = constantOf(applied, 1);
  if (textOf(applied.node, 'mode', 'constant') !== 'constant' || applied.inputs[3]) {
    throw new GraphError(`Pad "${applied.node.name}" repeats its edges or names axes: no gradient here.`);
  }
  return x.shape.reduce<Value>((cut, length, axis) => {
    const before = amounts[axis] ?? 0;
    if (length === g.shape[axis]) return cut;
    if (typeof length === 'number') return slice(cut, axis, before, before + length);
    throw new GraphError(`Pad "${applied.node.name}" lengthens an axis whose length a run decides.`);
  }, g);
}

const sumOf = (dims: readonly Dim[]): Dim => dims.reduce<Dim>((sum, dim) => addDims(sum, dim), 0);
const product = (dims: readonly Dim[]): Dim => dims.reduce<Dim>((sum, dim) => multiplyDims(sum, dim), 1);

/** Rows picked are added up where they came from. */
function ungathered(x: Value, g: Value, applied: Applied): Value {
  const indices = inputOf(applied, 1);
  const axis = fromFront(intOf(applied.node, 'axis', 0), x.shape.length);
  const rank = indices.shape.length;
  // The axes of the indices first: a row of x for each index.
  const order = [
    ...indices.shape.map((_, i) => axis + i),
    ...g.shape.map((_, i) => i).filter((i) => i < axis || i >= axis + rank),
  ];
  const rest = [...x.shape.slice(0, axis), ...x.shape.slice(axis + 1)];
  const count = product(indices.shape);
  const known = knownOf(indices);
  const rowsOfX = Number(x.shape[axis]);
  const times = Number(count) / rowsOfX;
  if (rank === 1 && Number.isInteger(times) && known?.every((row, at) => row === Math.floor(at / times)) === true) {
    // Each row several times side by side (keys and values of shared heads): a sum, which needs no zeros of a size found in a run.
    return reduceSum(reshape(g, [...x.shape.slice(0, axis + 1), times, ...x.shape.slice(axis + 1)]), [axis + 1], false);
  }
  const rows = known
    ? g.graph.constant('int64', [known.length, 1], known)
    : reshape(cast(indices, 'int64'), [count, 1]);
  const updates = reshape(order.every((from, to) => from === to) ? g : transpose(g, order), [count, ...rest]);
  const front = [axis, ...x.shape.map((_, i) => i).filter((i) => i !== axis)];
  const into = axis === 0 ? zerosLike(x) : transpose(zerosLike(x), front);
  const sum = scatterRows(into, rows, updates, 'add');
  return axis === 0 ? sum : transpose(sum, inverseOf(front));
}

const reductionOf = ({ node }: Applied): 'none' | 'add' => {
  const kind = textOf(node, 'reduction', 'none');
  if (kind === 'none' || kind === 'add') return kind;
  throw new GraphError(`${node.operator} "${node.name}" with the reduction ${kind} has no gradient here.`);
};

const scattered = ofOutput((applied, g): readonly Pass[] => {
  const [indices, updates] = [inputOf(applied, 1), inputOf(applied, 2)];
  const axis = intOf(applied.node, 'axis', 0);
  return [
    () => (reductionOf(applied) === 'add' ? g : scatterElements(g, indices, zerosLike(updates), axis)),
    undefined,
    () => (reductionOf(applied), gatherElements(g, indices, axis)),
  ];
});

const scatteredRows = ofOutput((applied, g): readonly Pass[] => {
  const [rows, updates] = [inputOf(applied, 1), inputOf(applied, 2)];
  return [
    () => (reductionOf(applied) === 'add' ? g : scatterRows(g, rows, zerosLike(updates))),
    undefined,
    () => gather(g, reshape(rows, [product(rows.shape)])),
  ];
});

/** [r0, n0, r1, n1, …], summed over the repeats. */
function untiled(x: Value, g: Value): Value {
  if (!isFixed(x) || !isFixed(g)) throw new GraphError(`Tile of "${x.name}" has sizes that a run decides.`);
  const parts = x.shape.flatMap((dim, axis) => [Number(g.shape[axis]) / Number(dim), dim]);
  return reduceSum(
    reshape(g, parts),
    x.shape.map((_, axis) => 2 * axis),
    false,
  );
}

export const layoutRules: GradientRules = {
  Reshape: first((x, g) => reshapeLike(g, x)),
  Unsqueeze: first((x, g) => reshapeLike(g, x)),
  Squeeze: first((x, g) => reshapeLike(g, x)),
  Transpose: first((x, g, { node }) => {
    const order = intsOf(node, 'perm') ?? x.shape.map((_, axis) => x.shape.length - 1 - axis);
    return transpose(g, inverseOf(order));
  }),
  Concat: joined,
  Split: (applied, gradients) => [
    () => {
      const axis = intOf(applied.node, 'axis', 0);
      const parts = gradients.map((g, at) => g ?? zerosLike(outputOf(applied, at)));
      const [one] = parts;
      if (!one) return undefined;
      const shape = inputOf(applied, 0).shape;
      return one.graph.node('Concat', parts, [{ type: one.type, shape }], { axis: int(axis) })[0];
    },
  ],
  Slice: first(uncut),
  Pad: first(unpadded),
  Gather: first(ungathered),
  GatherElements: first((x, g, applied) =>
    scatterElements(zerosLike(x), inputOf(applied, 1), g, intOf(applied.node, 'axis', 0), 'add'),
  ),
  Expand: first((x, g) => sumTo(g, x)),
  Tile: first(untiled),
  Trilu: first((_x, g, applied) => {
    const shift = applied.inputs[1] ? constantOf(applied, 1)[0] : 0;
    return triangle(g, intOf(applied.node, 'upper', 1) === 1 ? 'upper' : 'lower', shift);
  }),
  ScatterElements: scattered,
  ScatterND: scatteredRows,
  Shape: passesNothing,
  Range: passesNothing,
  NonZero: passesNothing,
  ConstantOfShape: passesNothing,
};
