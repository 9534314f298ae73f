/**
 * The template that all mechanisms share (arXiv:2302.06218): Y_i = sum_j A_ij (X W)_j. What a mechanism makes of the inputs,
 * how A weighs a pair of positions, which pairs it has, how it is normalised, what is summed, what a decoder carries, and
 * what workers exchange when heads or positions are split over them. The columns are the paper's; their wording is ours, since
 * its table could not be read. Everything is said for causal self-attention where the mechanism has it, with its default
 * parameters. Rows of its table that are no attention (Fourier mixing, long convolutions by a Toeplitz matrix, MLP mixers,
 * covariance of channels) are not in the catalogue: the graphs here start from queries, keys and values. Letters: n positions, d and e widths of a key and of a value, p workers.
 */
export interface Template {
  /** Made of queries, keys and values before positions are mixed. */
  readonly projected: string;
  readonly scores: string;
  readonly positions: {
    readonly words: string;
    /** Whether the numbers decide which positions are read. */
    readonly chosen: 'beforehand' | 'by data';
  };
  readonly normaliser: {
    readonly words: string;
    /** Each row of A sums to 1 and weighs the values as they are given: all of them shifted by one shift the outputs by one. */
    readonly averagesValues: boolean;
  };
  readonly aggregation: string;
  /** Where A comes from: its entries are the same for all inputs, or depend on queries, keys or values. */
  readonly mixing: 'fixed' | 'data-dependent';
  /** `sparse and low rank`: the sum of both, such as a window beside a memory of all that came before. */
  readonly matrix: 'dense' | 'sparse' | 'low rank' | 'sparse and low rank' | 'diagonal';
  /** What decoding carries from position to position. */
  readonly state: {
    readonly words: string;
    /** With the positions read so far, or not at all beyond what the parameters set. */
    readonly grows: boolean;
  };
  /** What workers exchange in one call. */
  readonly sharded: {
    readonly heads: string;
    /** An output needs its own head only. */
    readonly headsIndependent: boolean;
    readonly sequence: string;
  };
}
