/** Checks of memory joined with attention, as context, as gate and as layer (Titans, arXiv:2501.00663, section 4). */
import assert from 'node:assert/strict';
import type { Mechanism, ParameterValues } from '../../../../kernels/mechanism';
import { scaledDotProduct } from '../../../../kernels/mechanisms/scaled-dot-product';
import { slidingWindow } from '../../../../kernels/mechanisms/sliding-window';
import { attend } from '../../../../kernels/mechanisms/titans/context';
import { gatedRow } from '../../../../kernels/mechanisms/titans/gating';
import { memoryAsContext } from '../../../../kernels/mechanisms/titans/memory-as-context';
import { memoryAsGate } from '../../../../kernels/mechanisms/titans/memory-as-gate';
import { memoryAsLayer } from '../../../../kernels/mechanisms/titans/memory-as-layer';
import { neuralMemory } from '../../../../kernels/mechanisms/titans/neural-memory';
import { drawInputs } from '../../../../kernels/inputs';
import { normalTensor } from '../../../../kernels/tensors/random';
import { tensor, zeros, type Tensor } from '../../../../kernels/tensors/tensor';
import { runMechanism } from '../run';
import { assertClose, causalShape, parametersFor, takePositions } from './support';
import type { AttentionInputs } from '../../../../kernels/tensors/tensor';

const length = 30;
const shape = { ...causalShape(length), heads: 2, kvHeads: 2 };
const rowOf = (x: Tensor, head: number, i: number): Float64Array => {
  const width = x.shape[3]!;
  const from = (head * x.shape[2]! + i) * width;
  return x.data.slice(from, from + width);
};
const positions = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** Gates that are 0 or 1 for every position. */
const withGates = (inputs: AttentionInputs, forget: boolean, learn: boolean, keep: boolean): AttentionInputs => {
  const row = [forget, learn, keep].map((on) => (on ? 800 : -800));
  return withWeights(inputs, {
    gates: zeros(inputs.weights['gates']!.shape),
    'gates.offset': tensor([2, 1, 3], Float64Array.from([...row, ...row])),
  });
};
const withWeights = (inputs: AttentionInputs, weights: Readonly<Record<string, Tensor>>): AttentionInputs => ({
  ...inputs,
  weights: { ...inputs.weights, ...weights },
});
/** A memory that is zero and stays so. */
const silent = (inputs: AttentionInputs): AttentionInputs =>
  withWeights(withGates(inputs, false, false, false), { memory: zeros(inputs.weights['memory']!.shape) });
const still = (inputs: AttentionInputs): AttentionInputs => withGates(inputs, false, false, false);

/** The gated form of rows of attention beside a memory that gives zeros. */
function gatedAlone(attention: Tensor, inputs: AttentionInputs): Tensor {
  const output = zeros(attention.shape);
  for (let head = 0; head < 2; head++) {
    for (let i = 0; i < length; i++) {
      output.data.set(gatedRow(new Float64Array(8), rowOf(attention, head, i), inputs, head), (head * length + i) * 8);
    }
  }
  return output;
}

const norms = (inputs: AttentionInputs): AttentionInputs =>
  withWeights(inputs, {
    'norm.memory': normalTensor([2, 1, 8], 41, 1),
    'norm.attention': normalTensor([2, 1, 8], 42, 1),
  });

