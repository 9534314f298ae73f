/** Functions of one vector with their gradients, in float64: what stands between the last stream and labels or embeddings. */
import type { HeadMap, NormWeights } from '../../../diagnostics/model-runner/weights';
import type { Activation } from '../../../models/architectures/weights-spec';
import { unreachable } from '../../../protocol/unreachable';

export interface Step {
  readonly forward: (x: Float64Array) => Float64Array;
  /** Gradient with respect to x of a number whose gradient with respect to the output is `slope`. */
  readonly backward: (x: Float64Array, slope: Float64Array) => Float64Array;
}

export type ReadActivation = Activation | 'tanh' | 'sigmoid' | 'identity';

/** One behind the other; a step behind the first is computed anew for its gradient. */
export const inTurn = (steps: readonly Step[]): Step => ({
  forward: (x) => steps.reduce((at, step) => step.forward(at), x),
  backward(x, slope) {
    const inputs: Float64Array[] = [];
    steps.reduce((at, step) => {
      inputs.push(at);
      return step.forward(at);
    }, x);
    return steps.reduceRight((back, step, at) => step.backward(inputs[at] ?? x, back), slope);
  },
});

/** y = W x + b */
export const mapStep = ({ data, rows, columns, bias }: HeadMap): Step => ({
  forward: (x) =>
    Float64Array.from({ length: rows }, (_, row) => {
      let sum = bias?.[row] ?? 0;
      for (let i = 0; i < columns; i++) sum += (data[row * columns + i] ?? 0) * (x[i] ?? 0);
      return sum;
    }),
  backward(_, slope) {
    const back = new Float64Array(columns);
    for (let row = 0; row < rows; row++)
      for (let i = 0; i < columns; i++) back[i]! += (data[row * columns + i] ?? 0) * (slope[row] ?? 0);
    return back;
  },
});

const mean = (x: Float64Array): number => x.reduce((sum, value) => sum + value, 0) / x.length;
const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

/** A layer norm or an RMS norm: gain (x - c) / s + bias, where c is the mean of a layer norm and 0 of an RMS norm. */
export function normStep({ kind, gain, bias, epsilon }: NormWeights): Step {
  const centred = (x: Float64Array): Float64Array => {
    const centre = kind === 'layer' ? mean(x) : 0;
    return x.map((value) => value - centre);
  };
  const scaleOf = (x: Float64Array): number => Math.sqrt(dot(x, x) / x.length + epsilon);
  return {
    forward(x) {
      const own = centred(x);
      const scale = scaleOf(own);
      return own.map((value, i) => (value / scale) * (gain[i] ?? 0) + (bias?.[i] ?? 0));
    },
    backward(x, slope) {
      const own = centred(x);
      const scale = scaleOf(own);
      const behind = slope.map((value, i) => value * (gain[i] ?? 0));
      const along = dot(behind, own) / (own.length * scale ** 2);
      return centred(behind.map((value, i) => (value - along * (own[i] ?? 0)) / scale));
    },
  };
}

/** x / |x|, and x itself where it is nothing. */
export const unitStep: Step = {
  forward(x) {
    const length = Math.hypot(...x);
    return length === 0 ? x : x.map((value) => value / length);
  },
  backward(x, slope) {
    const length = Math.hypot(...x);
    if (length === 0) return slope;
    const along = dot(x, slope) / length ** 2;
    return slope.map((value, i) => (value - along * (x[i] ?? 0)) / length);
  },
};

export const activationStep = (name: ReadActivation): Step => ({
  forward: (x) => x.map((value) => valueOf(name, value)),
  backward: (x, slope) => slope.map((value, i) => value * slopeAt(name, x[i] ?? 0)),
});

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
const [root, cubic] = [Math.sqrt(2 / Math.PI), 0.044715];

function valueOf(name: ReadActivation, x: number): number {
  switch (name) {
    case 'identity':
      return x;
    case 'tanh':
      return Math.tanh(x);
    case 'sigmoid':
      return logistic(x);
    case 'relu':
      return Math.max(0, x);
    case 'squared-relu':
      return Math.max(0, x) ** 2;
    case 'silu':
      return x * logistic(x);
    case 'quick-gelu':
      return x * logistic(1.702 * x);
    case 'gelu':
      return x * normalShare(x);
    case 'gelu-tanh':
      return 0.5 * x * (1 + Math.tanh(root * (x + cubic * x ** 3)));
    default:
      return unreachable(name);
  }
}

function slopeAt(name: ReadActivation, x: number): number {
  const gated = (rate: number): number => {
    const share = logistic(rate * x);
    return share + rate * x * share * (1 - share);
  };
  switch (name) {
    case 'identity':
      return 1;
    case 'tanh':
      return 1 - Math.tanh(x) ** 2;
    case 'sigmoid':
      return logistic(x) * (1 - logistic(x));
    case 'relu':
      return x > 0 ? 1 : 0;
    case 'squared-relu':
      return 2 * Math.max(0, x);
    case 'silu':
      return gated(1);
    case 'quick-gelu':
      return gated(1.702);
    case 'gelu':
      return normalShare(x) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
    case 'gelu-tanh': {
      const inner = Math.tanh(root * (x + cubic * x ** 3));
      return 0.5 * (1 + inner) + 0.5 * x * (1 - inner ** 2) * root * (1 + 3 * cubic * x ** 2);
    }
    default:
      return unreachable(name);
  }
}

/** Share of a normal distribution below x: (1 + erf(x / sqrt 2)) / 2, by its series (Abramowitz and Stegun 26.2.11), to 1e-15. */
function normalShare(x: number): number {
  if (x < -8) return 0;
  if (x > 8) return 1;
  let [term, sum] = [x, x];
  for (let n = 1; n < 200 && Math.abs(term) > 1e-18; n++) {
    term *= (x * x) / (2 * n + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}
