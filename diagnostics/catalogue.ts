/** Every analysis: one line each. */
import type { Analysis } from './analysis';

export const analyses: readonly Analysis[] = [];
