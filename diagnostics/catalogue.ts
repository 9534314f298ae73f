/** Every analysis: one line each. */
import type { Analysis } from './analysis';
import { attentionInfluence } from './attention-influence/analysis';
import { divergenceSet } from './divergence-set/analysis';
import { divergence } from './divergence/analysis';
import { labels } from './labels/analysis';
import { taskAccuracy } from './task-accuracy/analysis';

export const analyses: readonly Analysis[] = [labels, divergence, divergenceSet, taskAccuracy, attentionInfluence];
