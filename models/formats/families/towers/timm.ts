/** timm's own config.json: the name of an architecture stands for its sizes. */
import type { ConfigReader } from '../../config/config-reader';
import { readTransformer } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import type { StackFamily } from '../shared/family';
import { sizeOf } from '../shared/family';
import { stageLayers } from './stages';
import type { TimmArchitecture, TimmSwin, TimmViT } from './timm-names';
import { timmArchitecture } from './timm-names';
import { writePatches } from './vision';
import { writeTimmBlock } from './remote-towers';

/** A part of timm's, of the sizes that its name stands for; `side` is the picture's, where a file says another. */
export function timmPart(reader: ConfigReader, family: string, found: TimmArchitecture, side?: number): ModelPart {
  const part = readTransformer(reader, {
    family,
    role: 'vision',
    causal: false,
    gated: false,
    norm: 'layer',
    positions: 'learned',
    hiddenSize: 0,
    layers: 0,
    heads: 0,
    kvHeads: 0,
    headDim: 0,
  });
  switch (found.kind) {
    case 'vit':
      return { ...part, ...vitSizes(found, side) };
    case 'swin':
      return { ...part, ...swinSizes(found, side) };
    case 'convolutions': {
      const layers = stageLayers(
        found.widths.map((width, stage) => ({
          depth: found.depths[stage] ?? 0,
          width,
          heads: 0,
          networkSize: 0,
          attention: () => ({ kind: 'none' as const, note: `a block of convolutions of ${found.title}` }),
        })),
      ).map((layer) => ({ ...layer, feedForward: { kind: 'none' as const, size: 0, gated: false } }));
      return { ...part, hiddenSize: found.widths.at(-1) ?? 0, layers, attention: 'none', positions: 'none' };
    }
  }
}

function vitSizes(found: TimmViT, side: number = found.image): Partial<ModelPart> {
  const { width, heads, depth, networkSize, gated, patch } = found;
  const headDim = Math.floor(width / heads);
  const patches = Math.floor(side / patch) ** 2;
  const stages = [{ depth, width, heads, networkSize }];
  const layers = stageLayers(stages).map(({ hiddenSize: _same, ...layer }) => ({
    ...layer,
    feedForward: { ...layer.feedForward, gated },
  }));
  return {
    hiddenSize: width,
    layers,
    attention: 'mha',
    heads,
    kvHeads: heads,
    headDim,
    valueDim: headDim,
    intermediateSize: networkSize,
    contextLength: patches + found.extraTokens,
    image: { size: side, patch, channels: 3, tokens: patches + found.extraTokens, outputTokens: patches },
  };
}

function swinSizes(found: TimmSwin, side: number = found.image): Partial<ModelPart> {
  const { patch, window } = found;
  const layers = stageLayers(
    found.depths.map((depth, stage) => {
      const width = found.width * 2 ** stage;
      const positions = Math.floor(side / patch / 2 ** stage) ** 2;
      const all = positions <= window ** 2;
      return {
        depth,
        width,
        heads: found.heads[stage] ?? 0,
        networkSize: 4 * width,
        positions,
        attention: (block) =>
          all
            ? {}
            : {
                kind: 'window' as const,
                window: window ** 2,
                note: `windows of ${window} by ${window}${block % 2 === 1 ? ', moved by half' : ''}`,
              },
      };
    }),
  );
  const last = layers.at(-1);
  const { heads = 0, headDim = 0 } = last?.attention ?? {};
  return {
    hiddenSize: last?.hiddenSize ?? 0,
    layers,
    attention: 'mha',
    heads,
    kvHeads: heads,
    headDim,
    valueDim: headDim,
    positions: 'relative',
    image: { size: side, patch, channels: 3 },
  };
}

/** Pixels of a side, where the file says it: of the model as it was made, or of the pictures it was trained on. */
function sideOf(reader: ConfigReader): number | undefined {
  const made = reader.child('model_args')?.raw('img_size');
  const trained = reader.child('pretrained_cfg')?.numbers('input_size') ?? reader.numbers('input_size');
  const side = typeof made === 'number' ? made : trained?.[1];
  return side !== undefined && Number.isInteger(side) && side > 0 && side <= 65_536 ? side : undefined;
}

export const timm: StackFamily = {
  kind: 'stack',
  id: 'timm',
  title: 'timm',
  modelTypes: ['timm_wrapper', 'timm_backbone'],
  architectures: /^TimmWrapper/,
  role: 'vision',
  tied: false,
  task: 'image-classification',
  read: (reader) => {
    reader.raw('num_classes');
    const key = reader.has('architecture') ? 'architecture' : 'backbone';
    const name = reader.string(key) ?? '';
    const found = timmArchitecture(name);
    if (found !== undefined) return timmPart(reader, 'timm', found, sideOf(reader));
    if (name !== '')
      reader.report(
        [...reader.path, key],
        'unknown-value',
        `"${name.slice(0, 60)}" is no architecture of timm whose sizes are written down here: its layers are not described.`,
      );
    return timmPart(reader, 'timm', { kind: 'convolutions', title: '', widths: [], depths: [] });
  },
  exact: (part) => {
    const name = part.fields['architecture']?.value;
    const found = typeof name === 'string' ? timmArchitecture(name) : undefined;
    return found?.kind === 'vit' && found.plain && found.extraTokens === 1;
  },
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    writer.add('embedding', 'cls_token', [1, 1, hidden]);
    writer.add('embedding', 'pos_embed', [1, part.image?.tokens ?? 0, hidden]);
    writePatches(part, writer, 'patch_embed.proj', true);
    for (const layer of part.layers)
      writeTimmBlock(writer.layer(layer.index, 'blocks.{layer}.'), hidden, layer.feedForward.size);
    writer.norm('norm', hidden, true);
    const classes = sizeOf(part, 'num_classes') ?? 0;
    if (classes > 0) writer.linear('head', 'head', hidden, classes, true);
  },
};
