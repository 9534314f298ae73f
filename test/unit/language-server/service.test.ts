import assert from 'node:assert/strict';
import { codeActions } from '../../../language-server/service/code-actions';
import { codeLenses } from '../../../language-server/service/code-lenses';
import { completeAt } from '../../../language-server/service/completion';
import { fileKind } from '../../../language-server/service/file-kind';
import type { TextChange } from '../../../language-server/service/finding';
import { noFacts } from '../../../language-server/service/folder-facts';
import { hoverAt } from '../../../language-server/service/hover';
import { inlayHints } from '../../../language-server/service/inlay-hints';
import { fileLinks } from '../../../language-server/service/links';
import { modelFacts } from '../../../language-server/service/model-facts';
import { otherSentence } from '../../../language-server/service/other-facts';
import type { OtherModel } from '../../../models/formats/other-model';
import { outline } from '../../../language-server/service/outline';
import { rendered } from '../../support/rendered';
import { expectFinding, findingsOf, modelFile, shard, unmark } from './caret';

/** Llama 3.1 8B as published: 32 layers, 32 heads on 8 of 128. */
const llama = `"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4096, "intermediate_size": 14336,
  "num_hidden_layers": 32, "num_attention_heads": 32, "max_position_embeddings": 131072, "vocab_size": 128256, "torch_dtype": "bfloat16"`;

const place = (marked: string): { text: string; offset: number } => {
  const { text, span } = unmark(marked);
  assert.ok(span !== undefined);
  return { text, offset: span.offset };
};
const hover = (marked: string, name?: string): string | undefined => {
  const { text, offset } = place(marked);
  const shown = hoverAt(modelFile(text, name), offset)?.markdown;
  return shown === undefined ? undefined : rendered(shown.source).text;
};
const expectHover = (marked: string, ...words: readonly (string | RegExp)[]): void => {
  const shown = hover(marked) ?? '';
  for (const word of words) {
    assert.ok(
      typeof word === 'string' ? shown.includes(word) : word.test(shown),
      `${String(word)} is not in\n${shown}`,
    );
  }
};
const labels = (marked: string, name?: string): readonly string[] => {
  const { text, offset } = place(marked);
  return completeAt(modelFile(text, name), offset).map(({ label }) => label);
};
const apply = (text: string, changes: readonly TextChange[]): string =>
  [...changes]
    .sort((left, right) => right.offset - left.offset)
    .reduce(
      (result, { offset, length, text: put }) => result.slice(0, offset) + put + result.slice(offset + length),
      text,
    );

describe('hover', () => {
  it('on key/value heads that do not divide the heads: the true factor, not the heads', () =>
    expectHover(`{${llama}, "num_key_|value_heads": 6}`, '5.3 times fewer'));
  it('on key/value heads: meaning, ratio, cache in each dtype, formula', () =>
    expectHover(
      `{${llama}, "num_key_|value_heads": 8}`,
      'GQA',
      'Ratio 4:1',
      '128 KiB',
      '256 KiB',
      '| 2k | 8k | 128k |',
      '16 GiB',
      'kv heads',
    ));
  it('on a value as on its key', () => expectHover(`{${llama}, "num_key_value_heads": |8}`, 'Ratio 4:1'));
  it('shows the default and where it comes from', () =>
    expectHover(`{${llama}, "rope_|theta": 10000}`, 'Base of the rotary frequencies', '10000'));
  it('on hidden_size: share of parameters and FLOPs', () =>
    expectHover(
      `{"hidden_|size": 4096, ${llama.replace('"hidden_size": 4096, ', '')}, "num_key_value_heads": 8}`,
      '8.03 B',
      'FLOPs per token',
    ));
  it('on the latent rank of DeepSeek-V3: the cache is the latent', () =>
    expectHover(
      '{"model_type": "deepseek_v3", "hidden_size": 7168, "num_hidden_layers": 61, "num_attention_heads": 128, "kv_lora_|rank": 512, "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "torch_dtype": "bfloat16"}',
      'multi-head latent attention',
      // 61 layers x (512 + 64) x 2 bytes = 70272 bytes
      '68.6 KiB',
    ));
  it('works in a half-typed file', () => expectHover(`{${llama}, "num_key_|value_heads": 8, "rope_`, 'Ratio 4:1'));
  it('works without a closing brace or a value', () =>
    expectHover(`{${llama}, "num_key_|value_heads": `, 'key/value heads'));
  it('explains rope fields and companions', () => {
    expectHover(`{${llama}, "rope_scaling": {"rope_type": "llama3", "fac|tor": 8.0}}`, 'How many times longer');
    assert.match(hover('{"peft_type": "LORA", "r|": 8}', 'adapter_config.json') ?? '', /Rank of the adapter/);
  });
  it('says nothing on files that are none of ours', () =>
    assert.equal(hover('{"na|me": "x", "version": "1"}', 'package.json'), undefined));
});

