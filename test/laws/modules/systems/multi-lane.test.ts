/** MULTI-LANE: selector summaries and prefix prompts, the checks of the card with values of their own. */
import assert from 'node:assert/strict';
import { drawCall } from '../../../../kernels/module-parts/draw';
import { under } from '../../../../kernels/module-parts/weights';
import { multiLane, networkReference } from '../../../../kernels/modules/multi-lane/network';
import { blockReference } from '../../../../kernels/modules/spectformer/block';
import { prefixAttention, summary } from '../../../../kernels/modules/multi-lane/parts';
import { prefixAttentionModule } from '../../../../kernels/modules/multi-lane/prefix-attention';
import { selectorSummary } from '../../../../kernels/modules/multi-lane/selector-summary';
import { measureError } from '../../../../kernels/tensors/error';
import { normalTensor } from '../../../../kernels/tensors/random';
import { tensor, zeros, type Tensor } from '../../../../kernels/tensors/tensor';

const closeTo = (actual: Tensor, expected: Tensor, within: number): void => {
  const { maxAbsolute, nanMismatches } = measureError(actual, expected);
  assert.ok(nanMismatches === 0 && maxAbsolute <= within, `differs by ${maxAbsolute}`);
};

const times = (x: Tensor, by: number): Tensor =>
  tensor(
    x.shape,
    x.data.map((value) => by * value),
  );

/** Rows of [1, n, c] in another order. */
const ordered = (x: Tensor, order: readonly number[]): Tensor => {
  const width = x.shape[2]!;
  return tensor(
    x.shape,
    x.data.map((_, at) => x.data[order[Math.floor(at / width)]! * width + (at % width)]!),
  );
};

