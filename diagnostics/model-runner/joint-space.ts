/** The space that the pictures and the texts of a pair of encoders share (CLIP, SigLIP). */
import type { Activation } from '../../models/architectures/weights-spec';
import type { HeadMap, NormWeights } from './weights';

/** n rows of a picture, w hidden size, D width of the space. */
export interface JointSpace {
  /** D */
  readonly width: number;
  /** Embeddings of texts before they are scaled to length 1, [D] each; `#5 #9` stands for token ids. */
  texts(texts: readonly string[]): Promise<readonly Float32Array[]>;
  /** How the rows that leave the last layer of the vision encoder become the embedding of a picture. */
  readout(): Promise<Readout>;
}

export interface Readout {
  /** On every row of the last stream. */
  readonly norm: NormWeights;
  readonly pooling: RowReadout | AttentionReadout;
}

/** One row through a linear map [D, w]. */
interface RowReadout {
  readonly kind: 'row';
  readonly row: number;
  readonly project: HeadMap;
}

/**
 * The rows read by one learned query of `heads` heads: x = Wo [sum_i p(i) (Wv y_i + bv)] + bo, and then x + down(act(up(norm(x)))).
 * Here D is w.
 */
export interface AttentionReadout {
  readonly kind: 'attention';
  /** [w] */
  readonly probe: Float32Array;
  readonly heads: number;
  readonly query: HeadMap;
  readonly key: HeadMap;
  readonly value: HeadMap;
  readonly output: HeadMap;
  readonly norm: NormWeights;
  readonly up: HeadMap;
  readonly activation: Activation;
  readonly down: HeadMap;
}
