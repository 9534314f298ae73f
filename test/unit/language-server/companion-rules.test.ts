import assert from 'node:assert/strict';
import type { JsonValue } from '../../../models/formats/model-description';
import { baseFamily } from '../../../language-server/service/adapter-bases';
import type { Finding } from '../../../language-server/service/finding';
import { expectFinding, findingsOf, folder } from './caret';

const applied = (text: string, { fixes }: Finding): string => {
  const [fix] = fixes;
  assert.ok(fix !== undefined, 'a fix');
  return [...fix.changes]
    .sort((left, right) => right.offset - left.offset)
    .reduce((now, { offset, length, text: put }) => now.slice(0, offset) + put + now.slice(offset + length), text);
};

describe('rules about companions', () => {
  describe('labels', () => {
    const code = 'labels-contradict';
    it('are turned round by the fix, at the indentation of the file', () => {
      const text = '{\n  "id2label": {"0": "no", "1": "yes"},\n  "label2id": {"yes": 0},\n  "model_type": "bert"\n}';
      assert.equal(
        applied(text, expectFinding(text, code)),
        '{\n  "id2label": {"0": "no", "1": "yes"},\n  "label2id": {\n    "no": 0,\n    "yes": 1\n  },\n  "model_type": "bert"\n}',
      );
    });
    it('exchanged with their ids are exchanged back', () => {
      const text = '{"model_type": "bert", "id2label": {"no": 0}, "label2id": {"0": "no"}}';
      const mended = applied(text, expectFinding(text, code));
      assert.equal(mended, '{"model_type": "bert", "label2id": {"no": 0}, "id2label": {"0": "no"}}');
      assert.deepEqual(findingsOf(mended), []);
    });
    it('matter to a class that uses them', () => {
      const text = (name: string): string =>
        `{"model_type": "bart", "architectures": ["${name}"], "num_labels": 3, "id2label": {"0": "no", "1": "yes"}}`;
      assert.equal(expectFinding(text('BartForSequenceClassification'), code).severity, 'warning');
      // gogamza/kobart writes texts.
      assert.equal(expectFinding(text('BartForConditionalGeneration'), code).severity, 'information');
    });
    it('spelt otherwise, or left as transformers fills them, are information', () => {
      for (const ids of ['{"A.": 0, "B": 1}', '{"LABEL_0": 0, "LABEL_1": 1}']) {
        const text = `{"model_type": "bert", "id2label": {"0": "A", "1": "B"}, "label2id": ${ids}}`;
        assert.equal(expectFinding(text, code).severity, 'information', ids);
      }
    });
  });

  describe('values in quotes', () => {
    it("lose them by the fix, Python's words in the way of JSON", () => {
      for (const [value, right] of [
        ['"True"', 'true'],
        ['"false"', 'false'],
        ['"None"', 'null'],
      ] as const) {
        const text = `{"model_type": "llama", "use_cache": ${value}}`;
        assert.equal(applied(text, expectFinding(text, 'field-value')), text.replace(value, right));
      }
      const text = '{"model_type": "llama", "rope_theta": "1e6", "vocab_size": 100}';
      assert.equal(applied(text, expectFinding(text, 'field-value')), text.replace('"1e6"', '1e6'));
    });
    it('are information in a foreign model, and nothing where a text may stand', () => {
      assert.equal(
        expectFinding('{"model_type": "someones", "use_cache": "false"}', 'field-value').severity,
        'information',
      );
      const text = '{"model_type": "llama", "name": "false", "x": "1", "use_cache": "auto"}';
      assert.deepEqual(
        findingsOf(text).filter((finding) => finding.code === 'field-value'),
        [],
      );
    });
  });

  it('a chat template of which nothing but tools is lacking gives information alone', () => {
    // The distilled Qwen models of DeepSeek, with their published tokens.
    const ids = new Map([
      ['<｜User｜>', 151644],
      ['<｜Assistant｜>', 151645],
      ['<｜begin▁of▁sentence｜>', 151646],
      ['<｜end▁of▁sentence｜>', 151643],
    ]);
    const { facts } = folder(['tokenizer.json']);
    const text = JSON.stringify({
      tokenizer_class: 'LlamaTokenizerFast',
      chat_template:
        "<｜User｜>{{ text }}<｜Assistant｜>{{ '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>' + call + '<｜tool▁sep｜>' }}{{ '<｜tool▁call▁end｜><｜tool▁calls▁end｜><｜end▁of▁sentence｜>' }}",
    });
    const surroundings = {
      name: 'tokenizer_config.json',
      facts: { ...facts, tokenizer: { bytes: 1, entries: 151643, idCount: 151665, named: { ids, whole: true } } },
    };
    const finding = expectFinding(text, 'chat-template-token', surroundings);
    assert.equal(finding.severity, 'information');
    assert.match(finding.message, /<｜tool▁calls▁begin｜>, <｜tool▁call▁begin｜>, <｜tool▁sep｜> and 2 more/);
  });

  it('a target of another family weighs as much as is known, and less where another target matches', () => {
    const severity = (targets: string, rest: string, config?: JsonValue): string =>
      expectFinding(
        `{"peft_type": "LORA", "r": 8, "target_modules": [${targets}]${rest}}`,
        'lora-target-matches-nothing',
        {
          name: 'adapter_config.json',
          ...(config === undefined ? {} : folder(['config.json'], { 'config.json': config })),
        },
      ).severity;
    const gpt2 = { model_type: 'gpt2', n_embd: 64, n_head: 4, n_layer: 2, vocab_size: 100 };
    assert.equal(severity('"q_proj"', '', gpt2), 'error');
    assert.equal(severity('"q_proj", "c_attn"', '', gpt2), 'warning');
    const named = ', "base_model_name_or_path": "microsoft/Phi-3-mini-4k-instruct"';
    assert.equal(severity('"q_proj"', named), 'warning');
    assert.equal(severity('"q_proj", "o_proj"', named), 'information');
  });

  it('base models are known by the names they are published under, and by no others', () => {
    const titles: Readonly<Record<string, string>> = {
      'openai-community/gpt2-xl': 'GPT-2',
      'meta-llama/Llama-2-7b-hf': 'Llama',
      'meta-llama/Meta-Llama-3-8B-Instruct': 'Llama',
      'unsloth/llama-3.2-3b-instruct-unsloth-bnb-4bit': 'Llama',
      'TinyLlama/TinyLlama-1.1B-Chat-v1.0': 'Llama',
      'mistralai/Mistral-7B-Instruct-v0.2': 'Mistral',
      'Qwen/Qwen2.5-0.5B-Instruct': 'Qwen',
      'unsloth/gemma-2-9b-it-bnb-4bit': 'Gemma',
      'microsoft/Phi-3-mini-4k-instruct': 'Phi-3',
      'bigcode/starcoderbase': 'GPT-BigCode',
      'THUDM/chatglm3-6b': 'ChatGLM',
      'google/flan-t5-base': 'T5',
      'bert-base-uncased': 'BERT',
      'FacebookAI/xlm-roberta-large': 'RoBERTa',
    };
    for (const [name, title] of Object.entries(titles)) assert.equal(baseFamily(name)?.title, title, name);
    // With a vision part, rewritten by others, of changing code, or on somebody's disk.
    for (const name of [
      'meta-llama/Llama-3.2-11B-Vision-Instruct',
      'Qwen/Qwen2-VL-7B-Instruct',
      'unsloth/Phi-3-mini-4k-instruct',
      'microsoft/Phi-3-vision-128k-instruct',
      'microsoft/phi-2',
      'google/gemma-3-4b-it',
      '/data/models/gpt2',
      'someone/bert-base-uncased',
    ])
      assert.equal(baseFamily(name), undefined, name);
  });

  it('layers are counted from 0, and those that are not there are named together', () => {
    const finding = expectFinding(
      '{"peft_type": "LORA", "r": 8, "target_modules": ["q_proj"], "layers_to_transform": [0, 1, 7, 8, 9]}',
      'lora-layers-outside',
      {
        name: 'adapter_config.json',
        ...folder(['config.json'], { 'config.json': { model_type: 'llama', num_hidden_layers: 8 } }),
      },
    );
    assert.match(finding.message, /the layers 8-9, and the model has 8/);
  });
});
