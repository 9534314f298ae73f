/** Vision-language models of which the sizes are known, and not every tensor. */
import type { ModelPart } from '../../model-description';
import type { CompositeRow } from './composite';
import { compositeFamily } from './composite';
import { joined } from './multimodal';
import { namedTower } from './tower-names';
import { patchMerger } from './qwen-vl';
import { mergedPatches } from '../towers/moon-vit';

const visionConfig = [['vision_config']];
const withoutHead = { vision_use_head: false };

const miniCpmV46 = compositeFamily({
  id: 'minicpmv4_6',
  title: 'MiniCPM-V 4.6',
  textAlone: true,
  architectures: /^MiniCPMV4_6For/,
  text: { at: [['text_config']], type: 'qwen3_5_text' },
  towers: [
    {
      at: visionConfig,
      type: 'siglip_vision_model',
      named: ['minicpmv4_6_vision'],
      values: withoutHead,
    },
  ],
});

/** Phi-4-mini with adapters for pictures and for sound, SigLIP and a conformer. */
const phi4Multimodal = compositeFamily({
  id: 'phi4mm',
  title: 'Phi-4 Multimodal',
  textAlone: true,
  architectures: /^Phi4MMFor/,
  tied: true,
  text: {
    at: [[]],
    type: 'phi3',
    // Maps with adapters, which a text does not use.
    names: (name) => name.replace(/(qkv_proj|o_proj|gate_up_proj|down_proj)\.weight$/, '$1.base_layer.weight'),
  },
  towers: [
    {
      at: [['img_processor', 'sizes']],
      type: 'siglip_vision_model',
      whole: {
        hidden_size: 1152,
        intermediate_size: 4304,
        num_hidden_layers: 27,
        num_attention_heads: 16,
        patch_size: 14,
        image_size: 448,
      },
    },
    { at: [['audio_processor', 'config']], type: 'phi4mm_audio', optional: true },
  ],
});

/** SigLIP reads pictures for the text model; what it draws are codes, which no part with attention reads. */
const janus = compositeFamily({
  id: 'multi_modality',
  title: 'Janus',
  textAlone: true,
  architectures: /^MultiModality/,
  text: { at: [['language_config']], type: 'llama' },
  towers: [namedTower(['vision_config', 'params', 'model_name'])],
  projector: ({ text, towers: [tower] }) => ({
    kind: 'two linear layers',
    inputSize: tower?.hiddenSize ?? 0,
    outputSize: text.hiddenSize,
  }),
});

/**
 * The first releases of LLaVA: the text model's fields at the top, the name of an outside tower, and a class of their own. The
 * model_type is that of transformers' LLaVA.
 */
const originalLlava = compositeFamily({
  id: 'llava_original',
  title: 'LLaVA (original)',
  textAlone: true,
  types: [],
  architectures: /^LlavaLlamaForCausalLM/,
  text: { at: [[]], type: 'llama', named: ['llava'] },
  towers: [namedTower(['mm_vision_tower'])],
  projector: ({ text, towers: [tower] }, reader) => {
    const said = reader.string('mm_projector_type') ?? 'linear';
    return {
      kind: /^mlp2x/.test(said) ? 'two linear layers' : said === 'linear' ? 'one linear layer' : said,
      inputSize: reader.integer('mm_hidden_size', 1) ?? tower?.hiddenSize ?? 0,
      outputSize: text.hiddenSize,
    };
  },
});

/** VILA: neighbours side by side, a norm and two layers; the parts lie in folders of their own. */
const vila = compositeFamily({
  id: 'llava_llama',
  title: 'VILA',
  architectures: /^LlavaLlamaModel/,
  text: { at: [['llm_cfg']], type: 'llama' },
  towers: [{ at: [['vision_tower_cfg']], type: 'siglip_vision_model', optional: true }],
  projector: ({ text, towers: [tower] }, reader) => {
    const down = /downsample/.test(reader.child('mm_projector_cfg')?.string('mm_projector_type') ?? '');
    return {
      kind: down ? 'four patches side by side, a norm and two linear layers' : 'two linear layers',
      inputSize: (tower?.hiddenSize ?? 0) * (down ? 4 : 1),
      outputSize: text.hiddenSize,
    };
  },
});

