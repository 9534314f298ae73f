import assert from 'node:assert/strict';
import type { JsonValue } from '../../../models/formats/model-description';
import { findingsOf, folder } from './caret';

/** dtype and shape of the tensors of a file. */
type Tensors = Readonly<Record<string, readonly [dtype: string, shape: readonly number[]]>>;

const [hidden, inner, outputs, inputs] = [256, 512, 64, 256];
const linear = {
  'self_attn.q_proj': [hidden, hidden],
  'self_attn.k_proj': [outputs, inputs],
  'self_attn.v_proj': [outputs, inputs],
  'self_attn.o_proj': [hidden, hidden],
  'mlp.gate_proj': [inner, hidden],
  'mlp.up_proj': [inner, hidden],
  'mlp.down_proj': [hidden, inner],
} as const;

/** A method's tensors for the matrix [out, in] of a module, as its published checkpoints hold them. */
type Layout = (module: string, out: number, input: number) => Tensors;

const layouts: Readonly<Record<string, readonly [config: JsonValue, layout: Layout, readsOutputs: boolean]>> = {
  GPTQ: [
    { quant_method: 'gptq', bits: 4, group_size: 128, desc_act: true, sym: true },
    (module, out, input) => ({
      [`${module}.qweight`]: ['I32', [input / 8, out]],
      [`${module}.qzeros`]: ['I32', [input / 128, out / 8]],
      [`${module}.scales`]: ['F16', [input / 128, out]],
      [`${module}.g_idx`]: ['I32', [input]],
      // AutoGPTQ writes a bias of zeros where the model has none.
      [`${module}.bias`]: ['F16', [out]],
    }),
    true,
  ],
  'GPTQ repacked for Marlin': [
    { quant_method: 'gptq', bits: 4, group_size: 128, is_marlin_format: true },
    (module, out, input) => ({ [`${module}.B`]: ['I32', [input / 16, out * 2]], [`${module}.s`]: ['F16', [1, out]] }),
    false,
  ],
  AWQ: [
    { quant_method: 'awq', bits: 4, group_size: 128, version: 'gemm', zero_point: true },
    (module, out, input) => ({
      [`${module}.qweight`]: ['I32', [input, out / 8]],
      [`${module}.qzeros`]: ['I32', [input / 128, out / 8]],
      [`${module}.scales`]: ['F16', [input / 128, out]],
    }),
    true,
  ],
  'AWQ for GEMV': [
    { quant_method: 'awq', bits: 4, group_size: 128, version: 'gemv', zero_point: true },
    (module, out, input) => ({
      [`${module}.qweight`]: ['I32', [out, input / 8]],
      [`${module}.scales`]: ['F16', [out, 8]],
    }),
    false,
  ],
  'FP8 in blocks': [
    { quant_method: 'fp8', fmt: 'e4m3', activation_scheme: 'dynamic', weight_block_size: [128, 128] },
    (module, out, input) => ({
      [`${module}.weight`]: ['F8_E4M3', [out, input]],
      [`${module}.weight_scale_inv`]: ['F32', [Math.ceil(out / 128), input / 128]],
    }),
    true,
  ],
  'compressed-tensors, FP8': [
    { quant_method: 'compressed-tensors', format: 'float-quantized', ignore: ['lm_head'] },
    (module, out, input) => ({
      [`${module}.weight`]: ['F8_E4M3', [out, input]],
      [`${module}.weight_scale`]: ['BF16', [out, 1]],
    }),
    true,
  ],
  'compressed-tensors, four bits': [
    { quant_method: 'compressed-tensors', format: 'pack-quantized', ignore: ['lm_head'] },
    (module, out, input) => ({
      [`${module}.weight_packed`]: ['I32', [out, input / 8]],
      [`${module}.weight_scale`]: ['BF16', [out, input / 128]],
      [`${module}.weight_shape`]: ['I64', [2]],
    }),
    true,
  ],
  'ModelOpt NVFP4': [
    { quant_method: 'modelopt', quant_algo: 'NVFP4' },
    (module, out, input) => ({
      [`${module}.weight`]: ['U8', [out, input / 2]],
      [`${module}.weight_scale`]: ['F8_E4M3', [out, input / 16]],
      [`${module}.weight_scale_2`]: ['F32', []],
      [`${module}.input_scale`]: ['F32', []],
    }),
    true,
  ],
  'bitsandbytes, eight bits': [
    { quant_method: 'bitsandbytes', load_in_8bit: true },
    (module, out, input) => ({
      [`${module}.weight`]: ['I8', [out, input]],
      [`${module}.SCB`]: ['F32', [out]],
      [`${module}.weight_format`]: ['U8', []],
    }),
    true,
  ],
  'bitsandbytes, four bits': [
    { quant_method: 'bitsandbytes', load_in_4bit: true, bnb_4bit_quant_type: 'nf4' },
    (module, out, input) => ({
      [`${module}.weight`]: ['U8', [(out * input) / 2, 1]],
      [`${module}.weight.absmax`]: ['U8', [(out * input) / 64]],
      [`${module}.weight.quant_map`]: ['F32', [16]],
      [`${module}.weight.nested_absmax`]: ['F32', [1]],
      [`${module}.weight.quant_state.bitsandbytes__nf4`]: ['U8', [80]],
    }),
    false,
  ],
  HQQ: [
    { quant_method: 'hqq' },
    (module, out, input) => ({
      [`${module}.W_q`]: ['U8', [(out * input) / 128, 64]],
      [`${module}.zero`]: ['F16', [1]],
    }),
    false,
  ],
  EETQ: [
    { quant_method: 'eetq' },
    (module, out, input) => ({
      [`${module}.weight`]: ['I8', [input, out]],
      [`${module}.weight_scales`]: ['F16', [out]],
    }),
    false,
  ],
  BitNet: [
    { quant_method: 'bitnet', linear_class: 'bitlinear' },
    (module, out, input) => ({
      [`${module}.weight`]: ['U8', [out / 4, input]],
      [`${module}.weight_scale`]: ['BF16', [1]],
    }),
    false,
  ],
};

