/** ACMIL: the checks of the card, with values of their own. */
import assert from 'node:assert/strict';
import { gradients } from '../../../../kernels/gradient/gradients';
import { slice } from '../../../../kernels/graph/operators/layout';
import { reduceSum } from '../../../../kernels/graph/operators/reduce';
import { drawCall } from '../../../../kernels/module-parts/draw';
import { buildModule } from '../../../../kernels/module-parts/graph';
import { reshaped } from '../../../../kernels/module-parts/layers';
import type { ModuleCall, Tensors } from '../../../../kernels/module';
import { acmil } from '../../../../kernels/modules/acmil/acmil';
import { attentionOver, diversityLoss, gatedLogits } from '../../../../kernels/modules/acmil/definition';
import { gatedPooling } from '../../../../kernels/modules/acmil/gated-pooling';
import { entropyOf, poolingPictures, renormalised, strongestMass } from '../../../../kernels/modules/acmil/pictures';
import { maskStrongest, refuseMasking } from '../../../../kernels/modules/acmil/stkim';
import { measureError } from '../../../../kernels/tensors/error';
import { normalTensor } from '../../../../kernels/tensors/random';
import { tensor, type Tensor } from '../../../../kernels/tensors/tensor';
import { resolved } from '../cases';
import { runModuleGraph } from '../run';

const sizes = { instances: 12, features: 7, width: 6, hidden: 4, branches: 3, heads: 2, classes: 3, batch: 1 };
const forms = ['gated', 'multi-head'].map((form) => resolved(acmil, { ...sizes, form }));
const closeTo = (actual: Tensor, expected: Tensor, within: number): void => {
  const { maxAbsolute, nanMismatches } = measureError(actual, expected);
  assert.ok(nanMismatches === 0 && maxAbsolute <= within, `differs by ${maxAbsolute}`);
};
/** The last axis in another order. */
const reordered = (x: Tensor, order: readonly number[]): Tensor =>
  tensor(
    x.shape,
    x.data.map((_, at) => x.data[at - (at % order.length) + order[at % order.length]!]!),
  );
const rowsInOrder = (x: Tensor, order: readonly number[]): Tensor => {
  const width = x.shape[2]!;
  return tensor(
    x.shape,
    x.data.map((_, at) => x.data[order[Math.floor(at / width)]! * width + (at % width)]!),
  );
};
const maps = (rows: readonly (readonly number[])[]): Tensor =>
  tensor([1, 1, rows.length, rows[0]!.length], Float64Array.from(rows.flat()));

