import assert from 'node:assert/strict';
import { servingAnswer } from '../../../language-server/service/serving-view';
import { describeModel } from '../../../models/formats/describe-model';
import type { ServingQuestion } from '../../../protocol/language/serving';

const llama = describeModel({
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  vocab_size: 128256,
  torch_dtype: 'bfloat16',
});
const question: ServingQuestion = {
  device: 'a100-80gb',
  batch: 4,
  context: 1000,
  weightBits: 'stored',
  cacheBits: '16',
  tensorParallel: 1,
};

describe('answers about serving', () => {
  it('take the context as the prompt, and as what a token reads', () => {
    const { cost, device } = servingAnswer(llama, question);
    assert.ok(typeof cost === 'object');
    // 131,072 bytes a position: what 4 prompts of 1,000 leave, and what a token reads and writes behind each.
    const cache = (phase: 'prefill' | 'decode'): number =>
      cost[phase].operators.reduce((sum, { cacheBytes }) => sum + cacheBytes, 0);
    assert.equal(cache('prefill'), 4 * 1000 * 131_072);
    assert.equal(cache('decode'), 4 * 1001 * 131_072);
    assert.equal(device?.peak, 312e12);
  });

  it('offer this machine where it was measured, in float32 at its own roof', () => {
    const machine = { title: 'A CPU', peakGflops: 200, peakBandwidthGBs: 50, memory: 64e9 };
    const { devices, device, cost } = servingAnswer(llama, { ...question, device: 'measured' }, machine);
    assert.deepEqual(devices.at(-1), { id: 'measured', title: 'This machine: A CPU' });
    assert.equal(device?.peak, 200e9);
    assert.ok(typeof cost === 'object');
    const gate = cost.prefill.operators.find(({ name }) => name === 'mlp.gate_proj');
    assert.ok(Math.abs((gate?.seconds ?? 0) / ((32 * 2 * 4000 * 4096 * 14336) / 200e9) - 1) < 1e-9);
  });

  it('say what to do where there is no figure', () => {
    for (const [device, words] of [
      ['measured', /Measure it with "Headscope: Devices…"/],
      ['constructor', /Choose another one/],
    ] as const) {
      const { cost, devices } = servingAnswer(llama, { ...question, device });
      assert.ok(typeof cost === 'string' && words.test(cost));
      assert.ok(devices.length > 12);
    }
    const { cost } = servingAnswer(describeModel({ model_type: 'bert' }), question);
    assert.ok(typeof cost === 'string' && cost.endsWith('.'));
  });

  it('take a number that is none as one', () => {
    const { cost } = servingAnswer(llama, { ...question, batch: Number.NaN, context: -5, tensorParallel: 0.2 });
    assert.ok(typeof cost === 'object' && cost.decode.seconds > 0);
  });
});
