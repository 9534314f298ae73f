/** OAT: the checks of the card, with values of their own. */
import assert from 'node:assert/strict';
import { drawCall } from '../../../../kernels/module-parts/draw';
import { mapped, sliced } from '../../../../kernels/module-parts/layers';
import { oat } from '../../../../kernels/modules/oat/oat';
import { pointerAttention } from '../../../../kernels/modules/oat/pointer-attention';
import { pointerLogits, pointerShares } from '../../../../kernels/modules/oat/pointer';
import {
  codeOf,
  cosines,
  fitGradient,
  fitLoss,
  fitTable,
  matchedTable,
} from '../../../../kernels/modules/oat/positions';
import {
  behaviouralDelta,
  behaviourOf,
  fixationCounts,
  meanBehaviour,
  sequenceScore,
  stepSimilarity,
} from '../../../../kernels/modules/oat/scanpath';
import { normalTensor } from '../../../../kernels/tensors/random';
import { tensor } from '../../../../kernels/tensors/tensor';

const size = { rows: 2, columns: 3, steps: 4, width: 8, heads: 2, batch: 2 };
const keys = 7;

describe('OAT, pointer', () => {
  const call = drawCall(pointerAttention, size, 3);
  const { queries, keys: tokens } = call.inputs;

  it('the null column is the bias of the mix, and takes all where nothing else is left', () => {
    const logits = pointerLogits(queries!, tokens!, call.weights, size);
    const bias = call.weights['readout.bias']!.data[0]!;
    for (let row = 0; row < 8; row++) assert.equal(logits.data[row * 8 + 7], bias);
    const alone = pointerShares(logits, tensor([2, keys], new Float64Array(2 * keys)));
    alone.data.forEach((share, at) => assert.equal(share, at % 8 === 7 ? 1 : 0));
    const low = mapped(logits, (logit, at) => (at % 8 === 7 ? logit : logit - 50));
    const shares = pointerShares(low, tensor([2, keys], new Float64Array(2 * keys).fill(1)));
    for (let row = 0; row < 8; row++) assert.ok(shares.data[row * 8 + 7]! > 1 - 1e-15);
  });

  it('a logit by hand: two heads of width 2, one of which repels', () => {
    const of = (shape: readonly number[], numbers: readonly number[]) => tensor(shape, Float64Array.from(numbers));
    const identity = of([2, 2], [1, 0, 0, 1]);
    const swap = of([2, 2], [0, 1, 1, 0]);
    const none = of([2], [0, 0]);
    const weights = {
      'cross_attentions.0.decode_fc.weight': identity,
      'cross_attentions.0.decode_fc.bias': of([2], [1, 0]),
      'cross_attentions.0.encode_fc.weight': identity,
      'cross_attentions.0.encode_fc.bias': none,
      'cross_attentions.1.decode_fc.weight': swap,
      'cross_attentions.1.decode_fc.bias': none,
      'cross_attentions.1.encode_fc.weight': identity,
      'cross_attentions.1.encode_fc.bias': none,
      'readout.weight': of([1, 2], [2, -1]),
      'readout.bias': of([1], [0.5]),
    };
    // d = (1, 2), e = (3, 4): head 0 has (2, 2) . (3, 4) = 14, head 1 (2, 1) . (3, 4) = 10; (2 14 - 10) / sqrt(2) + 0.5.
    const logits = pointerLogits(of([1, 1, 2], [1, 2]), of([1, 1, 2], [3, 4]), weights, { width: 2, heads: 2 });
    assert.ok(Math.abs(logits.data[0]! - (18 / Math.SQRT2 + 0.5)) < 1e-14);
    assert.equal(logits.data[1], 0.5);
  });

  it('permuted objects permute the logits; the end stays last of the keys', () => {
    const order = [3, 0, 5, 1, 4, 2, 6];
    const moved = mapped(tokens!, (_, at) => {
      const [row, c] = [Math.floor(at / 8), at % 8];
      return tokens!.data[(Math.floor(row / keys) * keys + order[row % keys]!) * 8 + c]!;
    });
    const [before, after] = [tokens!, moved].map((each) => pointerLogits(queries!, each, call.weights, size));
    after!.data.forEach((logit, at) => {
      const column = at % 8;
      assert.equal(logit, before!.data[at - column + (order[column] ?? 7)]);
    });
  });

  it('padding gets exactly 0', () => {
    const shelf = drawCall(pointerAttention, size, 3, 'shelf');
    const { shares } = pointerAttention.reference(shelf, size);
    shares!.data.forEach((share, at) => assert.equal(share === 0, at % 8 === 0));
  });

  it('learned numbers: two heads of two layers 512 to 512, and the mix', () => {
    // 4 (512^2 + 512) + 2 + 1
    assert.equal(pointerAttention.cost({ ...size, width: 512 }).parameters, 1_050_627);
  });

  it('the state dict has the names of the release', () => {
    const shapes = new Map(pointerAttention.weights(size).map(({ name, shape }) => [name, shape]));
    assert.deepEqual(shapes.get('cross_attentions.1.decode_fc.weight'), [8, 8]);
    assert.deepEqual(shapes.get('cross_attentions.0.encode_fc.bias'), [8]);
    assert.deepEqual(shapes.get('readout.weight'), [1, 2]);
    assert.deepEqual(
      pointerAttention.parametersOf!((name) => shapes.get(name)),
      { width: 8, heads: 2 },
    );
  });
});

