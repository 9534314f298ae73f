/** Low-rank multi-head attention: the checks of the card, with values of their own. */
import assert from 'node:assert/strict';
import { drawCall } from '../../../../kernels/module-parts/draw';
import type { ModuleCall } from '../../../../kernels/module';
import { causalAttention, lamaCausal } from '../../../../kernels/modules/low-rank-mha/lama-causal';
import { lama, lamaReference, lamaScores } from '../../../../kernels/modules/low-rank-mha/lama';
import { poolingAttention } from '../../../../kernels/modules/low-rank-mha/pooling';
import { poolings } from '../../../../kernels/modules/low-rank-mha/pictures';
import { measureError } from '../../../../kernels/tensors/error';
import { tensor, zeros, type Tensor } from '../../../../kernels/tensors/tensor';

const parameters = {
  words: 8,
  width: 5,
  heads: 3,
  context: 'learned',
  activation: 'tanh',
  l2: true,
  rank: 1,
  temperature: 1,
  batch: 1,
};

const closeTo = (actual: Tensor, expected: Tensor, within: number): void => {
  const { maxAbsolute, nanMismatches } = measureError(actual, expected);
  assert.ok(nanMismatches === 0 && maxAbsolute <= within, `differs by ${maxAbsolute}`);
};

const scaled = ({ inputs, weights }: ModuleCall, name: string, by: number): ModuleCall => ({
  inputs,
  weights: {
    ...weights,
    [name]: { shape: weights[name]!.shape, data: weights[name]!.data.map((value) => by * value) },
  },
});

