/**
 * Model types (transformers 4.x and 5.x) whose published configs the checks were written against, with the stem that
 * their classes start with. A type that is missing here is read by remote code or another library: it gets the general
 * checks, as information only.
 */
const stems: Readonly<Record<string, readonly string[]>> = {
  albert: ['Albert'],
  apertus: ['Apertus'],
  arcee: ['Arcee'],
  bailing_moe: ['BailingMoe', 'BailingMoeV2'],
  bart: ['Bart'],
  beit: ['Beit'],
  bert: ['Bert'],
  blip: ['Blip'],
  bloom: ['Bloom'],
  camembert: ['Camembert'],
  clip: ['CLIP'],
  clip_text_model: ['CLIP'],
  clip_vision_model: ['CLIP'],
  codegen: ['CodeGen'],
  cohere: ['Cohere'],
  cohere2: ['Cohere2'],
  dbrx: ['Dbrx'],
  deberta: ['Deberta'],
  'deberta-v2': ['DebertaV2'],
  deepseek_ref: ['DeepseekV4'],
  deepseek_v2: ['DeepseekV2'],
  deepseek_v3: ['DeepseekV3'],
  deepseek_v32: ['DeepseekV32'],
  deepseek_v4: ['DeepseekV4'],
  deit: ['DeiT'],
  dinov2: ['Dinov2'],
  distilbert: ['DistilBert'],
  electra: ['Electra'],
  ernie4_5: ['Ernie4_5', 'Ernie4_5_'],
  exaone: ['Exaone'],
  exaone4: ['Exaone4'],
  exaone4_5_text: ['Exaone4_5_', 'Exaone4'],
  falcon: ['Falcon'],
  falcon_perception: ['FalconPerception'],
  gemma: ['Gemma'],
  gemma2: ['Gemma2'],
  gemma3: ['Gemma3'],
  gemma3_text: ['Gemma3'],
  gemma4: ['Gemma4'],
  gemma4_text: ['Gemma4'],
  glm: ['Glm'],
  glm4: ['Glm4'],
  glm4_moe: ['Glm4Moe'],
  glm4_moe_lite: ['Glm4MoeLite'],
  glm4v: ['Glm4v'],
  glm4v_text: ['Glm4v'],
  glm_moe_dsa: ['GlmMoeDsa'],
  gpt2: ['GPT2'],
  gpt_bigcode: ['GPTBigCode'],
  gpt_neo: ['GPTNeo'],
  gpt_neox: ['GPTNeoX'],
  gpt_oss: ['GptOss'],
  gptj: ['GPTJ'],
  granite: ['Granite'],
  granitemoe: ['GraniteMoe'],
  hunyuan: ['HunYuan', 'HunYuanMoEV1'],
  hunyuan_v1_dense: ['HunYuanDenseV1'],
  hunyuan_v1_moe: ['HunYuanMoEV1'],
  idefics2: ['Idefics2'],
  idefics3: ['Idefics3'],
  jamba: ['Jamba'],
  kimi_k2: ['KimiK2', 'DeepseekV3'],
  kimi_linear: ['KimiLinear'],
  lfm2: ['Lfm2'],
  llama: ['Llama', 'LLaMA'],
  llama4: ['Llama4'],
  llama4_text: ['Llama4'],
  llava: ['Llava'],
  llava_next: ['LlavaNext'],
  llava_onevision: ['LlavaOnevision'],
  m2m_100: ['M2M100'],
  mamba: ['Mamba'],
  marian: ['Marian'],
  mbart: ['MBart', 'Bart'],
  mimo: ['MiMo'],
  mimo_v2_flash: ['MiMoV2Flash'],
  minicpm: ['MiniCPM'],
  minicpm3: ['MiniCPM3'],
  minimax_m2: ['MiniMaxM2'],
  minimax_m3: ['MiniMaxM3', 'MiniMaxM3Sparse'],
  minimax_m3_vl_text: ['MiniMaxM3', 'MiniMaxM3Sparse'],
  ministral: ['Ministral'],
  ministral3: ['Ministral3'],
  mistral: ['Mistral'],
  mistral3: ['Mistral3'],
  'mixformer-sequential': ['MixFormerSequential'],
  mixtral: ['Mixtral'],
  mllama: ['Mllama'],
  mllama_text_model: ['Mllama'],
  modernbert: ['ModernBert'],
  mpnet: ['MPNet'],
  mpt: ['Mpt', 'MPT'],
  mt5: ['MT5', 'T5', 'UMT5'],
  'nemotron-nas': ['DeciLM'],
  olmo: ['Olmo'],
  olmo2: ['Olmo2'],
  olmo3: ['Olmo3'],
  olmoe: ['Olmoe'],
  openelm: ['OpenELM'],
  opt: ['OPT'],
  paligemma: ['PaliGemma'],
  PanguEmbedded: ['PanguEmbedded'],
  pegasus: ['Pegasus'],
  persimmon: ['Persimmon'],
  phi: ['Phi'],
  phi3: ['Phi3'],
  phi3small: ['Phi3Small'],
  phimoe: ['PhiMoE'],
  pixtral: ['Pixtral'],
  qwen2: ['Qwen2'],
  qwen2_5_vl: ['Qwen2_5_VL', 'Qwen2VL'],
  qwen2_5_vl_text: ['Qwen2_5_VL'],
  qwen2_moe: ['Qwen2Moe'],
  qwen2_vl: ['Qwen2VL'],
  qwen2_vl_text: ['Qwen2VL'],
  qwen3: ['Qwen3'],
  qwen3_5: ['Qwen3_5'],
  qwen3_5_moe: ['Qwen3_5Moe'],
  qwen3_5_moe_text: ['Qwen3_5Moe'],
  qwen3_5_text: ['Qwen3_5'],
  qwen3_moe: ['Qwen3Moe'],
  qwen3_next: ['Qwen3Next'],
  qwen3_vl: ['Qwen3VL'],
  qwen3_vl_moe: ['Qwen3VLMoe'],
  qwen3_vl_moe_text: ['Qwen3VLMoe'],
  qwen3_vl_text: ['Qwen3VL'],
  roberta: ['Roberta'],
  seed_oss: ['SeedOss'],
  siglip: ['Siglip'],
  siglip_text_model: ['Siglip'],
  siglip_vision_model: ['Siglip'],
  smollm3: ['SmolLM3'],
  smolvlm: ['SmolVLM'],
  stablelm: ['StableLm'],
  starcoder2: ['Starcoder2'],
  step3p7: ['Step3p7', 'Step3p7Flash'],
  t5: ['T5', 'MT5', 'UMT5'],
  telechat: ['Telechat'],
  umt5: ['UMT5', 'T5'],
  vit: ['ViT', 'DeiT'],
  whisper: ['Whisper'],
  'xlm-roberta': ['XLMRoberta', 'Roberta'],
  xverse: ['Xverse'],
  yuan: ['Yuan'],
};

