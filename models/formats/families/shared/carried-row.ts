/** What rows of a stream carry besides their hidden numbers: vectors of the token for each layer, and further streams (Gemma 3n, Gemma 4). */
import type { ModelPart } from '../../model-description';

export interface CarriedRow {
  /** Width of the vector of a token that each layer reads; 0 if there are none. */
  readonly size: (part: ModelPart) => number;
  /** Streams beside the first (AltUp). */
  readonly streams?: (part: ModelPart) => number;
  /** Largest factor by which AltUp corrects a stream; absent: any. */
  readonly bound?: (part: ModelPart) => number | undefined;
  /** Inner width of a narrow map beside attention (LAuReL). */
  readonly narrow?: (part: ModelPart) => number;
}

/** Names under the root, and under a layer. */
export const vectorNames = {
  table: 'embed_tokens_per_layer',
  map: 'per_layer_model_projection',
  norm: 'per_layer_projection_norm',
  gate: 'per_layer_input_gate',
  back: 'per_layer_projection',
  backNorm: 'post_per_layer_input_norm',
} as const;