describe('OAT, position table', () => {
  const target = (i: number, j: number) => Math.exp(-((i - j) ** 2) / 8);

  it('in closed form the cosines are the Gaussian to 1e-9, and rows have length 1', () => {
    for (const rows of [11, 14]) {
      cosines(matchedTable(rows, 86)).forEach((row, i) =>
        row.forEach((cos, j) => assert.ok(Math.abs(cos - target(i, j)) < 1e-9, `${i}, ${j}: ${cos}`)),
      );
    }
  });

  it('the slope of the fit is that of its loss', () => {
    const table = normalTensor([4, 6], 5);
    const slope = fitGradient(table, 2);
    table.data.forEach((_, at) => {
      const moved = (by: number) =>
        fitLoss(
          mapped(table, (value, other) => (other === at ? value + by : value)),
          2,
        );
      const difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
      assert.ok(Math.abs(difference - slope[at]!) < 1e-8, `${at}: ${difference}, ${slope[at]!}`);
    });
  });

  it('fitted, R = 11: cosines of the distance alone, near the Gaussian, and rows of one length', function () {
    this.timeout(20_000);
    const table = fitTable(11, 86, { steps: 3000 });
    const found = cosines(table);
    found.forEach((row, i) => row.forEach((cos, j) => assert.ok(Math.abs(cos - target(i, j)) < 1e-2)));
    for (let distance = 0; distance < 11; distance++) {
      const along = found.flatMap((row, i) => (i + distance < 11 ? [row[i + distance]!] : []));
      assert.ok(Math.max(...along) - Math.min(...along) < 1e-2, `distance ${distance}`);
    }
    const norms = Array.from({ length: 11 }, (_, i) => Math.hypot(...table.data.subarray(i * 86, (i + 1) * 86)));
    assert.ok(Math.max(...norms) / Math.min(...norms) < 1.02, norms.join(' '));
  });

  it('row, column and flag use one table, cut at the width', () => {
    const table = tensor([3, 2], Float64Array.from([10, 11, 20, 21, 30, 31]));
    assert.deepEqual([...codeOf(table, 2, 1, 0, 5)], [30, 31, 20, 21, 10]);
    assert.deepEqual([...codeOf(table, 0, 0, 1, 6)], [10, 11, 10, 11, 20, 21]);
  });
});