const stemsOf = (modelType: string): readonly string[] =>
  Object.hasOwn(stems, modelType) ? (stems[modelType] ?? []) : [];

/** A draft model shares the config of the model that it drafts for, and has layers of its own. */
const draftClass = /[Ee]agle|EAGLE|[Dd]raft|Medusa|NextN|MTP|Speculat/;

/** What EAGLE, Medusa, DFlash and the speculators library write into a draft's config, whatever its class is called. */
const draftFields = [
  'dflash_config',
  'draft_vocab_size',
  'eagle_aux_hidden_state_layer_ids',
  'eagle_config',
  'medusa_num_heads',
  'speculators_config',
  'speculators_model_type',
] as const;

/** True of a config that says itself that it is a draft: its class may be the one of the model that it drafts for. */
export const isDraft = (config: object): boolean => draftFields.some((key) => Object.hasOwn(config, key));

export const knownModelTypes: ReadonlySet<string> = new Set(Object.keys(stems));

/** Types of transformers 5 and of models beside it that look like a slip of the pen in one of the above, and are none. */
export const otherModelTypes: ReadonlySet<string> = new Set([
  'bamba',
  'exaone4_5',
  'flava',
  'gemma3n',
  'gemma3n_text',
  'glm4v_moe',
  'hubert',
  'ibert',
  'llamba',
  'minicpmo',
  'minicpmv',
  'pegasus_x',
  'plbart',
  'rembert',
  'voxtral',
  'zamba',
]);

/**
 * The model type whose class this is, by the longest stem; undefined for a class that is no plain member of a family
 * (`DFlashDraftModel`, `LlavaLlamaForCausalLM`). After the stem must come `For…`, `LMHead…`, `Model`, `MT…`, or
 * `DoubleHeads…`: anything else is a class of its own (`LlamaEagle…`).
 */
export const typeOfClass = (architecture: string): { readonly type: string; readonly stem: string } | undefined => {
  let best: { type: string; stem: string } | undefined;
  for (const [type, names] of Object.entries(stems)) {
    const stem = names[0] ?? '';
    if (!/^(For[A-Z]|LMHead|Model$|MTModel$|DoubleHeads)/.test(architecture.slice(stem.length))) continue;
    if (draftClass.test(architecture)) continue;
    if (architecture.startsWith(stem) && stem.length > (best?.stem.length ?? 0)) best = { type, stem };
  }
  return best;
};

/** Whether a class may be used with a model type. */
export const classFitsType = (architecture: string, modelType: string): boolean =>
  stemsOf(modelType).some((stem) => architecture.toLowerCase().startsWith(stem.toLowerCase()));

/** What follows the stem in the plain classes of a type, and never in a class that adds parts of its own (`LlavaLlamaFor…`). */
const plainEnding = /^(For[A-Z]|LM|Model|MTModel|DoubleHeads|Encoder|Decoder|Text|Vision|PreTrained|Backbone|QA)/;

/**
 * True of a class that shares a model type's config and has layers of its own: a class of remote code (JinaBERT says
 * `bert`), the original LLaVA, a draft model. Misspelt names are not meant.
 */
export const isOwnClass = (architecture: string, modelType: string, hasRemoteCode: boolean): boolean => {
  if (draftClass.test(architecture)) return true;
  const own = stemsOf(modelType);
  if (own.length === 0) return false;
  const fitting = own.filter((stem) => architecture.toLowerCase().startsWith(stem.toLowerCase()));
  if (fitting.length === 0) return hasRemoteCode && typeOfClass(architecture) === undefined;
  return !fitting.some((stem) => plainEnding.test(architecture.slice(stem.length)));
};
