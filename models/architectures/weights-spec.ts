/** What stored weights do by themselves, linear maps and norms, and what is done to each number. */

export type Activation = 'silu' | 'gelu' | 'gelu-tanh' | 'quick-gelu' | 'relu' | 'squared-relu';

/** y = factor (x W^T + bias), where the result of `beside` on x is added to the product. */
export interface Linear {
  readonly weight: string;
  readonly bias?: string | undefined;
  readonly inputs: number;
  readonly outputs: number;
  /** GPT-2 stores its weights [inputs, outputs]; every other family [outputs, inputs]. */
  readonly stored: 'outputs-inputs' | 'inputs-outputs';
  /**
   * The rows of a fused weight that belong to this projection (contiguous in the file, so nothing is copied); of a tensor of several
   * axes, those of its rows one after the other. Stored [inputs, outputs], rows are of the inputs.
   */
  readonly firstRow?: number;
  /** Rows of the stored weight, when it is fused. */
  readonly storedRows?: number;
  /** Each group of outputs reads the inputs of its group alone: stored [outputs, inputs / groups, 1], as a convolution (SqueezeBERT). */
  readonly groups?: number;
  /** Shape of the stored weight, where it is not [storedRows, columns]: experts of a layer in one tensor. */
  readonly storedShape?: readonly number[];
  /** Of `storedShape` all axes but the first are one: [stream, heads, width of a head] (XLNet). */
  readonly joined?: true;
  /** Stored [inputs, outputs] beside other outputs: the first column of this map. */
  readonly firstColumn?: number;
  /** Every second output, from this one on: gate and up of gpt-oss lie in turns. */
  readonly everySecond?: 0 | 1;
  /** The bias is [experts, outputs], of which this row is read. */
  readonly biasRow?: { readonly row: number; readonly rows: number };
  /** Two maps one after the other (an adapter of low rank that a checkpoint stores separately). */
  readonly beside?: readonly [down: Linear, up: Linear];
  /** It reads each half of a row by itself, and gives both results side by side (ProphetNet); sizes are of one half. */
  readonly each?: 2;
  /** Absent: 1 (Granite multiplies what branches add, and divides the logits; Cohere multiplies the logits). */
  readonly factor?: number;
}

export interface Norm {
  /** `affine`: only gain and bias (MobileBERT). */
  readonly kind: 'layer' | 'rms' | 'affine';
  /** Absent: the gain is 1 (OPT without `layer_norm_elementwise_affine`). */
  readonly weight?: string | undefined;
  readonly bias?: string | undefined;
  readonly size: number;
  readonly epsilon: number;
  /** Gemma stores the gain minus one. */
  readonly gainOffset?: 1;
  /** Each half of a row is normed by itself (ProphetNet); the size is of one half. */
  readonly each?: 2;
  /** Heads that are normed each by itself, with a gain each: `weight` is [heads, size] (Cohere), or `each` names theirs (StableLM). */
  readonly heads?: { readonly count: number; readonly each?: readonly string[] };
}

/** A map and a norm of its output. */
export interface NormedMap {
  readonly linear: Linear;
  readonly norm: Norm;
}
