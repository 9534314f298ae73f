/**
 * What serving a model takes, asked of the language server by the extension for the Model panel. Definitions and formulas:
 * models/formats/estimates/serving.
 */
import type { Output } from '../schema/check';
import { filledText, object, oneOf, wholeFrom } from '../schema/fields';

/** Bits of weights or cache; they are texts because a list offers them. */
export const servingBits = ['stored', '16', '8', '4'] as const;
const bits = oneOf(servingBits);
export type ServingBits = Output<typeof bits>;

/** What a person chose. */
export const servingQuestion = object({
  /** An id from the list that comes with the answer; `measured` is this machine. */
  device: filledText,
  batch: wholeFrom(1, 1 << 20),
  /** Tokens of the prompt, and before the token that is decoded. */
  context: wholeFrom(1, 1 << 24),
  weightBits: bits,
  cacheBits: bits,
  tensorParallel: wholeFrom(1, 1024),
});
export type ServingQuestion = Output<typeof servingQuestion>;

/** What the test of the devices measured of this machine. */
export interface MeasuredMachine {
  readonly title: string;
  readonly peakGflops: number;
  readonly peakBandwidthGBs: number;
  readonly memory?: number;
}

export interface ServingFigureView {
  readonly value: number;
  readonly unit: 's' | 'tokens/s' | 'bytes' | 'sequences';
  readonly formula: string;
  readonly assumptions: readonly string[];
}

/** One operator over its layers: FLOPs, bytes and seconds of one device. */
export interface ServingOperatorView {
  readonly part: string;
  readonly name: string;
  readonly count: number;
  readonly flops: number;
  readonly weightBytes: number;
  readonly cacheBytes: number;
  readonly activationBytes: number;
  readonly networkBytes: number;
  readonly seconds: number;
  readonly bound: 'memory' | 'compute' | 'network';
}

export interface ServingPhaseView {
  readonly seconds: number;
  readonly flops: number;
  readonly bytes: number;
  readonly parts: readonly {
    readonly part: string;
    readonly seconds: number;
    readonly flops: number;
    readonly bytes: number;
    readonly networkBytes: number;
  }[];
  readonly operators: readonly ServingOperatorView[];
}

export const servingFigureNames = [
  'timeToFirstToken',
  'timePerToken',
  'throughput',
  'promptThroughput',
  'weights',
  'cache',
  'workspace',
  'memory',
  'largestBatch',
] as const;
export type ServingFigureName = (typeof servingFigureNames)[number];

export interface ServingCostView {
  readonly prefill: ServingPhaseView;
  readonly decode: ServingPhaseView;
  readonly figures: Readonly<Record<ServingFigureName, ServingFigureView>>;
  readonly fits?: boolean;
  readonly assumptions: readonly string[];
}

export interface ServingDeviceView {
  readonly title: string;
  /** FLOP/s of products as they are counted here. */
  readonly peak: number;
  /** Bytes per second. */
  readonly bandwidth: number;
  readonly memory?: number;
  readonly link?: number;
  readonly source: string;
}

export interface ServingAnswer {
  readonly devices: readonly { readonly id: string; readonly title: string }[];
  /** Absent where the device is not known. */
  readonly device?: ServingDeviceView;
  /** The cost, or the sentence that says why there is none. */
  readonly cost: ServingCostView | string;
}

export const estimateServing = 'headscope/estimateServing';
export interface EstimateServingParams {
  readonly uri: string;
  readonly question: ServingQuestion;
  readonly machine?: MeasuredMachine;
}
/** Null where the file describes no model. */
export type EstimateServingResult = ServingAnswer | null;