const unquantised: Tensors = {
  'model.embed_tokens.weight': ['BF16', [1000, hidden]],
  'model.norm.weight': ['BF16', [hidden]],
  'lm_head.weight': ['BF16', [1000, hidden]],
  ...Object.fromEntries(
    [0, 1].flatMap((layer) =>
      ['input_layernorm', 'post_attention_layernorm'].map((norm): [string, [string, number[]]] => [
        `model.layers.${layer}.${norm}.weight`,
        ['BF16', [hidden]],
      ]),
    ),
  ),
};

const checkpoint = (layout: Layout): Tensors =>
  Object.assign(
    { ...unquantised },
    ...[0, 1].flatMap((layer) =>
      Object.entries(linear).map(([module, [out, input]]) => layout(`model.layers.${layer}.${module}`, out, input)),
    ),
  ) as Tensors;

const config = (quantisation: JsonValue, rest: Readonly<Record<string, JsonValue>> = {}): string =>
  JSON.stringify({
    model_type: 'llama',
    vocab_size: 1000,
    hidden_size: hidden,
    intermediate_size: inner,
    num_hidden_layers: 2,
    num_attention_heads: 8,
    num_key_value_heads: 2,
    quantization_config: quantisation,
    ...rest,
  });

const told = (text: string, tensors: Tensors): readonly string[] =>
  findingsOf(
    text,
    folder([], {}, [
      [
        'model.safetensors',
        {
          file: 'model.safetensors',
          bytes: 0,
          pointer: false,
          tensors: Object.entries(tensors).map(([name, [dtype, shape]]) => ({ name, dtype, shape, begin: 0, end: 0 })),
        },
      ],
    ]),
  )
    .filter(({ severity }) => severity === 'error' || severity === 'warning')
    .map(({ code, message }) => `${code}: ${message}`);

