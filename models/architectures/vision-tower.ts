/**
 * What a vision model computes besides blocks, as data: patches of an image become rows of a residual stream, blocks of
 * `block-graph.ts` run over them, and a connector turns the rows into embeddings of a language model.
 */
import { Names, type ArchitectureInput } from './architecture';
import { ModelError, type BlockSpec, type ModelSpec } from './model-spec';
import type { Activation, Linear, Norm } from './weights-spec';
import type { Layer } from '../formats/model-description';

export interface PatchSpec {
  /** [w, channels, patch, patch] */
  readonly projection: string;
  readonly bias?: string | undefined;
  readonly channels: number;
  readonly patch: number;
  /** Pixels of a side of the image; what is left over behind the last whole patch is not read. */
  readonly size: number;
  /** Patches of a side: images are rows x columns patches, row by row. */
  readonly rows: number;
  readonly columns: number;
  /** Learned rows that stand before the patches (class, distillation), each with its stored shape. */
  readonly leading: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** Learned positions of all rows, added once. */
  readonly positions: { readonly name: string; readonly shape: readonly number[] };
  /** The family resizes its positions to the grid of the image (DINOv2, which is trained on one size and used on others). */
  readonly resizable?: true;
  /** Patches of a side that the stored positions were learned for, where the image has another grid. */
  readonly learned?: number;
  readonly norm?: Norm;
}

/** The linear layer of a checkpoint that names classes (`…ForImageClassification`). */
export interface ClassifierSpec {
  readonly linear: Linear;
  readonly reads: ClassifierRows;
  /** Rows are read behind the tower's last norm. */
  readonly normed: boolean;
}

/** The class row, the mean of the patches, or both side by side. */
export type ClassifierRows = 'class' | 'patches' | 'class and patches';

export interface VisionTower {
  /** Blocks without an embedding and without a language head. */
  readonly stack: ModelSpec;
  readonly patches: PatchSpec;
  /** On the rows that leave the last block. */
  readonly norm: Norm;
  /** How the finished rows become one embedding, where the checkpoint is one half of a pair or keeps that end of it. */
  readonly pooled?: PicturePooling;
  readonly classifier?: ClassifierSpec;
}

export type PicturePooling =
  /** One finished row through a linear map (CLIP). */
  { readonly kind: 'row'; readonly row: number; readonly project: Linear } | AttentionPooling;

/** A learned query reads all finished rows; what it reads goes through a network with a residual connection (SigLIP). */
interface AttentionPooling {
  readonly kind: 'attention';
  /** The query before its projection, [1, 1, w]. */
  readonly probe: string;
  readonly heads: number;
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;
  readonly norm: Norm;
  readonly up: Linear;
  readonly activation: Activation;
  readonly down: Linear;
}

export interface ConnectorSpec {
  /** Residual streams that are read, by the blocks run before them (0: the patches themselves), side by side along the width. */
  readonly states: readonly number[];
  /** The tower's last norm, where its finished rows are read. */
  readonly norm?: Norm;
  /** Leading rows left out. */
  readonly skipped: number;
  /** Squares of `shuffle` x `shuffle` neighbouring rows become one row as many times wider (Idefics3). */
  readonly shuffle?: number;
  /** One after the other, with the activation between them. */
  readonly linears: readonly Linear[];
  readonly activation?: Activation;
  /** Learned row behind each line of a tiled image, [W] (LLaVA-NeXT). */
  readonly newline?: string;
}

/** How an image becomes tiles and tiles become tokens. */
export type ImageLayout =
  /** One tile, one token a row of the connector. */
  | { readonly kind: 'single' }
  /** LLaVA-NeXT: the whole image, then its tiles joined to one map whose padding is cut off, a newline behind each line. */
  | { readonly kind: 'anyres'; readonly pinpoints: readonly (readonly [height: number, width: number])[] }
  /** Idefics3, SmolVLM: tiles line by line, each behind a token that names its place, then the whole image. */
  | { readonly kind: 'splits' };

export interface MultimodalSpec {
  readonly text: ModelSpec;
  readonly vision: VisionTower;
  readonly connector: ConnectorSpec;
  readonly layout: ImageLayout;
  readonly imageToken: number;
  /** The prompt's tokens read each other in both directions (PaliGemma). */
  readonly bidirectionalPrompt: boolean;
}