describe('Memory as context (Titans)', () => {
  it('without persistent positions, a silent memory and one segment: causal attention', async () => {
    const parameters = parametersFor(memoryAsContext, { segment: 64, chunk: 8, persistent: 0 });
    const inputs = silent(drawInputs(memoryAsContext, shape, parameters, 3));
    const plain = scaledDotProduct.reference(inputs, shape, {});
    // The silent memory's answers are keys and values of zeros: they weaken each row by a factor, which the norm takes out.
    const attention = zeros(plain.shape);
    const nothing = { key: new Float64Array(8), value: new Float64Array(8) };
    for (let head = 0; head < 2; head++) {
      for (let i = 0; i < length; i++) {
        const read = positions(0, i + 1).map((j) => ({
          key: rowOf(inputs.key, head, j),
          value: rowOf(inputs.value, head, j),
        }));
        const row = attend(rowOf(inputs.query, head, i), [...read, ...read.map(() => nothing)], 8);
        attention.data.set(row, (head * length + i) * 8);
        const expected = rowOf(plain, head, i);
        const factor = row[0]! / expected[0]!;
        row.forEach((each, x) => assert.ok(Math.abs(each - factor * expected[x]!) < 1e-12));
      }
    }
    const output = memoryAsContext.reference(inputs, shape, parameters);
    assertClose(output, gatedAlone(attention, inputs), 1e-12);
    assertClose(await runMechanism(memoryAsContext, inputs, shape, parameters), output, 1e-5);
  });

  it('outputs of a segment do not depend on later segments', () => {
    const parameters = parametersFor(memoryAsContext, { segment: 10, chunk: 5 });
    const inputs = drawInputs(memoryAsContext, shape, parameters, 5);
    const others = drawInputs(memoryAsContext, shape, parameters, 6);
    const changed = (mine: Tensor, theirs: Tensor): Tensor => {
      const data = Float64Array.from(mine.data);
      for (let head = 0; head < 2; head++) {
        const [from, to] = [(head * length + 20) * 8, (head + 1) * length * 8];
        data.set(theirs.data.subarray(from, to), from);
      }
      return tensor(mine.shape, data);
    };
    const first = positions(0, 20);
    assertClose(
      takePositions(
        memoryAsContext.reference(
          {
            ...inputs,
            query: changed(inputs.query, others.query),
            key: changed(inputs.key, others.key),
            value: changed(inputs.value, others.value),
          },
          shape,
          parameters,
        ),
        first,
      ),
      takePositions(memoryAsContext.reference(inputs, shape, parameters), first),
      0,
    );
  });

  it('with a memory that stands still every segment is a sequence of its own; learning joins them', () => {
    const parameters = parametersFor(memoryAsContext, { segment: 10, chunk: 5 });
    const inputs = drawInputs(memoryAsContext, shape, parameters, 7);
    const alone = (all: AttentionInputs): Tensor =>
      memoryAsContext.reference(
        {
          ...all,
          query: takePositions(all.query, positions(10, 20)),
          key: takePositions(all.key, positions(10, 20)),
          value: takePositions(all.value, positions(10, 20)),
        },
        { ...shape, queries: 10, keys: 10 },
        parameters,
      );
    const whole = (all: AttentionInputs): Tensor =>
      takePositions(memoryAsContext.reference(all, shape, parameters), positions(10, 20));
    assertClose(whole(still(inputs)), alone(still(inputs)), 1e-12);
    assert.throws(() => assertClose(whole(inputs), alone(inputs), 1e-2));
  });

  it('every position sees the persistent positions, and the graph takes its weights in their own places', async () => {
    const parameters = parametersFor(memoryAsContext, { segment: 10, chunk: 5, persistent: 2 });
    const inputs = norms(drawInputs(memoryAsContext, shape, parameters, 8));
    assertSeen(memoryAsContext, inputs, parameters, positions(0, length), true);
    assertClose(
      await runMechanism(memoryAsContext, inputs, shape, parameters),
      memoryAsContext.reference(inputs, shape, parameters),
      1e-4,
    );
  });
});

describe('Decoding with memory as context (Titans)', () => {
  it('a typical step reads as many positions as the steps of a segment do on average', () => {
    const parameters = parametersFor(memoryAsContext, { segment: 16, chunk: 8 });
    const decode = memoryAsContext.decode!;
    const flopsAfter = (before: number): number =>
      decode.cost({ ...shape, queries: 1, keys: before + 1 }, parameters).flops;
    const mean = positions(80, 96).reduce((sum, before) => sum + flopsAfter(before) / 16, 0);
    for (const near of [96, 97, 111]) {
      const before = decode.typical!(near, parameters);
      assert.equal(Math.floor(before / 16), 5);
      assert.ok(Math.abs(flopsAfter(before) / mean - 1) < 0.02);
    }
    assert.equal(decode.typical!(9, parameters), 9);
  });
});