describe('inlay hints', () => {
  const hints = (text: string): readonly string[] => inlayHints(modelFile(text)).map(({ label }) => label);
  it('behind the key/value heads', () =>
    assert.deepEqual(hints(`{${llama}, "num_key_value_heads": 8}`), ['⟶ GQA 4:1, 128 KiB/token']));
  it('behind the heads where there are no others', () =>
    assert.deepEqual(hints(`{${llama}}`), ['⟶ MHA, 512 KiB/token']));
  it('without a cache for an encoder', () =>
    assert.deepEqual(
      hints('{"model_type": "bert", "hidden_size": 768, "num_attention_heads": 12, "num_hidden_layers": 12}'),
      ['⟶ MHA'],
    ));
  it('stands after the value', () => {
    const { text, offset } = place(`{${llama}, "num_key_value_heads": 8|}`);
    assert.equal(inlayHints(modelFile(text))[0]?.offset, offset);
  });
});

describe('completion', () => {
  it('offers keys of the family that are not there yet', () => {
    const offered = labels(`{${llama}, "|"}`);
    for (const key of ['num_key_value_heads', 'rope_theta', 'rms_norm_eps']) assert.ok(offered.includes(key), key);
    assert.ok(!offered.includes('hidden_size'));
  });
  it('brings the default of a key along', () => {
    const { text, offset } = place(`{${llama}, "|"}`);
    const theta = completeAt(modelFile(text), offset).find(({ label }) => label === 'rope_theta');
    assert.match(theta?.text ?? '', /^"rope_theta": 10000/);
    assert.match(theta?.detail ?? '', /LlamaConfig/);
  });
  it('offers values of a closed set', () => {
    assert.ok(labels(`{"model_type": "qwen3", "torch_dtype": "|"}`).includes('bfloat16'));
    assert.ok(labels(`{"model_type": "gemma3_text", "layer_types": ["|"]}`).includes('sliding_attention'));
    assert.ok(labels(`{"model_type": "|", "hidden_size": 8, "num_attention_heads": 2}`).includes('llama'));
  });
  it('offers forms of rope scaling as snippets', () => {
    const { text, offset } = place(`{${llama}, "rope_scaling": |}`);
    const yarn = completeAt(modelFile(text), offset).find(({ label }) => label === 'yarn');
    assert.equal(yarn?.kind, 'snippet');
    assert.match(yarn?.text ?? '', /"factor": \$\{1:4\.0\}/);
  });
  it('replaces the quoted word under the cursor', () => {
    const { text, offset } = place(`{${llama}, "num_k|": 8}`);
    const found = completeAt(modelFile(text), offset).find(({ label }) => label === 'num_key_value_heads');
    assert.ok(found !== undefined);
    assert.equal(apply(text, [{ ...found.span, text: found.text }]), `{${llama}, "num_key_value_heads": 8}`);
  });
  for (const [text, first] of [
    ['{|}', 'model_type'],
    ['{ | }', 'model_type'],
    ['{\n  |\n}', 'model_type'],
    ['{"|"}', 'model_type'],
    ['{"model_type": "llava", "text_config": {|}}', 'model_type'],
    ['{"model_type": "llama", "rope_scaling": { | }}', 'rope_type'],
  ] as const) {
    it(`offers keys in an empty object: ${JSON.stringify(text)}`, () => {
      const offered = labels(text);
      assert.equal(offered[0], first);
      assert.ok(offered.length > 10);
      const { text: plain, offset } = place(text);
      const [{ span, text: put } = assert.fail()] = completeAt(modelFile(plain), offset);
      const after = apply(plain, [{ ...span, text: put }]);
      assert.ok(after.includes(`"${first}"`) && !after.includes('""'), after);
    });
  }
  it('offers the keys of other files in an empty object by their names', () =>
    assert.ok(labels('{|}', 'generation_config.json').includes('temperature')));
  it('is silent in other JSON', () =>
    assert.deepEqual([...labels('{"|"}', 'package.json'), ...labels('{|}', 'package.json')], []));
});

