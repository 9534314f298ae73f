/**
 * Model types (transformers 4.x and 5.x) whose published configs the checks were written against, with the stem that
 * their classes start with. A type that is missing here is read by remote code or another library: it gets the general
 * checks, as information only.
 */
const stems: Readonly<Record<string, readonly string[]>> = {
  albert: ['Albert'],
  bamba: ['Bamba'],
  bart: ['Bart'],
  beit: ['Beit'],
  bert: ['Bert'],
  big_bird: ['BigBird'],
  blip: ['Blip'],
  bloom: ['Bloom'],
  camembert: ['Camembert'],
  clap: ['Clap'],
  clap_audio_model: ['ClapAudio'],
  clap_text_model: ['ClapText'],
  clip: ['CLIP'],
  clip_text_model: ['CLIP'],
  clip_vision_model: ['CLIP'],
  codegen: ['CodeGen'],
  cohere: ['Cohere'],
  cohere2: ['Cohere2'],
  'deberta-v2': ['DebertaV2'],
  deberta: ['Deberta'],
  deepseek_v2: ['DeepseekV2'],
  deepseek_v3: ['DeepseekV3'],
  deit: ['DeiT'],
  detr: ['Detr'],
  dinov2: ['Dinov2'],
  dinov2_with_registers: ['Dinov2WithRegisters'],
  distilbert: ['DistilBert'],
  'donut-swin': ['DonutSwin'],
  dpr: ['DPR'],
  efficientnet: ['EfficientNet'],
  electra: ['Electra'],
  exaone4: ['Exaone4'],
  falcon: ['Falcon'],
  falcon_h1: ['FalconH1'],
  falcon_mamba: ['FalconMamba'],
  gemma: ['Gemma'],
  gemma2: ['Gemma2'],
  gemma3: ['Gemma3'],
  gemma3_text: ['Gemma3'],
  glm: ['Glm'],
  glm4: ['Glm4'],
  glm4_moe: ['Glm4Moe'],
  glm4v: ['Glm4v'],
  glm4v_text: ['Glm4v'],
  gpt2: ['GPT2'],
  gpt_bigcode: ['GPTBigCode'],
  gpt_neo: ['GPTNeo'],
  gpt_neox: ['GPTNeoX'],
  gpt_oss: ['GptOss'],
  gptj: ['GPTJ'],
  granite: ['Granite'],
  granitemoe: ['GraniteMoe'],
  granitemoehybrid: ['GraniteMoeHybrid'],
  hubert: ['Hubert'],
  idefics2: ['Idefics2'],
  idefics3: ['Idefics3'],
  jamba: ['Jamba'],
  kimi_k2: ['KimiK2', 'DeepseekV3'],
  layoutlmv3: ['LayoutLMv3'],
  lfm2: ['Lfm2'],
  lfm2_moe: ['Lfm2Moe'],
  llama: ['Llama', 'LLaMA'],
  llama4: ['Llama4'],
  llama4_text: ['Llama4'],
  llava: ['Llava'],
  llava_next: ['LlavaNext'],
  llava_onevision: ['LlavaOnevision'],
  longformer: ['Longformer'],
  m2m_100: ['M2M100'],
  mamba: ['Mamba'],
  mamba2: ['Mamba2'],
  marian: ['Marian'],
  mbart: ['MBart', 'Bart'],
  ministral: ['Ministral'],
  ministral3: ['Ministral3'],
  mistral: ['Mistral'],
  mistral3: ['Mistral3'],
  mixtral: ['Mixtral'],
  mllama: ['Mllama'],
  mllama_text_model: ['Mllama'],
  mobilenet_v2: ['MobileNetV2'],
  modernbert: ['ModernBert'],
  mpnet: ['MPNet'],
  mpt: ['Mpt', 'MPT'],
  mt5: ['MT5', 'T5', 'UMT5'],
  nemotron_h: ['NemotronH'],
  olmo: ['Olmo'],
  olmo2: ['Olmo2'],
  olmo3: ['Olmo3'],
  olmoe: ['Olmoe'],
  opt: ['OPT'],
  paligemma: ['PaliGemma'],
  pegasus: ['Pegasus'],
  persimmon: ['Persimmon'],
  phi: ['Phi'],
  phi3: ['Phi3'],
  pixtral: ['Pixtral'],
  qwen2: ['Qwen2'],
  qwen2_5_vl: ['Qwen2_5_VL', 'Qwen2VL'],
  qwen2_5_vl_text: ['Qwen2_5_VL'],
  qwen2_moe: ['Qwen2Moe'],
  qwen2_vl: ['Qwen2VL'],
  qwen2_vl_text: ['Qwen2VL'],
  qwen3: ['Qwen3'],
  qwen3_5: ['Qwen3_5'],
  qwen3_5_text: ['Qwen3_5'],
  qwen3_5_moe: ['Qwen3_5Moe'],
  qwen3_5_moe_text: ['Qwen3_5Moe'],
  qwen3_moe: ['Qwen3Moe'],
  qwen3_next: ['Qwen3Next'],
  qwen3_vl: ['Qwen3VL'],
  qwen3_vl_text: ['Qwen3VL'],
  qwen3_vl_moe: ['Qwen3VLMoe'],
  qwen3_vl_moe_text: ['Qwen3VLMoe'],
  recurrent_gemma: ['RecurrentGemma'],
  reformer: ['Reformer'],
  resnet: ['ResNet'],
  roberta: ['Roberta'],
  rwkv: ['Rwkv'],
  segformer: ['Segformer'],
  siglip: ['Siglip'],
  siglip2_vision_model: ['Siglip2'],
  siglip_text_model: ['Siglip'],
  siglip_vision_model: ['Siglip'],
  smollm3: ['SmolLM3'],
  smolvlm: ['SmolVLM'],
  stablelm: ['StableLm'],
  starcoder2: ['Starcoder2'],
  swin: ['Swin'],
  swinv2: ['Swinv2'],
  t5: ['T5', 'MT5', 'UMT5'],
  umt5: ['UMT5', 'T5'],
  vit: ['ViT', 'DeiT'],
  vit_mae: ['ViTMAE'],
  wav2vec2: ['Wav2Vec2'],
  'wav2vec2-conformer': ['Wav2Vec2Conformer'],
  wavlm: ['WavLM'],
  whisper: ['Whisper'],
  'xlm-roberta': ['XLMRoberta', 'Roberta'],
  xlnet: ['XLNet'],
  zamba2: ['Zamba2'],
};

