import type { RuleCases } from './rule-case';

/** Files as texts: what is no JSON, keys that are there twice, and what is too much to be read. */
export const jsonCases: Readonly<Record<string, RuleCases>> = {
  'json-invalid': {
    fires: [
      ['||', { strict: true }],
      ['{"model_type": "llama"||', { strict: true }],
      ['{"model_type": "llama", "architectures": ["LlamaFor||', { strict: true }],
      ['{"model_type": "llama",|}|', { strict: true }],
      ['{"architectures": ["LlamaForCausalLM",|]|, "model_type": "llama"}', { strict: true }],
      ['{"model_type": "llama" |// a comment|\n}', { strict: true }],
      ["{|'model_type'|: 'llama'}", { strict: true }],
      ['{"model_type": "llama", "use_cache": |True|}', { strict: true }],
      ['{"weight_map": {"a": |None|}}', { strict: true, name: 'model.safetensors.index.json' }],
      ['|<<<<<<<| HEAD\n{"model_type": "llama"}\n=======\n{}\n>>>>>>> main\n', { strict: true }],
      [
        '{\n"model_type": "llama",\n|<<<<<<<| HEAD\n"vocab_size": 1\n=======\n"vocab_size": 2\n>>>>>>> main\n}',
        { strict: true },
      ],
      ['||\ufeff{"model_type": "llama"}', { strict: true }],
    ],
    silent: [
      '{"model_type": "llama",}',
      ['{"model_type": "llama", "a": NaN, "b": -Infinity}', { strict: true }],
      ['\t\r\n{"model_type": "llama", "\\u00e4": "\\ud800"}\n', { strict: true }],
      ['{"name": "x",}', { strict: true, name: 'package.json' }],
      // The settings of a speech trainer, which takes comments out before it parses.
      ['{\n  "model": "Tacotron2",\n  // AUDIO PARAMETERS\n  "audio": {"fft_size": 1024}\n}', { strict: true }],
      [`{"a": ${'['.repeat(100_000)}`, { strict: true }],
    ],
  },
  'key-twice': {
    fires: [
      '{"model_type": "llama", "num_hidden_layers": 2, |"num_hidden_layers"|: 3}',
      '{"model_type": "llava", "text_config": {"model_type": "llama", |"model_type"|: "qwen2"}}',
      ['{"_from_model_config": true, "eos_token_id": 1, |"eos_token_id"|: 2}', { name: 'generation_config.json' }],
    ],
    silent: [
      '{"model_type": "llava", "text_config": {"model_type": "llama"}}',
      '{"model_type": "llama", "model_type"',
      ['{"name": "x", "name": "y"}', { name: 'package.json' }],
    ],
  },
  'file-not-read': {
    fires: [`|[|${'['.repeat(300)}`, `|{|"a": ${'['.repeat(100_000)}`],
    silent: ['[[[[]]]]', [`${'['.repeat(300)}`, { name: 'other.json' }]],
  },
};
