/** Vision-language models whose code comes with the checkpoint. */
import type { ConfigReader, JsonObject } from '../../config/config-reader';
import type { CompositeRow } from './composite';
import { compositeFamily } from './composite';
import { amount } from '../shared/family';
import { mergedPatches } from '../towers/moon-vit';
import { writeResampler } from '../towers/remote-towers';
import { writeNormedLayers } from './vision-language';
import { siglipSo400m } from '../towers/siglip-sizes';

const visionConfig = [['vision_config']];
const withoutHead: JsonObject = { vision_use_head: false };

/** Text models of MiniCPM-V by version: 2.0 has MiniCPM, 2.5 Llama 3, 2.6 Qwen2, 4.0 MiniCPM 4 in the form of Llama. */
const textOfMiniCpm = (reader: ConfigReader): string => {
  const written = reader.object['version'];
  const version = typeof written === 'number' || typeof written === 'string' ? Number(written) : Number.NaN;
  if (version === 2.6) return 'qwen2';
  return version >= 2.5 ? 'llama' : 'minicpm';
};

/** Patches of SigLIP, read once by learned queries. */
const miniCpmV = compositeFamily({
  id: 'minicpmv',
  title: 'MiniCPM-V',
  textAlone: true,
  architectures: /^MiniCPMV$/,
  record: ['version', 'vision_encoder'],
  text: { at: [[]], type: textOfMiniCpm, names: 'llm.' },
  towers: [
    {
      at: visionConfig,
      type: 'siglip_vision_model',
      named: ['idefics2', 'siglip'],
      values: withoutHead,
      names: (name) => name.replace(/^vision_model\./, 'vpm.'),
      when: (reader) => typeof reader.object['vision_encoder'] !== 'string',
      outputTokens: (_tower, reader) => reader.integer('query_num', 1),
    },
    {
      // 2.0 names its tower, and stretches the positions to its own size of picture.
      at: [['vision_encoder']],
      type: 'timm_siglip',
      names: 'vpm.',
      when: (reader) => /so400m_patch14_siglip/.test(reader.string('vision_encoder') ?? ''),
      whole: (reader) => ({
        num_hidden_layers: reader.boolean('drop_vision_last_layer') === false ? 27 : 26,
        image_size: reader.integer('image_size', 1) ?? 448,
      }),
      outputTokens: (_tower, reader) => reader.integer('query_num', 1),
    },
  ],
  projector: ({ text, towers }) => ({
    kind: 'learned queries that read the patches',
    inputSize: (towers[0] ?? towers[1])?.hiddenSize ?? 0,
    outputSize: text.hiddenSize,
  }),
  tensors: (writer, { towers: [, timm] }, model) => {
    const { inputSize = 0, outputSize = 0 } = model.projector ?? {};
    const queries = amount(model, 'query_num') ?? 64;
    const own = writer.under('resampler.');
    writeResampler(own, {
      queries,
      read: inputSize,
      output: outputSize,
      // 2.0 stores the positions of its queries, the others compute those of the patches.
      ...(timm === undefined ? {} : { table: queries }),
    });
    own.norm('ln_post', outputSize, true);
    own.add('projector', 'proj', [outputSize, outputSize]);
  },
});

/** A part of `vision_config.width`, where DeepSeek-OCR and DeepSeek-OCR 2 list the towers behind one another. */
const width = (key: string): readonly (readonly string[])[] => [['vision_config', 'width', key]];

/** Experts of DeepSeek-V2, with latent attention or without, behind SigLIP (VL2) or behind SAM and a second tower (OCR). */
const deepSeekVision = (row: Pick<CompositeRow, 'id' | 'title' | 'types' | 'architectures'>) =>
  compositeFamily({
    ...row,
    textAlone: true,
    record: ['tile_tag', 'global_view_pos'],
    text: { at: [['language_config'], []], type: 'deepseek_v2' },
    towers: [
      { at: width('sam_vit_b'), type: 'sam_vit_b', names: 'model.sam_model.', optional: true },
      { at: width('clip-l-14-224'), type: 'deepseek_clip', names: 'model.vision_model.', optional: true },
      { at: width('qwen2-0-5b'), type: 'deepseek_query_encoder', optional: true },
      {
        at: visionConfig,
        type: 'timm_siglip',
        named: ['vision'],
        names: 'vision.',
        when: (reader) => !isNested(reader),
      },
    ],
    projector: ({ text, towers }, reader) => {
      const input = reader.child('projector_config')?.integer('input_dim', 1);
      return {
        kind: isNested(reader) ? 'one linear layer' : 'joined patches and two linear layers',
        inputSize: input ?? towers[3]?.hiddenSize ?? 0,
        outputSize: text.hiddenSize,
      };
    },
    // How VL2 joins its patches is decided by a key that the published files leave out.
    known: ({ towers }, reader) =>
      towers[0] !== undefined &&
      towers[1] !== undefined &&
      towers[2] === undefined &&
      reader.child('projector_config')?.object['projector_type'] === 'linear',
    tensors: (writer, { text }, { projector }) => {
      if (projector === undefined) return;
      writer.linear('projector', 'model.projector.layers', projector.inputSize, projector.outputSize, true);
      writer.add('projector', 'model.view_seperator', [text.hiddenSize]);
      // Behind every line of patches.
      writer.add('projector', 'model.image_newline', [text.hiddenSize]);
    },
  });

