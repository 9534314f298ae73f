/**
 * What an opened model has in its files, and new checkpoints that are made of it. The files of the model are read and never
 * changed; a new checkpoint is a folder of its own that appears whole or not at all (compute-server/conversions).
 */
import type { ModelDescription } from '../../models/formats/model-description';
import type { ModelSpec } from '../../models/architectures/model-spec';
import type { ParameterValues } from '../../protocol/schema/parts';

export interface TensorInfo {
  readonly name: string;
  /** As safetensors writes it: `F32`, `F16`, `BF16`. */
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** Half-open. */
export type IndexRange = readonly [start: number, end: number];

/** Where the numbers of a new tensor come from. */
type Made =
  /** The bytes of a stored tensor. */
  | { readonly kind: 'copied'; readonly of: string }
  /** Rows (axis 0) or columns (axis 1) of a stored tensor, in this order. */
  | { readonly kind: 'taken'; readonly of: string; readonly axis: 0 | 1; readonly ranges: readonly IndexRange[] }
  /** Row-major; asked for when the tensor is written, and rounded to its type. */
  | { readonly kind: 'computed'; readonly numbers: () => Promise<Float32Array> };

export interface NewTensor extends TensorInfo {
  readonly made: Made;
}

export interface NewCheckpoint {
  /** config.json */
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: readonly NewTensor[];
  /** What was done, for the files that say so. */
  readonly record: {
    readonly method: string;
    /** One sentence on what the model is now. */
    readonly sentence: string;
    readonly settings: ParameterValues;
    readonly seed: number;
    /** Further facts, e.g. what was taken from each layer. */
    readonly facts?: Readonly<Record<string, unknown>>;
  };
}

/** A checkpoint that is complete on the disk under a temporary name. */
export interface DraftCheckpoint<Model> {
  /** Bytes of its tensors. */
  readonly weightBytes: number;
  readonly parameters: number;
  /** Opened beside the model that it was made of, until the draft is kept or the run ends. */
  open(): Promise<Model>;
  /** Gives it its name. A draft that is not kept is removed when the run ends. */
  keep(): Promise<{ readonly folder: string; readonly hash: string }>;
}

/** Progress over all files; bytes count tensors only. */
export interface WriteStep {
  readonly tensor: string;
  readonly bytes: number;
  readonly totalBytes: number;
}

export interface ModelCheckpoint<Model> {
  readonly description: ModelDescription;
  readonly spec: ModelSpec;
  /** config.json as it is stored. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: readonly TensorInfo[];
  /** A whole stored tensor, widened to float32, row-major. */
  numbers(name: string): Promise<Float32Array>;
  /**
   * Fails with one sentence where no checkpoint can be written: a folder that holds files or lies inside the model's own, a disk
   * with too little room. Nothing is written.
   */
  requireWritable(folder: string, weightBytes: number): Promise<void>;
  /** Shapes are checked before anything is written. Each step can be the last: what was written until then is removed. */
  draft(folder: string, made: NewCheckpoint): AsyncGenerator<WriteStep, DraftCheckpoint<Model>>;
}

const bytesOf: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
};

/** Bytes of one number; NaN for a type that is not known here. */
export const dtypeSize = (dtype: string): number => bytesOf[dtype] ?? Number.NaN;

export const elementsOf = (shape: readonly number[]): number => shape.reduce((product, axis) => product * axis, 1);

export const tensorBytes = ({ dtype, shape }: TensorInfo): number => dtypeSize(dtype) * elementsOf(shape);

export const rangeLength = (ranges: readonly IndexRange[]): number =>
  ranges.reduce((sum, [start, end]) => sum + end - start, 0);
