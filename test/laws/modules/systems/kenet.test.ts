/** KeNet's label attention: the checks of the card, with values of their own. */
import assert from 'node:assert/strict';
import { gradients } from '../../../../kernels/gradient/gradients';
import { multiply } from '../../../../kernels/graph/operators/elementwise';
import { reduceSum } from '../../../../kernels/graph/operators/reduce';
import type { ParameterValues } from '../../../../kernels/mechanism';
import type { Module, ModuleCall, Tensors } from '../../../../kernels/module';
import { drawCall } from '../../../../kernels/module-parts/draw';
import { buildModule } from '../../../../kernels/module-parts/graph';
import { labelled, overTokens } from '../../../../kernels/modules/kenet/definition';
import { labelAttention } from '../../../../kernels/modules/kenet/label-attention';
import { example, readWritten } from '../../../../kernels/modules/kenet/words';
import { measureError } from '../../../../kernels/tensors/error';
import { normalTensor } from '../../../../kernels/tensors/random';
import { tensor, zeros, type Tensor } from '../../../../kernels/tensors/tensor';
import { resolved } from '../cases';
import { runModuleGraph } from '../run';

const head: Module = labelAttention;
const sizes = { labels: 4, document: 9, knowledge: 6, width: 5, hidden: 3, classifier: 4, batch: 1 };
const whole = resolved(head, { ...sizes, labelBlock: true });
const bare = resolved(head, { ...sizes, selfView: false });
const closeTo = (actual: Tensor, expected: Tensor, within: number): void => {
  const { maxAbsolute, nanMismatches } = measureError(actual, expected);
  assert.ok(nanMismatches === 0 && maxAbsolute <= within, `differs by ${maxAbsolute}`);
};
/** Rows of `width` numbers in another order; of one batch. */
const rowsInOrder = (x: Tensor, order: readonly number[], width: number): Tensor =>
  tensor(
    x.shape,
    x.data.map((_, at) => x.data[order[Math.floor(at / width)]! * width + (at % width)]!),
  );
const outputs = (call: ModuleCall, parameters: ParameterValues): Tensors => head.reference(call, parameters);
const given = (call: ModuleCall, inputs: Tensors): ModuleCall => ({ ...call, inputs: { ...call.inputs, ...inputs } });
const filled = (shape: readonly number[], value: number): Tensor => ({
  ...zeros(shape),
  data: zeros(shape).data.fill(value),
});