const stemsOf = (modelType: string): readonly string[] =>
  Object.hasOwn(stems, modelType) ? (stems[modelType] ?? []) : [];

/** A draft model shares the config of the model that it drafts for, and has layers of its own. */
const draftClass = /Eagle|Draft|Medusa|NextN/;

export const knownModelTypes: ReadonlySet<string> = new Set(Object.keys(stems));

/** Types of transformers 5 and of models beside it that look like a slip of the pen in one of the above, and are none. */
export const otherModelTypes: ReadonlySet<string> = new Set([
  'flava',
  'fnet',
  'gemma3n',
  'gemma3n_text',
  'glm4v_moe',
  'ibert',
  'informer',
  'llamba',
  'pegasus_x',
  'plbart',
  'regnet',
  'rembert',
  'roformer',
  'vit_msn',
  'voxtral',
  'xlm',
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
const plainEnding =
  /^(For[A-Z]|LM|Model|MTModel|DoubleHeads|Encoder|Decoder|Text|Vision|PreTrained|Backbone|QA|ContextEncoder|QuestionEncoder|Reader)/;

/**
 * True of a class that shares a model type's config and has layers of its own: a class of remote code (JinaBERT says
 * `bert`), the original LLaVA, a draft model. Misspelt names are not meant.
 */
export const isOwnClass = (architecture: string, modelType: string, hasRemoteCode: boolean): boolean => {
  const own = stemsOf(modelType);
  if (own.length === 0) return false;
  const fitting = own.filter((stem) => architecture.toLowerCase().startsWith(stem.toLowerCase()));
  if (fitting.length === 0) return hasRemoteCode && typeOfClass(architecture) === undefined;
  return draftClass.test(architecture) || !fitting.some((stem) => plainEnding.test(architecture.slice(stem.length)));
};
