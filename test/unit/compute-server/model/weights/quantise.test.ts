import assert from 'node:assert/strict';
import { blocksOf, matmulBlockwise } from '../../../../../kernels/graph/operators/matrix';
import { GraphBuilder } from '../../../../../kernels/graph/builder';
import { normalTensor } from '../../../../../kernels/tensors/random';
import { packColumns, packRows, type Bits, type Packed } from '../../../../../compute-server/model/weights/quantise';
import { openSession } from '../../../../../compute-server/runtime/session';
import { roundedMatrix } from '../../../../support/reference/blockwise';

const empty = (bits: Bits, outputs: number, inputs: number): Packed => {
  const blocks = blocksOf(inputs, 32);
  return {
    bits,
    blocks,
    // Not zeros: every number is to be written.
    values: new Uint8Array((outputs * blocks * 32 * bits) / 8).fill(77),
    scales: new Float32Array(outputs * blocks).fill(77),
  };
};
const zeros = (count: number): number[] => new Array<number>(count).fill(0);

describe('weights in blocks of integers', () => {
  it('8 bits by hand: the largest becomes 127 above or below the middle, the others by its factor', () => {
    const into = empty(8, 1, 32);
    // The factor is 254 / 127 = 2; -3 / 2 lies between two integers.
    packRows(Float32Array.of(-254, 100, 3, -3, 0.9, 1.1, ...zeros(26)), 32, into);
    assert.deepEqual([...into.scales], [2]);
    assert.deepEqual([...into.values], [1, 178, 130, 127, 128, 129, ...zeros(26).map(() => 128)]);
  });

  it('4 bits by hand: the largest is held exactly with its sign, what lies beyond the other end is cut', () => {
    const into = empty(4, 1, 32);
    // The factor is -(16 / 8) = -2: 16 is -8 of them, -16 would be 8 and is cut to 7, 5 is -2.5.
    packRows(Float32Array.of(16, -16, 4, 5, -14, -1.2, ...zeros(26)), 32, into);
    assert.deepEqual([...into.scales], [-2]);
    const low = [0, 6, 15];
    const high = [15, 6, 9];
    assert.deepEqual(
      [...into.values],
      [...low.map((value, i) => value + 16 * (high[i] ?? 0)), ...zeros(13).map(() => 0x88)],
    );
  });

  it('a block of zeros, and what lies behind the last input, is 0', () => {
    for (const bits of [4, 8] as const) {
      const into = empty(bits, 1, 33);
      packRows(Float32Array.of(...zeros(32), 5), 33, into);
      assert.equal(Math.abs(into.scales[0] ?? NaN), 0);
      const middle = bits === 8 ? 128 : 0x88;
      const behind = [...into.values.subarray((into.values.length * 33) / 64 + (bits === 8 ? 0 : 0.5))];
      assert.ok(behind.every((value) => value === middle));
      assert.ok([...into.values.subarray(0, into.values.length / 2)].every((value) => value === middle));
    }
  });

  for (const bits of [8, 4] as const) {
    for (const [inputs, outputs] of [
      [96, 7],
      [80, 5],
    ] as const) {
      it(`${bits} bits, ${inputs} inputs: the runtime multiplies by what the numbers were rounded to`, async () => {
        const { data } = normalTensor([outputs, inputs], 5);
        const rows = Float32Array.from(data);
        const into = empty(bits, outputs, inputs);
        packRows(rows, inputs, into);
        // The same matrix stored by its inputs gives the same integers, also from a part of the inputs on.
        const columns = Float32Array.from({ length: rows.length }, (_, at) => {
          const [input, output] = [Math.floor(at / outputs), at % outputs];
          return rows[output * inputs + input] ?? 0;
        });
        const turned = empty(bits, outputs, inputs);
        packColumns(columns.subarray(0, 32 * outputs), outputs, 0, turned);
        packColumns(columns.subarray(32 * outputs), outputs, 1, turned);
        assert.deepEqual(turned, into);

        const graph = new GraphBuilder('product');
        const x = graph.input('x', 'float32', [3, inputs]);
        const values = graph.constant('uint8', [outputs, into.blocks, 4 * bits], into.values);
        const scales = graph.constant('float32', [outputs * into.blocks], into.scales);
        graph.output(matmulBlockwise(x, { inputs, outputs, bits, block: 32, values, scales }, 'int8'), 'y');
        const session = await openSession(graph.finish(), { device: 'cpu', threads: 1 });
        // Integers of which each block of 16 and more has one of size 127: rounding them to 8 bits changes nothing.
        const given = Float32Array.from({ length: 3 * inputs }, (_, at) =>
          at % 16 === 3 ? 127 : ((at * 37) % 251) - 125,
        );
        const { y } = await session.run({ x: { data: given, shape: [3, inputs] } });
        await session.release();
        const rounded = roundedMatrix(rows, [outputs, inputs], bits, 'rows');
        assert.ok(y?.data instanceof Float32Array);
        y.data.forEach((found, at) => {
          const [row, output] = [Math.floor(at / outputs), at % outputs];
          let [sum, size] = [0, 0];
          for (let i = 0; i < inputs; i++) {
            const term = (given[row * inputs + i] ?? 0) * (rounded[output * inputs + i] ?? 0);
            sum += term;
            size += Math.abs(term);
          }
          assert.ok(Math.abs(found - sum) <= 1e-5 * size, `${found} is not ${sum}`);
        });
      });
    }
  }

  it('moves no number by more than half of its factor, and of 4 bits by one at the other end', () => {
    const rows = Float32Array.from(normalTensor([8, 64], 11).data);
    for (const bits of [8, 4] as const) {
      const into = empty(bits, 8, 64);
      packRows(rows, 64, into);
      rows.forEach((value, at) => {
        const byte = into.values[bits === 8 ? at : at >> 1] ?? NaN;
        const raised = bits === 8 ? byte - 128 : (at % 2 === 0 ? byte & 15 : byte >> 4) - 8;
        const held = raised * (into.scales[at >> 5] ?? NaN);
        const block = rows.subarray(at - (at % 32), at - (at % 32) + 32);
        const largest = block.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
        const allowed = bits === 8 ? largest / 254 : Math.abs(value) > (largest * 7) / 8 ? largest / 8 : largest / 16;
        assert.ok(Math.abs(value - held) <= allowed * (1 + 1e-6), `${value} is held as ${held}`);
      });
    }
  });
});