/** CogVLM2 for films: layers of the text model have further weights for positions of the picture. */
const cogVlm2 = compositeFamily({
  id: 'cogvlm2',
  title: 'CogVLM2',
  textAlone: true,
  architectures: /^CogVLM/,
  text: { at: [[]], type: 'cogvlm2_text' },
  towers: [{ at: visionConfig, type: 'cogvlm2_vision', optional: true, outputTokens: joined('downsample', 2) }],
});

const maira2 = compositeFamily({
  id: 'maira2',
  title: 'MAIRA-2',
  textAlone: true,
  architectures: /^Maira2For/,
  text: { at: [['text_config']], type: 'llama' },
  towers: [{ at: visionConfig, type: 'dinov2' }],
  projector: ({ text, towers: [tower] }) => ({
    kind: 'linear layers',
    inputSize: tower?.hiddenSize ?? 0,
    outputSize: text.hiddenSize,
  }),
});

/** Cross-attention between the layers of a text model, to 64 learned queries that read the pictures (arXiv:2204.14198). */
const withGatedCross = (text: ModelPart, every: number): ModelPart => ({
  ...text,
  layers: text.layers.map((layer) =>
    (layer.index + 1) % every === 0
      ? {
          ...layer,
          crossAttention: {
            kind: 'full' as const,
            causal: false,
            // OpenFlamingo's layers have eight heads of 64, whatever the text model has.
            heads: 8,
            kvHeads: 8,
            headDim: 64,
            valueDim: 64,
            sourcePositions: 64,
          },
        }
      : layer,
  ),
});

/** The layers of the text model lie inside those of the whole. */
const inFlamingo = (name: string): string => `lang_encoder.${name.replace('.{layer}.', '.{layer}.decoder_layer.')}`;

const flamingoLike = (row: Pick<CompositeRow, 'id' | 'title' | 'architectures' | 'text' | 'towers'>) =>
  compositeFamily({
    ...row,
    textAlone: { layersBetween: true },
    join: ({ text, towers: [tower] }, reader) => [
      withGatedCross(text, reader.integer('cross_attn_every_n_layers', 1) ?? 4),
      ...(tower === undefined ? [] : [tower]),
    ],
  });

const flamingo = flamingoLike({
  id: 'flamingo',
  title: 'OpenFlamingo',
  architectures: /^Flamingo/,
  text: { at: [['text_config']], type: 'llama', names: inFlamingo },
  towers: [{ at: visionConfig, type: 'clip_vision_model' }],
});
const infiMm = flamingoLike({
  id: 'infimm-zephyr',
  title: 'InfiMM-Zephyr',
  architectures: /^InfiMMZephyr/,
  text: { at: [['language']], type: 'mistral', names: inFlamingo },
  towers: [{ at: [['visual']], type: 'eva_clip' }],
});

/** The tower of Kimi K2.5 with wider heads, and another merger, in front of layers of linear attention. */
const kimiK3 = compositeFamily({
  id: 'kimi_k3',
  title: 'Kimi K3',
  architectures: /^KimiK3For/,
  text: { at: [['text_config']], type: 'kimi_linear', names: 'language_model.' },
  towers: [{ at: visionConfig, type: 'kimi_k25_vision' }],
  projector: ({ text, towers: [tower] }) => ({
    kind: 'joined patches, two linear layers and a norm',
    inputSize: tower === undefined ? 0 : tower.hiddenSize * mergedPatches(tower),
    outputSize: text.hiddenSize,
  }),
});

const exaone45 = compositeFamily({
  id: 'exaone4_5',
  title: 'EXAONE 4.5',
  textAlone: true,
  architectures: /^Exaone4_5_For/,
  text: { at: [['text_config']], type: 'exaone4_5_text' },
  // Qwen2.5-VL's tower with key/value heads shared by groups.
  towers: [{ at: visionConfig, type: 'qwen2_5_vl_vision', named: ['exaone4_5_vision'] }],
  projector: patchMerger,
});

/** A tower and a few convolutions that make a map of depth of its layers. */
const depthAnything = compositeFamily({
  id: 'depth_anything',
  title: 'Depth Anything',
  architectures: /^DepthAnythingFor/,
  task: 'base',
  text: {
    at: [['backbone_config']],
    type: 'dinov2',
    whole: { hidden_size: 384, num_attention_heads: 6, image_size: 518 },
  },
  towers: [],
});

export const sizedMultimodal = [
  depthAnything,
  miniCpmV46,
  phi4Multimodal,
  janus,
  originalLlava,
  vila,
  cogVlm2,
  maira2,
  flamingo,
  infiMm,
  kimiK3,
  exaone45,
];
