/**
 * A feature of a dictionary, taken out, scaled or added: x becomes x + s ((factor - 1) f + strength) d at the place of the dictionary, with
 * f its activation, d what it writes and s the size of the position where the dictionary scales, else 1 (`FeatureForm`). All features of
 * one place read the same x. What the dictionary does not explain stays. The gradient is that of this formula; where the feature is not
 * active, f has none, and which features of a TopK dictionary are among the k largest has none.
 */
import { add, and, divide, greater, multiply, rectify, where } from '../../../kernels/graph/operators/elementwise';
import { reshape, transpose } from '../../../kernels/graph/operators/layout';
import { matmul } from '../../../kernels/graph/operators/matrix';
import type { Value } from '../../../kernels/graph/records';
import type { FeatureForm } from '../../dictionaries/dictionary';
import {
  areKept,
  borrowedRivals,
  declareRivals,
  isKept,
  rivalFeeds,
  rivalsProblem,
  type RivalInputs,
} from './feature-rivals';
import {
  borrowedScale,
  divisorOf,
  normsOf,
  scaleAt,
  scaleInputs,
  scaleNames,
  scaleNumbers,
  sizeOf,
  type ScaleInputs,
} from './feature-scale';
import { changeKind } from './kind';
import type { LayerSizes } from './sizes';

/** `stream`: what leaves the layer; `heads`: outputs of the heads of attention, one behind the other; what the others add to the stream. */
const targets = ['stream', 'network', 'attention', 'heads'] as const;
export type FeatureTarget = (typeof targets)[number];

export interface FeatureChange extends FeatureForm {
  readonly kind: 'feature';
  readonly layer: number;
  readonly target: FeatureTarget;
  readonly factor: number;
  readonly strength: number;
  /** Token positions; absent: all, those behind the prompt included. */
  readonly positions?: readonly number[];
}

export interface FeatureInputs {
  /** [b, width, f] and [b, f, width] */
  readonly read: Value;
  readonly write: Value;
  /** [b, 1, f] */
  readonly gain: Value;
  readonly bias: Value;
  readonly gate: Value;
  /** factor - 1 and strength, [b, r, f]: r is 1, or n where a change names positions. */
  readonly factor: Value;
  readonly strength: Value;
  /** [b, 1, f] */
  readonly scale: ScaleInputs;
  /** Where a feature of a TopK dictionary is changed. */
  readonly rivals?: RivalInputs;
}

const partOf = <T extends FeatureTarget>(target: T): `feature-${T}` => `feature-${target}`;
const rivalsPartOf = <T extends FeatureTarget>(target: T): `feature-${T}-rivals` => `feature-${target}-rivals`;

const widthOf = ({ hiddenSize, networkWidth, heads, headDim }: LayerSizes, target: FeatureTarget): number =>
  target === 'heads' ? heads * headDim : target === 'network' ? (networkWidth ?? hiddenSize) : hiddenSize;

const targetsIn = (parts: readonly string[]): readonly FeatureTarget[] =>
  targets.filter((target) => parts.includes(partOf(target)));

const actsAt = ({ positions }: FeatureChange, row: number): boolean => positions?.includes(row) ?? true;

