/**
 * A module: a block, a fusion or a head with inputs and outputs of its own (feature maps, token sets, bags, regions), beside the
 * mechanisms, which all take query, key and value. Recipe: README.md, "Add a module".
 */
import type { Value } from './graph/records';
import type { ParameterTable, ParameterValues, Source } from './mechanism';
import type { Picture } from './picture';
import type { Precision } from './shape';
import type { Tensor } from './tensors/tensor';

export type Tensors = Readonly<Record<string, Tensor>>;

/**
 * - `attention`: a token mixer without what stands around it;
 * - `block`: what a network repeats, with its residuals and its MLP;
 * - `fusion`: joins several inputs (scales, modalities, sources);
 * - `head`: the last part, which gives scores, classes or boxes;
 * - `network`: a whole one, from a picture or a text to its answer.
 */
type ModuleKind = 'attention' | 'block' | 'fusion' | 'head' | 'network';

/**
 * What an input is, which says what a person may give for it and how it reaches the graph.
 * - `picture`: [b, 3, H, W], pixels by ImageNet's mean and deviation; a PNG or JPEG file may be given;
 * - `feature-map`: [b, C, H, W] or [b, H, W, C] (`axes`); a PNG or JPEG file may be given: its patches, projected by a seeded matrix;
 * - `tokens`: rows of features [b, n, d];
 * - `bag`: instances of one label [b, n, d], in no order;
 * - `regions`: boxes or regions with their numbers, [b, r, ...];
 * - `vector`: one row of features for each sample, or a number;
 * - `labels`: whole numbers (int64 in the graph);
 * - `mask`: 1 where something is there and 0 elsewhere.
 * Labels and masks are exact: no rounding moves them, and no gradient passes.
 */
export type InputKind = 'picture' | 'feature-map' | 'tokens' | 'bag' | 'regions' | 'vector' | 'labels' | 'mask';

export const isExact = (kind: InputKind): boolean => kind === 'labels' || kind === 'mask';

export interface ModuleInput {
  readonly name: string;
  readonly kind: InputKind;
  readonly title: string;
  /** One sentence: what its axes are. */
  readonly description: string;
  readonly shape: readonly number[];
  /** Where the channels of a feature map are; `channels-first` where left out. */
  readonly axes?: 'channels-first' | 'channels-last';
}

export interface ModuleOutput {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly shape: readonly number[];
}

/** How a weight is drawn where no file gives it. */
export type InitialWeight =
  | { readonly kind: 'normal'; readonly deviation: number }
  | { readonly kind: 'constant'; readonly value: number }
  /** 1 + deviation z, for gains and variances: at least 0.1. */
  | { readonly kind: 'near-one'; readonly deviation: number }
  /** All numbers, row by row: a formula that the network begins with. */
  | { readonly kind: 'numbers'; readonly values: readonly number[] };

export interface ModuleWeight {
  /**
   * The key in the published state dict, behind the prefix of the module in its network: `qkv.c.weight`. The shape is the
   * published one as well.
   */
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: InitialWeight;
  /** Kept beside the learned numbers and not counted as one: a running mean, a fixed table. */
  readonly buffer?: true;
}

/** Inputs of a person's choice beside pictures and files of tensors: a named sample, drawn from the seed. */
export interface Sample<P extends ParameterValues> {
  readonly id: string;
  readonly title: string;
  /** One sentence: what is planted, and what the pictures should show of it. */
  readonly description: string;
  /** Every input by name, in its shape; the same for the same seed. Numbers are rounded to float32 by the caller. */
  draw(parameters: P, seed: number): Tensors;
}

/** Inputs made of what a person writes: documents and labels, a scene, a dialogue. */
interface WrittenInput<P extends ParameterValues> {
  readonly title: string;
  /** What to write, a line or two. */
  readonly description: string;
  readonly example: string;
  /** `why`: one sentence that a person can act on. The parameters may follow from what is written (as many labels as lines). */
  read(
    text: string,
    parameters: P,
    seed: number,
  ):
    | { readonly ok: true; readonly inputs: Tensors; readonly parameters?: Partial<P> }
    | { readonly ok: false; readonly why: string };
}

