import type { ModelDescription } from './model-description';

/** Bytes and weights in one number format. */
export interface FormatShare {
  /** As the file's kind calls it: `Q4_K`, `float16`, `F32`. */
  readonly name: string;
  readonly tensors: number;
  /** Weights, scales not among them. */
  readonly weights: number;
  /** With scales. */
  readonly bytes: number;
}

interface PartCount {
  readonly name: string;
  readonly count: number;
  readonly active: number;
}

/** A model that is no folder with a config.json: what is read of each kind, from headers alone. */
export interface OtherModel {
  readonly kind: 'gguf' | 'onnx' | 'adapter';
  /** `GGUF Q4_K_M`, `ONNX int8`, `LoRA r=16 of X`. */
  readonly title: string;
  /** What the model is called in the file, where it says so. */
  readonly name?: string;
  /** Absent where the file does not describe a stack of layers. An adapter has that of its base, where the base was found. */
  readonly description?: ModelDescription;
  /** Learned numbers; absent where they cannot be counted. */
  readonly parameters?: { readonly total: number; readonly active: number; readonly split: readonly PartCount[] };
  /** Bytes of all tensors. */
  readonly bytes: number;
  /** 8 x bytes / weights of all tensors, scales included. */
  readonly bitsPerWeight?: number;
  readonly formats: readonly FormatShare[];
  /** Further facts in words. */
  readonly details: readonly { readonly title: string; readonly text: string }[];
  /** Sentences: what could not be read, and what cannot be true. */
  readonly notes: readonly string[];
  readonly bytesRead: number;
}

export type ReadOther =
  | { readonly ok: true; readonly model: OtherModel }
  | { readonly ok: false; readonly message: string };
