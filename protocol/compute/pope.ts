/** The part of the compute server's interface that lets a model answer the questions of POPE; joined to ComputeMethods in api.ts. */
import type { PopeRequest } from './hallucination-requests';
import type { PopeResult } from '../results/pope';
import type { StageProgress } from './hallucination';

/** Stands in a prompt for the question. */
export const questionPlace = '{question}';

export type PopeProgress = StageProgress | { readonly kind: 'failure'; readonly name: string; readonly why: string };

export interface PopeMethods {
  pope: { args: [request: PopeRequest]; result: PopeResult; progress: PopeProgress };
}