const isNested = (reader: ConfigReader): boolean => reader.child('vision_config')?.child('width') !== undefined;

const deepSeekVl2 = deepSeekVision({
  id: 'deepseek_vl_v2',
  title: 'DeepSeek-VL2 / DeepSeek-OCR',
  architectures: /^Deepseek(VLV2|OCR)/,
});
const unlimitedOcr = deepSeekVision({
  id: 'unlimited-ocr',
  title: 'Unlimited-OCR',
  architectures: /^UnlimitedOCRFor/,
});

const clip336: JsonObject = {
  hidden_size: 1024,
  intermediate_size: 4096,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  patch_size: 14,
  image_size: 336,
};

/** Phi-3 with CLIP, four of whose patches stand side by side. */
const phi3Vision = compositeFamily({
  id: 'phi3_v',
  title: 'Phi-3 Vision',
  textAlone: true,
  architectures: /^Phi3VFor/,
  text: { at: [[]], type: 'phi3' },
  towers: [
    {
      // The file names the tower; its code holds the sizes.
      at: [['img_processor', 'sizes']],
      type: 'clip_vision_model',
      whole: clip336,
      names: 'model.vision_embed_tokens.img_processor.',
      outputTokens: (_tower, reader) => reader.child('img_processor')?.integer('num_img_tokens', 1),
    },
  ],
  projector: ({ text, towers: [tower] }) => ({
    kind: 'four patches side by side and two linear layers',
    inputSize: 4 * (tower?.hiddenSize ?? 0),
    outputSize: text.hiddenSize,
  }),
  known: (_parts, reader) => {
    const embedding = reader.child('embd_layer')?.object;
    return (
      reader.child('img_processor')?.object['name'] === 'clip_vision_model' &&
      embedding?.['projection_cls'] === 'mlp' &&
      embedding['use_hd_transform'] === true &&
      embedding['with_learnable_separator'] === true
    );
  },
  tensors: (writer, _parts, { projector }) => {
    const { inputSize = 0, outputSize = 0 } = projector ?? {};
    const own = writer.under('model.vision_embed_tokens.');
    own.linear('projector', 'img_projection.0', inputSize, outputSize, true);
    own.linear('projector', 'img_projection.2', outputSize, outputSize, true);
    own.add('projector', 'glb_GN', [1, 1, inputSize]);
    own.add('projector', 'sub_GN', [1, 1, 1, inputSize]);
  },
});

/** Rows for further tokens that Molmo keeps beside the table of words. */
const molmoFurther = 128;

/** Molmo's code holds the sizes of its tower: CLIP's, of which 23 layers are kept and two are read side by side. */
const molmo = compositeFamily({
  id: 'molmo',
  title: 'Molmo',
  textAlone: true,
  architectures: /^MolmoFor/,
  text: {
    at: [[]],
    type: 'molmo_text',
    names: (name) => name.replace('transformer.wte.weight', 'transformer.wte.embedding'),
  },
  towers: [
    {
      at: [['vision_backbone']],
      type: 'molmo_vision',
      names: 'model.vision_backbone.image_vit.',
      // Four neighbours become one position.
      outputTokens: () => 144,
    },
  ],
  projector: ({ text, towers: [tower] }) => ({
    kind: 'attention over four patches and a gated network',
    inputSize: 2 * (tower?.hiddenSize ?? 0),
    outputSize: text.hiddenSize,
  }),
  known: (_parts, reader) => reader.boolean('norm_after') !== true,
  tensors: (writer, { text, towers: [tower] }, { projector }) => {
    const { inputSize = 0, outputSize = 0 } = projector ?? {};
    const hidden = tower?.hiddenSize ?? 0;
    writer.add('embedding', 'model.transformer.wte.new_embedding', [molmoFurther, text.hiddenSize]);
    const own = writer.under('model.vision_backbone.');
    own.add('projector', 'pad_embed', [2, inputSize]);
    for (const name of ['wq', 'wk', 'wv']) own.linear('projector', `image_pooling_2d.${name}`, inputSize, hidden, true);
    own.linear('projector', 'image_pooling_2d.wo', hidden, hidden, true);
    const size = text.intermediateSize ?? 0;
    for (const name of ['w1', 'w3']) own.linear('projector', `image_projector.${name}`, hidden, size, false);
    own.linear('projector', 'image_projector.w2', size, outputSize, false);
  },
});

