import type { JsonPath, JsonValue } from '../../models/formats/model-description';
import { caretAt } from './caret';
import type { Completion } from './caret';
import { headscopeCompletions } from './headscope-completion';
import { attentionKeys } from './key-names';
import { meaningOf } from './key-meanings';
import { knownModelTypes } from '../../models/formats/families/shared/class-names';
import type { ModelFile } from './model-file';
import { partAt } from './part-facts';
import { layerTypeNames } from './rules/layers';
import { dtypeNames } from './rules/names';
import { own } from './own';

const enums: Readonly<Record<string, readonly string[]>> = {
  torch_dtype: dtypeNames.slice(0, 6),
  dtype: dtypeNames.slice(0, 6),
  layer_types: layerTypeNames,
  rope_type: ['default', 'linear', 'dynamic', 'yarn', 'longrope', 'llama3', 'proportional'],
  hidden_act: ['silu', 'gelu', 'gelu_new', 'gelu_pytorch_tanh', 'relu', 'quick_gelu', 'relu2'],
  activation_function: ['gelu_new', 'gelu', 'relu', 'silu'],
  position_embedding_type: ['absolute', 'relative_key', 'relative_key_query'],
  quant_method: ['gptq', 'awq', 'fp8', 'mxfp4', 'compressed-tensors', 'bitsandbytes', 'modelopt', 'auto-round'],
  scoring_func: ['softmax', 'sigmoid'],
  topk_method: ['greedy', 'group_limited_greedy', 'noaux_tc'],
  task_type: ['CAUSAL_LM', 'SEQ_2_SEQ_LM', 'SEQ_CLS', 'TOKEN_CLS', 'QUESTION_ANS', 'FEATURE_EXTRACTION'],
};

/** Forms of rope_scaling with the fields each needs. */
const ropeSnippets: readonly (readonly [form: string, says: string, body: string])[] = [
  ['linear', 'positions divided by the factor', '{\n  "rope_type": "linear",\n  "factor": ${1:4.0}\n}'],
  ['dynamic', 'base grows with the length (NTK)', '{\n  "rope_type": "dynamic",\n  "factor": ${1:2.0}\n}'],
  [
    'yarn',
    'frequencies stretched by wavelength',
    '{\n  "rope_type": "yarn",\n  "factor": ${1:4.0},\n  "original_max_position_embeddings": ${2:32768}\n}',
  ],
  [
    'llama3',
    'as Llama 3.1',
    '{\n  "rope_type": "llama3",\n  "factor": ${1:8.0},\n  "low_freq_factor": ${2:1.0},\n  "high_freq_factor": ${3:4.0},\n  "original_max_position_embeddings": ${4:8192}\n}',
  ],
  [
    'longrope',
    'one factor for each rotated pair',
    '{\n  "rope_type": "longrope",\n  "short_factor": [${1}],\n  "long_factor": [${2}]\n}',
  ],
];

const companionKeys: Readonly<Record<string, readonly string[]>> = {
  generation: [
    'bos_token_id',
    'eos_token_id',
    'pad_token_id',
    'do_sample',
    'temperature',
    'top_k',
    'top_p',
    'max_new_tokens',
    'repetition_penalty',
  ],
  adapter: [
    'r',
    'lora_alpha',
    'target_modules',
    'lora_dropout',
    'task_type',
    'base_model_name_or_path',
    'peft_type',
    'bias',
  ],
};

const keysAt = (
  file: ModelFile,
  path: JsonPath,
): ReadonlyMap<string, { readonly value?: JsonValue; readonly from?: string }> => {
  const keys = new Map<string, { readonly value?: JsonValue; readonly from?: string }>();
  const last = path.at(-1);
  if (last === 'rope_scaling' || last === 'rope_parameters') {
    for (const key of [
      'rope_type',
      'rope_theta',
      'factor',
      'original_max_position_embeddings',
      'low_freq_factor',
      'high_freq_factor',
      'beta_fast',
      'beta_slow',
      'short_factor',
      'long_factor',
      'mrope_section',
      'partial_rotary_factor',
    ])
      keys.set(key, {});
    return keys;
  }
  if (last === 'quantization_config') {
    for (const key of ['quant_method', 'bits', 'group_size', 'weight_block_size', 'modules_to_not_convert'])
      keys.set(key, {});
    return keys;
  }
  if (file.kind !== 'config') {
    if (path.length === 0) for (const key of own(companionKeys, file.kind ?? '') ?? []) keys.set(key, {});
    return keys;
  }
  // The type decides what else there is to say: it comes first.
  if (path.length === 0 || (typeof last === 'string' && last.endsWith('_config'))) keys.set('model_type', {});
  const part = partAt(file.description, path);
  if (part === undefined || part.path.length !== path.length) {
    if (keys.size > 0) for (const key of attentionKeys) keys.set(key, {});
    return keys;
  }
  for (const [key, field] of Object.entries(part.fields)) {
    keys.set(key, {
      ...(field.source.kind === 'file' ? {} : { value: field.value }),
      ...(field.source.kind === 'default' ? { from: field.source.from } : {}),
    });
  }
  if (part.family === 'generic') for (const key of attentionKeys) if (!keys.has(key)) keys.set(key, {});
  for (const key of ['model_type', 'architectures', 'dtype', 'transformers_version'])
    if (path.length === 0 && !keys.has(key)) keys.set(key, {});
  return keys;
};

/** What can be written at an offset: keys of the family with their defaults, values of a closed set, forms of rope scaling. */
export const completeAt = (file: ModelFile, offset: number): readonly Completion[] => {
  if (file.kind === undefined || file.kind === 'index' || file.document.unread !== undefined) return [];
  if (file.kind === 'headscope') return headscopeCompletions(file.document, offset);
  const { document } = file;
  const { path, atKey, word, present, hasValue } = caretAt(document, offset);
  if (atKey) {
    const holder = path.slice(0, -1);
    return [...keysAt(file, holder)].flatMap(([key, { value, from }]) => {
      if (present.has(key)) return [];
      const meaning = meaningOf(key, partAt(file.description, holder)?.modelType);
      const shown = value === undefined ? undefined : JSON.stringify(value);
      const ropeForm = key === 'rope_scaling' && !hasValue;
      return [
        {
          label: key,
          kind: 'key' as const,
          ...(shown === undefined || shown.length > 60
            ? {}
            : { detail: from === undefined ? shown : `${shown} · ${from}` }),
          ...(meaning === undefined ? {} : { documentation: meaning }),
          text: hasValue ? `"${key}"` : `"${key}": ${ropeForm ? '' : (shown ?? '')}`,
          span: word,
        },
      ];
    });
  }
  const keys = path.filter((step) => typeof step === 'string');
  const key = keys.at(-1) ?? '';
  const quoted = (values: Iterable<string>): readonly Completion[] =>
    [...values].map((value) => ({ label: value, kind: 'value', text: JSON.stringify(value), span: word }));
  if (
    (key === 'rope_scaling' || key === 'rope_parameters') &&
    path.at(-1) === key &&
    document.node(path)?.type !== 'object'
  ) {
    return ropeSnippets.map(([form, says, text]) => ({ label: form, kind: 'snippet', detail: says, text, span: word }));
  }
  if (key === 'model_type') return quoted(knownModelTypes);
  if (key === 'type' && (keys.at(-2) === 'rope_scaling' || keys.at(-2) === 'rope_parameters'))
    return quoted(enums['rope_type'] ?? []);
  return quoted(own(enums, key) ?? []);
};
