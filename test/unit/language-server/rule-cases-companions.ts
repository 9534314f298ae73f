import type { JsonValue } from '../../../models/formats/model-description';
import { folder, shard } from './caret';
import type { Surroundings } from './caret';
import type { RuleCases } from './rule-case';

const llama =
  '"model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "num_hidden_layers": 2, "vocab_size": 100';

const named = (name: string, rest: Surroundings = {}): Surroundings => ({ name, ...rest });
/** A file of this name beside a config.json. */
const beside = (name: string, config: JsonValue): Surroundings =>
  named(name, folder([name, 'config.json'], { 'config.json': config }));
const tokenizer = (config: JsonValue): Surroundings => beside('tokenizer_config.json', config);

/** A folder whose tokenizer.json has these tokens among 100. */
const vocabulary = (
  tokens: Readonly<Record<string, number>>,
  companions: Readonly<Record<string, JsonValue>> = {},
  whole = true,
): Surroundings => {
  const { facts } = folder(['tokenizer.json'], companions);
  const count = 1 + Math.max(99, ...Object.values(tokens));
  const named = { ids: new Map(Object.entries(tokens)), whole };
  return { facts: { ...facts, tokenizer: { bytes: 1, entries: 100, idCount: count, named } } };
};
const chat = (...facts: Parameters<typeof vocabulary>): Surroundings =>
  named('tokenizer_config.json', vocabulary(...facts));
/** Bars mark places in a case, so those of a token are written as escapes. */
const escaped = (text: string): string => text.replaceAll('|', '\\u007c');
const template = (text: string, mark = '|'): string =>
  `{"tokenizer_class": "LlamaTokenizer", ${mark}"chat_template"${mark}: ${escaped(JSON.stringify(text))}}`;

const adapter = (rest: Surroundings = {}): Surroundings => named('adapter_config.json', rest);
/** An adapter beside the config of its base model. */
const adapterOf = (config: JsonValue): Surroundings => beside('adapter_config.json', config);
const lora = (fields: string): string => `{"peft_type": "LORA", "r": 8, ${fields}}`;
const gpt2 = { model_type: 'gpt2', n_embd: 64, n_head: 4, n_layer: 2, vocab_size: 100 };
const weightsOf = (file: string, shapes: Readonly<Record<string, readonly number[]>>): Surroundings =>
  adapter(folder([], {}, [shard(file, shapes)]));
const loraWeights = weightsOf('adapter_model.safetensors', {
  'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight': [8, 64],
  'base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight': [8, 64],
});

const qwenVl = '"model_type": "qwen2_5_vl", "hidden_size": 64, "vocab_size": 151936';
/** Ids of Qwen2.5-VL (tokenizer_config.json of the Instruct models). */
const qwenTokens = { '<|vision_start|>': 151652, '<|image_pad|>': 151655, '<|video_pad|>': 151656 };
const llavaTokens = { '<image>': 32000, '[IMG]': 10 };

const torchIndex = (layers: number, prefix = 'model.layers'): Surroundings =>
  folder(['config.json'], {
    'pytorch_model.bin.index.json': {
      weight_map: Object.fromEntries(
        Array.from({ length: layers }, (_, layer) => [`${prefix}.${layer}.mlp.up_proj.weight`, 'pytorch_model-1.bin']),
      ),
    },
  });

const yarn = (fields: string, longest: number): string =>
  `{${llama}, "max_position_embeddings": ${longest}, "rope_scaling": {"rope_type": "yarn", ${fields}}}`;