describe('OAT, paths', () => {
  it('A A B A: four fixations, two first visits, one refixation, one revisit', () => {
    assert.deepEqual(fixationCounts([0, 0, 1, 0]), { search: 2, refixation: 1, revisit: 1 });
    const { correct, length, search, refixation, revisit } = behaviourOf([0, 0, 1, 0], 0);
    assert.deepEqual([correct, length, search, refixation, revisit], [1, 4, 0.5, 0.25, 0.25]);
  });

  it('the same paths: delta 0, score 1', () => {
    const paths = [
      [0, 0, 1, 0],
      [3, 4, 4, 5],
    ];
    const one = meanBehaviour(paths.map((path) => behaviourOf(path, 0)));
    assert.equal(one.search + one.refixation + one.revisit, 1);
    assert.equal(behaviouralDelta(one, one), 0);
    for (const path of paths) assert.equal(sequenceScore(path, path), 1);
  });

  it('delta by hand; where a person never does it, a model that does has none', () => {
    const human = { correct: 1, length: 4, search: 0.5, refixation: 0.25, revisit: 0.25 };
    const model = { correct: 0.5, length: 5, search: 0.5, refixation: 0.5, revisit: 0 };
    // (0.5 + 0.25 + 0 + 1 + 1) / 5
    assert.ok(Math.abs(behaviouralDelta(model, human) - 0.55) < 1e-15);
    assert.ok(Number.isNaN(behaviouralDelta(model, { ...human, refixation: 0 })));
  });

  it('alignment: ABCD and ACD share three of four; unlike paths none', () => {
    assert.equal(sequenceScore([0, 1, 2, 3], [0, 2, 3]), 0.75);
    assert.equal(sequenceScore([0, 1], [2, 3, 4]), 0);
    assert.equal(sequenceScore([0, 1, 0, 1], [1, 0, 1, 0]), 0.75);
  });

  it('similarity of a step is what it gives to the object fixated', () => {
    assert.equal(stepSimilarity([0.1, 0.6, 0.3], 1), 0.6);
  });
});