describe('Memory as gate (Titans)', () => {
  it('with a silent memory and no persistent positions: the sliding window, and over everything causal attention', async () => {
    for (const window of [4, 64]) {
      const parameters = parametersFor(memoryAsGate, { window, persistent: 0, chunk: 8 });
      const inputs = norms(silent(drawInputs(memoryAsGate, shape, parameters, 3)));
      const attention =
        window === 4
          ? slidingWindow.reference(inputs, shape, { window })
          : scaledDotProduct.reference(inputs, shape, {});
      const output = memoryAsGate.reference(inputs, shape, parameters);
      assertClose(output, gatedAlone(attention, inputs), 1e-12);
      assertClose(await runMechanism(memoryAsGate, inputs, shape, parameters), output, 1e-5);
    }
  });

  it('the persistent positions stay visible when the window has left them, and the graph takes its weights in their own places', async () => {
    const parameters = parametersFor(memoryAsGate, { window: 4, persistent: 2, chunk: 5 });
    const inputs = norms(drawInputs(memoryAsGate, shape, parameters, 8));
    assertSeen(memoryAsGate, still(inputs), parameters, positions(0, length), true);
    assertClose(
      await runMechanism(memoryAsGate, inputs, shape, parameters),
      memoryAsGate.reference(inputs, shape, parameters),
      1e-4,
    );
  });

  it('the memory carries what the window has lost: it gates the attention by what it learned', () => {
    const parameters = parametersFor(memoryAsGate, { window: 4, persistent: 0, chunk: 5 });
    const inputs = drawInputs(memoryAsGate, shape, parameters, 9);
    const moved = { ...inputs, value: tensor(inputs.value.shape, Float64Array.from(inputs.value.data)) };
    moved.value.data[0]! += 10;
    const difference = (all: (x: AttentionInputs) => AttentionInputs): number => {
      const [a, b] = [all(inputs), all(moved)].map((x) => memoryAsGate.reference(x, shape, parameters));
      return Math.max(...rowOf(a!, 0, 8).map((each, x) => Math.abs(each - rowOf(b!, 0, 8)[x]!)));
    };
    assert.ok(difference((x) => withGates(x, false, true, false)) > 1e-3);
    assert.equal(difference(still), 0);
  });
});

describe('Memory as layer (Titans)', () => {
  it('with a window of one and values handed on: the neural memory alone', async () => {
    const parameters = parametersFor(memoryAsLayer, { window: 1, persistent: 0, chunk: 7 });
    const drawn = drawInputs(memoryAsLayer, shape, parameters, 4);
    const identity = Float64Array.from({ length: 128 }, (_, at) => (Math.floor((at % 64) / 8) === at % 8 ? 1 : 0));
    const inputs = withWeights(drawn, { 'layer.value': tensor([2, 8, 8], identity) });
    const expected = neuralMemory.reference(inputs, shape, parametersFor(neuralMemory, { chunk: 7 }));
    assertClose(memoryAsLayer.reference(inputs, shape, parameters), expected, 1e-12);
    assertClose(await runMechanism(memoryAsLayer, inputs, shape, parameters), expected, 1e-5);
  });

  it('persistent positions are read by the window that holds them and by no later one', () => {
    const parameters = parametersFor(memoryAsLayer, { window: 4, persistent: 2, chunk: 5 });
    const inputs = still(drawInputs(memoryAsLayer, shape, parameters, 8));
    assertSeen(memoryAsLayer, inputs, parameters, positions(0, 3), true, 'persistent.query');
    assertSeen(memoryAsLayer, inputs, parameters, positions(3, length), false, 'persistent.query');
  });
});

describe('Memory joined with attention (Titans)', () => {
  it('costs grow with the length to the power of 1, within 0.05', () => {
    const at = (n: number) => ({ ...shape, heads: 8, kvHeads: 8, headDim: 64, valueDim: 64, queries: n, keys: n });
    for (const mechanism of [memoryAsContext, memoryAsGate, memoryAsLayer] as readonly Mechanism[]) {
      const parameters = parametersFor(mechanism, {});
      for (const of of ['flops', 'bytes'] as const) {
        const [short, long] = [8192, 65536].map((n) => mechanism.cost(at(n), parameters)[of]);
        const exponent = Math.log2(long! / short!) / 3;
        assert.ok(Math.abs(exponent - 1) < 0.05, `${mechanism.id}: ${of} grow with the power of ${exponent}`);
      }
    }
  });
});

/** Whether the outputs at some positions change with a persistent weight. */
function assertSeen<P extends ParameterValues>(
  mechanism: Mechanism<P>,
  inputs: AttentionInputs,
  parameters: P,
  at: readonly number[],
  seen: boolean,
  name = 'persistent.value',
): void {
  const weight = inputs.weights[name]!;
  const moved = withWeights(inputs, {
    [name]: tensor(
      weight.shape,
      weight.data.map((each) => each + 1),
    ),
  });
  const [a, b] = [inputs, moved].map((each) => mechanism.reference(each, shape, parameters));
  for (const i of at) {
    const difference = Math.max(...rowOf(a!, 1, i).map((each, x) => Math.abs(each - rowOf(b!, 1, i)[x]!)));
    assert.equal(difference > 1e-6, seen, `${mechanism.id}: output ${i} changes by ${difference} with ${name}`);
  }
}