describe('code lenses', () => {
  const titles = (text: string): readonly string[] => codeLenses(modelFile(text), noFacts).map(({ title }) => title);
  it('say the attention, the parameters and the cache, and offer the benchmark', () => {
    const [attention = '', action = '', , heads, parameters, cache = ''] = titles(
      `{${llama}, "num_key_value_heads": 8}`,
    );
    assert.equal(attention, 'GQA 4:1');
    assert.equal(heads, '32 heads of 128, 32 layers');
    // A window of 900 pixels that is split shows so much before its minimap.
    assert.ok(`${attention} | ${action.replace(/^\$\([a-z-]+\) /, '')}`.length <= 20);
    assert.equal(parameters, '8.03 B parameters');
    assert.equal(cache, 'KV 128 KiB/token, 16 GiB at 128k');
    assert.match(action, /Benchmark$/);
    const commands = codeLenses(modelFile(`{${llama}}`), noFacts).flatMap(({ command }) => command ?? []);
    assert.deepEqual(commands, [
      { id: 'headscope.benchmarkConfig', arguments: ['file:///models/m/config.json'] },
      { id: 'headscope.compareModels', arguments: ['file:///models/m/config.json'] },
    ]);
  });
  const offers = (
    id: string,
    text: string,
    rest: Parameters<typeof shard>[2] = {},
    name = 'model.safetensors',
  ): boolean =>
    codeLenses(modelFile(text), { ...noFacts, shards: new Map([shard(name, { a: [1] }, rest)]) }).some(
      ({ command }) => command?.id === id,
    );
  it('offer the hallucination heads where the model sees and reads, and its weights lie beside', () => {
    const shows = (text: string, rest: Parameters<typeof shard>[2] = {}): boolean =>
      offers('headscope.showHallucination', text, rest);
    const vision =
      '"hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2, "image_size": 28, "patch_size": 14}';
    const llava = `{"model_type": "llava", "text_config": {${llama}}, "vision_config": {"model_type": "clip_vision_model", ${vision}}`;
    assert.ok(shows(llava));
    assert.ok(!shows(llava, { pointer: true }));
    assert.ok(!shows(`{${llama}}`));
    assert.ok(!shows(`{"model_type": "vit", ${vision}`));
  });
  it('offer the heads where whole weights of a model that runs lie beside', () => {
    const shows = (text: string, rest: Parameters<typeof shard>[2] = {}, name?: string): boolean =>
      offers('headscope.showHeads', text, rest, name);
    assert.ok(shows(`{${llama}}`));
    assert.ok(!shows(`{${llama}}`, { pointer: true }));
    const vision =
      '"hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2, "image_size": 28, "patch_size": 14}';
    assert.ok(
      shows(
        `{"model_type": "llava", "text_config": {${llama}}, "vision_config": {"model_type": "clip_vision_model", ${vision}}`,
      ),
    );
    assert.ok(!shows(`{"model_type": "vit", ${vision}`));
    assert.ok(!shows(`{${llama}}`, { problem: { code: 'x', message: 'broken' } }));
    assert.ok(!shows(`{${llama}}`, {}, 'adapter_model.safetensors'));
    assert.ok(
      !shows('{"model_type": "reformer", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2}'),
    );
  });
  it('name windows', () =>
    assert.match(
      titles('{"model_type": "mistral", "sliding_window": 4096, "num_hidden_layers": 2}')[0] ?? '',
      /^GQA 4:1, windowed$/,
    ));
  it('are absent where there is no attention', () =>
    assert.deepEqual(titles('{"model_type": "resnet", "depths": [3, 4]}'), []));
});

describe('outline and links', () => {
  it('lists keys with their values and lengths', () => {
    const entries = outline(
      modelFile('{"model_type": "llama", "eos_token_id": [1, 2], "rope_scaling": {"factor": 2}}'),
    );
    assert.deepEqual(
      entries.map(({ name, detail }) => `${name} ${detail}`),
      ['model_type llama', 'eos_token_id 2 entries', 'rope_scaling '],
    );
    assert.equal(entries[2]?.children[0]?.name, 'factor');
  });
  it('links shards that are there and no others', () => {
    const file = modelFile(
      '{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}',
      'model.safetensors.index.json',
    );
    const facts = { ...noFacts, files: new Map([['model-1.safetensors', 1]]) };
    assert.deepEqual(
      fileLinks(file, facts).map(({ file: name }) => name),
      ['model-1.safetensors'],
    );
  });
});