describe('weights of quantised checkpoints', () => {
  for (const [method, [quantisation, layout, readsOutputs]] of Object.entries(layouts)) {
    const tensors = checkpoint(layout);
    it(`${method}: a true one gives nothing`, () => assert.deepEqual(told(config(quantisation), tensors), []));
    it(`${method}: what was left as it is is checked`, () => {
      const [fault, ...more] = told(config(quantisation, { vocab_size: 1008 }), tensors);
      assert.match(
        fault ?? '',
        /^tensor-shape: model\.embed_tokens\.weight is \[1000, 256\], not \[1008, 256\] as the config makes it\. 1 more/,
      );
      assert.deepEqual(more, []);
    });
    it(`${method}: ${readsOutputs ? 'outputs of packed weights are checked' : 'packed weights are left alone'}`, () => {
      const faults = told(config(quantisation, { num_key_value_heads: 4 }), tensors);
      if (!readsOutputs) assert.deepEqual(faults, []);
      else
        assert.match(
          faults.join('\n'),
          /^tensor-shape: model\.layers\.0\.self_attn\.k_proj\.\S+ is \[.*, not \[128, 256\] as the config makes (it|the weight)\. \d more/,
        );
    });
    it(`${method}: a module that is not there at all is missed`, () => {
      const gone = Object.entries(tensors).filter(([name]) => !name.startsWith('model.layers.1.mlp.up_proj.'));
      const faults = told(config(quantisation), Object.fromEntries(gone));
      assert.match(faults.join('\n'), /^tensors-missing: The weights lack model\.layers\.1\.mlp\.up_proj\.weight\./);
    });
  }

  it('a module that was skipped is checked among packed ones', () => {
    const [quantisation, layout] = layouts['AWQ'] ?? [null, () => ({})];
    const tensors = { ...checkpoint(layout) };
    for (const name of Object.keys(tensors)) if (name.startsWith('model.layers.0.mlp.down_proj.')) delete tensors[name];
    const skipped: Tensors = { ...tensors, 'model.layers.0.mlp.down_proj.weight': ['BF16', [hidden, inner]] };
    assert.deepEqual(told(config(quantisation), skipped), []);
    const short: Tensors = { ...skipped, 'model.layers.0.mlp.down_proj.weight': ['BF16', [hidden, 500]] };
    assert.match(told(config(quantisation), short).join('\n'), /down_proj\.weight is \[256, 500\].*\[256, 512\]/);
  });

  it('MXFP4 experts in blocks and scales, and biases beside them', () => {
    const experts = 'model.layers.0.mlp.experts';
    const text = JSON.stringify({
      model_type: 'gpt_oss',
      vocab_size: 1000,
      hidden_size: 256,
      intermediate_size: 128,
      num_hidden_layers: 1,
      num_attention_heads: 8,
      num_key_value_heads: 2,
      head_dim: 32,
      num_local_experts: 4,
      num_experts_per_tok: 2,
      quantization_config: { quant_method: 'mxfp4', modules_to_not_convert: ['model.layers.*.self_attn', 'lm_head'] },
    });
    const tensors: Tensors = {
      'model.embed_tokens.weight': ['BF16', [1000, 256]],
      'model.norm.weight': ['BF16', [256]],
      'lm_head.weight': ['BF16', [1000, 256]],
      'model.layers.0.input_layernorm.weight': ['BF16', [256]],
      'model.layers.0.post_attention_layernorm.weight': ['BF16', [256]],
      'model.layers.0.mlp.router.weight': ['BF16', [4, 256]],
      'model.layers.0.mlp.router.bias': ['BF16', [4]],
      'model.layers.0.self_attn.sinks': ['BF16', [8]],
      ...Object.fromEntries(
        Object.entries({ q: 256, k: 64, v: 64, o: 256 }).flatMap(([name, out]): [string, [string, number[]]][] => [
          [`model.layers.0.self_attn.${name}_proj.weight`, ['BF16', [out, 256]]],
          [`model.layers.0.self_attn.${name}_proj.bias`, ['BF16', [out]]],
        ]),
      ),
      [`${experts}.gate_up_proj_blocks`]: ['U8', [4, 256, 8, 16]],
      [`${experts}.gate_up_proj_scales`]: ['U8', [4, 256, 8]],
      [`${experts}.gate_up_proj_bias`]: ['BF16', [4, 256]],
      [`${experts}.down_proj_blocks`]: ['U8', [4, 256, 4, 16]],
      [`${experts}.down_proj_scales`]: ['U8', [4, 256, 4]],
      [`${experts}.down_proj_bias`]: ['BF16', [4, 256]],
    };
    assert.deepEqual(told(text, tensors), []);
    const fewer: Tensors = { ...tensors, 'model.layers.0.self_attn.sinks': ['BF16', [6]] };
    assert.match(told(text, fewer).join('\n'), /^tensor-shape: model\.layers\.0\.self_attn\.sinks is \[6\].*\[8\]/);
  });
});
