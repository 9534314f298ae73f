/** A step of training against the gradient and AdamW written by hand in float64. */
import assert from 'node:assert/strict';
import { inStandardOperators } from '../../../kernels/graph/portable';
import { multiply, subtract, add } from '../../../kernels/graph/operators/elementwise';
import { matmul } from '../../../kernels/graph/operators/matrix';
import { reduceMean } from '../../../kernels/graph/operators/reduce';
import type { Network } from '../../../kernels/training/network';
import {
  forwardGraph,
  stepFactors,
  trainingStep,
  usualAdam,
  type AdamSettings,
} from '../../../kernels/training/training-step';
import { normalTensor } from '../../../kernels/tensors/random';
import { tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { evaluate } from '../../support/graph-arithmetic/evaluate';
import { runGraph } from '../kernels/run';

const [rows, inputs, outputs] = [5, 3, 2];

/** Mean square error of y = x W + b. The bias comes first: the vector has the matrix first all the same, as it decays. */
const regression: Network = {
  name: 'regression',
  parameters: { bias: [outputs], weight: [inputs, outputs] },
  batch: { x: { type: 'float32', shape: [rows, inputs] }, y: { type: 'float32', shape: [rows, outputs] } },
  build(_, { weight, bias }, { x, y }) {
    const difference = subtract(add(matmul(x!, weight!), bias!), y!);
    return { loss: reduceMean(multiply(difference, difference), [0, 1], false), outputs: { difference } };
  },
};

interface State {
  /** [inputs * outputs + outputs]: weight, then bias. */
  readonly parameters: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
}

/** By the chain rule: d loss / d W = x^T (2 / (rows * outputs)) difference, d loss / d b = its column sums. */
function lossAndGradient({ parameters }: State, x: Tensor, y: Tensor) {
  const gradient = new Float64Array(parameters.length);
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < outputs; column++) {
      let value = parameters[inputs * outputs + column]!;
      for (let i = 0; i < inputs; i++) value += x.data[row * inputs + i]! * parameters[i * outputs + column]!;
      const difference = value - y.data[row * outputs + column]!;
      loss += difference ** 2 / (rows * outputs);
      const back = (2 * difference) / (rows * outputs);
      for (let i = 0; i < inputs; i++) gradient[i * outputs + column]! += back * x.data[row * inputs + i]!;
      gradient[inputs * outputs + column]! += back;
    }
  }
  return { loss, gradient, norm: Math.hypot(...gradient) };
}

function adam(
  state: State,
  gradient: Float64Array,
  norm: number,
  rate: number,
  step: number,
  settings: AdamSettings,
): State {
  const { beta1, beta2, epsilon, weightDecay, clip } = settings;
  const scale = clip !== undefined && norm > clip ? clip / norm : 1;
  const first = state.first.map((m, i) => beta1 * m + (1 - beta1) * scale * gradient[i]!);
  const second = state.second.map((v, i) => beta2 * v + (1 - beta2) * (scale * gradient[i]!) ** 2);
  const parameters = state.parameters.map((p, i) => {
    const decay = i < inputs * outputs ? weightDecay * p : 0;
    const mean = first[i]! / (1 - beta1 ** step);
    const deviation = Math.sqrt(second[i]! / (1 - beta2 ** step));
    return p - rate * (decay + mean / (deviation + epsilon));
  });
  return { parameters, first, second };
}

const size = inputs * outputs + outputs;
const scalar = (value: number): Tensor => tensor([], Float64Array.of(value));
const start = (): State => ({
  parameters: normalTensor([size], 3).data,
  first: new Float64Array(size),
  second: new Float64Array(size),
});

const feedsOf = (state: State, x: Tensor, y: Tensor, rate: number, step: number, settings: AdamSettings) => {
  const { firstFactor, secondFactor } = stepFactors(settings, step);
  return {
    x,
    y,
    'training.parameters': tensor([size], state.parameters),
    'training.first-moment': tensor([size], state.first),
    'training.second-moment': tensor([size], state.second),
    'training.rate': scalar(rate),
    'training.first-factor': scalar(firstFactor),
    'training.second-factor': scalar(secondFactor),
  };
};

