import assert from 'node:assert/strict';
import { neighbours, type Axis } from '../../../../kernels/mechanisms/gna/axis';
import { axesOf, gna, gridOf, type GnaParameters } from '../../../../kernels/mechanisms/gna/gna';
import { allRows, softmaxRows } from '../../../../kernels/reference/softmax';
import type { AttentionShape } from '../../../../kernels/shape';
import { drawInputs } from '../../../../kernels/inputs';
import { random } from '../../../../kernels/tensors/random';
import type { Tensor } from '../../../../kernels/tensors/tensor';
import { runMechanism } from '../run';
import { assertClose, causalShape, parametersFor, readsOf, takePositions } from './support';

const over = (length: number): AttentionShape => ({
  pattern: 'noncausal-self',
  batch: 1,
  heads: 2,
  kvHeads: 2,
  queries: length,
  keys: length,
  headDim: 8,
  valueDim: 8,
});

const parameters = (given: Partial<GnaParameters>) => parametersFor(gna, given);

describe('Generalized neighborhood attention: the kernel does what the paper and NATTEN say', () => {
  it('text tokens are the additional keys of NATTEN: the two attentions, merged by their log-sum-exps', () => {
    const [cells, text] = [30, 7];
    const shape = over(cells + text);
    const given = parameters({ rank: '2', width: 6, windowHeight: 3, windowWidth: 4, strideWidth: 2 });
    const inputs = drawInputs(gna, shape, {}, 2);
    const joint = gna.reference(inputs, shape, { ...given, text });
    const positions = (x: Tensor, from: number, to: number) => takePositions(x, range(from, to - from));
    const part = (from: number, to: number) => ({
      ...inputs,
      query: positions(inputs.query, 0, cells),
      key: positions(inputs.key, from, to),
      value: positions(inputs.value, from, to),
    });
    const grid = gna.reference(part(0, cells), over(cells), given);
    const beside = softmaxRows(part(cells, cells + text), { ...over(cells), keys: text }, allRows(over(cells)));
    const windows = readsOf(gna, over(cells), given, 0);
    const sumOfExponentials = (h: number, i: number, keys: readonly number[]): number =>
      keys.reduce((sum, j) => {
        let dot = 0;
        for (let x = 0; x < 8; x++) {
          dot +=
            inputs.query.data[(h * (cells + text) + i) * 8 + x]! * inputs.key.data[(h * (cells + text) + j) * 8 + x]!;
        }
        return sum + Math.exp(dot / Math.sqrt(8));
      }, 0);
    for (let h = 0; h < 2; h++) {
      for (let i = 0; i < cells; i++) {
        const near = sumOfExponentials(h, i, windows[i]!);
        const all = near + sumOfExponentials(h, i, range(cells, text));
        for (let x = 0; x < 8; x++) {
          const at = (h * cells + i) * 8 + x;
          const merged = (near / all) * grid.data[at]! + (1 - near / all) * beside.data[at]!;
          const own = joint.data[(h * (cells + text) + i) * 8 + x]!;
          assert.ok(Math.abs(own - merged) < 1e-12, `${h} ${i} ${x}: ${own}, ${merged}`);
        }
      }
    }
    const dense = softmaxRows(inputs, shape, range(cells, text));
    assertClose(positions(joint, cells, cells + text), dense, 1e-12, 'the rows of the text');
  });

  it('says why text tokens do not fit', () => {
    const refusal = (shape: AttentionShape, text: number) => {
      const support = gna.supports(shape, parameters({ rank: '1', text }));
      return support.ok ? '' : support.why;
    };
    assert.match(refusal(over(8), 8), /8 text tokens leave no token for the grid among 8/);
    assert.match(refusal({ ...over(8), pattern: 'causal-self' }, 1), /set text tokens to 0/);
    assert.equal(refusal(over(8), 7), '');
  });

  it('windows over all axes give full attention at any stride', () => {
    const shape = over(60);
    const inputs = drawInputs(gna, shape, {}, 1);
    const full = softmaxRows(inputs, shape, allRows(shape));
    for (const stride of [1, 2, 3, 4]) {
      const whole = parameters({
        rank: '3',
        height: 4,
        width: 5,
        windowDepth: 3,
        windowHeight: 4,
        windowWidth: 5,
        strideDepth: Math.min(stride, 3),
        strideHeight: stride,
        strideWidth: stride,
      });
      assertClose(gna.reference(inputs, shape, whole), full, 1e-12, `stride ${stride}`);
    }
  });

  it('a causal line with a window over everything is causal attention', () => {
    const shape = over(50);
    const inputs = drawInputs(gna, shape, {}, 1);
    const line = parameters({ rank: '1', windowWidth: 50, causalWidth: true });
    assertClose(
      gna.reference(inputs, shape, line),
      softmaxRows(inputs, shape, allRows(shape), { reads: (_h, i, j) => j <= i }),
      1e-12,
    );
  });

  it('a stride as long as the window makes blocks; a stride of 1 slides by half a window on either side', () => {
    const shape = over(48);
    const blocks = readsOf(gna, shape, parameters({ rank: '1', windowWidth: 8, strideWidth: 8 }), 0);
    blocks.forEach((keys, i) => assert.deepEqual(keys, range(Math.floor(i / 8) * 8, 8), `query ${i}`));
    const sliding = readsOf(gna, shape, parameters({ rank: '1', windowWidth: 7 }), 0);
    for (let i = 3; i < 45; i++) assert.deepEqual(sliding[i], range(i - 3, 7), `query ${i}`);
    assert.deepEqual(sliding[0], range(0, 7), 'shifted inside the axis at its border, not cut');
    assert.deepEqual(sliding[47], range(41, 7));
    const even = readsOf(gna, shape, parameters({ rank: '1', windowWidth: 6 }), 0);
    assert.deepEqual(even[20], range(17, 6), 'an even window has one key more on the left');
  });

  it('the last short stride group keeps its window inside: it overlaps back', () => {
    const rows = readsOf(gna, over(20), parameters({ rank: '1', windowWidth: 8, strideWidth: 8 }), 0);
    assert.deepEqual(rows[19], range(12, 8));
  });

  it('every non-causal row reads as many keys as the windows multiply to, its own among them', () => {
    const source = random(9);
    for (let trial = 0; trial < 20; trial++) {
      const [depth, height, width] = [1 + source.whole(3), 2 + source.whole(5), 2 + source.whole(6)] as const;
      const shape = over(depth * height * width);
      const given = parameters({
        rank: '3',
        height,
        width,
        windowDepth: 1 + source.whole(3),
        windowHeight: 1 + source.whole(5),
        windowWidth: 1 + source.whole(6),
        strideHeight: 1 + source.whole(3),
        strideWidth: 1 + source.whole(3),
        dilationWidth: 1 + source.whole(2),
      });
      const axes = axesOf(shape, given);
      const count = axes.reduce((product, { window }) => product * window, 1);
      readsOf(gna, shape, given, 0).forEach((keys, i) => {
        assert.equal(keys.length, count, JSON.stringify({ axes, i }));
        assert.ok(keys.includes(i), JSON.stringify({ axes, i }));
      });
    }
  });

  it('the mask of two axes is the product of the masks of one', () => {
    const plane = parameters({
      rank: '2',
      width: 9,
      windowHeight: 3,
      windowWidth: 4,
      strideHeight: 2,
      causalWidth: true,
    });
    const { reads } = gna.pattern(over(63), plane);
    const rows = gna.pattern(over(7), parameters({ rank: '1', windowWidth: 3, strideWidth: 2 })).reads;
    const columns = gna.pattern(over(9), parameters({ rank: '1', windowWidth: 4, causalWidth: true })).reads;
    for (let q = 0; q < 63; q++) {
      for (let k = 0; k < 63; k++) {
        const both = rows(0, Math.floor(q / 9), Math.floor(k / 9)) && columns(0, q % 9, k % 9);
        assert.equal(reads(0, q, k), both, `${q} ${k}`);
      }
    }
  });

  it('the shifted window equals the reference kernel’s start', () => {
    const source = random(2);
    for (let trial = 0; trial < 2000; trial++) {
      const n = 1 + source.whole(40);
      const window = 1 + source.whole(n);
      const axis: Axis = { size: n, window, stride: 1 + source.whole(window), dilation: 1, causal: false };
      const i = source.whole(n);
      const leader = Math.min(Math.floor(i / axis.stride) * axis.stride + Math.floor(axis.stride / 2), n - 1);
      const left = Math.floor(window / 2);
      const right = left + (window % 2) - 1;
      const start = Math.max(leader - left, 0) + (leader + right >= n ? n - right - leader - 1 : 0);
      assert.deepEqual(neighbours(axis, i, n), { start, end: start + window }, JSON.stringify({ axis, i }));
    }
  });

  it('a dilation makes independent problems on interleaved sub-grids, reference and graph', async () => {
    const [height, width] = [7, 10];
    const shape = over(height * width);
    const inputs = drawInputs(gna, shape, {}, 3);
    const dilated = parameters({
      rank: '2',
      width,
      windowHeight: 2,
      windowWidth: 3,
      strideWidth: 2,
      dilationHeight: 2,
      dilationWidth: 3,
    });
    const whole = gna.reference(inputs, shape, dilated);
    for (let y = 0; y < 2; y++) {
      for (let x = 0; x < 3; x++) {
        const rows = range(0, height).filter((row) => row % 2 === y);
        const columns = range(0, width).filter((column) => column % 3 === x);
        const places = rows.flatMap((row) => columns.map((column) => row * width + column));
        const part = over(places.length);
        const sub = gna.reference(
          {
            query: takePositions(inputs.query, places),
            key: takePositions(inputs.key, places),
            value: takePositions(inputs.value, places),
            weights: {},
          },
          part,
          parameters({ rank: '2', width: columns.length, windowHeight: 2, windowWidth: 3, strideWidth: 2 }),
        );
        assertClose(takePositions(whole, places), sub, 1e-12, `sub-grid ${y} ${x}`);
      }
    }
    assertClose(await runMechanism(gna, inputs, shape, dilated), whole, 1e-6);
  });

  it('gathered tiles and the mask over everything agree on a grid of several tiles, in float32', async () => {
    const shape = over(24 * 40);
    const inputs = drawInputs(gna, shape, {}, 3);
    for (const given of [
      { windowHeight: 5, windowWidth: 6 },
      { windowHeight: 8, windowWidth: 8, strideHeight: 8, strideWidth: 4 },
      { windowHeight: 9, windowWidth: 40, strideHeight: 3, strideWidth: 20, causalHeight: true },
    ]) {
      const plane = parameters({ rank: '2', width: 40, ...given });
      assertClose(await runMechanism(gna, inputs, shape, plane), gna.reference(inputs, shape, plane), 2e-6);
    }
  });

  it('without given sizes the grid is the most even one; sizes that do not fit are refused in a sentence', () => {
    assert.deepEqual(gridOf(16384, parameters({})), [128, 128]);
    assert.deepEqual(gridOf(8192, parameters({})), [64, 128]);
    assert.deepEqual(gridOf(4096, parameters({ rank: '3' })), [16, 16, 16]);
    assert.deepEqual(gridOf(37, parameters({})), [1, 37]);
    assert.deepEqual(gridOf(120, parameters({ rank: '3', height: 4, width: 10 })), [3, 4, 10]);
    assert.equal(gridOf(100, parameters({ width: 7 })), undefined);
    assert.deepEqual(gna.supports(over(100), parameters({ width: 7 })), {
      ok: false,
      why: 'No grid of rank 2 with the given height and width holds 100 tokens: take 98, the nearest that fits, or set them to 0 or to divisors.',
    });
  });

  it('a step of decoding completes a grid: the query is its last cell, and reads its neighbourhood alone', () => {
    const wide = parameters({ width: 64 });
    assert.equal(gna.decode!.typical!(4096, wide), 4095);
    assert.equal(gna.decode!.typical!(4100, wide), 4095);
    assert.equal(gna.decode!.typical!(4096, parameters({})), 4095);
    // 16 x 16 keys, the query's own among them; 4 heads of width 8.
    const step = causalShape(1, { keys: 4096 });
    assert.equal(gna.decode!.cost(step, wide).flops, 4 * 256 * (2 * 8 + 2 * 8 + 5));
  });
});

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);
