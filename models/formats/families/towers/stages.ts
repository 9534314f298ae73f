/** Towers in stages, each narrower in positions and wider in its stream than the one before. */
import type { ConfigReader } from '../../config/config-reader';
import { mostLayers, readTransformer } from '../../config/transformer';
import type { Attention, Layer, ModelPart, PartRole, PositionKind } from '../../model-description';
import type { StackFamily } from '../shared/family';
import { amounts } from '../shared/family';

export interface Stage {
  readonly depth: number;
  readonly width: number;
  readonly heads: number;
  readonly networkSize: number;
  /** Positions, where the file fixes the size of the image. */
  readonly positions?: number;
  /** Kind, window, note and what else differs by stage. */
  readonly attention?: (block: number) => Partial<Attention>;
}

/** The layers of all stages, in order. */
export function stageLayers(stages: readonly Stage[]): readonly Layer[] {
  const layers: Layer[] = [];
  for (const stage of stages) {
    const headDim = stage.heads > 0 ? Math.floor(stage.width / stage.heads) : 0;
    for (let block = 0; block < stage.depth && layers.length < mostLayers; block++) {
      layers.push({
        index: layers.length,
        hiddenSize: stage.width,
        ...(stage.positions === undefined ? {} : { positions: stage.positions }),
        attention: {
          kind: 'full',
          causal: false,
          heads: stage.heads,
          kvHeads: stage.heads,
          headDim,
          valueDim: headDim,
          ...stage.attention?.(block),
        },
        feedForward: { kind: 'dense', size: stage.networkSize, gated: false },
      });
    }
  }
  return layers;
}

interface StagedRow {
  readonly id: string;
  readonly title: string;
  readonly modelType?: string;
  readonly architectures: RegExp;
  readonly role: PartRole;
  readonly positions?: PositionKind;
  readonly record: readonly string[];
  readonly stages: (reader: ConfigReader) => readonly Stage[];
  readonly image?: (reader: ConfigReader) => ModelPart['image'];
  readonly exact?: StackFamily['exact'];
  readonly tensors?: StackFamily['tensors'];
}

/** Numbers of the part are those of its last stage, whose width is that of what it gives. */
export function stagedFamily(row: StagedRow): StackFamily {
  return {
    kind: 'stack',
    id: row.id,
    title: row.title,
    modelTypes: [row.modelType ?? row.id],
    architectures: row.architectures,
    role: row.role,
    tied: false,
    task: 'base',
    read: (reader) => {
      for (const key of row.record) reader.raw(key);
      const stages = row.stages(reader);
      const last = stages[stages.length - 1];
      const image = row.image?.(reader);
      const part = readTransformer(reader, {
        family: row.id,
        role: row.role,
        causal: false,
        gated: false,
        norm: 'layer',
        positions: row.positions ?? 'relative',
        hiddenSize: last?.width ?? 0,
        heads: last?.heads ?? 0,
        kvHeads: last?.heads ?? 0,
        headDim: last === undefined || last.heads === 0 ? 0 : Math.floor(last.width / last.heads),
        intermediateSize: last?.networkSize ?? 0,
        layers: 0,
        ...(image === undefined ? {} : { image }),
      });
      const layers = stageLayers(stages);
      return { ...part, layers, attention: layers.length === 0 ? 'none' : 'mha', ...networkOf(last) };
    },
    ...(row.exact === undefined ? {} : { exact: row.exact }),
    ...(row.tensors === undefined ? {} : { tensors: row.tensors }),
  };
}

const networkOf = (last: Stage | undefined): { intermediateSize?: number } =>
  last === undefined ? {} : { intermediateSize: last.networkSize };

/** A list of sizes, one a stage: at most 16 stages of whole numbers. */
export function sizesOf(reader: ConfigReader, key: string): readonly number[] {
  const list = reader.numbers(key) ?? [];
  return list.slice(0, 16).map((size) => (Number.isInteger(size) && size >= 0 && size <= 1e6 ? size : 0));
}

/** The stages of a part that was read: width and layers of each, by its `depths`. */
export function stagesOf(part: ModelPart): readonly { readonly width: number; readonly layers: readonly Layer[] }[] {
  const stages: { width: number; layers: readonly Layer[] }[] = [];
  let next = 0;
  for (const depth of amounts(part, 'depths')) {
    const layers = part.layers.slice(next, next + depth);
    if (layers.length > 0) stages.push({ width: layers[0]?.hiddenSize ?? part.hiddenSize, layers });
    next += layers.length;
  }
  return stages;
}
