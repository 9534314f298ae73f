/** OpenCLIP's own notation: `vision_cfg` and `text_cfg`, alone or in `model_cfg` (`open_clip_config.json`). */
import type { ConfigReader } from '../../config/config-reader';
import { readTransformer } from '../../config/transformer';
import type { ModelDescription, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { CompositeFamily, CompositeReading } from '../shared/family';
import { amount, flag } from '../shared/family';
import { timmPart } from '../towers/timm';
import { timmArchitecture } from '../towers/timm-names';

const textValues = { context_length: 77, vocab_size: 49408, width: 512, heads: 8, layers: 12, mlp_ratio: 4 };
const visionValues = { image_size: 224, patch_size: 16, width: 768, layers: 12, head_width: 64, mlp_ratio: 4 };
const multimodalValues = { context_length: 77, vocab_size: 49408, width: 512, heads: 8, layers: 12, mlp_ratio: 4 };

/** Text models of transformers that files name: width, layers, heads. */
const outside: readonly (readonly [RegExp, width: number, layers: number, heads: number])[] = [
  [/xlm-roberta-large|bert-large|roberta-large/, 1024, 24, 16],
  [/bert-base|roberta-base|PubMedBERT|bert-tiny/i, 768, 12, 12],
  [/mt5-xl/, 2048, 24, 32],
  [/(m?t5)-base/, 768, 12, 12],
];

function readText(reader: ConfigReader): ModelPart {
  const name = reader.has('hf_model_name') ? reader.string('hf_model_name') : undefined;
  const known = name === undefined ? undefined : outside.find(([pattern]) => pattern.test(name));
  const isOutside = name !== undefined;
  const width = isOutside ? (known?.[1] ?? 0) : (reader.integer('width', 1) ?? 0);
  const heads = isOutside ? (known?.[3] ?? 0) : (reader.integer('heads', 1) ?? 0);
  const layers = isOutside ? (known?.[2] ?? 0) : (reader.integer('layers', 1) ?? 0);
  return readTransformer(reader, {
    family: 'open_clip_text',
    role: 'encoder',
    // Each word reads those in front of it, as in CLIP, unless the mask is left out (SigLIP).
    causal: !isOutside && !(reader.has('no_causal_mask') && reader.boolean('no_causal_mask') === true),
    gated: false,
    norm: 'layer',
    positions: 'learned',
    hiddenSize: width,
    layers,
    heads,
    kvHeads: heads,
    intermediateSize: Math.trunc(width * (reader.positive('mlp_ratio') ?? 4)),
  });
}

function readVision(reader: ConfigReader): ModelPart {
  const family = 'open_clip_vision';
  const timmName = reader.has('timm_model_name') ? reader.string('timm_model_name') : undefined;
  const side = reader.integer('image_size', 1);
  if (timmName !== undefined) {
    const found = timmArchitecture(timmName);
    if (found === undefined)
      reader.report(
        [...reader.path, 'timm_model_name'],
        'unknown-value',
        `"${timmName.slice(0, 60)}" is no architecture of timm whose sizes are written down here: its layers are not described.`,
      );
    return timmPart(reader, family, found ?? { kind: 'convolutions', title: '', widths: [], depths: [] }, side);
  }
  const width = reader.integer('width', 1) ?? 0;
  const stages = reader.raw('layers');
  // The ResNet of CLIP: only the pooling at its end attends.
  if (Array.isArray(stages)) {
    const depths = stages.filter((depth): depth is number => typeof depth === 'number' && depth >= 0 && depth <= 256);
    const widths = depths.map((_, stage) => 4 * width * 2 ** Math.min(stage, 8));
    return timmPart(reader, family, { kind: 'convolutions', title: 'ResNet', widths, depths: depths.slice(0, 8) });
  }
  const headWidth = reader.integer('head_width', 1) ?? 64;
  const heads = Math.floor(width / headWidth);
  const patch = reader.integer('patch_size', 1);
  const patches = side === undefined || patch === undefined ? undefined : Math.floor(side / patch) ** 2;
  return readTransformer(reader, {
    family,
    role: 'vision',
    causal: false,
    gated: false,
    norm: 'layer',
    positions: 'learned',
    heads,
    kvHeads: heads,
    headDim: headWidth,
    intermediateSize: Math.trunc(width * (reader.positive('mlp_ratio') ?? 4)),
    image: {
      channels: 3,
      ...(side === undefined ? {} : { size: side }),
      ...(patch === undefined ? {} : { patch }),
      ...(patches === undefined ? {} : { tokens: patches + 1, outputTokens: patches }),
    },
    ...(patches === undefined ? {} : { contextLength: patches + 1 }),
  });
}

/** CoCa's decoder: a layer over the text, and one that reads 256 summaries of the picture, in turn (arXiv:2205.01917). */
function readMultimodal(reader: ConfigReader): ModelPart {
  const width = reader.integer('width', 1) ?? 0;
  const part = readTransformer(reader, {
    family: 'open_clip_text',
    role: 'decoder',
    gated: false,
    norm: 'layer',
    positions: 'none',
    crossAttention: true,
    intermediateSize: Math.trunc(width * (reader.positive('mlp_ratio') ?? 4)),
  });
  const layers = part.layers.map((layer) => ({
    ...layer,
    ...(layer.crossAttention === undefined
      ? {}
      : { crossAttention: { ...layer.crossAttention, sourcePositions: 256 } }),
  }));
  return { ...part, layers };
}

/** Keys whose tensors are written down here; a file with others has further modules. */
const plainText = new Set(['context_length', 'vocab_size', 'width', 'heads', 'layers']);
const plainVision = new Set(['image_size', 'layers', 'width', 'head_width', 'patch_size', 'mlp_ratio']);
const isPlain = (reader: ConfigReader | undefined, known: ReadonlySet<string>): boolean =>
  reader !== undefined && Object.keys(reader.object).every((key) => known.has(key));

function writeBlocks(part: ModelPart, writer: TensorWriter): void {
  const hidden = part.hiddenSize;
  for (const layer of part.layers) {
    const own = writer.layer(layer.index, 'transformer.resblocks.{layer}.');
    own.norm('ln_1', hidden, true);
    own.add('attention', 'attn.in_proj_weight', [3 * hidden, hidden]);
    own.add('attention', 'attn.in_proj_bias', [3 * hidden]);
    own.linear('attention', 'attn.out_proj', hidden, hidden, true);
    own.norm('ln_2', hidden, true);
    own.linear('mlp', 'mlp.c_fc', hidden, layer.feedForward.size, true);
    own.linear('mlp', 'mlp.c_proj', layer.feedForward.size, hidden, true);
  }
}

function writeVision(part: ModelPart, writer: TensorWriter, width: number): void {
  const hidden = part.hiddenSize;
  const patch = part.image?.patch ?? 0;
  writer.add('embedding', 'class_embedding', [hidden]);
  writer.add('embedding', 'positional_embedding', [part.image?.tokens ?? 0, hidden]);
  writer.add('embedding', 'conv1.weight', [hidden, 3, patch, patch]);
  writer.norm('ln_pre', hidden, true);
  writeBlocks(part, writer);
  writer.norm('ln_post', hidden, true);
  writer.add('projector', 'proj', [hidden, width]);
}

function writeText(part: ModelPart, writer: TensorWriter, width: number): void {
  const hidden = part.hiddenSize;
  writer.add('embedding', 'token_embedding.weight', [part.vocabularySize ?? 0, hidden]);
  writer.add('embedding', 'positional_embedding', [part.contextLength ?? 0, hidden]);
  writeBlocks(part, writer);
  writer.norm('ln_final', hidden, true);
  writer.add('projector', 'text_projection', [hidden, width]);
}

const partOf = (model: ModelDescription, key: string): ModelPart | undefined =>
  model.parts.find(({ path }) => path[path.length - 1] === key);

const filled = (reader: ConfigReader, key: string, values: object): ConfigReader =>
  reader.childOrEmpty(key).withDefaults({ from: 'OpenCLIP 2.32', values: { ...values } });

export const openClip: CompositeFamily = {
  kind: 'composite',
  id: 'open_clip',
  title: 'OpenCLIP',
  modelTypes: ['open_clip'],
  tied: true,
  task: 'base',
  read: (reader): CompositeReading => {
    const inner = reader.child('model_cfg') ?? reader;
    const width = inner.integer('embed_dim', 1);
    // Tensors are written from the description alone, which keeps the fields at the top.
    if (width !== undefined) reader.derive('embed_dim', width, 'embed_dim');
    if (inner.object['custom_text'] === true) reader.derive('custom_text', true, 'custom_text');
    if (typeof inner.object['init_logit_bias'] === 'number') reader.derive('init_logit_bias', true, 'init_logit_bias');
    const text = readText(filled(inner, 'text_cfg', textValues));
    const vision = readVision(filled(inner, 'vision_cfg', visionValues));
    const decoder =
      inner.child('multimodal_cfg') === undefined
        ? []
        : [readMultimodal(filled(inner, 'multimodal_cfg', multimodalValues))];
    return {
      parts: [...(text.layers.length > 0 || decoder.length > 0 ? [text] : []), vision, ...decoder],
      exact:
        width !== undefined &&
        decoder.length === 0 &&
        isPlain(inner.child('text_cfg'), plainText) &&
        isPlain(inner.child('vision_cfg'), plainVision) &&
        vision.heads > 0,
    };
  },
  tensors: (model, table) => {
    const [text, vision] = [partOf(model, 'text_cfg'), partOf(model, 'vision_cfg')];
    if (text === undefined || vision === undefined) return;
    const width = amount(model, 'embed_dim') ?? 0;
    writeText(text, table.writer(text).under(flag(model, 'custom_text') ? 'text.' : ''), width);
    writeVision(vision, table.writer(vision).under('visual.'), width);
    const writer = table.writer(text);
    writer.add('other', 'logit_scale', []);
    if (flag(model, 'init_logit_bias')) writer.add('other', 'logit_bias', []);
  },
};
