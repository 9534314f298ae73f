/** Isolation and reposition attention: the checks of the card, with values of their own. */
import assert from 'node:assert/strict';
import type { Tensors } from '../../../../kernels/module';
import { drawCall } from '../../../../kernels/module-parts/draw';
import {
  disjoint,
  isolated,
  reposition,
  type IsolationParameters,
} from '../../../../kernels/modules/ir-diffusion/definition';
import { isolatedAttention } from '../../../../kernels/modules/ir-diffusion/isolated-attention';
import { mutualCrossAttention, sharesOf } from '../../../../kernels/modules/ir-diffusion/mutual-cross-attention';
import { massByRegion } from '../../../../kernels/modules/ir-diffusion/pictures';
import { measureError } from '../../../../kernels/tensors/error';
import { normalTensor } from '../../../../kernels/tensors/random';
import { tensor, zeros, type Tensor } from '../../../../kernels/tensors/tensor';
import { resolved } from '../cases';

const [height, width, n] = [4, 6, 24];
const parametersOf = (given: Readonly<Record<string, number | string | boolean>> = {}): IsolationParameters =>
  resolved(isolatedAttention, { height, width, channels: 8, heads: 2, ...given });
const call = (parameters: IsolationParameters, seed = 1) => drawCall(isolatedAttention, parameters, seed);
const run = ({ inputs, weights }: { inputs: Tensors; weights: Tensors }, parameters: IsolationParameters) =>
  isolated(inputs, weights, parameters);
const closeTo = (actual: Tensor, expected: Tensor, within: number): void => {
  const { maxAbsolute, nanMismatches } = measureError(actual, expected);
  assert.ok(nanMismatches === 0 && maxAbsolute <= within, `differs by ${maxAbsolute}`);
};
/** Masks of 4 x 6 from lists of tokens. */
const masks = (...lists: readonly (readonly number[])[]): Tensor => {
  const mask = zeros([lists.length, height, width]);
  lists.forEach((list, s) => list.forEach((at) => (mask.data[s * n + at] = 1)));
  return mask;
};
const box = (top: number, left: number, rows: number, columns: number): number[] =>
  Array.from({ length: rows * columns }, (_, at) => (top + Math.floor(at / columns)) * width + left + (at % columns));
const row = (x: Tensor, s: number, token: number): number[] => {
  const channels = x.shape.at(-1)!;
  return Array.from(x.data.subarray((s * n + token) * channels, (s * n + token + 1) * channels));
};
/** Attention of every head and target token to reference tokens. */
const borrowed = (attention: Tensor, token: number, head = 0): number => {
  const keys = attention.shape[3]!;
  const from = (head * n + token) * keys;
  return attention.data.subarray(from, from + keys - n).reduce((total, value) => total + value, 0);
};

describe('IR-Diffusion, mutual cross-attention', () => {
  it('shares by hand: own outside, lambda inside, averaged where two subjects overlap', () => {
    const shares = sharesOf(tensor([2, 1, 4], Float64Array.of(0, 1, 1, 0, 0, 0, 1, 1)), 0.9);
    closeTo(shares, tensor([3, 4], Float64Array.of(1, 0.1, 0.1, 0.1, 0, 0.9, 0.45, 0, 0, 0, 0.45, 0.9)), 1e-15);
  });

  it('the layer of diffusers, with a text of another width', () => {
    const parameters = resolved(mutualCrossAttention, { channels: 640, heads: 10, textWidth: 2048 });
    assert.equal(mutualCrossAttention.cost(parameters).parameters, 2 * 640 * 640 + 2 * 640 * 2048 + 640);
  });
});

