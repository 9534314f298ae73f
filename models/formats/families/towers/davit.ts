/** DaViT, the tower of Florence-2: four stages, each of half the side and twice the width of the one before. */
import type { ConfigReader } from '../../config/config-reader';
import { readTransformer } from '../../config/transformer';
import type { Layer } from '../../model-description';
import type { StackFamily } from '../shared/family';

/** The published towers have four. */
const mostStages = 16;

interface Stage {
  readonly depth: number;
  readonly width: number;
  readonly heads: number;
}

function stagesOf(reader: ConfigReader): readonly Stage[] {
  const [depths, widths, heads] = ['depths', reader.has('embed_dim') ? 'embed_dim' : 'dim_embed', 'num_heads'].map(
    (key) => reader.numbers(key) ?? [],
  );
  return (depths ?? []).slice(0, mostStages).map((depth, index) => ({
    depth: Math.min(256, Math.max(0, Math.floor(depth))),
    width: Math.max(0, Math.floor(widths?.[index] ?? 0)),
    heads: Math.max(1, Math.floor(heads?.[index] ?? 1)),
  }));
}

/** The sizes of the part are those of its last stage; each layer has those of its own. */
export const davit: StackFamily = {
  kind: 'stack',
  id: 'davit',
  title: 'DaViT',
  modelTypes: ['davit', 'florence_vision'],
  role: 'vision',
  tied: false,
  task: 'base',
  read: (reader) => {
    const stages = stagesOf(reader);
    const last = stages[stages.length - 1] ?? { depth: 0, width: 0, heads: 1 };
    const side = reader.integer('window_size', 1) ?? 12;
    const part = readTransformer(reader, {
      family: 'davit',
      role: 'vision',
      hiddenSize: last.width,
      layers: stages.reduce((sum, { depth }) => sum + depth, 0),
      heads: last.heads,
      kvHeads: last.heads,
      headDim: Math.floor(last.width / last.heads),
      intermediateSize: 4 * last.width,
      gated: false,
      norm: 'layer',
      positions: 'none',
      window: side * side,
      image: { channels: 3 },
      layerKinds: (count) =>
        Array.from({ length: count }, () => ({
          kind: 'window' as const,
          note: `windows of ${side} by ${side} positions, and attention between channels beside`,
        })),
      record: ['depths', 'projection_dim'],
    });
    const rows = stages.flatMap((stage) => Array.from({ length: stage.depth }, () => stage));
    const layers = part.layers.map((layer): Layer => {
      const { width, heads } = rows[layer.index] ?? last;
      const headDim = Math.floor(width / heads);
      return {
        ...layer,
        attention: { ...layer.attention, heads, kvHeads: heads, headDim, valueDim: headDim },
        feedForward: { ...layer.feedForward, size: 4 * width },
      };
    });
    return { ...part, layers };
  },
};