const stateOf = (named: Readonly<Record<string, Tensor>>): State => ({
  parameters: named['training.parameters.new']!.data,
  first: named['training.first-moment.new']!.data,
  second: named['training.second-moment.new']!.data,
});

function assertNear(found: State, expected: State, tolerance: number, what: string): void {
  for (const part of ['parameters', 'first', 'second'] as const) {
    const most = Math.max(...expected[part].map(Math.abs));
    expected[part].forEach((value, i) => {
      const error = Math.abs(found[part][i]! - value) / most;
      assert.ok(error <= tolerance, `${what}: ${part}[${i}] is ${found[part][i]}, not ${value}`);
    });
  }
}

describe('Law: a step of training is AdamW on the gradient of the loss', () => {
  const cases: Readonly<Record<string, AdamSettings>> = {
    plain: usualAdam,
    'other moments': { ...usualAdam, beta1: 0.5, beta2: 0.9, epsilon: 0.1 },
    'weight decay': { ...usualAdam, weightDecay: 0.3 },
    'clipped gradients': { ...usualAdam, clip: 0.05, weightDecay: 0.1 },
    'a limit above every norm': { ...usualAdam, clip: 1e4 },
  };
  for (const [name, settings] of Object.entries(cases)) {
    it(name, async () => {
      const graph = trainingStep(regression, settings);
      const encoded = graph.finish();
      const standard = inStandardOperators(encoded);
      let state = start();
      for (const step of [1, 2, 3]) {
        const [x, y] = [normalTensor([rows, inputs], 10 * step), normalTensor([rows, outputs], 10 * step + 1)];
        const rate = 0.1 / step;
        const { loss, gradient, norm } = lossAndGradient(state, x, y);
        const expected = adam(state, gradient, norm, rate, step, settings);
        const feeds = feedsOf(state, x, y, rate, step, settings);
        const exact = evaluate(graph, feeds);
        const found = stateOf(Object.fromEntries(exact));
        assertNear(found, expected, 1e-6, `step ${step} in float64`);
        for (const each of [encoded, standard]) {
          const run = await runGraph(each, feeds);
          assertNear(stateOf(run), expected, 1e-5, `step ${step} in the runtime`);
          assert.ok(Math.abs(run['training.loss']!.data[0]! - loss) <= 1e-5 * loss);
          assert.ok(Math.abs(run['training.gradient-norm']!.data[0]! - norm) <= 1e-5 * norm);
        }
        state = { ...expected, parameters: expected.parameters.map(Math.fround) };
      }
      if (settings.clip === 0.05)
        assert.ok(
          lossAndGradient(start(), normalTensor([rows, inputs], 10), normalTensor([rows, outputs], 11)).norm > 0.05,
        );
    });
  }

  it('a forward pass gives the loss and the named outputs, and takes no gradient', async () => {
    const [x, y] = [normalTensor([rows, inputs], 10), normalTensor([rows, outputs], 11)];
    const state = start();
    const run = await runGraph(forwardGraph(regression).finish(), {
      x,
      y,
      'training.parameters': tensor([size], state.parameters),
    });
    assert.deepEqual(Object.keys(run).sort(), ['difference', 'training.loss']);
    const { loss } = lossAndGradient(state, x, y);
    assert.ok(Math.abs(run['training.loss']!.data[0]! - loss) <= 1e-5 * loss);
    assert.deepEqual(run['difference']!.shape, [rows, outputs]);
  });

  it('refuses a network without parameters and a loss that is no scalar', () => {
    assert.throws(() => forwardGraph({ ...regression, parameters: {} }), /"regression" has no parameters to train/);
    const wide: Network = { ...regression, build: (_, { weight }, { x }) => ({ loss: matmul(x!, weight!) }) };
    assert.throws(() => trainingStep(wide, usualAdam), /has to be a float32 scalar/);
  });
});
