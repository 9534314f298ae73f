/** Every analysis: one line each. */
import type { Analysis } from './analysis';
import { divergence } from './divergence/analysis';

export const analyses: readonly Analysis[] = [divergence];
