/** Gradients of every mechanism of the catalogue with respect to what it reads and learns. */
import assert from 'node:assert/strict';
import { catalogue } from '../../../kernels/catalogue';
import type { Mechanism, ParameterValues } from '../../../kernels/mechanism';
import type { AttentionShape } from '../../../kernels/shape';
import { gradients } from '../../../kernels/gradient/gradients';
import { drawInputs } from '../../../kernels/inputs';
import { toSequenceFirst } from '../../../kernels/tensors/layout';
import { normalTensor, seedFor } from '../../../kernels/tensors/random';
import { largest, tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { evaluate } from '../../support/graph-arithmetic/evaluate';
import { reopen } from '../../../kernels/graph/reopen';
import { settings } from '../kernels/cases';
import { runGraph } from '../kernels/run';
import { float32Limit, float64Limit, relativeError } from './check';

const shapes: readonly AttentionShape[] = (['causal-self', 'noncausal-self', 'noncausal-cross'] as const).map(
  (pattern) => ({
    pattern,
    batch: 1,
    heads: 2,
    kvHeads: 1,
    queries: pattern === 'noncausal-cross' ? 7 : 20,
    keys: 20,
    headDim: 8,
    valueDim: 8,
  }),
);

function differentiated(mechanism: Mechanism, shape: AttentionShape, parameters: ParameterValues) {
  const { graph, outputs } = reopen(mechanism.build(shape, parameters, 'float32'));
  const [output] = outputs;
  if (!output) throw new RangeError('no output');
  const wrt = graph.inputs.filter(({ type }) => type === 'float32');
  const seed = graph.input('seed', 'float32', output.shape);
  gradients(graph, [[output, seed]], wrt).forEach((value, at) => graph.output(value, `gradient of ${wrt[at]!.name}`));
  return { graph, output, names: wrt.map(({ name }) => name) };
}

/** Draws until no difference lies across a kink: a key chosen, a bound reached. */
async function check(mechanism: Mechanism, shape: AttentionShape, parameters: ParameterValues): Promise<number> {
  const { graph, output, names } = differentiated(mechanism, shape, parameters);
  const seed = normalTensor(output.shape.map(Number), 5);
  const lay = (x: Tensor): Tensor => (mechanism.layout === 'sequence-first' ? toSequenceFirst(x) : x);
  for (let redrawn = 0; redrawn < 12; redrawn++) {
    const drawn = drawInputs(mechanism, shape, parameters, 31 + redrawn);
    const inputs: Record<string, Tensor> = {
      query: lay(drawn.query),
      key: lay(drawn.key),
      value: lay(drawn.value),
      ...drawn.weights,
    };
    const values = evaluate(graph, { ...inputs, seed });
    const objective = (name: string, moved: Tensor): number => {
      const y = evaluate(graph, { ...inputs, [name]: moved, seed }).get(output.name)!;
      return y.data.reduce((sum, value, i) => sum + value * seed.data[i]!, 0);
    };
    let crossed = false;
    for (const name of names) {
      const x = inputs[name]!;
      const gradient = values.get(`gradient of ${name}`)!;
      assert.deepEqual(gradient.shape, x.shape);
      const direction = normalTensor(x.shape, seedFor(9, name)).data;
      const slope = (step: number): number => {
        const moved = (by: number) =>
          objective(
            name,
            tensor(
              x.shape,
              x.data.map((each, i) => each + by * direction[i]!),
            ),
          );
        return (moved(step) - moved(-step)) / (2 * step);
      };
      const [near, far] = [slope(1e-5), slope(2e-5)];
      const found = gradient.data.reduce((sum, each, i) => sum + each * direction[i]!, 0);
      const scale = Math.sqrt(gradient.data.reduce((sum, each) => sum + each ** 2, 0));
      const error = Math.abs(found - (4 * near - far) / 3) / Math.max(scale, 1e-3);
      if (error <= float64Limit) continue;
      crossed = Math.abs(near - far) > 1e-7 * Math.max(scale, 1e-3);
      assert.ok(crossed, `${mechanism.id}: the gradient of ${name} along a direction is off by ${error} in float64`);
      break;
    }
    if (crossed) continue;
    const runtime = await runGraph(graph.finish(), { ...inputs, seed });
    const scale = Math.max(...names.map((name) => largest(values.get(`gradient of ${name}`)!)));
    for (const name of names) {
      const expected = values.get(`gradient of ${name}`)!;
      // A weight that the output does not depend on (a factor that the normaliser takes out again) has rounding for a gradient.
      const own = Math.max(largest(expected), 1e-3 * scale);
      const error = (relativeError(expected, runtime[`gradient of ${name}`]!) * largest(expected)) / own;
      assert.ok(error <= float32Limit, `${mechanism.id}: the gradient of ${name} is off by ${error} in float32`);
    }
    return redrawn;
  }
  throw new Error(`${mechanism.id}: every draw lies at a kink`);
}

describe('Law: gradients of a mechanism are central differences of its float64 arithmetic', function () {
  this.timeout(60_000);
  let redrawn = 0;
  let draws = 0;
  for (const mechanism of catalogue) {
    it(mechanism.id, async () => {
      let tried = 0;
      for (const parameters of settings(mechanism).slice(0, 2)) {
        const shape = shapes.find((each) => mechanism.supports(each, parameters).ok);
        if (!shape) continue;
        redrawn += await check(mechanism, shape, parameters);
        draws++;
        tried++;
      }
      assert.ok(tried > 0);
    });
  }

  it('few draws lie at a kink', () => {
    assert.ok(redrawn <= draws / 10, `${redrawn} beside ${draws}`);
  });
});