/** Sizes of xGen-MM's own classes; the published files give none of them. */
const xGen = { further: 3, queries: 128, layers: 6, inner: 16 * 96 };

/** Six layers of learned queries read the patches; three further tokens have rows beside the table and the head of Phi-3. */
const xGenMm = compositeFamily({
  id: 'xgenmm',
  title: 'xGen-MM',
  architectures: /^XGenMM/,
  text: { at: [['text_config']], type: 'phi3', names: 'vlm.lang_model.' },
  towers: [
    {
      at: [['vision_encoder_config']],
      type: 'siglip_vision_model',
      named: ['xgenmm_vision_encoder'],
      values: siglipSo400m,
      names: (name) => name.replace(/^vision_model\./, 'vlm.vision_encoder.'),
      outputTokens: () => xGen.queries,
    },
  ],
  projector: ({ text, towers: [tower] }) => ({
    kind: 'learned queries and one linear layer',
    inputSize: tower?.hiddenSize ?? 0,
    outputSize: text.hiddenSize,
  }),
  tensors: (writer, { text }, { projector }, table) => {
    const { inputSize: read = 0, outputSize = 0 } = projector ?? {};
    const own = table.writer(text).under('vlm.lang_model.');
    own.add('embedding', 'model.embed_tokens.additional_embedding.weight', [xGen.further, outputSize]);
    own.add('head', 'lm_head.bias', [text.vocabularySize ?? 0]);
    own.linear('head', 'lm_head.additional_fc', outputSize, xGen.further, true);
    const queries = writer.under('vlm.vision_tokenizer.');
    queries.add('projector', 'latents', [xGen.queries, read]);
    for (let index = 0; index < xGen.layers; index++) {
      const attention = queries.under(`layers.${index}.0.`);
      for (const name of ['norm_media', 'norm_latents']) attention.norm(name, read, true);
      attention.linear('projector', 'to_q', read, xGen.inner, false);
      attention.linear('projector', 'to_kv', read, 2 * xGen.inner, false);
      attention.linear('projector', 'to_out', xGen.inner, read, false);
      const network = queries.under(`layers.${index}.1.`);
      network.norm('0', read, true);
      network.linear('projector', '1', read, 4 * read, false);
      network.linear('projector', '3', 4 * read, read, false);
    }
    queries.norm('norm', read, true);
    queries.linear('projector', 'projection', read, outputSize, true);
  },
});

const locateAnything = compositeFamily({
  id: 'locateanything',
  title: 'LocateAnything',
  architectures: /^LocateAnythingFor/,
  tied: true,
  text: { at: [['text_config']], type: 'qwen2', names: 'language_model.' },
  towers: [{ at: visionConfig, type: 'moonvit', names: 'vision_model.' }],
  projector: ({ text, towers: [tower] }) => ({
    kind: 'joined patches, a norm and two linear layers',
    inputSize: tower === undefined ? 0 : tower.hiddenSize * mergedPatches(tower),
    outputSize: text.hiddenSize,
  }),
  tensors: writeNormedLayers,
});

/** Qwen-VL says the type of its text model alone, Qwen; `visual` tells them apart. */
const qwenVlChat = compositeFamily({
  id: 'qwen_vl',
  title: 'Qwen-VL',
  textAlone: true,
  types: [],
  text: { at: [[]], type: 'qwen' },
  towers: [{ at: [['visual']], type: 'qwen_vl_vision', names: 'transformer.visual.' }],
  projector: ({ text, towers: [tower] }) => ({
    kind: 'learned queries that read the patches',
    inputSize: tower?.hiddenSize ?? 0,
    outputSize: text.hiddenSize,
  }),
  tensors: () => undefined,
});

export const remoteMultimodal = [
  miniCpmV,
  deepSeekVl2,
  unlimitedOcr,
  phi3Vision,
  molmo,
  xGenMm,
  locateAnything,
  qwenVlChat,
];