/** The attention and feed-forward parts that ViT-like encoders share; names differ. */
export interface EncoderNames {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly output: string;
  readonly up: string;
  readonly down: string;
  readonly before: string;
  readonly after: string;
  readonly epsilon: number;
  readonly activation: Activation;
  /** Names of the layer scales. */
  readonly gains?: readonly [attention: string, network: string];
  /** Gate and up in one tensor (DINOv2's SwiGLU). */
  readonly fusedGate?: boolean;
}

export function encoderBlock(layer: Layer, at: Names, hidden: number, names: EncoderNames): BlockSpec {
  const { heads, headDim } = layer.attention;
  if (layer.feedForward.kind !== 'dense') {
    throw new ModelError(`Layer ${layer.index} of the vision encoder has no dense feed-forward network.`);
  }
  const { size } = layer.feedForward;
  const [attentionGain, networkGain] = names.gains ?? [];
  const fused = (first: number) => at.linear(names.up, hidden, size, { firstRow: first, storedRows: 2 * size });
  return {
    index: layer.index,
    parallel: false,
    attention: {
      projection: {
        kind: 'separate',
        query: at.linear(names.query, hidden, hidden),
        key: at.linear(names.key, hidden, hidden),
        value: at.linear(names.value, hidden, hidden),
      },
      output: at.linear(names.output, hidden, hidden),
      heads,
      kvHeads: heads,
      headDim,
      scale: headDim ** -0.5,
      causal: false,
    },
    feedForward: {
      activation: names.activation,
      ...(names.fusedGate ? { gate: fused(0), up: fused(size) } : { up: at.linear(names.up, hidden, size) }),
      down: at.linear(names.down, size, hidden),
    },
    attentionNorms: {
      input: at.layerNorm(names.before, hidden, names.epsilon),
      ...(attentionGain === undefined ? {} : { gain: at.name(attentionGain) }),
    },
    feedForwardNorms: {
      input: at.layerNorm(names.after, hidden, names.epsilon),
      ...(networkGain === undefined ? {} : { gain: at.name(networkGain) }),
    },
  };
}

export function towerStack({ part }: ArchitectureInput, blocks: readonly BlockSpec[]): ModelSpec {
  return { family: part.family, hiddenSize: part.hiddenSize, blocks, head: {}, ropes: [] };
}

/** The classifier of the checkpoint, where it has one over these rows. */
export function classifierOf(
  { weights, prefix, part }: ArchitectureInput,
  reads: ClassifierRows,
  normed = true,
): { readonly classifier?: ClassifierSpec } {
  const inputs = part.hiddenSize * (reads === 'class and patches' ? 2 : 1);
  const [outputs, width] = weights.find(`${prefix}classifier.weight`)?.shape ?? [];
  if (outputs === undefined || width !== inputs) return {};
  return { classifier: { linear: new Names(weights, prefix).linear('classifier', inputs, outputs), reads, normed } };
}

/** Patches of a side from `image_size` and `patch_size`; images of other shapes are made square by the processor. */
export function patchGrid({ part }: ArchitectureInput): {
  readonly patch: number;
  readonly size: number;
  readonly channels: number;
  readonly rows: number;
  readonly columns: number;
  readonly patches: number;
} {
  const { size, patch, channels } = part.image ?? { channels: 3 };
  if (size === undefined || patch === undefined || size < patch) {
    throw new ModelError('The vision config does not give image_size and patch_size, so its patches are not known.');
  }
  const side = Math.floor(size / patch);
  return { patch, size, channels, rows: side, columns: side, patches: side * side };
}

/** The tower over square images of another size, where its family can be: positions are resized. */
export function towerOver(tower: VisionTower, size: number): VisionTower {
  const { patches } = tower;
  const side = Math.floor(size / patches.patch);
  if (!patches.resizable || size === patches.size || side < 1) return tower;
  return {
    ...tower,
    patches: { ...patches, size, rows: side, columns: side, learned: patches.learned ?? patches.rows },
  };
}

/** Family ids of models/formats that one file computes as a vision tower. */
export interface VisionArchitecture {
  readonly families: readonly string[];
  /** Throws ModelError with one sentence where the checkpoint cannot be computed. */
  readonly tower: (input: ArchitectureInput) => VisionTower;
}

export interface MultimodalArchitecture {
  /** Family ids of whole models. */
  readonly families: readonly string[];
  readonly specify: (input: MultimodalInput) => MultimodalSpec;
}

export interface MultimodalInput extends Omit<ArchitectureInput, 'part' | 'prefix' | 'headPrefix'> {
  /** The towers of the two parts, by the prefixes of their tensors. */
  readonly text: (prefix: string, headPrefix: string) => ModelSpec;
  readonly vision: (prefix: string) => VisionTower;
}
