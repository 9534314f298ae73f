import assert from 'node:assert/strict';
import { describeModel } from '../../../../models/formats/describe-model';
import type { FoundTensor } from '../../../../models/formats/compare-tensors';
import { compareTensors } from '../../../../models/formats/compare-tensors';
import { expectedTensors, tensorNames } from '../../../../models/formats/expected-tensors';
import { tinyModels } from '../../../support/checkpoints/tiny-models';

const small = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 64,
  hidden_size: 16,
  intermediate_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
};

const whole = (config: object): FoundTensor[] =>
  (expectedTensors(describeModel(config)) ?? []).flatMap((tensor) =>
    [...tensorNames(tensor)].map((name) => ({ name, shape: tensor.shape })),
  );

describe('tensors against the config', () => {
  const compare = (config: object, found: readonly FoundTensor[]) => {
    const compared = compareTensors(describeModel(config), found);
    assert.ok(compared);
    return compared;
  };
  const nothing = {
    quantised: false,
    missing: [],
    mismatched: [],
    unexpected: [],
    copies: [],
    drafts: [],
    buffers: [],
  };

  it('what is expected is what is found', () => {
    assert.deepEqual(compare(small, whole(small)), nothing);
  });

  it('outer modules may be there or not', () => {
    const found = whole(small).map(({ name, shape }) => ({ name: name.replace(/^model\./, ''), shape }));
    assert.deepEqual(compare(small, found), nothing);
  });

  for (const [model_type, className] of [
    ['qwen3_5_moe_text', 'Qwen3_5MoeForCausalLM'],
    // Stored the other way round, in the published files.
    ['qwen3_vl_moe_text', 'Qwen3VLMoeForCausalLM'],
  ] as const) {
    it(`experts of ${model_type} may be one by one, as transformers 5 saves them`, () => {
      const config = {
        model_type,
        architectures: [className],
        vocab_size: 64,
        hidden_size: 32,
        num_hidden_layers: 1,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        num_experts: 2,
        moe_intermediate_size: 24,
        full_attention_interval: 1,
      };
      const stacked = whole(config);
      const experts = stacked.filter(({ name }) => name.includes('mlp.experts.'));
      assert.equal(experts.length, 2);
      const prefix = experts[0]?.name.replace(/experts\..*$/, 'experts.') ?? '';
      const apart = [0, 1].flatMap((expert) => [
        { name: `${prefix}${expert}.gate_proj.weight`, shape: [24, 32] },
        { name: `${prefix}${expert}.up_proj.weight`, shape: [24, 32] },
        { name: `${prefix}${expert}.down_proj.weight`, shape: [32, 24] },
      ]);
      const rest = stacked.filter((tensor) => !experts.includes(tensor));
      assert.deepEqual(compare(config, [...rest, ...apart]), nothing);
      const [first, ...others] = apart;
      assert.deepEqual(
        compare(config, [...rest, ...others]).missing.map(({ name }) => name),
        [first?.name],
      );
    });
  }

  it('asks for no decoder where a config without a class lies beside an encoder alone', () => {
    const t5 = { model_type: 't5', d_model: 16, d_ff: 32, d_kv: 4, num_heads: 4, num_layers: 2, vocab_size: 64 };
    const encoder = whole(t5).filter(
      ({ name }) => !/^decoder\.block|^decoder\.final/.test(name) && !name.startsWith('lm_head'),
    );
    assert.deepEqual(compare(t5, encoder).missing, []);
    const named = compare({ ...t5, architectures: ['T5ForConditionalGeneration'] }, encoder).missing;
    assert.ok(named.length > 0 && named.every(({ role }) => role === 'decoder'));
    // Every tensor is asked for of a part that is there, and of a file that has nothing of the model.
    assert.ok(compare(t5, encoder.slice(0, -1)).missing.length > 0);
    assert.ok(compare(t5, []).missing.length > encoder.length);
  });

  it('names what is missing, misshapen and too much', () => {
    const found = whole(small)
      .filter(({ name }) => name !== 'model.layers.1.self_attn.k_proj.weight')
      .map((tensor) => (tensor.name === 'model.norm.weight' ? { ...tensor, shape: [17] } : tensor));
    const compared = compare(small, [...found, { name: 'model.layers.2.mlp.up_proj.weight', shape: [32, 16] }]);
    assert.deepEqual(compared.missing, [
      { name: 'model.layers.1.self_attn.k_proj.weight', shape: [8, 16], group: 'attention', role: 'decoder' },
    ]);
    assert.deepEqual(compared.mismatched, [{ name: 'model.norm.weight', group: 'norms', expected: [16], found: [17] }]);
    assert.deepEqual(compared.unexpected, ['model.layers.2.mlp.up_proj.weight']);
  });

  it('knows copies, tables and quantised tensors', () => {
    const tied = { ...small, tie_word_embeddings: true };
    const more = [
      { name: 'lm_head.weight', shape: [64, 16] },
      { name: 'model.layers.0.self_attn.rotary_emb.inv_freq', shape: [2] },
    ];
    assert.deepEqual(compare(tied, [...whole(tied), ...more]), {
      ...nothing,
      copies: ['lm_head.weight'],
      buffers: ['model.layers.0.self_attn.rotary_emb.inv_freq'],
    });
    assert.equal(compare(small, [{ name: 'model.layers.0.mlp.up_proj.qweight', shape: [2, 32] }]).quantised, true);
  });

  it('layers for further tokens are no surplus', () => {
    const glm = {
      model_type: 'glm4_moe',
      num_hidden_layers: 2,
      num_nextn_predict_layers: 1,
      n_routed_experts: 4,
      hidden_size: 64,
    };
    const more = [{ name: 'model.layers.2.eh_proj.weight', shape: [64, 128] }];
    const compared = compare(glm, [...whole(glm), ...more]);
    assert.deepEqual([compared.drafts, compared.unexpected], [['model.layers.2.eh_proj.weight'], []]);
  });

  for (const { name, config, shapes } of tinyModels) {
    it(`the tiny ${name} that is run holds what is expected`, () => {
      const found = Object.entries(shapes).map(([tensor, shape]) => ({ name: tensor, shape }));
      const { missing, mismatched, unexpected } = compare(config, found);
      assert.deepEqual({ missing, mismatched, unexpected }, { missing: [], mismatched: [], unexpected: [] });
    });
  }
});