describe('code actions', () => {
  const actions = (marked: string) => {
    const { text, span } = unmark(marked);
    assert.ok(span !== undefined);
    return { text, list: codeActions(findingsOf(text), span) };
  };
  it('applies a quick fix', () => {
    const { text, list } = actions(`{${llama}, "num_key_value_heads": |7|}`);
    const fix = list.find(({ title }) => title === 'Change num_key_value_heads to 4');
    assert.ok(fix?.changes !== undefined);
    const fixed = apply(text, fix.changes);
    assert.equal(fixed, `{${llama}, "num_key_value_heads": 4}`);
    assert.deepEqual(
      findingsOf(fixed).filter(({ code }) => code === 'kv-heads-do-not-divide'),
      [],
    );
  });
  it('offers both neighbours where the file does not say which count was meant, and prefers neither', () => {
    const { list } = actions('{"model_type": "llama", "num_attention_heads": 32, "num_key_value_heads": |6|}');
    const offered = list.filter(({ title }) => title.startsWith('Change num_key_value_heads'));
    assert.deepEqual(
      offered.map(({ title, preferred }) => [title, preferred]),
      [
        ['Change num_key_value_heads to 4', false],
        ['Change num_key_value_heads to 8', false],
      ],
    );
    const heads = actions('{"model_type": "llama", "hidden_size": 24, "num_attention_heads": |7|}').list;
    assert.deepEqual(
      heads
        .filter(({ title }) => title.startsWith('Change num_attention_heads'))
        .map(({ title, preferred }) => [title, preferred]),
      [
        ['Change num_attention_heads to 6', false],
        ['Change num_attention_heads to 8', false],
      ],
    );
  });
  it('removes a property with its comma', () => {
    const { text, list } = actions(
      `{"model_type": "llama", "rope_scaling": {"rope_type": "linear", "type": |"yarn"|, "factor": 2}}`,
    );
    const fix = list.find(({ title }) => title === 'Remove "type"');
    assert.equal(
      apply(text, fix?.changes ?? []),
      '{"model_type": "llama", "rope_scaling": {"rope_type": "linear", "factor": 2}}',
    );
  });
  it('fixes all of a rule', () => {
    const { text, list } = actions(
      '{"model_type": "llava", "torch_dtype": |"fp16"|, "text_config": {"model_type": "llama", "torch_dtype": "bf16"}}',
    );
    const all = list.find(({ title }) => title === 'Fix all 2 of dtype-unknown in this file');
    assert.equal(
      apply(text, all?.changes ?? []),
      '{"model_type": "llava", "torch_dtype": "float16", "text_config": {"model_type": "llama", "torch_dtype": "bfloat16"}}',
    );
  });
  it('silences a rule by a setting', () => {
    const { list } = actions(`{${llama}, "num_key_value_heads": |7|}`);
    assert.deepEqual(list.find(({ title }) => title.startsWith('Silence'))?.command, {
      id: 'headscope.setRuleSeverity',
      arguments: ['kv-heads-do-not-divide', 'off'],
    });
  });
});

describe('settings of severity', () => {
  it('change and silence a rule', () => {
    const text = '{"num_attention_heads": |7|, "hidden_size": 512}';
    const plain = unmark(text).text;
    assert.equal(expectFinding(text, 'heads-do-not-divide').severity, 'error');
    assert.equal(findingsOf(plain, { settings: { severity: { 'heads-do-not-divide': 'hint' } } })[0]?.severity, 'hint');
    assert.deepEqual(
      findingsOf(plain, { settings: { severity: { 'heads-do-not-divide': 'off' } } }).filter(
        ({ code }) => code === 'heads-do-not-divide',
      ),
      [],
    );
  });
  it('claim no error about models of others', () =>
    assert.equal(
      expectFinding(
        '{"model_type": "someone-elses", "num_attention_heads": 4, "num_key_value_heads": |3|, "hidden_size": 64}',
        'kv-heads-do-not-divide',
      ).severity,
      'information',
    ));
  it('messages stand alone in their first 80 characters', () =>
    assert.match(
      expectFinding('{"num_attention_heads": |7|, "hidden_size": 512}', 'heads-do-not-divide').message.slice(0, 80),
      /7 heads do not divide hidden_size 512, and there is no head_dim/,
    ));
});

