/** The part of the compute server's interface that lets a model answer the questions of POPE; joined to ComputeMethods in api.ts. */
import type { PictureSample } from '../results/hallucination-schema';
import type { PopeMeasure, PopeReading, PopeResult, PopeSplit } from '../results/pope';
import type { OnDevice } from '../inputs/prompt';
import type { ImageWithTruth, ReinforcementRequest, StageProgress } from './hallucination';

/** Stands in a prompt for the question. */
export const questionPlace = '{question}';

export interface PopeRequest extends PopeMeasure, OnDevice {
  readonly folder: string;
  /** Holds `{question}`. Through the chat template where it has no image token, or `chat` asks for it. */
  readonly prompt: string;
  readonly chat: boolean;
  /** All pictures of the folder: the absent objects are chosen by what the others hold. */
  readonly images: readonly ImageWithTruth[];
  /** Drawn from those with three objects; absent: all of them. */
  readonly sample?: Pick<PictureSample, 'count' | 'seed'>;
  /** Of the absent objects. */
  readonly seed: number;
  readonly splits: readonly PopeSplit[];
  readonly readBy: PopeReading;
  readonly maxNewTokens: number;
  /** Answers every question a second time, with the heads reinforced that read the picture. */
  readonly reinforcement?: ReinforcementRequest;
}

export type PopeProgress = StageProgress | { readonly kind: 'failure'; readonly name: string; readonly why: string };

export interface PopeMethods {
  pope: { args: [request: PopeRequest]; result: PopeResult; progress: PopeProgress };
}