describe('ACMIL', () => {
  it('the row of the bag is the mean of the rows of the branches, pooled by the mean attention', () => {
    const { inputs, weights } = drawCall(acmil, forms[0]!, 3);
    // A classifier that passes features 0, 1 and 2 shows the pooled rows.
    const passing = { shape: [3, 6], data: Float64Array.from({ length: 18 }, (_, at) => (at % 7 === 0 ? 1 : 0)) };
    const none = { shape: [3], data: new Float64Array(3) };
    const shown: Tensors = {
      ...weights,
      ...Object.fromEntries(
        ['classifier.0', 'classifier.1', 'classifier.2', 'Slide_classifier'].flatMap((name) => [
          [`${name}.fc.weight`, passing],
          [`${name}.fc.bias`, none],
        ]),
      ),
    };
    const { branch_logits: z, bag_logits: bag } = acmil.reference({ inputs, weights: shown }, forms[0]!);
    for (let c = 0; c < 3; c++) {
      assert.ok(Math.abs(bag!.data[c]! - (z!.data[c]! + z!.data[3 + c]! + z!.data[6 + c]!) / 3) < 1e-14);
    }
    assert.ok(bag!.data.some((value) => value > 0.01));
  });

  for (const parameters of forms) {
    const form = String(parameters['form']);

    it(`${form}: instances in another order change nothing but the order of the attention`, () => {
      const call = drawCall(acmil, parameters, 4);
      const order = [7, 2, 11, 0, 9, 4, 10, 1, 6, 3, 8, 5];
      const outputs = acmil.reference(call, parameters);
      const moved = acmil.reference(
        { weights: call.weights, inputs: { ...call.inputs, x: rowsInOrder(call.inputs['x']!, order) } },
        parameters,
      );
      for (const name of ['bag_logits', 'branch_logits', 'losses']) closeTo(moved[name]!, outputs[name]!, 1e-12);
      closeTo(moved['attention']!, reordered(outputs['attention']!, order), 1e-12);
    });

    it(`${form}: every instance twice halves the weights and gives the same classes`, () => {
      const call = drawCall(acmil, parameters, 5);
      const doubled = resolved(acmil, { ...parameters, instances: 24 });
      const twice = drawCall(acmil, doubled, 5).inputs;
      const x = call.inputs['x']!.data;
      const outputs = acmil.reference(call, parameters);
      const again = acmil.reference(
        {
          weights: call.weights,
          inputs: { ...twice, x: tensor([1, 24, 7], Float64Array.from([...x, ...x])), label: call.inputs['label']! },
        },
        doubled,
      );
      for (const name of ['bag_logits', 'branch_logits', 'losses']) closeTo(again[name]!, outputs[name]!, 1e-12);
      again['attention']!.data.forEach((value, at) => {
        const [row, instance] = [Math.floor(at / 24), (at % 24) % 12];
        assert.ok(Math.abs(2 * value - outputs['attention']!.data[row * 12 + instance]!) < 1e-13);
      });
    });

    it(`${form}: fillers and masked instances get exactly 0 in the graph as well`, async () => {
      const call = drawCall(acmil, parameters, 12);
      const { attention } = acmil.reference(call, parameters);
      const kept = maskStrongest(attention!, { strongest: 5, probability: 0.6, draw: 'count' }, 3);
      const mask = tensor(
        [1, 12],
        Float64Array.from({ length: 12 }, (_, at) => (at < 10 ? 1 : 0)),
      );
      const masked = { ...call, inputs: { ...call.inputs, kept, mask } };
      const expected = acmil.reference(masked, parameters);
      const graph = buildModule(acmil, parameters, 'float32', call.weights);
      const found = await runModuleGraph(acmil, graph, masked, parameters, 'float32');
      for (const [name, x] of Object.entries(expected)) closeTo(found[name]!, x, 1e-5);
      const zeros = found['attention']!.data.filter((value) => value === 0).length;
      const gone = kept.data.filter((value, at) => value === 0 || at % 12 >= 10).length;
      assert.equal(zeros, gone);
    });

    it(`${form}: masked instances get exactly 0, the others all of it, scaled by one factor`, () => {
      const call = drawCall(acmil, parameters, 6);
      const { attention } = acmil.reference(call, parameters);
      const kept = maskStrongest(attention!, { strongest: 10, probability: 0.6, draw: 'count' }, 2);
      const masked = acmil.reference({ ...call, inputs: { ...call.inputs, kept } }, parameters)['attention']!;
      closeTo(masked, renormalised(attention!, kept), 1e-15);
      const factors: number[][] = [];
      masked.data.forEach((value, at) => {
        const row = Math.floor(at / 12);
        if (kept.data[at] === 0) assert.equal(value, 0);
        else (factors[row] ??= []).push(value / attention!.data[at]!);
      });
      for (const of of factors) {
        assert.equal(of.length, 12 - 6);
        assert.ok(Math.max(...of) - Math.min(...of) < 1e-12 * of[0]! && of[0]! > 1);
      }
      const distinct = new Set(factors.map((_, row) => kept.data.slice(row * 12, (row + 1) * 12).join()));
      assert.ok(distinct.size > 1, 'each branch has a mask of its own');
    });
  }

  it('masking: 6 of the 10 strongest; nothing where K p is 0; never all', () => {
    const attention = maps([Array.from({ length: 20 }, (_, at) => 20 - at)]);
    const { data } = maskStrongest(attention, { strongest: 10, probability: 0.6, draw: 'count' }, 1);
    assert.equal(
      data.slice(0, 10).reduce((a, b) => a + b, 0),
      4,
    );
    assert.ok(data.slice(10).every((value) => value === 1));
    for (const masking of [
      { strongest: 0, probability: 0.6, draw: 'count' },
      { strongest: 10, probability: 0, draw: 'each' },
    ] as const) {
      assert.ok(maskStrongest(attention, masking, 1).data.every((value) => value === 1));
    }
    const all = { strongest: 25, probability: 1, draw: 'count' } as const;
    assert.match(refuseMasking(all, 20)!, /leaves nothing/);
    assert.throws(() => maskStrongest(attention, all, 1), RangeError);
    assert.equal(refuseMasking({ ...all, strongest: 19 }, 20), undefined);
  });

  it('masking each with probability p drops K p on average, as the exact count does', () => {
    const rows = 4000;
    const attention = normalTensor([rows, 15], 3);
    const { data } = maskStrongest(attention, { strongest: 10, probability: 0.6, draw: 'each' }, 5);
    const mean = data.reduce((total, kept) => total + 1 - kept, 0) / rows;
    // Deviation of the mean of 4,000 binomial draws: sqrt(10 * 0.24 / 4000) = 0.0245.
    assert.ok(Math.abs(mean - 6) < 4 * 0.0245, `${mean}`);
    const exact = maskStrongest(attention, { strongest: 10, probability: 0.6, draw: 'count' }, 5).data;
    assert.equal(exact.reduce((total, kept) => total + 1 - kept, 0) / rows, 6);
  });

  it('the diversity loss: 1 of the same attention, 0 of disjoint ones, by hand between', () => {
    assert.deepEqual(diversityLoss(maps([[0.5, 0.5, 0]])), [0]);
    const [same] = diversityLoss(maps(Array<number[]>(3).fill([0.2, 0.3, 0.5])));
    assert.ok(Math.abs(same! - 1) < 1e-15);
    assert.deepEqual(
      diversityLoss(
        maps([
          [0.5, 0.5, 0, 0],
          [0, 0, 0.9, 0.1],
        ]),
      ),
      [0],
    );
    // (0.6 * 0.8 + 0.4 * 0.2) / (sqrt(0.52) sqrt(0.68)).
    const [between] = diversityLoss(
      maps([
        [0.6, 0.4],
        [0.8, 0.2],
      ]),
    );
    assert.ok(Math.abs(between! - 0.56 / Math.sqrt(0.52 * 0.68)) < 1e-15);
  });

  it('the gradient of the diversity loss against differences in float64; a graph gives the same twice', async () => {
    const parameters = forms[0]!;
    const call = drawCall(acmil, parameters, 10);
    const name = 'attention.attention_weights.weight';
    const graph = buildModule(acmil, parameters, 'float32', call.weights, {
      weightsAsInputs: true,
      more(builder, { losses }) {
        const diversity = reduceSum(slice(losses!, 1, 2), [0, 1], false);
        const weight = builder.inputs.find((input) => input.name === name)!;
        builder.output(gradients(builder, diversity, [weight])[0]!, 'gradient');
      },
    });
    const run = () => runModuleGraph(acmil, graph, call, parameters, 'float32', call.weights);
    const [first, second] = [await run(), await run()];
    assert.deepEqual(first, second);
    const x = call.weights[name]!;
    const moved = (at: number, step: number): number => {
      const data = x.data.map((value, i) => (i === at ? value + step : value));
      return acmil.reference({ ...call, weights: { ...call.weights, [name]: { ...x, data } } }, parameters)['losses']!
        .data[2]!;
    };
    x.data.forEach((_, at) => {
      const difference = (moved(at, 1e-5) - moved(at, -1e-5)) / 2e-5;
      assert.ok(Math.abs(first['gradient']!.data[at]! - difference) < 1e-4 * Math.max(0.1, Math.abs(difference)));
    });
    assert.ok(first['gradient']!.data.some((value) => Math.abs(value) > 0.01));
  });

  it('losses of logits by hand: the label is that of the bag for every branch', () => {
    const parameters = resolved(acmil, { ...sizes, branches: 2, classes: 2 });
    const call: ModuleCall = drawCall(acmil, parameters, 8);
    const label = call.inputs['label']!.data[0]!;
    const { losses, bag_logits: bag, branch_logits: branch } = acmil.reference(call, parameters);
    const surprise = (a: number, b: number): number => Math.log(1 + Math.exp(label === 0 ? b - a : a - b));
    assert.ok(Math.abs(losses!.data[0]! - surprise(bag!.data[0]!, bag!.data[1]!)) < 1e-13);
    const [a, b, c, d] = branch!.data as unknown as [number, number, number, number];
    assert.ok(Math.abs(losses!.data[1]! - (surprise(a, b) + surprise(c, d)) / 2) < 1e-13);
  });

  it('a filler is as if it were not there', () => {
    const parameters = resolved(gatedPooling, { instances: 8, width: 5, hidden: 3, branches: 2 });
    const { inputs, weights } = drawCall(gatedPooling, parameters, 9, 'short');
    const { z } = gatedPooling.reference({ inputs, weights }, parameters);
    const half = resolved(gatedPooling, { ...parameters, instances: 4 });
    const whole = drawCall(gatedPooling, half, 9).inputs;
    const first = tensor([1, 4, 5], inputs['h']!.data.slice(0, 20));
    closeTo(z!, gatedPooling.reference({ inputs: { ...whole, h: first }, weights }, half)['z']!, 1e-14);
  });

  it('the pictures find the planted instances where the gates look for them', () => {
    const parameters = resolved(gatedPooling, { instances: 100, width: 8, hidden: 4, branches: 2 });
    const { inputs, weights } = drawCall(gatedPooling, parameters, 1, 'planted');
    const h = inputs['h']!;
    // Branch i looks along the mean of the planted instances of its pattern (i and i + 2), the gate open.
    const direction = (i: number): readonly number[] =>
      Array.from({ length: 8 }, (_, c) => (h.data[i * 8 + c]! + h.data[(i + 2) * 8 + c]!) / 2);
    const V = [0, 1].flatMap((i) => {
      const size = direction(i).reduce((total, value) => total + value * value, 0);
      return direction(i).map((value) => value / size);
    });
    const looking: Tensors = {
      ...weights,
      'attention_V.0.weight': tensor([4, 8], Float64Array.from([...V, ...Array<number>(16).fill(0)])),
      'attention_V.0.bias': tensor([4], new Float64Array(4)),
      'attention_U.0.weight': tensor([4, 8], new Float64Array(32)),
      'attention_weights.weight': tensor([2, 4], Float64Array.from([40, 0, 0, 0, 0, 40, 0, 0])),
    };
    const attention = attentionOver(gatedLogits(h, looking), inputs['mask']!, inputs['kept']!);
    const row = (i: number): Float64Array => attention.data.subarray(i * 100, (i + 1) * 100);
    for (const i of [0, 1]) assert.ok(row(i)[i]! + row(i)[i + 2]! > 0.9, `${row(i)[i]} ${row(i)[i + 2]}`);
    assert.ok(diversityLoss(reshaped(attention, [1, 1, 2, 100]))[0]! < 0.2);
    const pictures = poolingPictures(reshaped(attention, [1, 1, 2, 100]), inputs['mask']!, {
      strongest: 2,
      probability: 1,
      draw: 'count',
    });
    const strip = pictures.find(({ id }) => id === 'attention')!;
    assert.ok(strip.kind === 'heat-map');
    assert.deepEqual([...strip.columns.labels!.slice(0, 4)].map(Number).sort(), [0, 1, 2, 3]);
    const masked = pictures.find(({ id }) => id === 'masked')!;
    assert.ok(masked.kind === 'heat-map');
    assert.ok(Math.max(...masked.values[0]!.slice(0, 1)) < 0.9);
  });

  it('mass and entropy by hand', () => {
    assert.equal(strongestMass(Float64Array.from([0.1, 0.4, 0.2, 0.3]), 2), 0.7);
    assert.ok(Math.abs(entropyOf(Float64Array.from([0.5, 0.25, 0.25, 0])) - 1.5 * Math.LN2) < 1e-15);
  });

  it('201 and 202 million multiply-adds for 1,024 instances of 512 features: one branch, and two', () => {
    const million = (branches: number): number =>
      Math.floor(acmil.cost(resolved(acmil, { branches })).multiplyAdds / 1e6);
    assert.deepEqual([million(1), million(2)], [201, 202]);
    // 512 * 256, two gates of 256 * 128 + 128, 5 * 128 + 5, six classifiers of 2 * 256 + 2.
    assert.equal(acmil.cost(resolved(acmil, {})).parameters, 131072 + 65792 + 645 + 3084);
  });

  it('the state dict has the names and shapes of the repository, which give the parameters back', () => {
    const shapes = (form: string) =>
      new Map(acmil.weights(resolved(acmil, { form })).map(({ name, shape }) => [name, shape] as const));
    // By hand from architecture/transformer.py and network.py.
    const gated: Readonly<Record<string, readonly number[]>> = {
      'dimreduction.fc1.weight': [256, 512],
      'attention.attention_V.0.weight': [128, 256],
      'attention.attention_U.0.bias': [128],
      'attention.attention_weights.weight': [5, 128],
      'classifier.4.fc.weight': [2, 256],
      'Slide_classifier.fc.bias': [2],
    };
    const multiHead: Readonly<Record<string, readonly number[]>> = {
      'dimreduction.fc1.weight': [256, 512],
      q: [1, 5, 256],
      'sub_attention.4.q_proj.weight': [256, 256],
      'sub_attention.0.out_proj.bias': [256],
      'sub_attention.0.layer_norm.weight': [256],
      'bag_attention.v_proj.weight': [256, 256],
      'bag_attention.layer_norm.bias': [256],
      'Slide_classifier.fc.weight': [2, 256],
    };
    for (const [name, shape] of Object.entries(gated)) assert.deepEqual(shapes('gated').get(name), shape, name);
    for (const [name, shape] of Object.entries(multiHead)) {
      assert.deepEqual(shapes('multi-head').get(name), shape, name);
    }
    assert.equal(shapes('multi-head').get('bag_attention.q_proj.weight'), undefined);
    assert.deepEqual(
      acmil.parametersOf!((name) => shapes('multi-head').get(name)),
      {
        width: 256,
        features: 512,
        form: 'multi-head',
        branches: 5,
        classes: 2,
      },
    );
  });
});
