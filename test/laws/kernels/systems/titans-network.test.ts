/** Checks of the neural memory of Titans with more than one layer, and of its switches (arXiv:2501.00663, section 3). */
import assert from 'node:assert/strict';
import { countMultiplyAdds } from '../../../../kernels/graph/count';
import type { Mechanism } from '../../../../kernels/mechanism';
import type { MemoryParameters } from '../../../../kernels/mechanisms/titans/layers';
import { gatesOf, initialMemory, learnOne, runMemory, unit } from '../../../../kernels/mechanisms/titans/memory';
import { memoryAsContext } from '../../../../kernels/mechanisms/titans/memory-as-context';
import { memoryAsGate } from '../../../../kernels/mechanisms/titans/memory-as-gate';
import { memoryAsLayer } from '../../../../kernels/mechanisms/titans/memory-as-layer';
import { answerOf, gradientsOf, mixed, type Network } from '../../../../kernels/mechanisms/titans/network';
import { neuralMemory } from '../../../../kernels/mechanisms/titans/neural-memory';
import { drawInputs } from '../../../../kernels/inputs';
import { normalTensor } from '../../../../kernels/tensors/random';
import { sizeOf, tensor, zeros, type Tensor } from '../../../../kernels/tensors/tensor';
import { runMechanism } from '../run';
import { dualMemory } from './dual-memory';
import { assertClose, causalShape, parametersFor, takePositions } from './support';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

const length = 21;
const shape = { ...causalShape(length), heads: 2, kvHeads: 2 };
const parametersOf = (given: Partial<MemoryParameters>): MemoryParameters => parametersFor(neuralMemory, given);
const deep = parametersOf({ depth: 2, expansion: 3, chunk: 7 });
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const unitRow = (x: Tensor, head: number, i: number): Float64Array => unit(x.data, (head * length + i) * 8, 8);
const valueRow = ({ value }: AttentionInputs, head: number, i: number): Float64Array =>
  value.data.slice((head * length + i) * 8, (head * length + i + 1) * 8);

/** Gates that are 0 or 1 for every position, or half open (undefined). */
function withGates(inputs: AttentionInputs, gates: readonly (boolean | undefined)[]): AttentionInputs {
  const row = gates.map((on) => (on === undefined ? 0 : on ? 800 : -800));
  const weights = {
    ...inputs.weights,
    gates: zeros(inputs.weights['gates']!.shape),
    'gates.offset': tensor([2, 1, 3], Float64Array.from([...row, ...row])),
  };
  return { ...inputs, weights };
}

const lossOf = (network: Network, key: Float64Array, value: Float64Array): number =>
  answerOf(network, key).reduce((sum, z, y) => sum + (z - value[y]!) ** 2 / 2, 0);

/** Answers of `networks[t]` to the queries of one head. */
function assertAnswers(output: Tensor, inputs: AttentionInputs, head: number, t: number, network: Network): void {
  answerOf(network, unitRow(inputs.query, head, t)).forEach((each, y) => {
    assert.ok(Math.abs(each - output.data[(head * length + t) * 8 + y]!) < 1e-12, `position ${t}`);
  });
}