export const companionCases: Readonly<Record<string, RuleCases>> = {
  'field-value': {
    fires: [
      `{${llama}, "use_cache": |"false"|}`,
      `{${llama}, "tie_word_embeddings": |"True"|}`,
      `{${llama}, "eos_token_id": |"2"|}`,
      `{${llama}, "eos_token_id": [1, |"2"|]}`,
      `{${llama}, "pad_token_id": |"None"|}`,
      `{${llama.replace('100', '|"32000"|')}}`,
      `{${llama}, "quantization_config": {"quant_method": "gptq", "bits": |"4"|}}`,
      `{"model_type": "llava", "text_config": {${llama}, "rms_norm_eps": |"1e-05"|}}`,
      ['{"_from_model_config": true, "do_sample": |"true"|}', named('generation_config.json')],
      [lora('"target_modules": ["q_proj"], "lora_alpha": |"16"|'), adapter()],
      ['{"tokenizer_class": "LlamaTokenizer", "add_bos_token": |"true"|}', named('tokenizer_config.json')],
    ],
    silent: [
      `{${llama}, "use_cache": false, "eos_token_id": [1, 2], "pad_token_id": null}`,
      `{${llama}, "transformers_version": "4.0", "revision": "2", "name": "true"}`,
      `{${llama}, "id2label": {"0": "1", "1": "true"}, "label2id": {"1": 0, "true": 1}}`,
      '{"model_type": "minicpmv", "version": "2.5", "slice_mode": "true"}',
      [lora('"target_modules": ["q_proj"], "bias": "none", "init_lora_weights": "true"'), adapter()],
      ['{"_from_model_config": true, "early_stopping": "never", "eos_token_id": 2}', named('generation_config.json')],
    ],
  },
  'architectures-not-list': {
    fires: [
      `{${llama}, "architectures": |"LlamaForCausalLM"|}`,
      '{"architectures": |"BertModel"|, "hidden_act": "gelu"}',
      `{${llama}, "architectures": |{"0": "LlamaForCausalLM"}|}`,
    ],
    silent: [
      `{${llama}, "architectures": ["LlamaForCausalLM"]}`,
      `{${llama}, "architectures": null}`,
      '{"architectures": "x86_64", "name": "a package"}',
    ],
  },
  'labels-contradict': {
    fires: [
      `{"model_type": "bert", "id2label": {"0": "NEG", "1": "POS"}, |"label2id"|: {"NEG": 1, "POS": 0}}`,
      `{"model_type": "bert", "id2label": {"0": "NEG", "1": "POS", "2": "OTHER"}, |"label2id"|: {"NEG": 0, "POS": 1}}`,
      `{"model_type": "bert", "id2label": {"0": "NEG", "1": "POS"}, |"label2id"|: {"NEG": 0, "POS": 1, "OTHER": 2}}`,
      `{"model_type": "bert", "id2label": {"0": "NEG", "1": "POS"}, |"label2id"|: {"LABEL_0": 0, "LABEL_1": 1}}`,
      `{"model_type": "resnet", "id2label": {"0": "ostrich"}, |"label2id"|: {"ostrich, Struthio camelus": 0}}`,
      `{"model_type": "bert", |"id2label"|: {"NEG": 0, "POS": 1}, "label2id": {"0": "NEG", "1": "POS"}}`,
      '{"model_type": "bert", "num_labels": 2, |"label2id"|: {"NEG": 0, "POS": 1}}',
      `{"model_type": "bert", "num_labels": |3|, "id2label": {"0": "NEG", "1": "POS"}}`,
    ],
    silent: [
      '{"model_type": "bert", "id2label": {"0": "NEG", "1": "POS"}, "label2id": {"NEG": 0, "POS": 1}, "num_labels": 2}',
      // As run_image_classification.py of transformers writes it.
      '{"model_type": "vit", "id2label": {"0": "cat", "1": "dog"}, "label2id": {"cat": "0", "dog": "1"}}',
      // ImageNet has two cranes, a bird and a machine.
      '{"model_type": "vit", "id2label": {"0": "crane", "1": "tench", "2": "crane"}, "label2id": {"crane": 2, "tench": 1}}',
      '{"model_type": "detr", "id2label": {"0": "N/A", "1": "person", "12": "N/A"}, "label2id": {"person": 1, "N/A": 12}}',
      '{"model_type": "bert", "num_labels": 2, "label2id": {"LABEL_0": 0, "LABEL_1": 1}}',
      '{"model_type": "bert", "_num_labels": 3, "id2label": {"0": "NEG", "1": "POS"}, "x": NaN}',
    ],
  },
  'layers-missing': {
    fires: [
      [`{${llama.replace('"num_hidden_layers": 2', '"num_hidden_layers": |4|')}}`, torchIndex(3)],
      ['{"model_type": "bloom", "hidden_size": 64, "n_head": 4, "n_layer": |3|}', torchIndex(2, 'transformer.h')],
      // A family that is no plain Llama, known in full.
      [
        '{"model_type": "olmoe", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": |4|, "num_attention_heads": 4, "vocab_size": 100}',
        torchIndex(3),
      ],
    ],
    silent: [
      [`{${llama}}`, torchIndex(2)],
      // An index of safetensors counts before the one of PyTorch's files.
      [
        `{${llama}}`,
        folder(['config.json'], {
          'model.safetensors.index.json': {
            weight_map: { 'model.layers.0.mlp.up_proj.weight': 'a', 'model.layers.1.mlp.up_proj.weight': 'a' },
          },
          'pytorch_model.bin.index.json': { weight_map: { 'model.layers.0.mlp.up_proj.weight': 'b' } },
        }),
      ],
      // A later layout of one's own: no layer is found by name, and nothing is said.
      [`{${llama}}`, torchIndex(1, 'stack.block')],
    ],
  },
  'layers-extra': {
    fires: [
      [`{${llama.replace('"num_hidden_layers": 2', '"num_hidden_layers": |2|')}}`, torchIndex(3)],
      ['{"model_type": "bloom", "hidden_size": 64, "n_head": 4, "n_layer": |1|}', torchIndex(2, 'transformer.h')],
    ],
    silent: [
      [`{${llama}}`, torchIndex(2)],
      // Layers of embedding and head are numbered too (phi-2 of remote code).
      ['{"model_type": "mixformer-sequential", "n_layer": 32}', torchIndex(34, 'layers')],
    ],
  },
  'tied-embeddings-with-head': {
    fires: [],
    silent: [
      // torch.save keeps both names of a shared matrix.
      [
        `{${llama}, "tie_word_embeddings": true}`,
        folder(['config.json'], {
          'pytorch_model.bin.index.json': { weight_map: { 'lm_head.weight': 'pytorch_model-1.bin' } },
        }),
      ],
    ],
  },
  'image-size-differs': {
    fires: [
      [
        '{"processor_class": "CLIPProcessor", "image_processor": {"size": |{"height": 336, "width": 336}|}}',
        beside('processor_config.json', { model_type: 'clip', vision_config: { image_size: 224 } }),
      ],
      [
        '{"processor_class": "CLIPProcessor", "image_processor": {"size": 400, "crop_size": |336|}}',
        beside('processor_config.json', { model_type: 'clip', vision_config: { image_size: 224 } }),
      ],
    ],
    silent: [
      [
        '{"processor_class": "CLIPProcessor", "image_processor": {"size": {"height": 224, "width": 224}}}',
        beside('processor_config.json', { model_type: 'clip', vision_config: { image_size: 224 } }),
      ],
      // The shorter edge alone is no size, as pictures are not square.
      [
        '{"processor_class": "Qwen2VLProcessor", "image_processor": {"size": {"shortest_edge": 3136}}}',
        beside('processor_config.json', { model_type: 'qwen2_vl', vision_config: { image_size: 224 } }),
      ],
    ],
  },
  'mel-bins-differ': {
    fires: [
      [
        '{"feature_extractor_type": "WhisperFeatureExtractor", "feature_size": |80|}',
        beside('preprocessor_config.json', { model_type: 'whisper', num_mel_bins: 128 }),
      ],
      [
        '{"feature_extractor_type": "ASTFeatureExtractor", "feature_size": 1, "num_mel_bins": |64|}',
        beside('preprocessor_config.json', { model_type: 'audio-spectrogram-transformer', num_mel_bins: 128 }),
      ],
      [
        '{"processor_class": "Qwen2AudioProcessor", "feature_extractor": {"feature_size": |80|}}',
        beside('processor_config.json', { model_type: 'qwen2_audio', audio_config: { num_mel_bins: 128 } }),
      ],
    ],
    silent: [
      [
        '{"feature_extractor_type": "WhisperFeatureExtractor", "feature_size": 128}',
        beside('preprocessor_config.json', { model_type: 'whisper', num_mel_bins: 128 }),
      ],
      // The sound itself: one number at a time.
      [
        '{"feature_extractor_type": "Wav2Vec2FeatureExtractor", "feature_size": 1}',
        beside('preprocessor_config.json', { model_type: 'wav2vec2', num_mel_bins: 80 }),
      ],
      [
        '{"feature_extractor_type": "ClapFeatureExtractor", "feature_size": 64}',
        beside('preprocessor_config.json', { model_type: 'clap', audio_config: { num_mel_bins: 64 } }),
      ],
      // Two readers of sound: nobody can say which is meant.
      [
        '{"feature_extractor_type": "WhisperFeatureExtractor", "feature_size": 80}',
        beside('preprocessor_config.json', {
          model_type: 'x',
          audio_config: { num_mel_bins: 128 },
          speech_config: { num_mel_bins: 80 },
        }),
      ],
    ],
  },
  'tokenizer-longer-than-context': {
    fires: [
      [
        '{"tokenizer_class": "BertTokenizer", "model_max_length": |1024|}',
        tokenizer({ model_type: 'bert', max_position_embeddings: 512 }),
      ],
      [
        '{"tokenizer_class": "RobertaTokenizer", "model_max_length": |514|}',
        tokenizer({ model_type: 'roberta', max_position_embeddings: 514, pad_token_id: 1 }),
      ],
      [
        '{"tokenizer_class": "CLIPTokenizer", "model_max_length": |248|}',
        tokenizer({ model_type: 'clip', text_config: { max_position_embeddings: 77 }, vision_config: {} }),
      ],
      [
        '{"tokenizer_class": "Qwen2Tokenizer", "model_max_length": |131072|}',
        tokenizer({ model_type: 'qwen3', max_position_embeddings: 40960 }),
      ],
    ],
    silent: [
      // "No limit" as tokenizers write it.
      [
        '{"tokenizer_class": "BertTokenizer", "model_max_length": 1000000000000000019884624838656}',
        tokenizer({ model_type: 'bert', max_position_embeddings: 512 }),
      ],
      [
        '{"tokenizer_class": "RobertaTokenizer", "model_max_length": 512}',
        tokenizer({ model_type: 'roberta', max_position_embeddings: 514, pad_token_id: 1 }),
      ],
      [
        '{"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 8192}',
        tokenizer({ model_type: 'xlm-roberta', max_position_embeddings: 8194, pad_token_id: 1 }),
      ],
      // Stretched by YaRN, with the length of the model kept.
      [
        '{"tokenizer_class": "Qwen2Tokenizer", "model_max_length": 131072}',
        tokenizer({
          model_type: 'qwen2',
          max_position_embeddings: 32768,
          rope_scaling: { type: 'yarn', factor: 4, original_max_position_embeddings: 32768 },
        }),
      ],
      // Relative positions have no end.
      [
        '{"tokenizer_class": "T5Tokenizer", "model_max_length": 1024}',
        tokenizer({ model_type: 't5', n_positions: 512 }),
      ],
      // Whisper's tokenizer says 1024, its decoder has 448 positions under another name.
      [
        '{"tokenizer_class": "WhisperTokenizer", "model_max_length": 1024}',
        tokenizer({ model_type: 'whisper', max_target_positions: 448, max_source_positions: 1500 }),
      ],
    ],
  },
  'generation-contradicts-config': {
    fires: [
      [
        '{"_from_model_config": true, "eos_token_id": 2, "max_length": |8192|}',
        beside('generation_config.json', { model_type: 'llava', text_config: { max_position_embeddings: 4096 } }),
      ],
      [
        '{"_from_model_config": true, "eos_token_id": 2, "max_new_tokens": |200000|}',
        beside('generation_config.json', {
          model_type: 'qwen2',
          max_position_embeddings: 32768,
          rope_scaling: { type: 'yarn', factor: 4, original_max_position_embeddings: 32768 },
        }),
      ],
      [
        '{"_from_model_config": true, "eos_token_id": 2, "max_length": |1024|}',
        beside('generation_config.json', {
          model_type: 'whisper',
          max_source_positions: 1500,
          max_target_positions: 448,
        }),
      ],
    ],
    silent: [
      [
        '{"_from_model_config": true, "eos_token_id": 2, "max_length": 448}',
        beside('generation_config.json', { model_type: 'whisper', max_target_positions: 448 }),
      ],
      [
        '{"_from_model_config": true, "eos_token_id": 2, "max_length": 131072}',
        beside('generation_config.json', {
          model_type: 'qwen2',
          max_position_embeddings: 32768,
          rope_scaling: { type: 'yarn', factor: 4, original_max_position_embeddings: 32768 },
        }),
      ],
      [
        '{"_from_model_config": true, "eos_token_id": 2, "max_length": 600}',
        beside('generation_config.json', { model_type: 't5', n_positions: 512 }),
      ],
    ],
  },
  'rope-reach-differs': {
    fires: [
      yarn('"factor": |4.0|, "original_max_position_embeddings": 32768', 262144),
      yarn('"factor": |4.0|, "original_max_position_embeddings": 32768', 32768),
      `{"model_type": "llava", "text_config": ${yarn('"factor": |2|, "original_max_position_embeddings": 4096', 16384)}}`,
      // 5 % and 15 % too far, 5 % and 15 % too short of 131072.
      ...[137625, 150733, 124832, 113975].map((longest) =>
        yarn('"factor": |4.0|, "original_max_position_embeddings": 32768', longest),
      ),
    ],
    silent: [
      // DeepSeek-V3, gpt-oss and Kimi-K2.
      yarn('"factor": 40, "original_max_position_embeddings": 4096', 163840),
      yarn('"factor": 32.0, "original_max_position_embeddings": 4096', 131072),
      yarn('"factor": 64.0, "original_max_position_embeddings": 4096', 262144),
      // 1 % is a rounding.
      yarn('"factor": 4.0, "original_max_position_embeddings": 32768', 132000),
      // Llama 3.1: the factor is no quotient of lengths.
      `{${llama}, "max_position_embeddings": 131072, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}}`,
      yarn('"factor": 4.0', 32768),
      `{${llama}, "max_position_embeddings": 32768, "rope_scaling": {"type": "longrope", "factor": 1.0, "original_max_position_embeddings": 32786}}`,
    ],
  },
  'media-token-differs': {
    fires: [
      [`{${qwenVl}, "image_token_id": |151654|}`, vocabulary(qwenTokens)],
      [`{${qwenVl}, "image_token_id": 151655, "video_token_id": |151655|}`, vocabulary(qwenTokens)],
      ['{"model_type": "llava", "image_token_index": |32001|, "vocab_size": 32064}', vocabulary(llavaTokens)],
      [
        '{"model_type": "llava", "image_token_index": |32000|, "vocab_size": 131072}',
        vocabulary(llavaTokens, { 'processor_config.json': { image_token: '[IMG]' } }),
      ],
      [
        '{"model_type": "glm4v", "image_token_id": |151344|}',
        folder([], {
          'tokenizer_config.json': {
            added_tokens_decoder: { '151343': { content: '<|image|>' }, '151344': { content: '<|video|>' } },
          },
        }),
      ],
      // A file of the tokenizer gives the token another name than the code of the processor.
      [
        `{${qwenVl}, "image_token_id": |151655|}`,
        vocabulary({ ...qwenTokens, '<image>': 5 }, { 'tokenizer_config.json': { image_token: '<image>' } }),
      ],
      [
        '{"model_type": "someones", "image_token_id": |7|}',
        folder([], { 'added_tokens.json': { '<|video_pad|>': 7, '<|image_pad|>': 8 } }),
      ],
    ],
    silent: [
      [`{${qwenVl}, "image_token_id": 151655, "video_token_id": 151656}`, vocabulary(qwenTokens)],
      // The placeholder of the original LLaVA, which no tokenizer has.
      ['{"model_type": "llava", "image_token_index": -200}', vocabulary(llavaTokens)],
      // Pixtral in the form of LLaVA.
      [
        '{"model_type": "llava", "image_token_index": 10}',
        vocabulary(llavaTokens, { 'processor_config.json': { image_token: '[IMG]' } }),
      ],
      // A tokenizer that was not given the token.
      ['{"model_type": "llava", "image_token_index": 32000}', vocabulary({ '<s>': 1 })],
      // Llama 4: pictures take the place of <|patch|>, and files call another token image_token.
      [
        '{"model_type": "llama4", "image_token_index": 200092}',
        vocabulary(
          { '<|image|>': 200090, '<|patch|>': 200092 },
          { 'processor_config.json': { image_token: '<|image|>' } },
        ),
      ],
      // Two files that disagree.
      [
        '{"model_type": "llava", "image_token_index": 10}',
        vocabulary(llavaTokens, {
          'processor_config.json': { image_token: '<image>' },
          'tokenizer_config.json': { extra_special_tokens: { image_token: '[IMG]' } },
        }),
      ],
      // Aya Vision: its image_token is another one than that which pictures take the place of.
      [
        '{"model_type": "aya_vision", "image_token_index": 255036}',
        vocabulary(
          { '<image>': 255035, '<|IMG_PATCH|>': 255036 },
          { 'processor_config.json': { image_token: '<image>' } },
        ),
      ],
      // The talker of an omni model.
      [
        '{"model_type": "qwen2_5_omni", "talker_config": {"model_type": "qwen2_5_omni_talker", "image_token_index": 9}}',
        vocabulary({ '<|VIDEO|>': 9 }),
      ],
      ['{"model_type": "llava", "image_token_index": 32000}', {}],
    ],
  },
  'chat-template-token': {
    fires: [
      [
        template("{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content }}{% endfor %}"),
        chat({ '<s>': 1 }),
      ],
      [template('<start_of_turn>user\n{{ text }}'), chat({ '<bos>': 2 })],
      [template("{{ text + '<|extra_0|>' }}"), chat({ '<s>': 1 })],
      [
        '|{|"tokenizer_class": "LlamaTokenizer"}',
        chat({ '<s>': 1 }, { 'chat_template.jinja': '{{ bos_token }}<|eot_id|>' }),
      ],
      [
        `{"tokenizer_class": "X", |"chat_template"|: [{"name": "default", "template": "${escaped('{{ x }}<|im_end|>')}"}]}`,
        chat({ '<s>': 1 }),
      ],
    ],
    silent: [
      [template("{{ '<|im_start|>' + role }}{# <|never|> #}", ''), chat({ '<|im_start|>': 32001 })],
      // Llama 2 writes its turns as text.
      [template("{{ bos_token + '[INST] ' + text + ' [/INST]' }}", ''), chat({ '<s>': 1 })],
      // So do Zephyr and TinyLlama.
      [template("{{ '<|user|>\\n' + text }}<|assistant|>", ''), chat({ '</s>': 2 })],
      // Words that a text is searched for and cut at.
      [
        template(
          "{% if '<|im_end|>' in text %}{% set text = text.split('<|im_end|>')[0] %}{% endif %}{{ text.replace('<|eot_id|>', '') }}{{ raise_exception('no <|im_start|>') }}{{ 'a' if text == '<|im_sep|>' else 'b' }}{{ 'c' if x in ['<|a|>', '<|b|>'] }}",
          '',
        ),
        chat({ '<s>': 1 }),
      ],
      // Tokens that loaders add from the file itself, or from another one.
      [
        escaped(
          '{"tokenizer_class": "X", "added_tokens_decoder": {"5": {"content": "<|im_start|>"}}, "chat_template": "<|im_start|>"}',
        ),
        chat({ '<s>': 1 }),
      ],
      [template('<|im_start|>', ''), chat({ '<s>': 1 }, { 'special_tokens_map.json': { eos_token: '<|im_start|>' } })],
      // A vocabulary of which not all is known.
      [template('<|im_start|>', ''), chat({ '<s>': 1 }, {}, false)],
      [template('<|im_start|>', ''), named('tokenizer_config.json')],
      // Halves that an expression joins.
      [template('<|{{ role }}|>', ''), chat({ '<s>': 1 })],
    ],
  },
  'lora-target-matches-nothing': {
    fires: [
      [lora('"target_modules": ["c_attn", |"q_proj"|]'), adapterOf(gpt2)],
      [lora('"target_modules": [|"q_proj"|], "base_model_name_or_path": "openai-community/gpt2"'), adapter()],
      [lora('"target_modules": ["to_k", |"proj_in"|]'), adapterOf({ _class_name: 'FluxTransformer2DModel' })],
      [lora('"target_modules": [|"to_q"|]'), adapterOf(gpt2)],
      [lora('"target_modules": [|"query"|], "base_model_name_or_path": "facebook/dinov3-vitb16"'), adapter()],
      [
        lora(
          '"target_modules": ["q_proj", |"query_key_value"|], "base_model_name_or_path": "mistralai/Mistral-7B-v0.1"',
        ),
        adapter(),
      ],
    ],
    silent: [
      [lora('"target_modules": ["c_attn", "c_proj", "lm_head", "wte"]'), adapterOf(gpt2)],
      [
        '{"peft_type": "IA3", "target_modules": ["k_proj", "down_proj"]}',
        weightsOf('adapter_model.safetensors', {
          'base_model.model.model.layers.0.self_attn.k_proj.ia3_l': [64, 1],
          'base_model.model.model.layers.0.mlp.down_proj.ia3_l': [1, 128],
        }),
      ],
      [
        lora('"target_modules": ["embed_tokens"]'),
        weightsOf('adapter_model.safetensors', {
          'base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta': [3, 64],
        }),
      ],
      // A checkpoint of the class inside that which the adapter names.
      [
        lora('"target_modules": ["transformer.h.0.attn.c_attn"]'),
        weightsOf('model.safetensors', { 'h.0.attn.c_attn.weight': [64, 192], 'h.1.attn.c_attn.weight': [64, 192] }),
      ],
      [lora('"target_modules": ["q_proj"], "base_model_name_or_path": "someone/gpt2-like"'), adapter()],
      [
        lora('"target_modules": ["q_proj", "gate_proj", "embed_tokens"], "base_model_name_or_path": "Qwen/Qwen2.5-7B"'),
        adapter(),
      ],
      // As diffusers trains FLUX, and a U-Net.
      [
        lora(
          '"target_modules": ["attn.to_k", "attn.to_out.0", "attn.add_k_proj", "ff.net.0.proj", "ff.net.2", "proj_mlp"]',
        ),
        adapterOf({ _class_name: 'FluxTransformer2DModel' }),
      ],
      [
        lora('"target_modules": ["to_q", "to_k", "to_v", "to_out.0", "proj_in"]'),
        adapterOf({ _class_name: 'UNet2DConditionModel', cross_attention_dim: 768 }),
      ],
      [lora('"target_modules": ["to_q", "q_proj"]'), adapterOf({ model_type: 'bark' })],
      // phi-2 of remote code had Wqkv.
      [lora('"target_modules": ["Wqkv", "q_proj"], "base_model_name_or_path": "microsoft/phi-2"'), adapter()],
      // Experts are modules in one version of transformers, and parts of one parameter in the next.
      [
        lora('"target_modules": ["q_proj", "w1", "gate_up_proj"]'),
        adapterOf({
          model_type: 'mixtral',
          hidden_size: 64,
          intermediate_size: 96,
          num_attention_heads: 4,
          num_key_value_heads: 2,
          num_hidden_layers: 2,
          num_local_experts: 4,
          vocab_size: 100,
        }),
      ],
    ],
  },
  'lora-layers-outside': {
    fires: [
      [lora('"target_modules": ["c_attn"], "layers_to_transform": [0, |2|, 3]'), adapterOf(gpt2)],
      [lora('"target_modules": ["c_attn"], "layers_to_transform": |12|'), adapterOf(gpt2)],
      [lora('"target_modules": ["q_proj"], "layers_to_transform": [1, |5|]'), loraWeights],
      [lora('"target_modules": ["q_proj"], "layers_to_transform": |-1|'), adapter()],
    ],
    silent: [
      [lora('"target_modules": ["c_attn"], "layers_to_transform": [0, 1]'), adapterOf(gpt2)],
      [lora('"target_modules": ["c_attn"], "layers_to_transform": null'), adapterOf(gpt2)],
      [lora('"target_modules": ["q_proj"], "layers_to_transform": [30, 31]'), adapter()],
      // The picture part may be the deeper one.
      [
        lora('"target_modules": ["q_proj"], "layers_to_transform": [20]'),
        adapterOf({
          model_type: 'llava',
          text_config: { num_hidden_layers: 12 },
          vision_config: { num_hidden_layers: 24 },
        }),
      ],
    ],
  },
  'lora-pattern-matches-nothing': {
    fires: [
      [lora('"target_modules": ["q_proj", "v_proj"], "rank_pattern": {|"q_prj"|: 16}'), adapter()],
      [lora('"target_modules": ["q_proj"], "alpha_pattern": {|"layers.9.self_attn.q_proj"|: 16}'), loraWeights],
      [lora('"target_modules": ["q_proj"], "rank_pattern": {|"layers\\\\.[7-9]\\\\..*"|: 16}'), loraWeights],
    ],
    silent: [
      [lora('"target_modules": ["q_proj"], "rank_pattern": {"model.layers.3.self_attn.q_proj": 16}'), adapter()],
      [
        lora('"target_modules": ["q_proj"], "rank_pattern": {"layers.1.self_attn.q_proj": 16, "q_proj": 4}'),
        loraWeights,
      ],
      [lora('"target_modules": ["q_proj"], "rank_pattern": {"layers\\\\.[01]\\\\..*": 16}'), loraWeights],
      [lora('"target_modules": "all-linear", "rank_pattern": {"c_attn": 16}'), adapter()],
      [lora('"target_modules": ["q_proj"], "rank_pattern": {".*k_proj": 16}, "alpha_pattern": {}'), adapter()],
    ],
  },
};