export const feature = changeKind<FeatureChange>()({
  kind: 'feature',
  parts: [...targets.map(partOf), ...targets.map(rivalsPartOf)],
  partsOf: ({ target, rivals }) => [partOf(target), ...(rivals ? [rivalsPartOf(target)] : [])],
  rare: true,
  problem({ layer, target, read, write }, sizes) {
    const width = widthOf(sizes, target);
    return read.length === width && write.length === width
      ? undefined
      : `The dictionary takes ${read.length} numbers and gives ${write.length}, and layer ${layer} has ${width} there.`;
  },
  together: (changes) =>
    targets.map((target) => rivalsProblem(changes.filter((change) => change.target === target))).find(Boolean),
  /** In a graph that is differentiated factor and strength have a row for each position. */
  declare: (graph, sizes, { parts, always }): { readonly [T in FeatureTarget]?: FeatureInputs } =>
    Object.fromEntries(
      targetsIn(parts).map((target) => {
        const [width, count, rows] = [
          widthOf(sizes, target),
          `${target}_features`,
          always ? 'n' : `${target}_feature_rows`,
        ];
        const input = (name: string, ...shape: (number | string)[]): Value =>
          graph.input(`${target}_feature_${name}`, 'float32', ['b', ...shape]);
        const inputs: FeatureInputs = {
          read: input('read', width, count),
          write: input('write', count, width),
          gain: input('gain', 1, count),
          bias: input('bias', 1, count),
          gate: input('gate', 1, count),
          factor: input('factor', rows, count),
          strength: input('strength', rows, count),
          scale: scaleInputs((name) => input(name, 1, count)),
          ...(parts.includes(rivalsPartOf(target)) ? { rivals: declareRivals(graph, target, width) } : {}),
        };
        return [target, inputs];
      }),
    ),
  feeds(changes, sizes, { start, length }, { parts, always }) {
    const b = changes.length;
    return Object.fromEntries(
      targetsIn(parts).flatMap((target) => {
        const width = widthOf(sizes, target);
        const own = changes.map((list) => list.filter((change) => change.target === target));
        // A variant with fewer features than another has some of zeros, which write nothing.
        const count = Math.max(1, ...own.map((list) => list.length));
        const rows = always || own.flat().some(({ positions }) => positions) ? length : 1;
        const zeros = (each: number): Float32Array => new Float32Array(b * each);
        const [read, write, gain, bias, gate] = [
          zeros(width * count),
          zeros(count * width),
          zeros(count),
          zeros(count),
          zeros(count),
        ];
        const [factor, strength] = [zeros(rows * count), zeros(rows * count)];
        const scale = { centred: zeros(count), share: zeros(count), epsilon: zeros(count) };
        own.forEach((list, v) =>
          list.forEach((change, i) => {
            const at = v * count + i;
            change.read.forEach((value, channel) => (read[(v * width + channel) * count + i] = value));
            write.set(change.write, at * width);
            [gain[at], bias[at], gate[at]] = [change.gain, change.bias, change.gate];
            const numbers = scaleNumbers(change.scale);
            for (const name of scaleNames) scale[name][at] = numbers[name];
            for (let row = 0; row < rows; row++) {
              if (!actsAt(change, start + row)) continue;
              factor[(v * rows + row) * count + i] = change.factor - 1;
              strength[(v * rows + row) * count + i] = change.strength;
            }
          }),
        );
        const fed = (name: string, data: Float32Array, ...shape: number[]) =>
          [`${target}_feature_${name}`, { data, shape: [b, ...shape] }] as const;
        return [
          fed('read', read, width, count),
          fed('write', write, count, width),
          fed('gain', gain, 1, count),
          fed('bias', bias, 1, count),
          fed('gate', gate, 1, count),
          fed('factor', factor, rows, count),
          fed('strength', strength, rows, count),
          ...scaleNames.map((name) => fed(name, scale[name], 1, count)),
          ...(parts.includes(rivalsPartOf(target)) ? rivalFeeds(target, own, count) : []),
        ];
      }),
    );
  },
  steps: ({ target }) => target === 'stream',
  /** What leaves a step graph lies on the host. */
  stepStream(changes, stream, row) {
    const here = changes.filter((change) => change.target === 'stream' && actsAt(change, row));
    const amounts = here.map((change) => amountOf(change, stream));
    here.forEach(({ write }, at) =>
      write.forEach((value, channel) => (stream[channel] = (stream[channel] ?? 0) + (amounts[at] ?? 0) * value)),
    );
  },
  firstRow: ({ positions }) => (positions ? Math.min(...positions) : 0),
});

function amountOf(change: FeatureChange, stream: Float32Array): number {
  const { read, gain, bias, gate, factor, strength, scale } = change;
  const { size, divisor } = scaleAt(scale, stream);
  const p = read.reduce((sum, value, at) => sum + value * (stream[at] ?? 0), 0) / divisor;
  const isActive = factor !== 1 && p + gate > 0 && isKept(change, stream, divisor);
  return size * ((factor - 1) * (isActive ? Math.max(0, gain * p + bias) : 0) + strength);
}

/** The inputs inside a branch. */
export const borrowed = (inputs: FeatureInputs, operand: (value: Value) => Value): FeatureInputs => ({
  read: operand(inputs.read),
  write: operand(inputs.write),
  gain: operand(inputs.gain),
  bias: operand(inputs.bias),
  gate: operand(inputs.gate),
  factor: operand(inputs.factor),
  strength: operand(inputs.strength),
  scale: borrowedScale(inputs.scale, operand),
  ...(inputs.rivals ? { rivals: borrowedRivals(inputs.rivals, operand) } : {}),
});

/** x [b, n, width] with changed features; as it is where none are. */
export function withFeatures(inputs: FeatureInputs | undefined, x: Value): Value {
  if (!inputs) return x;
  const { read, write, gain, bias, gate, factor, strength, scale, rivals } = inputs;
  const norms = normsOf(x);
  const size = sizeOf(scale, norms);
  const products = divide(matmul(x, read), divisorOf(scale, size));
  const open = greater(add(products, gate), 0);
  const active = rivals ? and(open, areKept(rivals, x, norms)) : open;
  const values = where(active, rectify(add(multiply(products, gain), bias)), 0);
  // They have a row for each of x, or one for all.
  const rows = (value: Value): Value => ({ ...value, shape: values.shape });
  const amounts = multiply(add(multiply(values, rows(factor)), rows(strength)), size);
  return add(x, matmul(amounts, write));
}

/** The same of head outputs [b, h, n, d]. */
export function withHeadFeatures(inputs: FeatureInputs | undefined, output: Value): Value {
  if (!inputs) return output;
  const [b = 1, heads = 1, n = 1, d = 1] = output.shape;
  const side = reshape(transpose(output, [0, 2, 1, 3]), [b, n, Number(heads) * Number(d)]);
  return transpose(reshape(withFeatures(inputs, side), [b, n, heads, d]), [0, 2, 1, 3]);
}