describe('IR-Diffusion, isolation', () => {
  const off = parametersOf({ references: 'none', isolate: false });
  const on = parametersOf({ references: 'none' });
  const drawn = call(on);

  it('empty masks, or one subject everywhere: the plain attention, exactly', () => {
    for (const regions of [masks([], []), masks(box(0, 0, 4, 6), [])]) {
      const given = { ...drawn, inputs: { ...drawn.inputs, regions } };
      assert.deepEqual(run(given, on), run(given, off));
    }
  });

  it('subjects read nothing of each other, rows add up to 1, the ground reads as before', () => {
    const regions = masks(box(1, 0, 2, 2), box(1, 3, 3, 2));
    const given = { ...drawn, inputs: { ...drawn.inputs, regions } };
    const [{ attention }, plain] = [run(given, on), run(given, off).attention];
    const subject = (at: number): number => (regions.data[at] ? 1 : regions.data[n + at] ? 2 : 0);
    for (let at = 0; at < 2 * n; at++) {
      let total = 0;
      for (let j = 0; j < n; j++) {
        const value = attention.data[at * n + j]!;
        total += value;
        const [reading, read] = [subject(at % n), subject(j)];
        if (reading > 0 && read > 0 && reading !== read) assert.equal(value, 0);
        else assert.ok(value > 0);
        if (reading === 0) assert.equal(value, plain.data[at * n + j]);
      }
      assert.ok(Math.abs(total - 1) < 1e-12);
    }
    const mass = massByRegion(regions, attention);
    assert.deepEqual([mass[1]![2], mass[2]![1]], [0, 0]);
    mass.forEach((shares) => assert.ok(Math.abs(shares.reduce((a, b) => a + b) - 1) < 1e-12));
  });

  it('where masks overlap the smaller subject loses, of equal ones the later', () => {
    assert.deepEqual(disjoint(masks([0, 1, 2], [2, 3])), masks([0, 1, 2], [3]));
    assert.deepEqual(disjoint(masks([2, 3], [0, 1, 2])), masks([3], [0, 1, 2]));
    assert.deepEqual(disjoint(masks([0, 1], [1, 2])), masks([0, 1], [2]));
  });
});

describe('IR-Diffusion, reposition', () => {
  const references = normalTensor([1, n, 3], 5);

  it('equal boxes: the subject where it was, and zeros around it', () => {
    const source = masks([0, 1, 7]);
    const { moved, mask } = reposition(references, source, source);
    assert.deepEqual([...mask.data], [...source.data]);
    for (let at = 0; at < n; at++) {
      assert.deepEqual(row(moved, 0, at), source.data[at] ? row(references, 0, at) : [0, 0, 0]);
    }
  });

  it('another place: the rows of the subject there, and so its keys', () => {
    const parameters = parametersOf({ subjects: 1 });
    const drawn = call(parameters);
    const inputs = { ...drawn.inputs, sources: masks(box(0, 0, 2, 2)), regions: masks(box(2, 3, 2, 2)) };
    const moved = run({ ...drawn, inputs }, parameters).keys;
    const flat = run({ ...drawn, inputs }, parametersOf({ subjects: 1, references: 'in-place' })).keys;
    [0, 1, 6, 7].forEach((from) => {
      const to = from + 2 * width + 3;
      for (const head of [0, 1]) {
        for (let d = 0; d < 4; d++) {
          assert.equal(moved.data[(head * 2 * n + to) * 4 + d], flat.data[(head * 2 * n + from) * 4 + d]);
        }
      }
    });
  });

  it('twice as large: every row of the subject four times; and back, the crop it was', () => {
    const [small, large] = [masks(box(0, 1, 2, 2)), masks(box(0, 2, 4, 4))];
    const { moved, mask } = reposition(references, small, large);
    assert.deepEqual([...mask.data], [...large.data]);
    for (const at of box(0, 2, 4, 4)) {
      const [i, j] = [Math.floor(at / width), (at % width) - 2];
      assert.deepEqual(row(moved, 0, at), row(references, 0, Math.floor(i / 2) * width + 1 + Math.floor(j / 2)));
    }
    const back = reposition(moved, large, small).moved;
    for (const at of box(0, 1, 2, 2)) assert.deepEqual(row(back, 0, at), row(references, 0, at));
  });

  it('a subject that is not in the target: its reference as it is', () => {
    const source = masks(box(0, 0, 2, 2));
    const { moved, mask } = reposition(references, source, masks([]));
    assert.deepEqual([moved.data, [...mask.data]], [references.data, [...source.data]]);
  });

  it('planted: attention that prefers near places reads the matching token as if it were near', () => {
    // Score: 4 where the content is the same, less the distance on the grid.
    const content = zeros([1, n, n]);
    for (let at = 0; at < n; at++) content.data[at * n + at] = 1;
    const [source, target] = [masks(box(0, 0, 2, 2)), masks(box(2, 4, 2, 2))];
    const query = { place: 2 * width + 4, content: 0 };
    const mass = ({ moved, mask }: { moved: Tensor; mask: Tensor }): number => {
      const terms = Array.from({ length: n }, (_, at) => {
        if (mask.data[at] === 0) return { match: false, weight: 0 };
        const rows = Math.floor(at / width) - Math.floor(query.place / width);
        const distance = Math.hypot(rows, (at % width) - (query.place % width));
        const match = row(moved, 0, at)[query.content] === 1;
        return { match, weight: Math.exp((match ? 4 : 0) - distance) };
      });
      // The ground of the target beside them weighs 5.
      const total = terms.reduce((sum, { weight }) => sum + weight, 5);
      return terms.reduce((sum, { match, weight }) => sum + (match ? weight : 0), 0) / total;
    };
    const without = mass({ moved: content, mask: source });
    const withMove = mass(reposition(content, source, target));
    const near = Math.exp(4) / (Math.exp(4) + 2 * Math.exp(-1) + Math.exp(-Math.SQRT2) + 5);
    assert.ok(Math.abs(withMove - near) < 1e-12);
    assert.ok(without < 0.3 && withMove > 0.8);
  });
});