describe('file kinds', () => {
  const kinds: readonly (readonly [name: string, text: string, kind: string | undefined])[] = [
    ['config.json', '{"model_type": "llama"}', 'config'],
    ['anything.json', '{"hidden_size": 64, "num_attention_heads": 4}', 'config'],
    ['config.json', '{"compilerOptions": {}}', undefined],
    ['config.json', '{"_class_name": "UNet2DConditionModel", "model_type": "x"}', undefined],
    ['config_sentence_transformers.json', '{"__version__": {}, "model_type": "SentenceTransformer"}', undefined],
    ['generation_config.json', '{"eos_token_id": 1, "do_sample": true}', 'generation'],
    ['package.json', '{"name": "x", "temperature": 1}', undefined],
    [
      'tokenizer_config.json',
      '{"tokenizer_class": "X", "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"}',
      'tokenizer',
    ],
    ['preprocessor_config.json', '{"image_processor_type": "X"}', 'preprocessor'],
    ['processor_config.json', '{"processor_class": "X"}', 'processor'],
    ['adapter_config.json', '{"peft_type": "LORA", "r": 8}', 'adapter'],
    ['genai_config.json', '{"model": {"type": "llama", "decoder": {}}, "search": {}}', 'genai'],
    ['model.safetensors.index.json', '{"weight_map": {}}', 'index'],
    ['a.json', '[1, 2]', undefined],
    ['a.json', '"text"', undefined],
    ['a.json', '', undefined],
  ];
  for (const [name, text, kind] of kinds) {
    it(`${name} ${text} is ${kind ?? 'left alone'}`, () =>
      assert.equal(fileKind(`file:///m/${name}`, modelFile(text, name).document.value), kind));
  }
});

describe('model facts', () => {
  it('of Llama 3.1 8B', () => {
    const facts = modelFacts(
      modelFile(`{${llama}, "num_key_value_heads": 8}`),
      { ...noFacts, name: 'Llama-3.1-8B' },
      [],
    );
    assert.equal(facts?.kvBytesPerToken, 131_072);
    // The published total of the checkpoint.
    assert.equal(facts.parameters?.total, 8_030_261_248);
    assert.deepEqual(facts.kvBytes?.at(-1), { length: 131_072, bytes: 2 ** 34 });
    assert.equal(facts.parts[0]?.layers.length, 32);
    assert.equal(facts.supported, true);
  });

  it('say of a model that a run would make another of why it does not run', () => {
    const file = modelFile(`{${llama}, "is_causal": false}`);
    const facts = modelFacts(file, { ...noFacts, name: 'bidirectional' }, []);
    assert.match(String(facts?.supported), /^is_causal is false, and Headscope computes Llama where it is true\./);
  });

  it('say first how the weights are quantised', () => {
    const sentence = (quantization_config?: object): string | undefined => {
      const sizes = { model_type: 'llama', hidden_size: 64, num_attention_heads: 4, num_hidden_layers: 2 };
      const file = modelFile(JSON.stringify({ ...sizes, ...(quantization_config ? { quantization_config } : {}) }));
      return modelFacts(file, noFacts, [])?.sentence;
    };
    const plain = 'ulti-head attention, 4 heads of 16, 2 layers.';
    assert.equal(sentence(), `M${plain}`);
    for (const [config, words] of [
      [{ quant_method: 'awq', bits: 4, group_size: 128 }, 'AWQ 4-bit'],
      [{ quant_method: 'gptq', bits: 3, group_size: 128 }, 'GPTQ 3-bit'],
      [{ quant_method: 'fp8', weight_block_size: [128, 128] }, 'FP8'],
      [{ quant_method: 'bitsandbytes', load_in_4bit: true }, 'Bitsandbytes 4-bit'],
    ] as const)
      assert.equal(sentence(config), `${words}, m${plain}`);
    // Behind the title of an adapter on such a base.
    const file = modelFile(`{${llama}, "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128}}`);
    const other = { title: 'LoRA r=8', description: file.description } as unknown as OtherModel;
    assert.match(otherSentence(other), /^LoRA r=8, AWQ 4-bit, /);
  });
});