describe('KeNet, label attention', () => {
  it('tokens that are all the same give that row to every label', () => {
    const call = drawCall(head, whole, 2);
    const token = [0.5, -1, 2, 0.25, -3];
    const same = (tokens: number): Tensor =>
      tensor(
        [1, tokens, 5],
        Float64Array.from({ length: 5 * tokens }, (_, at) => token[at % 5]!),
      );
    const { rows } = outputs(given(call, { document: same(9), knowledge: same(6) }), { ...whole, labelBlock: false });
    rows!.data.forEach((value, at) => assert.ok(Math.abs(value - token[at % 5]!) < 1e-14));
  });

  it('tokens in another order, with their mask, change nothing; labels in another order move their rows', () => {
    const call = drawCall(head, whole, 3);
    const mask = tensor([1, 9], Float64Array.from([1, 1, 0, 1, 1, 0, 1, 1, 1]));
    const one = given(call, { document_mask: mask });
    const expected = outputs(one, whole);
    const order = [4, 7, 0, 2, 8, 1, 3, 6, 5];
    const moved = outputs(
      given(one, {
        document: rowsInOrder(call.inputs['document']!, order, 5),
        document_mask: rowsInOrder(mask, order, 1),
      }),
      whole,
    );
    closeTo(moved['rows']!, expected['rows']!, 1e-13);

    const labels = [2, 0, 3, 1];
    const turned = outputs(
      {
        inputs: { ...one.inputs, labels: rowsInOrder(one.inputs['labels']!, labels, 5) },
        weights: { ...one.weights, 'self.fc2.weight': rowsInOrder(one.weights['self.fc2.weight']!, labels, 3) },
      },
      whole,
    );
    closeTo(turned['rows']!, rowsInOrder(expected['rows']!, labels, 5), 1e-13);
    closeTo(turned['probabilities']!, rowsInOrder(expected['probabilities']!, labels, 1), 1e-13);
  });

  it('padding gets exactly nothing, whatever stands there', () => {
    const call = drawCall(head, whole, 4);
    const mask = tensor([1, 9], Float64Array.from([1, 1, 1, 1, 1, 1, 0, 0, 0]));
    const one = outputs(given(call, { document_mask: mask }), whole);
    one['document_attention']!.data.forEach((value, at) => assert.equal(value === 0, at % 9 >= 6));
    const other = {
      ...call.inputs['document']!,
      data: call.inputs['document']!.data.map((x, at) => (at < 30 ? x : 99)),
    };
    assert.deepEqual(outputs(given(call, { document: other, document_mask: mask }), whole)['rows'], one['rows']);
  });

  it('without knowledge: the document alone, to the bit, in the reference and in the graph', async () => {
    const call = drawCall(head, whole, 5);
    const none = given(call, { knowledge_mask: zeros([1, 6]) });
    const other = given(none, { knowledge: normalTensor([1, 6, 5], 77) });
    const { rows, mix } = outputs(none, whole);
    assert.ok(mix!.data.every((value) => value === 1));
    const { document } = labelled(none.inputs, none.weights, {
      scaled: true,
      softmax: true,
      selfView: true,
      labelBlock: false,
    });
    assert.deepEqual(outputs(none, { ...whole, labelBlock: false })['rows'], document.rows);
    assert.deepEqual(outputs(other, whole)['rows'], rows);
    const graph = buildModule(head, whole, 'float32', call.weights);
    const [first, second] = await Promise.all(
      [none, other].map((each) => runModuleGraph(head, graph, each, whole, 'float32')),
    );
    assert.deepEqual(first!['rows'], second!['rows']);
    assert.ok(first!['mix']!.data.every((value) => value === 1));
    assert.ok(first!['knowledge_attention']!.data.every((value) => value === 0));
  });

  it('gates: shares between 0 and 1 that add up to 1, and pure views where they are forced', () => {
    const { inputs, weights } = drawCall(head, whole, 6);
    // Feature 0 is 1 in every token, so in every row that is read.
    const constant = (x: Tensor): Tensor =>
      tensor(
        x.shape,
        x.data.map((value, at) => (at % 5 === 0 ? 1 : value)),
      );
    const own = { ...inputs, document: constant(inputs['document']!) };
    const forced = (gate: number): Tensors => ({
      ...weights,
      'gate_label.weight': tensor([1, 5], Float64Array.from([gate, 0, 0, 0, 0])),
      'gate_self.weight': tensor([1, 5], Float64Array.from([-gate, 0, 0, 0, 0])),
    });
    const switches = { scaled: true, softmax: true, selfView: true, labelBlock: false };
    const view = (of: Tensors, selfView = true) => labelled(own, of, { ...switches, selfView }).document;
    view(weights).share.forEach((share) => assert.ok(share > 0 && share < 1));
    closeTo(view(forced(50)).rows, view(weights, false).rows, 1e-12);
    // The view of the content by hand: W_2 tanh(W_1 h) of one token after another.
    const h = own.document;
    const numbers = (name: string): Float64Array => weights[name]!.data;
    const scores = zeros([1, 4, 9]);
    for (let t = 0; t < 9; t++) {
      const hidden = [0, 1, 2].map((a) =>
        Math.tanh([0, 1, 2, 3, 4].reduce((s, c) => s + numbers('self.fc1.weight')[a * 5 + c]! * h.data[t * 5 + c]!, 0)),
      );
      for (let l = 0; l < 4; l++) {
        scores.data[l * 9 + t] = hidden.reduce((s, x, a) => s + numbers('self.fc2.weight')[l * 3 + a]! * x, 0);
      }
    }
    const map = overTokens(scores, filled([1, 9], 1));
    const expected = zeros([1, 4, 5]);
    expected.data.forEach((_, at) => {
      const [l, c] = [Math.floor(at / 5), at % 5];
      for (let t = 0; t < 9; t++) expected.data[at]! += map.data[l * 9 + t]! * h.data[t * 5 + c]!;
    });
    closeTo(view(forced(-50)).rows, expected, 1e-12);
  });

  it('gates of 0 / 0 in float16 still give a share: both far below 0', async () => {
    const call = drawCall(head, bare, 7);
    const parameters = { ...bare, selfView: true };
    const both = drawCall(head, parameters, 7).weights;
    const low = tensor([1, 5], Float64Array.from([-200, 0, 0, 0, 0]));
    const weights = { ...both, 'gate_label.weight': low, 'gate_self.weight': low };
    const constant = (x: Tensor): Tensor =>
      tensor(
        x.shape,
        x.data.map((value, at) => (at % 5 === 0 ? 1 : value)),
      );
    const inputs = {
      ...call.inputs,
      document: constant(call.inputs['document']!),
      knowledge: constant(call.inputs['knowledge']!),
    };
    const graph = buildModule(head, parameters, 'float16', weights);
    const { rows } = await runModuleGraph(head, graph, { inputs, weights }, parameters, 'float16');
    assert.ok(rows!.data.every(Number.isFinite));
  });

  it('a label finds its keyword with nine tenths of its attention, and labels that are there are told from others', () => {
    const [labels, document] = [4, 8];
    const parameters = resolved(head, {
      ...sizes,
      labels,
      document,
      width: 12,
      classifier: 4,
      scaled: false,
      selfView: false,
    });
    const { inputs, weights } = drawCall(head, parameters, 8);
    const unit = (at: number, size: number): readonly number[] =>
      Array.from({ length: 12 }, (_, c) => (c === at ? size : 0));
    const u = [0, 1, 2, 3].flatMap((l) => [...unit(l, 1)]);
    const reading: Tensors = {
      ...weights,
      'fc.weight': tensor([4, 12], Float64Array.from(u)),
      'output.weight': tensor([1, 4], new Float64Array(4).fill(1)),
      'output.bias': tensor([1], Float64Array.from([-0.7])),
    };
    for (const there of [[0], [1, 3], [0, 2, 3], []]) {
      const tokens = Array.from({ length: document }, (_, t) =>
        t < there.length ? unit(there[t]!, 1) : unit(4 + (t % 8), 1),
      );
      const found = outputs(
        {
          weights: reading,
          inputs: {
            ...inputs,
            labels: tensor([4, 12], Float64Array.from([0, 1, 2, 3].flatMap((l) => [...unit(l, 10)]))),
            document: tensor([1, document, 12], Float64Array.from(tokens.flat())),
            knowledge_mask: zeros([1, 6]),
          },
        },
        parameters,
      );
      there.forEach((l, t) => assert.ok(found['document_attention']!.data[l * document + t]! > 0.9));
      const said = [0, 1, 2, 3].filter((l) => found['probabilities']!.data[l]! > 0.5);
      assert.deepEqual(said, there, 'every label that is there and no other: F1 is 1');
    }
  });

  it('gradients of every learned tensor and of the labels, at single numbers, against differences in float64', async () => {
    const call = drawCall(head, whole, 9);
    const factors = normalTensor([1, 4], 10);
    const names = ['labels', ...Object.keys(call.weights)];
    const graph = buildModule(head, whole, 'float32', call.weights, {
      weightsAsInputs: true,
      more(builder, { probabilities }) {
        const scalar = reduceSum(
          multiply(probabilities!, builder.constant('float32', [1, 4], factors.data)),
          [0, 1],
          false,
        );
        const wrt = names.map((name) => builder.inputs.find((input) => input.name === name)!);
        gradients(builder, scalar, wrt).forEach((gradient, at) => builder.output(gradient, `gradient ${names[at]}`));
      },
    });
    const found = await runModuleGraph(head, graph, call, whole, 'float32', call.weights);
    const scalar = (of: ModuleCall): number =>
      outputs(of, whole)['probabilities']!.data.reduce((total, value, at) => total + value * factors.data[at]!, 0);
    for (const name of names) {
      const x = call.inputs[name] ?? call.weights[name]!;
      const at = Math.floor(x.data.length / 2);
      const by = (step: number): number => {
        const moved = { ...x, data: x.data.map((value, i) => (i === at ? value + step : value)) };
        return scalar(
          name === 'labels' ? given(call, { labels: moved }) : { ...call, weights: { ...call.weights, [name]: moved } },
        );
      };
      const difference = (by(1e-5) - by(-1e-5)) / 2e-5;
      assert.ok(
        Math.abs(found[`gradient ${name}`]!.data[at]! - difference) < 1e-4 * Math.max(1, Math.abs(difference)),
        name,
      );
    }
  });

  it('softmax is over tokens, not over labels', () => {
    const { document_attention: map } = outputs(drawCall(head, bare, 11), bare);
    for (let l = 0; l < 4; l++) {
      const total = map!.data.slice(l * 9, (l + 1) * 9).reduce((a, b) => a + b, 0);
      assert.ok(Math.abs(total - 1) < 1e-14);
    }
  });

  it('written: a label reads its own word in the document or in the knowledge', () => {
    const read = readWritten(example, 200, 1);
    assert.ok(typeof read !== 'string');
    const { labels, document, knowledge } = read;
    assert.deepEqual([labels, document, knowledge], [3, 14, 11]);
    const parameters = resolved(head, { ...sizes, labels, document, knowledge, width: 200, selfView: false });
    const found = outputs({ inputs: read.inputs, weights: drawCall(head, parameters, 1).weights }, parameters);
    // "health" is word 9 of the document, "sport" word 7 of the knowledge; "music" is nowhere.
    assert.ok(found['document_attention']!.data[2 * 14 + 9]! > 0.9);
    assert.ok(found['knowledge_attention']!.data[7]! > 0.9);
    assert.ok(Math.max(...found['document_attention']!.data.slice(14, 28)) < 0.7);
    const alone = readWritten('labels: a\ndocument: b c', 4, 1);
    assert.ok(typeof alone !== 'string');
    assert.deepEqual([...alone.inputs['knowledge_mask']!.data], [0]);
    const refused = readWritten('document: b', 4, 1);
    assert.ok(typeof refused === 'string' && refused.includes('labels:'));
  });

  it('multiply-adds by the formulas of the card', () => {
    const [l, n, m, d, da] = [4, 9, 6, 5, 3];
    const rest = 2 * l * d + l * d * 4 + l * 4;
    const of = (given: ParameterValues): number => head.cost({ ...bare, ...given }).multiplyAdds - rest;
    assert.equal(of({}), 2 * l * (n + m) * d);
    assert.equal(of({ labelBlock: true }) - of({}), 4 * l * d * d + 2 * l * l * d);
    const gates = 4 * l * d;
    assert.equal(of({ selfView: true }) - of({}) - gates, (n + m) * d * da + (n + m) * da * l + l * (n + m) * d);
  });
});