describe('IR-Diffusion, references', () => {
  const regions = masks(box(1, 0, 2, 2), box(1, 3, 3, 2));
  const inside = (at: number): boolean => regions.data[at]! + regions.data[n + at]! > 0;
  const given = (parameters: IsolationParameters) => {
    const drawn = call(parameters);
    return { ...drawn, inputs: { ...drawn.inputs, regions } };
  };

  it('outside the subjects nothing is read of references; far up everything in them, far down the isolated target', () => {
    const plain = parametersOf({ references: 'none' });
    const expected = run(given(plain), plain).output;
    for (const references of ['in-place', 'reposition']) {
      const at = (lambda: number) => {
        const parameters = { ...parametersOf({ references }), lambda };
        return run(given(parameters), parameters);
      };
      const [even, up] = [at(0).attention, at(1e4).attention];
      for (let token = 0; token < n; token++) {
        if (!inside(token)) assert.equal(borrowed(even, token), 0);
        else assert.ok(borrowed(even, token) > 0.01 && Math.abs(borrowed(up, token) - 1) < 1e-12);
      }
      closeTo(at(-1e4).output, expected, 1e-10);
    }
  });

  it('subjects in another order: the same target', () => {
    const parameters = parametersOf();
    const drawn = given(parameters);
    const swap = (x: Tensor): Tensor => {
      const half = x.data.length / 2;
      return tensor(x.shape, Float64Array.from([...x.data.slice(half), ...x.data.slice(0, half)]));
    };
    const { target, references, sources } = drawn.inputs as Record<string, Tensor>;
    const other = { target: target!, references: swap(references!), regions: swap(regions), sources: swap(sources!) };
    closeTo(run({ ...drawn, inputs: other }, parameters).output, run(drawn, parameters).output, 1e-12);
  });

  it('dropout: a part of the tokens of a subject reads its reference, and all where none would be left', () => {
    const readers = (dropout: number): number => {
      const parameters = parametersOf({ dropout });
      const { attention } = run(given(parameters), parameters);
      return Array.from({ length: n }, (_, token) => borrowed(attention, token)).filter((mass) => mass > 0).length;
    };
    assert.equal(readers(0), 10);
    assert.ok(readers(0.5) > 0 && readers(0.5) < 10);
    assert.equal(readers(1), 10);
  });

  it('attention over S + 1 images: 4 N^2 (S + 1) C operations beside the projections', () => {
    const of = (subjects: number) => isolatedAttention.cost(parametersOf({ subjects })).multiplyAdds;
    // Another subject: keys and values of N tokens, 2 N 8 8, and 2 N N 8 of scores and sums.
    assert.equal(of(3) - of(2), 2 * n * 64 + 2 * n * n * 8);
  });

  it('learned numbers: the layer of diffusers, without biases but the last', () => {
    assert.equal(isolatedAttention.cost(parametersOf({ channels: 640, heads: 10 })).parameters, 4 * 640 * 640 + 640);
  });
});