describe('MULTI-LANE', () => {
  const x = normalTensor([1, 6, 4], 1);
  const s = normalTensor([1, 3, 4], 2);

  it('scores are divided by the root of the whole width: by hand', () => {
    // s . x = 2 and 0, C = 4: weights e and 1, over their sum.
    const { weights, output } = summary(
      tensor([1, 1, 4], Float64Array.of(2, 0, 0, 0)),
      tensor([1, 2, 4], Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0)),
    );
    const share = Math.E / (Math.E + 1);
    closeTo(weights, tensor([1, 1, 2], Float64Array.of(share, 1 - share)), 1e-15);
    closeTo(output, tensor([1, 1, 4], Float64Array.of(share, 1 - share, 0, 0)), 1e-15);
  });

  it('a long selector reads the token that is most aligned with it', () => {
    const token = tensor([1, 1, 4], x.data.slice(8, 12));
    const aligned = Array.from({ length: 6 }, (_, i) =>
      [0, 1, 2, 3].reduce((sum, k) => sum + x.data[i * 4 + k]! * token.data[k]!, 0),
    );
    const best = aligned.indexOf(Math.max(...aligned));
    closeTo(summary(times(token, 1e4), x).output, tensor([1, 1, 4], x.data.slice(4 * best, 4 * best + 4)), 1e-6);
  });

  it('selectors in another order give summaries in that order; tokens in another order change no summary', () => {
    const one = summary(s, x);
    const moved = summary(ordered(s, [2, 0, 1]), x);
    closeTo(moved.output, ordered(one.output, [2, 0, 1]), 1e-15);
    closeTo(moved.weights, ordered(one.weights, [2, 0, 1]), 1e-15);
    closeTo(summary(s, ordered(x, [5, 3, 0, 1, 4, 2])).output, one.output, 1e-14);
  });

  it('as many sharp selectors as tokens, one for each: the tokens themselves', () => {
    // Tokens of equal length are most aligned with themselves.
    const unit = tensor(
      x.shape,
      x.data.map((value, at) => value / Math.hypot(...x.data.slice(at - (at % 4), at - (at % 4) + 4))),
    );
    closeTo(summary(times(unit, 1e3), unit).output, unit, 1e-3);
  });

  const parameters = { tokens: 5, width: 6, heads: 2, prompts: 3, batch: 1 };
  const { inputs, weights } = drawCall(prefixAttentionModule, parameters, 3);
  const plain = prefixAttention(inputs['x']!, weights, 2);
  /** The same numbers in every prompt key; values 0. */
  const prompts = (key: readonly number[]): Tensor => {
    const both = zeros([2, 3, 2, 3]);
    for (let at = 0; at < both.data.length / 2; at++) both.data[at] = key[at % 3]!;
    return both;
  };

  it('prompts of 0: every weight of plain attention shrinks by sum / (p + sum) of its exponentials', () => {
    const { map } = prefixAttention(inputs['x']!, weights, 2, prompts([0, 0, 0]));
    // The scores by hand: rows of qkv, heads of width 3.
    const [w, b, tokens] = [weights['qkv.weight']!.data, weights['qkv.bias']!.data, inputs['x']!.data];
    const row = (i: number, out: number): number =>
      [0, 1, 2, 3, 4, 5].reduce((sum, k) => sum + w[out * 6 + k]! * tokens[i * 6 + k]!, b[out]!);
    for (let h = 0; h < 2; h++) {
      for (let i = 0; i < 5; i++) {
        const total = [0, 1, 2, 3, 4].reduce(
          (sum, j) =>
            sum + Math.exp([0, 1, 2].reduce((t, k) => t + row(i, 3 * h + k) * row(j, 6 + 3 * h + k), 0) / Math.sqrt(3)),
          0,
        );
        const from = (h * 5 + i) * 8;
        const toPrompts = map.data[from]! + map.data[from + 1]! + map.data[from + 2]!;
        assert.ok(Math.abs(toPrompts - 3 / (3 + total)) < 1e-12);
        for (let j = 0; j < 5; j++) {
          const expected = (plain.map.data[(h * 5 + i) * 5 + j]! * total) / (3 + total);
          assert.ok(Math.abs(map.data[from + 3 + j]! - expected) < 1e-12);
        }
      }
    }
  });

  it('prompts that no query is aligned with: plain attention', () => {
    // Queries of one sign: their layer gives the offset alone.
    const flat = { ...weights, 'qkv.weight': zeros([18, 6]), 'qkv.bias': times(weights['qkv.bias']!, 0) };
    for (let k = 0; k < 6; k++) flat['qkv.bias'].data[k] = 1;
    const far = prefixAttention(inputs['x']!, flat, 2, prompts([-1e3, -1e3, -1e3]));
    closeTo(far.output, prefixAttention(inputs['x']!, flat, 2).output, 1e-6);
    assert.ok(far.map.data.every((value, at) => at % 8 > 2 || value < 1e-12));
  });

  it('multiply-adds as the card counts: 2 G N C of a summary, 4 n C^2 + 2 n (n + p) C of a pathway', () => {
    const size = { tasks: 3, selectors: 20, tokens: 197, width: 768, batch: 1 };
    assert.equal(selectorSummary.cost(size).multiplyAdds, 3 * 2 * 20 * 197 * 768);
    const pathway = { tokens: 21, width: 768, heads: 12, prompts: 20, batch: 1 };
    assert.equal(prefixAttentionModule.cost(pathway).multiplyAdds, 4 * 21 * 768 ** 2 + 2 * 21 * 41 * 768);
  });

  it('names of the repository: selectors [T, G, C], attn.prompts [2, T, p, H, d] of one task', () => {
    const summaryShapes = new Map([['selectors', [10, 20, 768]]]);
    assert.deepEqual(
      selectorSummary.parametersOf!((name) => summaryShapes.get(name)),
      {
        tasks: 10,
        selectors: 20,
        width: 768,
      },
    );
    const shapes = new Map([
      ['qkv.weight', [2304, 768]],
      ['prompts', [2, 1, 20, 12, 64]],
    ]);
    assert.deepEqual(
      prefixAttentionModule.parametersOf!((name) => shapes.get(name)),
      {
        width: 768,
        prompts: 20,
        heads: 12,
      },
    );
  });

  describe('the network', () => {
    const sizes = {
      variant: 'tiny',
      tasks: 2,
      classes: 3,
      selectors: 3,
      prompts: 2,
      side: 16,
      cached: true,
      batch: 2,
    };
    const call = drawCall(multiLane, sizes, 5);
    const picture = call.inputs['picture']!;
    const run = networkReference(picture, call.weights, sizes);
    const task = (x: Tensor, t: number): readonly number[] =>
      [0, 1].flatMap((b) => [...x.data.slice(b * 6 + 3 * t, b * 6 + 3 * t + 3)]);

    it('selector rows are the same for two pictures, bit by bit; class tokens are not', () => {
      for (const { data } of run.lanes) {
        // [2, 1 + 3, 8]
        assert.deepEqual(data.slice(8, 32), data.slice(40, 64));
        assert.notDeepEqual(data.slice(0, 8), data.slice(32, 40));
      }
    });

    it('selectors of a task in another order leave its scores', () => {
      const own = call.weights['selectors']!;
      const turned = tensor(
        own.shape,
        own.data.map((_, at) => own.data[Math.floor(at / 24) * 24 + ((at + 8) % 24)]!),
      );
      const moved = networkReference(picture, { ...call.weights, selectors: turned }, sizes);
      closeTo(moved.output, run.output, 1e-12);
    });

    it('selectors and prompts of one task leave the scores of another, bit by bit', () => {
      const changed = Object.fromEntries(
        Object.entries(call.weights).map(([name, x]) => {
          // Task 2 of 2: the later half of the selectors, and of the keys and of the values.
          const part = name === 'selectors' ? x.data.length : name.endsWith('prompts') ? x.data.length / 2 : 0;
          return [
            name,
            part === 0
              ? x
              : tensor(
                  x.shape,
                  x.data.map((v, at) => (at % part >= part / 2 ? v + 1 : v)),
                ),
          ];
        }),
      );
      const { output } = networkReference(picture, changed, sizes);
      assert.deepEqual(task(output, 0), task(run.output, 0));
      assert.notDeepEqual(task(output, 1), task(run.output, 1));
    });

    it('the frozen stream is the attention blocks of a plain vision transformer', () => {
      // SpectFormer's attention block is that of timm; its grid of 1 x 5 tokens stands for the 4 patches and the class token.
      let x = zeros([2, 5, 8]);
      const kernel = call.weights['patch_embed.proj.weight']!.data;
      x = tensor(
        x.shape,
        x.data.map((_, at) => {
          const [b, i, c] = [Math.floor(at / 40), Math.floor(at / 8) % 5, at % 8];
          const position = call.weights['pos_embed']!.data[i * 8 + c]!;
          if (i === 0) return call.weights['cls_token']!.data[c]! + position;
          let total = call.weights['patch_embed.proj.bias']!.data[c]! + position;
          for (let k = 0; k < 192; k++) {
            const [channel, row, column] = [Math.floor(k / 64), Math.floor(k / 8) % 8, k % 8];
            const [top, left] = [8 * Math.floor((i - 1) / 2), 8 * ((i - 1) % 2)];
            total += kernel[c * 192 + k]! * picture.data[((b * 3 + channel) * 16 + top + row) * 16 + left + column]!;
          }
          return total;
        }),
      );
      for (const at of [0, 1, 2]) {
        x = blockReference(x, under(call.weights, `blocks.${at}.`), 'attention', {
          height: 1,
          width: 5,
          channels: 8,
          heads: 2,
        });
      }
      const [gain, offset] = [call.weights['norm.weight']!.data, call.weights['norm.bias']!.data];
      for (const b of [0, 1]) {
        const row = x.data.slice(b * 40, b * 40 + 8);
        const mean = row.reduce((sum, value) => sum + value, 0) / 8;
        const deviation = Math.sqrt(row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 8 + 1e-6);
        row.forEach((value, c) => {
          const expected = ((value - mean) / deviation) * gain[c]! + offset[c]!;
          assert.ok(Math.abs(run.frozen.data[b * 8 + c]! - expected) < 1e-10);
        });
      }
    });

    it('work grows by the same for every task: 2 G N C + 12 (1 + G) C^2 + 2 (1 + G)(1 + G + p) C a layer', () => {
      const whole = {
        variant: 'B/16',
        tasks: 1,
        classes: 10,
        selectors: 20,
        prompts: 20,
        side: 224,
        cached: false,
        batch: 1,
      };
      const at = (tasks: number, cached = false): number => multiLane.cost({ ...whole, tasks, cached }).multiplyAdds;
      const layer = (p: number): number => 2 * 20 * 197 * 768 + 12 * 21 * 768 ** 2 + 2 * 21 * (21 + p) * 768;
      assert.equal(at(2) - at(1), 5 * layer(20) + 7 * layer(0) + 10 * 768);
      assert.equal(at(9) - at(8), at(2) - at(1));
      // About (1 + G) / N of a whole pass; the cached rows save most of it.
      const pass = 12 * (12 * 197 * 768 ** 2 + 2 * 197 ** 2 * 768);
      assert.ok(Math.abs((at(2) - at(1)) / pass - 0.107) < 0.005, `${(at(2) - at(1)) / pass}`);
      assert.ok(at(2, true) - at(1, true) < 0.35 * (at(2) - at(1)));
    });

    it('names and shapes of the repository', () => {
      const published = { ...sizes, variant: 'B/16', tasks: 8, classes: 10, selectors: 20, prompts: 20, side: 224 };
      const shapes = new Map(multiLane.weights(published).map(({ name, shape }) => [name, shape]));
      assert.deepEqual(shapes.get('blocks.4.attn.prompts'), [2, 8, 20, 12, 64]);
      assert.ok(!shapes.has('blocks.5.attn.prompts'));
      assert.deepEqual(shapes.get('selectors'), [8, 20, 768]);
      assert.deepEqual(shapes.get('pos_embed'), [1, 197, 768]);
      const { variant, tasks, classes, selectors, prompts, side } = published;
      assert.deepEqual(
        multiLane.parametersOf!((name) => shapes.get(name)),
        { variant, tasks, selectors, prompts, classes, side },
      );
    });
  });
});