describe('low-rank multi-head attention', () => {
  it('rows add up to 1, and padding has no weight', () => {
    const { attention } = lamaReference(drawCall(lama, parameters, 1), parameters);
    for (let head = 0; head < 3; head++) {
      const row = attention.data.slice(head * 8, head * 8 + 8);
      assert.ok(Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) < 1e-12);
      assert.ok(row[7]! < 1e-300 && row[6]! > 0.01, 'the last word of eight is padding');
    }
  });

  it('one head by hand', () => {
    // c = (1, 2), p = (1, 1), q = (1, -1): scores 3 (h_1 - h_2) = 3, 0, -3 before the activation.
    const by = { ...parameters, words: 3, width: 2, heads: 1, activation: 'none', l2: false, temperature: 3 };
    const call: ModuleCall = {
      inputs: {
        h: tensor([1, 3, 2], Float64Array.of(1, 0, 1, 1, 0, 1)),
        mask: tensor([1, 3], Float64Array.of(1, 1, 1)),
      },
      weights: {
        _p: tensor([2, 1], Float64Array.of(1, 1)),
        _q: tensor([2, 1], Float64Array.of(1, -1)),
        _c: tensor([2, 1], Float64Array.of(1, 2)),
      },
    };
    const total = Math.E + 1 + 1 / Math.E;
    const { output } = lamaReference(call, by);
    closeTo(output, tensor([1, 1, 2], Float64Array.of((Math.E + 1) / total, (1 + 1 / Math.E) / total)), 1e-15);
  });

  it('words in another order: columns of A follow, the pooled text stays, with a mean as context too', () => {
    const order = [4, 0, 6, 2, 5, 1, 3, 7];
    for (const context of ['learned', 'mean']) {
      const by = { ...parameters, context };
      const call = drawCall(lama, by, 2);
      const h = call.inputs['h']!;
      const moved = tensor(
        h.shape,
        h.data.map((_, at) => h.data[order[Math.floor(at / 5)]! * 5 + (at % 5)]!),
      );
      const [one, other] = [
        lamaReference(call, by),
        lamaReference({ ...call, inputs: { ...call.inputs, h: moved } }, by),
      ];
      closeTo(other.output, one.output, 1e-12);
      closeTo(
        other.attention,
        tensor(
          one.attention.shape,
          one.attention.data.map((_, at) => one.attention.data[at - (at % 8) + order[at % 8]!]!),
        ),
        1e-12,
      );
    }
  });

  it('P = 0 without the norm: even attention over the words that are not padding', () => {
    const by = { ...parameters, l2: false };
    const { attention } = lamaReference(scaled(drawCall(lama, by, 3), '_p', 0), by);
    attention.data.forEach((value, at) => assert.ok(Math.abs(value - (at % 8 === 7 ? 0 : 1 / 7)) < 1e-15));
  });

  it('no activation and the norm: a longer context changes nothing, its opposite turns the scores', () => {
    const by = { ...parameters, activation: 'none' };
    const call = drawCall(lama, by, 4);
    closeTo(lamaReference(scaled(call, '_c', 40), by).attention, lamaReference(call, by).attention, 1e-12);
    const scores = lamaScores(call, by);
    const opposite = lamaScores(scaled(call, '_c', -2), by);
    closeTo(
      opposite,
      tensor(
        scores.shape,
        scores.data.map((value) => -value),
      ),
      1e-12,
    );
  });

  it('one head with the norm: every score is 1 or -1; zero words stay finite', () => {
    const by = { ...parameters, heads: 1 };
    const call = drawCall(lama, by, 5);
    const scores = lamaScores(call, by).data;
    assert.ok(scores.every((value) => Math.abs(Math.abs(value) - 1) < 1e-12));
    assert.ok(scores.some((value) => value > 0) && scores.some((value) => value < 0));
    const still = lamaReference({ ...call, inputs: { ...call.inputs, h: zeros([1, 8, 5]) } }, by);
    assert.ok(still.attention.data.every(Number.isFinite));
  });

  it('bounded scores: no word weighs more than e^2 times another', () => {
    const { attention } = lamaReference(scaled(drawCall(lama, parameters, 6), '_c', 1e3), parameters);
    for (let head = 0; head < 3; head++) {
      const row = [...attention.data.slice(head * 8, head * 8 + 7)];
      assert.ok(Math.max(...row) / Math.min(...row) <= Math.exp(2) + 1e-9);
    }
  });

  it('q of a head along the feature of a marker: the head reads the words with that marker', () => {
    const by = { ...parameters, heads: 2, activation: 'none', l2: false };
    const h = zeros([1, 8, 5]);
    const marked = [
      [1, 4],
      [2, 6],
    ] as const;
    marked.forEach((places, k) => places.forEach((place) => (h.data[place * 5 + k] = 1)));
    const q = zeros([5, 2]);
    [0, 1].forEach((k) => (q.data[k * 2 + k] = 1));
    const weights = {
      _q: q,
      _p: tensor([5, 2], new Float64Array(10).fill(1)),
      _c: tensor([5, 1], new Float64Array(5).fill(4)),
    };
    const { attention } = lamaReference(
      { inputs: { h, mask: tensor([1, 8], new Float64Array(8).fill(1)) }, weights },
      by,
    );
    marked.forEach((places, k) => {
      const mass = places.reduce<number>((sum, place) => sum + attention.data[k * 8 + place]!, 0);
      assert.ok(mass > 0.99, `${mass}`);
    });
  });

  it('parameters: far fewer than structured and multi-head attention; 0.5 % of the latter with 8 heads and 768 features', () => {
    const published = { ...parameters, words: 64, width: 768, heads: 8 };
    const count = lama.cost(published).parameters;
    assert.equal(count, 2 * 768 * 8 + 768);
    const [own, , structured, multiHead] = poolings(published) as [
      { parameters: number },
      unknown,
      { parameters: number },
      { parameters: number },
    ];
    assert.equal(own.parameters, count);
    assert.ok(20 * count < structured.parameters && structured.parameters < multiHead.parameters);
    const ratio = lama.cost({ ...published, context: 'mean' }).parameters / multiHead.parameters;
    assert.ok(Math.abs(ratio - 8 / (2 * 768)) < 1e-12);
  });

  it('the table of ways to pool says what their modules cost', () => {
    const size = { ...parameters, words: 32, width: 64, heads: 8 };
    const rows = new Map(poolings(size).map((row) => [row.title, row]));
    const of = { words: 32, width: 64, heads: 8, hidden: 350, batch: 1 };
    const costs = [
      ['Low-rank multi-head attention', lama.cost(size)],
      ['Additive attention, one head', poolingAttention.cost({ ...of, form: 'additive' })],
      ['Structured self-attention (Lin et al.)', poolingAttention.cost({ ...of, form: 'structured' })],
      ['Multi-head attention, one query', poolingAttention.cost({ ...of, form: 'cls' })],
    ] as const;
    for (const [title, { parameters: count, multiplyAdds, flops }] of costs) {
      const row = rows.get(title)!;
      assert.deepEqual(
        [row.parameters, row.multiplyAdds, 2 * row.multiplyAdds + row.others],
        [count, multiplyAdds, flops],
      );
    }
  });

  it('multiply-adds grow with words and with heads', () => {
    const at = (change: object): number =>
      lama.cost({ ...parameters, width: 64, words: 512, heads: 8, ...change }).multiplyAdds;
    for (const change of [{ words: 1024 }, { heads: 16 }]) {
      const slope = Math.log2(at(change) / at({}));
      assert.ok(Math.abs(slope - 1) < 0.01, `${slope}`);
    }
  });

  it('names of the port: _p and _q [d, m], _c [d, 1]', () => {
    const shapes = new Map<string, readonly number[]>([
      ['_p', [768, 8]],
      ['_q', [768, 8]],
      ['_c', [768, 1]],
    ]);
    const settings = lama.parametersOf!((name) => shapes.get(name));
    assert.deepEqual(settings, { width: 768, heads: 8, rank: 1, context: 'learned' });
    const listed = lama.weights({ ...parameters, ...settings }).map(({ name, shape }) => [name, shape] as const);
    assert.deepEqual(new Map(listed), shapes);
  });
});