/** A call with all its tensors. */
export interface ModuleCall {
  readonly inputs: Tensors;
  /** By their published names. */
  readonly weights: Tensors;
}

export interface ModuleCost {
  /** Products and convolutions, as `countMultiplyAdds` counts them in the graph: exactly. */
  readonly multiplyAdds: number;
  /** Two for each multiply-add, one for every other operation that counts (softmax, gates, transforms). */
  readonly flops: number;
  /** Float32: inputs, weights and outputs once, and each pass over what is large beside them (scores, hidden features). */
  readonly bytes: number;
  /** Learned numbers, without buffers: the published count. */
  readonly parameters: number;
}

/** What `build` sees. Weights are those of `fold` where the module has one. */
export interface ModuleGraph {
  readonly precision: Precision;
  input(name: string): Value;
  weight(name: string): Value;
  /** Numbers of the module's own, in the type of the graph. */
  constant(shape: readonly number[], numbers: ArrayLike<number>): Value;
}

/** A setting in which the module equals something else, in the float64 reference. */
interface ModuleLimit<P extends ParameterValues> {
  readonly name: string;
  readonly parameters: Partial<P>;
  /** The call in which it holds, made of a drawn one; left out: the drawn one. */
  call?(call: ModuleCall, parameters: P): ModuleCall;
  /** Expected outputs, by other means than `reference`. */
  equals(call: ModuleCall, parameters: P): Tensors;
  /** Largest difference, relative to the largest number expected; 1e-12 where left out. */
  readonly within?: number;
}

/** Plain multi-head attention with its four projections over the same tokens: what the module is timed against. */
export interface PlainAttention {
  readonly batch: number;
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
  readonly heads: number;
}

/** Sizes over which the module's cost grows as n^exponent. */
export interface Growth<P extends ParameterValues> {
  /** What n is, e.g. `pixels`. */
  readonly of: string;
  /** Three or more, from small to large. */
  readonly sizes: readonly Partial<P>[];
  size(parameters: P): number;
  /** Exponent of the operations (`flops`); a law allows 0.15 to either side. */
  readonly exponent: number;
}

export interface Module<P extends ParameterValues = ParameterValues> {
  readonly id: string;
  readonly title: string;
  readonly kind: ModuleKind;
  /** Two sentences for a person who has not met it: what it computes and when it pays. */
  readonly summary: string;
  readonly source: Source;
  readonly parameters: ParameterTable<P>;
  /** One sentence for each combination of parameters that cannot be built. Left out: all can. */
  refuse?(parameters: P): string | undefined;
  inputs(parameters: P): readonly ModuleInput[];
  outputs(parameters: P): readonly ModuleOutput[];
  weights(parameters: P): readonly ModuleWeight[];
  /** Parameters that the shapes of a published state dict decide; `shapeOf` takes names without the prefix. */
  parametersOf?(shapeOf: (name: string) => readonly number[] | undefined): Partial<P>;
  /** What the graph reads in place of the published weights, in float64: a batch norm folded into its convolution. */
  fold?(weights: Tensors, parameters: P): Tensors;
  /** Straight from the equations in float64, from the published weights; every output by name. */
  reference(call: ModuleCall, parameters: P): Tensors;
  /** Every output by name. */
  build(graph: ModuleGraph, parameters: P): Readonly<Record<string, Value>>;
  cost(parameters: P): ModuleCost;
  /** Where the numbers decide what is read (top-k, routing): a near tie may turn by a rounding. */
  readonly chooses?: true;
  /** Products and norms one behind another between input and output, each of which rounds; 1 where left out. */
  depth?(parameters: P): number;
  /** Why no gradient passes through the graph, as a sentence; left out: one does, and a law compares it. */
  readonly noGradient?: string;
  readonly growth: Growth<P>;
  plain(parameters: P): PlainAttention;
  readonly limits: readonly ModuleLimit<P>[];
  /** The first is what laws and timings run on. */
  readonly samples: readonly [Sample<P>, ...Sample<P>[]];
  readonly written?: WrittenInput<P>;
  /** What a person would rather look at than read. `outputs` are those of the reference, or of the graph. */
  pictures(call: ModuleCall, outputs: Tensors, parameters: P): readonly Picture[];
}
