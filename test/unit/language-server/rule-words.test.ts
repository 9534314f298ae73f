/** What rules say, and what their fixes make of a file: the words in full, written by hand. */
import assert from 'node:assert/strict';
import { expectFinding, folder } from './caret';
import type { Surroundings } from './caret';

const generation: Surroundings = {
  name: 'generation_config.json',
  ...folder([], { 'config.json': { model_type: 'llama', vocab_size: 100 } }),
};
const long = 'a label of more letters than a line has!!';

interface Words {
  readonly code: string;
  readonly text: string;
  readonly surroundings?: Surroundings;
  readonly message: string;
  /** A title of a fix, and what the file then is. */
  readonly fix?: readonly [title: string, text: string];
  readonly severity?: 'error' | 'warning' | 'information';
}

const words: readonly Words[] = [
  {
    code: 'lora-pattern-matches-nothing',
    text: '{"peft_type": "LORA", "r": 8, "target_modules": ["q_proj", "v_proj"], "rank_pattern": {"layers.0.q_prj": 16}}',
    surroundings: { name: 'adapter_config.json' },
    message:
      '"layers.0.q_prj" matches no module that the adapter is put on; did you mean "q_proj"? The rank under it has no effect.',
    fix: [
      'Rename the key to "layers.0.q_proj"',
      '{"peft_type": "LORA", "r": 8, "target_modules": ["q_proj", "v_proj"], "rank_pattern": {"layers.0.q_proj": 16}}',
    ],
  },
  {
    code: 'rope-reach-differs',
    text: '{"model_type": "llama", "max_position_embeddings": 100000, "rope_scaling": {"rope_type": "yarn", "factor": 3, "original_max_position_embeddings": 30000}}',
    message:
      'factor 3 stretches the original 30000 positions to 90000, and max_position_embeddings is 100000. Positions beyond the stretched length were not made for any use.',
    // 10 / 3 to six digits.
    fix: [
      'Change factor to 3.33333',
      '{"model_type": "llama", "max_position_embeddings": 100000, "rope_scaling": {"rope_type": "yarn", "factor": 3.33333, "original_max_position_embeddings": 30000}}',
    ],
    severity: 'warning',
  },
  {
    code: 'headscope-file',
    text: '{"severty": {}}',
    surroundings: { name: '.headscope.json' },
    message:
      '"severty" is no key of this file; did you mean "severity"? Choose from severity, baseline, deviceMemoryGB, exclude, families.',
    fix: ['Change to "severity"', '{"severity": {}}'],
  },
  {
    code: 'labels-contradict',
    text: `{"model_type": "bert", "id2label": {"0": "no"}, "label2id": {"no": 0, "${long}": 1}}`,
    message: `label2id gives "${long.slice(0, 40)}…" the id 1, and id2label has no such id.`,
  },
  {
    code: 'layer-type-unknown',
    text: '{"model_type": "llama", "num_hidden_layers": 2, "layer_types": ["full_atention", "full_atention"]}',
    message:
      '"full_atention" is not a kind of layer; did you mean "full_attention"? Known types include full_attention, sliding_attention, chunked_attention, linear_attention, conv, mamba.',
    fix: [
      'Change all 2 to "full_attention"',
      '{"model_type": "llama", "num_hidden_layers": 2, "layer_types": ["full_attention", "full_attention"]}',
    ],
  },
  {
    code: 'quantisation-bits',
    text: '{"model_type": "llama", "quantization_config": {"quant_method": "awq", "bits": 8}}',
    message: "Only vLLM's Marlin kernels read awq weights of 8 bits; other loaders take 4.",
    severity: 'warning',
  },
  {
    code: 'quantisation-bits',
    text: '{"model_type": "llama", "quantization_config": {"quant_method": "awq", "bits": 3}}',
    message: 'Loaders take awq weights of 4 bits, not of 3.',
    severity: 'error',
  },
  {
    code: 'token-id-outside-vocabulary',
    text: '{"_from_model_config": true, "eos_token_id": 100}',
    surroundings: generation,
    message:
      'eos_token_id 100 is outside the vocabulary of 100. The model of config.json can never produce or read it.',
  },
  {
    code: 'vision-feature-layer',
    text: '{"model_type": "qwen3_vl", "vision_config": {"depth": 24, "deepstack_visual_indexes": [5, 24]}}',
    message: 'deepstack_visual_indexes 24 does not exist: the vision part has 24 layers. It runs from 0 to 23.',
  },
];

describe('the words of rules', () => {
  for (const { code, text, surroundings, message, fix, severity } of words) {
    it(`${code}: ${message}`, () => {
      const finding = expectFinding(text, code, surroundings);
      assert.ok(finding.message.startsWith(message), finding.message);
      if (severity !== undefined) assert.equal(finding.severity, severity);
      if (fix === undefined) return;
      const [title, mended] = fix;
      const found = finding.fixes.find((one) => one.title === title);
      assert.ok(found, finding.fixes.map((one) => one.title).join());
      const made = [...found.changes]
        .sort((left, right) => right.offset - left.offset)
        .reduce((now, { offset, length, text: put }) => now.slice(0, offset) + put + now.slice(offset + length), text);
      assert.equal(made, mended);
    });
  }
});
