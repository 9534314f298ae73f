/**
 * Model types (transformers 4.x and 5.x) whose published configs the checks were written against, with the stem that
 * their classes start with. A type that is missing here is read by remote code or another library: it gets the general
 * checks, as information only.
 */
const stems: Readonly<Record<string, readonly string[]>> = {
  PanguEmbedded: ['PanguEmbedded'],
  albert: ['Albert'],
  apertus: ['Apertus'],
  arcee: ['Arcee'],
  bailing_moe: ['BailingMoe', 'BailingMoeV2'],
  bamba: ['Bamba'],
  bark: ['Bark'],
  bart: ['Bart'],
  beit: ['Beit'],
  bert: ['Bert'],
  'bert-generation': ['BertGeneration'],
  big_bird: ['BigBird'],
  bitnet: ['BitNet'],
  'blip-2': ['Blip2'],
  blip: ['Blip'],
  blip_2_qformer: ['Blip2'],
  blip_2_vision_model: ['Blip2'],
  blip_text_model: ['Blip'],
  blip_vision_model: ['Blip'],
  bloom: ['Bloom'],
  camembert: ['Camembert'],
  clap: ['Clap'],
  clap_audio_model: ['ClapAudio'],
  clap_text_model: ['ClapText'],
  clip: ['CLIP'],
  clip_text_model: ['CLIP'],
  clip_vision_model: ['CLIP'],
  codegen: ['CodeGen'],
  cohere2: ['Cohere2'],
  cohere: ['Cohere'],
  convnext: ['ConvNext'],
  convnextv2: ['ConvNextV2'],
  dbrx: ['Dbrx'],
  'deberta-v2': ['DebertaV2'],
  deberta: ['Deberta'],
  deepseek: ['Deepseek'],
  deepseek_ref: ['DeepseekV4'],
  deepseek_v2: ['DeepseekV2'],
  deepseek_v32: ['DeepseekV32'],
  deepseek_v3: ['DeepseekV3'],
  deepseek_v4: ['DeepseekV4'],
  deit: ['DeiT'],
  detr: ['Detr'],
  dinov2: ['Dinov2'],
  dinov2_with_registers: ['Dinov2WithRegisters'],
  dinov3_vit: ['DINOv3ViT'],
  distilbert: ['DistilBert'],
  'donut-swin': ['DonutSwin'],
  dots1: ['Dots1'],
  dpr: ['DPR'],
  efficientnet: ['EfficientNet'],
  electra: ['Electra'],
  ernie4_5: ['Ernie4_5', 'Ernie4_5_'],
  ernie4_5_moe: ['Ernie4_5_Moe'],
  esm: ['Esm'],
  exaone4: ['Exaone4'],
  exaone_moe: ['ExaoneMoe'],
  exaone4_5_text: ['Exaone4_5_', 'Exaone4'],
  exaone: ['Exaone'],
  falcon: ['Falcon'],
  falcon_h1: ['FalconH1'],
  falcon_mamba: ['FalconMamba'],
  falcon_perception: ['FalconPerception'],
  flaubert: ['Flaubert'],
  florence2: ['Florence2'],
  fuyu: ['Fuyu'],
  gemma2: ['Gemma2'],
  gemma3: ['Gemma3'],
  gemma3_text: ['Gemma3'],
  gemma4: ['Gemma4'],
  gemma4_text: ['Gemma4'],
  gemma: ['Gemma'],
  git: ['Git'],
  git_vision_model: ['Git'],
  glm4: ['Glm4'],
  glm4_moe: ['Glm4Moe'],
  glm4_moe_lite: ['Glm4MoeLite'],
  glm4v: ['Glm4v'],
  glm4v_text: ['Glm4v'],
  glm: ['Glm'],
  glm_moe_dsa: ['GlmMoeDsa'],
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
  hunyuan: ['HunYuan', 'HunYuanMoEV1'],
  hunyuan_v1_dense: ['HunYuanDenseV1'],
  hunyuan_v1_moe: ['HunYuanMoEV1'],
  idefics2: ['Idefics2'],
  idefics3: ['Idefics3'],
  instructblip: ['InstructBlip'],
  internlm3: ['InternLM3'],
  internvl: ['InternVL'],
  internvl_vision: ['InternVL'],
  jamba: ['Jamba'],
  kimi_k2: ['KimiK2', 'DeepseekV3'],
  kimi_linear: ['KimiLinear'],
  layoutlmv3: ['LayoutLMv3'],
  lfm2: ['Lfm2'],
  lfm2_moe: ['Lfm2Moe'],
  lfm2_vl: ['Lfm2Vl'],
  llama4: ['Llama4'],
  llama4_text: ['Llama4'],
  llama4_vision_model: ['Llama4'],
  llama: ['Llama', 'LLaMA'],
  llava: ['Llava'],
  llava_next: ['LlavaNext'],
  llava_onevision: ['LlavaOnevision'],
  longformer: ['Longformer'],
  m2m_100: ['M2M100'],
  mamba2: ['Mamba2'],
  mamba: ['Mamba'],
  marian: ['Marian'],
  mbart: ['MBart', 'Bart'],
  mimo: ['MiMo'],
  mimo_v2_flash: ['MiMoV2Flash'],
  minicpm3: ['MiniCPM3'],
  minicpm: ['MiniCPM'],
  minimax_m2: ['MiniMaxM2'],
  minimax_m3: ['MiniMaxM3', 'MiniMaxM3Sparse'],
  minimax_m3_vl_text: ['MiniMaxM3', 'MiniMaxM3Sparse'],
  ministral3: ['Ministral3'],
  ministral: ['Ministral'],
  mistral3: ['Mistral3'],
  mistral: ['Mistral'],
  'mixformer-sequential': ['MixFormerSequential'],
  mixtral: ['Mixtral'],
  mllama: ['Mllama'],
  mllama_text_model: ['Mllama'],
  mllama_vision_model: ['Mllama'],
  mobilenet_v2: ['MobileNetV2'],
  modernbert: ['ModernBert'],
  mpnet: ['MPNet'],
  mpt: ['Mpt', 'MPT'],
  mt5: ['MT5', 'T5', 'UMT5'],
  'nemotron-nas': ['DeciLM'],
  nemotron: ['Nemotron'],
  nemotron_h: ['NemotronH'],
  nystromformer: ['Nystromformer'],
  olmo2: ['Olmo2'],
  olmo3: ['Olmo3'],
  olmo: ['Olmo'],
  olmoe: ['Olmoe'],
  openelm: ['OpenELM'],
  opt: ['OPT'],
  paligemma: ['PaliGemma'],
  pegasus: ['Pegasus'],
  persimmon: ['Persimmon'],
  phi3: ['Phi3'],
  phi3small: ['Phi3Small'],
  phi: ['Phi'],
  phimoe: ['PhiMoE'],
  pixtral: ['Pixtral'],
  qwen2: ['Qwen2'],
  qwen2_5_omni: ['Qwen2_5Omni'],
  qwen2_5_vl: ['Qwen2_5_VL', 'Qwen2VL'],
  qwen2_5_vl_text: ['Qwen2_5_VL'],
  qwen2_audio: ['Qwen2Audio'],
  qwen2_audio_encoder: ['Qwen2Audio'],
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
  recurrent_gemma: ['RecurrentGemma'],
  reformer: ['Reformer'],
  rembert: ['RemBert'],
  resnet: ['ResNet'],
  roformer: ['RoFormer'],
  rt_detr: ['RTDetr'],
  rt_detr_v2: ['RTDetrV2'],
  roberta: ['Roberta'],
  rwkv: ['Rwkv'],
  sam: ['Sam'],
  seed_oss: ['SeedOss'],
  segformer: ['Segformer'],
  siglip2_vision_model: ['Siglip2'],
  siglip: ['Siglip'],
  siglip_text_model: ['Siglip'],
  siglip_vision_model: ['Siglip'],
  smollm3: ['SmolLM3'],
  smolvlm: ['SmolVLM'],
  'speech-encoder-decoder': ['SpeechEncoderDecoder'],
  speecht5: ['SpeechT5'],
  stablelm: ['StableLm'],
  squeezebert: ['SqueezeBert'],
  starcoder2: ['Starcoder2'],
  step3p5: ['Step3p5'],
  step3p7: ['Step3p7', 'Step3p7Flash'],
  swin: ['Swin'],
  swinv2: ['Swinv2'],
  t5: ['T5', 'MT5', 'UMT5'],
  telechat: ['Telechat'],
  trocr: ['TrOCR'],
  umt5: ['UMT5', 'T5'],
  'vision-encoder-decoder': ['VisionEncoderDecoder'],
  vit: ['ViT', 'DeiT'],
  vits: ['Vits'],
  vit_mae: ['ViTMAE'],
  voxtral: ['Voxtral'],
  voxtral_encoder: ['Voxtral'],
  wav2vec2: ['Wav2Vec2'],
  'wav2vec2-conformer': ['Wav2Vec2Conformer'],
  wavlm: ['WavLM'],
  whisper: ['Whisper'],
  xlm: ['XLM'],
  'xlm-roberta': ['XLMRoberta', 'Roberta'],
  xlnet: ['XLNet'],
  yolos: ['Yolos'],
  xverse: ['Xverse'],
  yuan: ['Yuan'],
  zamba2: ['Zamba2'],
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
  'exaone4_5',
  'flava',
  'fnet',
  'gemma3n',
  'gemma3n_text',
  'glm4v_moe',
  'ibert',
  'informer',
  'llamba',
  'minicpmo',
  'minicpmv',
  'nemotron_h',
  'pegasus_x',
  'plbart',
  'regnet',
  'vit_msn',
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
  /^(For[A-Z]|LM|WithLMHead|Model|MTModel|DoubleHeads|Encoder|Decoder|Text|Vision|PreTrained|Backbone|QA|ContextEncoder|QuestionEncoder|Reader)/;

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