describe('OAT, network', () => {
  const small = {
    rows: 2,
    columns: 3,
    steps: 4,
    width: 8,
    hidden: 6,
    layers: 2,
    attentionHeads: 2,
    heads: 2,
    positions: 'distance-matched',
    targetPlace: 'given',
    batch: 2,
  };
  const call = drawCall(oat, small, 5);
  const logitsOf = (inputs: typeof call.inputs, size = small) =>
    oat.reference({ inputs, weights: call.weights }, size)['logits']!;
  const put = (name: string, at: number, value: number) => ({
    ...call.inputs,
    [name]: mapped(call.inputs[name]!, (old, other) => (other === at ? value : old)),
  });

  it('another fixation at step 2 changes nothing before it, and something from there on', () => {
    const path = call.inputs['fixations']!;
    const [before, after] = [call.inputs, put('fixations', 2, (path.data[2]! + 1) % 6)].map((inputs) =>
      logitsOf(inputs),
    );
    // [2, 4, 8]: two steps of the first sample, and all of the second.
    before!.data.forEach((logit, at) => {
      if (at < 16 || at >= 32) assert.equal(after!.data[at], logit);
    });
    assert.notEqual(after!.data[16], before!.data[16]);
    assert.notEqual(after!.data[24], before!.data[24]);
  });

  it('step by step, with the path so far: the logits of the whole path', () => {
    const whole = logitsOf(call.inputs);
    for (const steps of [1, 2, 3]) {
      const soFar = { ...call.inputs, fixations: sliced(call.inputs['fixations']!, 1, 0, steps) };
      const last = sliced(logitsOf(soFar, { ...small, steps }), 1, steps - 1, steps);
      const expected = sliced(whole, 1, steps - 1, steps);
      last.data.forEach((logit, at) => assert.ok(Math.abs(logit - expected.data[at]!) < 1e-12));
    }
  });

  it('objects that change places with their codes left out permute the logits; the end stays last', () => {
    const order = [4, 2, 0, 5, 1, 3];
    const size = { ...small, positions: 'none', batch: 1 };
    const drawn = drawCall(oat, size, 6);
    const moved = {
      ...drawn.inputs,
      objects: mapped(
        drawn.inputs['objects']!,
        (_, at) => drawn.inputs['objects']!.data[order[Math.floor(at / 4)]! * 4 + (at % 4)]!,
      ),
      there: mapped(drawn.inputs['there']!, (_, at) => drawn.inputs['there']!.data[order[at]!]!),
      fixations: mapped(drawn.inputs['fixations']!, (at) => (at === 6 ? 6 : order.indexOf(at))),
      place: mapped(drawn.inputs['place']!, (at) => order.indexOf(at)),
    };
    const [before, after] = [drawn.inputs, moved].map(
      (inputs) => oat.reference({ inputs, weights: drawn.weights }, size)['logits']!,
    );
    after!.data.forEach((logit, at) => {
      const column = at % 8;
      assert.ok(Math.abs(logit - before!.data[at - column + (order[column] ?? column)]!) < 1e-12);
    });
  });

  it('padding gets exactly 0, the end exactly 0 at the first step alone; what padding holds changes nothing', () => {
    const { shares, logits } = oat.reference(call, small);
    shares!.data.forEach((share, at) => {
      const [column, step] = [at % 8, Math.floor(at / 8) % 4];
      assert.equal(share === 0, column === 0 || (column === 6 && step === 0), `${at}`);
    });
    const other = logitsOf(put('objects', 1, 50));
    const visited = [...call.inputs['fixations']!.data.subarray(0, 4)].indexOf(0);
    const until = visited < 0 ? 4 : visited;
    assert.ok(until > 0);
    for (let at = 0; at < 8 * until; at++) if (at % 8 !== 0) assert.equal(other.data[at], logits!.data[at]);
  });

  it('told where the target is, the network reads it; hidden, it cannot', () => {
    const path = { ...call.inputs, fixations: mapped(call.inputs['fixations']!, () => 6) };
    const elsewhere = { ...path, place: mapped(call.inputs['place']!, (at) => (at + 2) % 6) };
    for (const targetPlace of ['given', 'hidden']) {
      const [one, other] = [path, elsewhere].map((inputs) => logitsOf(inputs, { ...small, targetPlace }));
      const same = one!.data.every((logit, at) => logit === other!.data[at]);
      assert.equal(same, targetPlace === 'hidden');
    }
  });

  it('sizes as published: 17,881,091 learned numbers behind the features', () => {
    // Encoder layer: attention 4 (512^2 + 512), layers 2 (512^2 + 512), norms 4 512; decoder layer: attention twice, norms 6 512.
    const [encoder, decoder] = [1_050_624 + 525_312 + 2048, 2 * 1_050_624 + 525_312 + 3072];
    const published = { ...small, width: 512, hidden: 512, layers: 4, attentionHeads: 4 };
    assert.equal(4 * (encoder + decoder) + 1_050_627, 17_881_091);
    assert.equal(oat.cost(published).parameters, 17_881_091);
  });

  it('the state dict has the names of the release', () => {
    const shapes = new Map(oat.weights(small).map(({ name, shape }) => [name, shape]));
    const named: Readonly<Record<string, readonly number[]>> = {
      'transformer_encoder.layers.1.self_attn.in_proj_weight': [24, 8],
      'transformer_encoder.layers.0.linear1.weight': [6, 8],
      'transformer_decoder.layers.1.multihead_attn.out_proj.bias': [8],
      'transformer_decoder.layers.0.norm3.weight': [8],
      'cross_attentions.1.encode_fc.weight': [8, 8],
    };
    for (const [name, shape] of Object.entries(named)) assert.deepEqual(shapes.get(name), shape, name);
    const { width, hidden, layers, heads } = small;
    assert.deepEqual(
      oat.parametersOf!((name) => shapes.get(name)),
      { width, hidden, layers, heads },
    );
  });
});
