import assert from 'node:assert/strict';
import { ruleOf } from '../../../language-server/service/rules/catalogue';
import { findingsOf, modelFile } from './caret';

/** The text after the preferred fix of the only finding of a rule; the text itself where it has none. */
const fixed = (text: string, code: string): string => {
  const found = findingsOf(text).filter((finding) => finding.code === code);
  assert.equal(found.length, 1, `${found.length} findings ${code} in ${text}`);
  const changes = found[0]?.fixes.find(({ preferred }) => preferred)?.changes ?? [];
  return [...changes]
    .sort((left, right) => right.offset - left.offset)
    .reduce(
      (before, { offset, length, text: put }) => before.slice(0, offset) + put + before.slice(offset + length),
      text,
    );
};

const severityOf = (text: string, code: string): string | undefined =>
  findingsOf(text).find((finding) => finding.code === code)?.severity;

describe('rules about names', () => {
  const fixes: readonly (readonly [code: string, before: string, after: string])[] = [
    [
      'key-of-other-family',
      '{"model_type": "llama", "num_kv_heads": 8}',
      '{"model_type": "llama", "num_key_value_heads": 8}',
    ],
    [
      'key-of-other-family',
      '{"model_type": "falcon", "num_key_value_heads": 8}',
      '{"model_type": "falcon", "num_kv_heads": 8}',
    ],
    ['key-of-other-family', '{"model_type": "gpt2", "num_layers": 8}', '{"model_type": "gpt2", "n_layer": 8}'],
    [
      'activation-unknown',
      '{"model_type": "llama", "hidden_act": "SiLU"}',
      '{"model_type": "llama", "hidden_act": "silu"}',
    ],
    [
      'activation-unknown',
      '{"model_type": "t5", "feed_forward_proj": "gated-gleu"}',
      '{"model_type": "t5", "feed_forward_proj": "gated-gelu"}',
    ],
    // No name is near enough to be sure of.
    [
      'activation-unknown',
      '{"model_type": "bert", "hidden_act": "elu"}',
      '{"model_type": "bert", "hidden_act": "elu"}',
    ],
    [
      'quant-method-unknown',
      '{"model_type": "llama", "quantization_config": {"quant_method": "AutoRound"}}',
      '{"model_type": "llama", "quantization_config": {"quant_method": "auto-round"}}',
    ],
    // fp4 and fp8 are two formats.
    [
      'quant-method-unknown',
      '{"model_type": "llama", "quantization_config": {"quant_method": "fp4"}}',
      '{"model_type": "llama", "quantization_config": {"quant_method": "fp4"}}',
    ],
    [
      'bitsandbytes-contradicts',
      '{"model_type": "llama", "quantization_config": {"load_in_4bit": true, "bnb_4bit_quant_type": "NormalFloat4"}}',
      '{"model_type": "llama", "quantization_config": {"load_in_4bit": true, "bnb_4bit_quant_type": "nf4"}}',
    ],
    ['model-type-release', '{"model_type": "Llama-3.1-8B"}', '{"model_type": "llama"}'],
    ['model-type-release', '{"model_type": "qwen1.5-moe"}', '{"model_type": "qwen2_moe"}'],
    ['model-type-release', '{"model_type": "phi-2"}', '{"model_type": "phi"}'],
    ['model-type-release', '{"model_type": "phi-3.5-mini-instruct"}', '{"model_type": "phi3"}'],
    // The class says that it is the text model alone.
    [
      'model-type-release',
      '{"model_type": "gemma-3-1b-it", "architectures": ["Gemma3ForCausalLM"]}',
      '{"model_type": "gemma3_text", "architectures": ["Gemma3ForCausalLM"]}',
    ],
    ['model-type-misspelt', '{"model_type": "OPT"}', '{"model_type": "opt"}'],
    [
      'model-type-missing',
      '{\n  "architectures": ["AlbertForMaskedLM"],\n  "hidden_size": 64\n}',
      '{\n  "model_type": "albert",\n  "architectures": ["AlbertForMaskedLM"],\n  "hidden_size": 64\n}',
    ],
    [
      'model-type-missing',
      '{"architectures": ["Gemma3ForCausalLM"], "hidden_size": 64}',
      '{"model_type": "gemma3_text", "architectures": ["Gemma3ForCausalLM"], "hidden_size": 64}',
    ],
    [
      'model-type-missing',
      '{"architectures": ["Gemma3ForConditionalGeneration"], "hidden_size": 64, "model_type": ""}',
      '{"architectures": ["Gemma3ForConditionalGeneration"], "hidden_size": 64, "model_type": "gemma3"}',
    ],
  ];
  for (const [code, before, after] of fixes) {
    it(`${code}: ${before.replace(/\s+/g, ' ')}`, () => {
      assert.equal(fixed(before, code), after);
      if (before !== after) assert.equal(severityOf(after, code), undefined, 'the fix mends it');
    });
  }

  it('one reading alone is certain: the same letters, one slip, a shorthand, or what the class says too', () => {
    const quantised = (fields: string): string => `{"model_type": "llama", "quantization_config": {${fields}}}`;
    for (const [certain, code, text] of [
      [true, 'activation-unknown', '{"model_type": "llama", "hidden_act": "SiLU"}'],
      [false, 'activation-unknown', '{"model_type": "llama", "hidden_act": "swiglu"}'],
      [true, 'quant-method-unknown', quantised('"quant_method": "compressed_tensors"')],
      [false, 'quant-method-unknown', quantised('"quant_method": "bnb"')],
      [true, 'bitsandbytes-contradicts', quantised('"load_in_4bit": true, "bnb_4bit_compute_dtype": "bf16"')],
      [true, 'model-type-release', '{"model_type": "llama3", "architectures": ["LlamaForCausalLM"]}'],
      [false, 'model-type-release', '{"model_type": "llama3"}'],
      [true, 'model-type-misspelt', '{"model_type": "Qwen3"}'],
      [false, 'key-of-other-family', '{"model_type": "llama", "num_kv_heads": 8}'],
    ] as const) {
      const fix = findingsOf(text).find((finding) => finding.code === code)?.fixes[0];
      assert.equal(fix?.certain ?? false, certain, text);
    }
  });

  it('no more than information where another library, remote code or nobody reads the file', () => {
    const foreign = '"model_type": "someone-elses", "hidden_size": 64, "num_hidden_layers": 3';
    for (const [code, text] of [
      ['activation-unknown', `{${foreign}, "hidden_act": "sliu"}`],
      // EAGLE's draft for Mixtral.
      [
        'architecture-contradicts-type',
        '{"model_type": "mixtral", "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 1}',
      ],
      ['activation-unknown', '{"model_type": "llama", "auto_map": {"AutoConfig": "a.B"}, "hidden_act": "sliu"}'],
      ['quant-method-unknown', `{${foreign}, "quantization_config": {"quant_method": "GPTQ"}}`],
      ['quant-method-unknown', '{"model_type": "llama", "quantization_config": {"quant_method": "of-next-year"}}'],
      // Four and eight bits are one digit apart, and two formats.
      ['quant-method-unknown', '{"model_type": "llama", "quantization_config": {"quant_method": "fbgemm_fp4"}}'],
      [
        'rope-original-length',
        '{"model_type": "phi3", "max_position_embeddings": 32768, "rope_scaling": {"rope_type": "longrope", "original_max_position_embeddings": 32786}}',
      ],
      ['layer-list-length', `{${foreign}, "attn_type_list": [1]}`],
      ['layer-number', `{${foreign}, "full_attn_idxs": [3]}`],
      ['key-of-other-family', '{"model_type": "llama", "auto_map": {"AutoConfig": "a.B"}, "n_layer": 2}'],
      ['key-of-other-family', '{"model_type": "llama", "n_ctx": 2048}'],
      [
        'bitsandbytes-contradicts',
        '{"model_type": "llama", "quantization_config": {"load_in_8bit": true, "bnb_4bit_quant_type": "nf4"}}',
      ],
    ] as const)
      assert.equal(severityOf(text, code), 'information', text);
  });

  it('layer_types of a wrong length is a warning in a family that nobody knows', () => {
    assert.equal(
      severityOf(
        '{"model_type": "someone-elses", "num_hidden_layers": 3, "layer_types": ["mamba"]}',
        'layer-list-length',
      ),
      'warning',
    );
  });

  it('a draft keeps the type of its target, and its tensors are its own', () => {
    const draft = '"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 1';
    const exact = (fields: string): boolean | undefined => modelFile(`{${draft}, ${fields}}`).description?.exact;
    assert.equal(exact('"architectures": ["LlamaForCausalLM"], "vocab_size": 100'), true);
    assert.equal(exact('"architectures": ["Eagle3LlamaForCausalLM"], "vocab_size": 100'), false);
    assert.equal(exact('"architectures": ["LlamaForCausalLM"], "vocab_size": 100, "draft_vocab_size": 32'), false);
  });

  it('names that are words of the language itself are answered', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'valueOf']) {
      const text = `{"model_type": "llama", "hidden_act": "${name}", "quantization_config": {"quant_method": "${name}", "bits": 4}}`;
      assert.equal(severityOf(text, 'activation-unknown'), 'warning');
      assert.equal(severityOf(text, 'quant-method-unknown'), 'information');
      findingsOf(`{"model_type": "${name}", "architectures": ["${name}"]}`);
    }
    assert.ok(ruleOf('model-type-release') !== undefined);
  });
});