describe('causal low-rank attention', () => {
  const causal = { ...parameters, width: 6 };

  for (const context of ['learned', 'mean']) {
    it(`${context}: rows add up to 1 over the words so far, and later words change nothing before them`, () => {
      const by = { ...causal, context };
      const call = drawCall(lamaCausal, by, 1);
      const { data } = causalAttention(call, by);
      for (let row = 0; row < 24; row++) {
        const [i, from] = [row % 8, row * 8];
        const whole = data.subarray(from, from + 8).reduce((sum, share) => sum + share, 0);
        assert.ok(Math.abs(whole - 1) < 1e-12);
        assert.ok(data.subarray(from + i + 1, from + 8).every((share) => share === 0));
        // The last of eight words is padding.
        if (i === 7) assert.equal(data[from + 7], 0);
      }
      const h = call.inputs['h']!;
      const other = tensor(
        h.shape,
        h.data.map((value, at) => (at >= 5 * 6 ? 3 - value : value)),
      );
      const [one, changed] = [h, other].map(
        (words) => lamaCausal.reference({ ...call, inputs: { ...call.inputs, h: words } }, by)['output']!.data,
      );
      assert.deepEqual(one!.subarray(0, 30), changed!.subarray(0, 30));
      assert.notDeepEqual(one!.subarray(30, 36), changed!.subarray(30, 36));
    });
  }

  it('words before the first that is not padding read nothing', () => {
    const call = drawCall(lamaCausal, causal, 2);
    const mask = tensor([1, 8], Float64Array.of(0, 0, 1, 1, 1, 1, 1, 1));
    const output = lamaCausal.reference({ ...call, inputs: { ...call.inputs, mask } }, causal)['output']!.data;
    assert.ok(output.subarray(0, 12).every((value) => value === 0));
    assert.deepEqual(output.subarray(12, 18), call.inputs['h']!.data.subarray(12, 18));
  });

  it('one context for all words costs as much as n, one for each as much as n squared', () => {
    const at = (context: string, words: number): number => lamaCausal.cost({ ...causal, context, words }).multiplyAdds;
    assert.ok(Math.abs(Math.log2(at('learned', 4096) / at('learned', 2048)) - 1) < 0.01);
    assert.ok(Math.abs(Math.log2(at('mean', 4096) / at('mean', 2048)) - 2) < 0.02);
  });
});