describe('Neural memory of several layers (Titans)', () => {
  for (const depth of [1, 2, 4]) {
    it(`${depth} layers: the gradient is that of half the squared error, by central differences`, () => {
      const parameters = parametersOf({ depth, expansion: 2 });
      const inputs = drawInputs(neuralMemory, shape, parameters, 5);
      // Four times the initial weights bend every GELU.
      const network = mixed(
        4,
        initialMemory(inputs, shape, parameters, 0).memory,
        0,
        initialMemory(inputs, shape, parameters, 0).memory,
      );
      const [key, value] = [unitRow(inputs.key, 0, 3), valueRow(inputs, 0, 3)];
      gradientsOf(network, key, value).forEach((gradient, layer) => {
        const differences = gradient.data.map((_, at) => {
          const moved = (step: number): Network =>
            network.map((weight, other) =>
              other === layer
                ? tensor(
                    weight.shape,
                    weight.data.map((w, i) => (i === at ? w + step : w)),
                  )
                : weight,
            );
          return (lossOf(moved(1e-5), key, value) - lossOf(moved(-1e-5), key, value)) / 2e-5;
        });
        const size = Math.hypot(...gradient.data);
        const apart = Math.hypot(...gradient.data.map((each, at) => each - differences[at]!));
        assert.ok(size > 1e-2 && apart < 1e-6 * size, `layer ${layer}: ${apart} of ${size}`);
      });
    });
  }

  it('derivatives of the outputs by all that is learned outside, through three chunks, are those of the definition', () => {
    const inputs = drawInputs(neuralMemory, shape, deep, 6);
    const given = { query: inputs.query, key: inputs.key, value: inputs.value, ...inputs.weights };
    for (const name of Object.keys(given) as (keyof typeof given)[]) {
      const direction = normalTensor(given[name].shape, 77, 1);
      const { output, derivative } = dualMemory(given, { [name]: direction }, shape, deep);
      assertClose(neuralMemory.reference(inputs, shape, deep), output, 1e-12);
      const moved = (step: number): Float64Array => {
        const { query, key, value, ...weights } = {
          ...given,
          [name]: tensor(
            direction.shape,
            given[name].data.map((x, at) => x + step * direction.data[at]!),
          ),
        };
        return neuralMemory.reference({ query, key, value, weights }, shape, deep).data;
      };
      const [up, down] = [moved(1e-5), moved(-1e-5)];
      const size = Math.hypot(...derivative.data);
      const apart = Math.hypot(...derivative.data.map((each, at) => each - (up[at]! - down[at]!) / 2e-5));
      assert.ok(size > 1e-2 && apart < 1e-6 * size, `${name}: ${apart} of ${size}`);
    }
  });

  it('equals its closed form with gradients at the start of the chunk, for random gates', () => {
    const whole = parametersOf({ ...deep, chunk: 1000 });
    const inputs = drawInputs(neuralMemory, shape, whole, 4);
    const output = neuralMemory.reference(inputs, shape, whole);
    for (const h of [0, 1]) {
      const gates = range(length).map((i) => gatesOf(inputs, h * length + i, h, whole));
      const start = initialMemory(inputs, shape, whole, h).memory;
      const gradients = range(length).map((i) => gradientsOf(start, unitRow(inputs.key, h, i), valueRow(inputs, h, i)));
      const kept = (from: number, to: number): number =>
        gates.slice(from, to).reduce((product, gate) => product * (1 - gate.forget), 1);
      for (const t of [0, 6, 20]) {
        let network = mixed(kept(0, t + 1), start, 0, start);
        for (let i = 0; i <= t; i++) {
          let weight = 0;
          for (let s = i; s <= t; s++) {
            const carried = gates.slice(i + 1, s + 1).reduce((product, gate) => product * gate.keep, 1);
            weight += kept(s + 1, t + 1) * carried;
          }
          network = mixed(1, network, -weight * gates[i]!.learn, gradients[i]!);
        }
        assertAnswers(output, inputs, h, t, network);
      }
    }
  });

  for (const depth of [1, 2]) {
    it(`${depth} layers: chunks of one position are the exact online rule`, async () => {
      const online = parametersOf({ depth, expansion: 2, chunk: 1 });
      const inputs = drawInputs(neuralMemory, shape, online, 8);
      const output = neuralMemory.reference(inputs, shape, online);
      let state = initialMemory(inputs, shape, online, 1);
      for (const t of range(length)) {
        const gates = gatesOf(inputs, length + t, 1, online);
        const gradient = gradientsOf(state.memory, unitRow(inputs.key, 1, t), valueRow(inputs, 1, t));
        const surprise = mixed(gates.keep, state.surprise, -gates.learn, gradient);
        state = { memory: mixed(1 - gates.forget, state.memory, 1, surprise), surprise, start: state.memory };
        assertAnswers(output, inputs, 1, t, state.memory);
      }
      assertClose(await runMechanism(neuralMemory, inputs, shape, online), output, 1e-5);
    });
  }

  it('goes on at the border of a chunk with memory and surprise as if it had never stopped', () => {
    const inputs = drawInputs(neuralMemory, shape, deep, 6);
    const first = range(14);
    const part = { ...inputs, key: takePositions(inputs.key, first), value: takePositions(inputs.value, first) };
    let state = runMemory(part, { ...shape, keys: 14 }, deep, 0, () => undefined);
    const whole = runMemory(inputs, shape, deep, 0, () => undefined);
    for (const i of range(length).slice(14)) {
      if (i % 7 === 0) state = { ...state, start: state.memory };
      state = learnOne(state, unitRow(inputs.key, 0, i), valueRow(inputs, 0, i), gatesOf(inputs, i, 0, deep));
    }
    for (const of of ['memory', 'surprise', 'start'] as const) {
      state[of].forEach((layer, at) => assertClose(layer, whole[of][at]!, 1e-12, `${of} of layer ${at}`));
    }
  });

  it('one layer without momentum and forgetting, in chunks of one: DeltaNet', async () => {
    const parameters = parametersOf({ chunk: 1, momentum: false, forgetting: false, rate: 0.7 });
    const inputs = drawInputs(neuralMemory, shape, parameters, 9);
    const output = neuralMemory.reference(inputs, shape, parameters);
    for (const h of [0, 1]) {
      // S_t = (I - beta k^T k) S_(t-1) + beta k^T v
      let memory = inputs.weights['memory']!.data.slice(h * 64, (h + 1) * 64);
      for (const t of range(length)) {
        const [key, value] = [unitRow(inputs.key, h, t), valueRow(inputs, h, t)];
        const beta = gatesOf(inputs, h * length + t, h, parameters).learn;
        assert.ok(beta > 0 && beta < 0.7);
        memory = memory.map((_, at) => {
          const [x, y] = [Math.floor(at / 8), at % 8];
          const left = range(8).reduce(
            (sum, j) => sum + ((j === x ? 1 : 0) - beta * key[x]! * key[j]!) * memory[j * 8 + y]!,
            0,
          );
          return left + beta * key[x]! * value[y]!;
        });
        assertAnswers(output, inputs, h, t, [tensor([8, 8], memory)]);
      }
    }
    assertClose(await runMechanism(neuralMemory, inputs, shape, parameters), output, 1e-5);
  });

  it('holds the last position alone when it forgets all, and fades or stands still when it learns nothing', async () => {
    const drawn = drawInputs(neuralMemory, shape, deep, 3);
    const forgetful = withGates(drawn, [true, true, false]);
    const one = parametersOf({ ...deep, chunk: 1000 });
    const output = neuralMemory.reference(forgetful, shape, one);
    const start = initialMemory(forgetful, shape, one, 1).memory;
    for (const t of range(length)) {
      const gradient = gradientsOf(start, unitRow(forgetful.key, 1, t), valueRow(forgetful, 1, t));
      assertAnswers(output, forgetful, 1, t, mixed(-1, gradient, 0, gradient));
    }
    assertClose(await runMechanism(neuralMemory, forgetful, shape, one), output, 1e-5);
    for (const [forgetting, share] of [
      [false, 1],
      [true, 0.5],
    ] as const) {
      const parameters = parametersOf({ ...deep, rate: 0, forgetting });
      const inputs = withGates(drawn, [undefined, undefined, undefined]);
      const read = neuralMemory.reference(inputs, shape, parameters);
      for (const t of [0, 9, 20]) assertAnswers(read, inputs, 1, t, mixed(share ** (t + 1), start, 0, start));
      assertClose(await runMechanism(neuralMemory, inputs, shape, parameters), read, 1e-5);
    }
  });

  it('without momentum or forgetting it is the memory whose gate is closed', async () => {
    for (const [off, gates] of [
      ['momentum', [undefined, undefined, false]],
      ['forgetting', [false, undefined, undefined]],
    ] as const) {
      const parameters = parametersOf({ ...deep, rate: 0.3 });
      const inputs = withGates(drawInputs(neuralMemory, shape, parameters, 3), gates);
      const closed = neuralMemory.reference(inputs, shape, parameters);
      const open = withGates(inputs, [undefined, undefined, undefined]);
      const without = { ...parameters, [off]: false };
      assertClose(neuralMemory.reference(open, shape, without), closed, 1e-12, off);
      assertClose(await runMechanism(neuralMemory, open, shape, without), closed, 1e-5, off);
      assert.throws(() => assertClose(neuralMemory.reference(open, shape, parameters), closed, 1e-3));
    }
  });

  it('refuses steps without forgetting that diverge, says which do not, and those stay bounded', () => {
    const long = { ...causalShape(512), heads: 1, kvHeads: 1, headDim: 32, valueDim: 32 };
    for (const [given, most] of [
      [{ chunk: 64 }, 4 / 64],
      [{ chunk: 4, depth: 2, expansion: 2 }, 0.1],
    ] as const) {
      const at = (rate: number) => parametersOf({ ...given, forgetting: false, rate });
      const support = neuralMemory.supports(long, at(1));
      assert.ok(!support.ok);
      const said = Number(/largest step of ([\d.]+) or less\.$/.exec(support.why)![1]);
      assert.ok(said <= most && said > 0.9 * most && neuralMemory.supports(long, at(said)).ok);
      assert.ok(neuralMemory.supports(long, { ...at(1), forgetting: true }).ok);
      const sizeAt = (rate: number): number => {
        const inputs = drawInputs(neuralMemory, long, at(rate), 3);
        const values = neuralMemory.reference(inputs, long, at(rate)).data.map(Math.abs);
        return values.some(Number.isNaN) ? Infinity : Math.max(...values);
      };
      assert.ok(sizeAt(most) < 10 && sizeAt(1) > 1e3, `${sizeAt(most)} and ${sizeAt(1)}`);
    }
  });

  it('MAL with a window of one and values handed on is the deeper memory alone', async () => {
    const parameters = parametersFor(memoryAsLayer, { window: 1, persistent: 0, chunk: 7, depth: 2, expansion: 3 });
    const drawn = drawInputs(memoryAsLayer, shape, parameters, 4);
    const identity = Float64Array.from({ length: 128 }, (_, at) => (Math.floor((at % 64) / 8) === at % 8 ? 1 : 0));
    const inputs = { ...drawn, weights: { ...drawn.weights, 'layer.value': tensor([2, 8, 8], identity) } };
    const expected = neuralMemory.reference(inputs, shape, deep);
    assertClose(memoryAsLayer.reference(inputs, shape, parameters), expected, 1e-12);
    assertClose(await runMechanism(memoryAsLayer, inputs, shape, parameters), expected, 1e-5);
  });

  for (const mechanism of [neuralMemory, memoryAsContext, memoryAsGate, memoryAsLayer] as readonly Mechanism[]) {
    it(`${mechanism.id}: its cost follows its layers and switches, and its state is three memories or two`, () => {
      const wide = { ...shape, headDim: 64, valueDim: 64, queries: 2048, keys: 2048 };
      for (const given of [
        { depth: 2 },
        { depth: 3, expansion: 2 },
        { momentum: false },
        { forgetting: false },
        { depth: 2, momentum: false, forgetting: false },
      ]) {
        const parameters = parametersFor(mechanism, given);
        const counted = countMultiplyAdds(mechanism.build(wide, parameters, 'float32').model);
        const ratio = mechanism.cost(wide, parameters).flops / counted;
        assert.ok(ratio > 1.9 && ratio < 2.6, `${JSON.stringify(given)}: ${ratio} flops per multiply-add`);
        const { depth, expansion, momentum } = parametersOf(given);
        const hidden = expansion * 64;
        const cells = depth === 1 ? 64 * 64 : 2 * 64 * hidden + (depth - 2) * hidden ** 2;
        const carried = mechanism
          .decode!.states({ ...wide, queries: 1 }, parameters)
          .filter(({ name }) => /^state\.(memory|surprise|start)/.test(name))
          .reduce((sum, state) => sum + sizeOf(state.shape), 0);
        assert.equal(carried, (momentum ? 3 : 2) * 2 * cells);
      }
    });
  }
});
