/** The gradient rules of all operators, collected from beside the operators. */
import type { GradientRules, Refusals } from '../graph/operators/gradient-rule';
import { attentionRules } from '../graph/operators/attention.gradient';
import { controlRefusals, controlRules } from '../graph/operators/control.gradient';
import { convolutionRules } from '../graph/operators/convolution.gradient';
import { elementwiseRules } from '../graph/operators/elementwise.gradient';
import { layoutRules } from '../graph/operators/layout.gradient';
import { matrixRules } from '../graph/operators/matrix.gradient';
import { normalizeRules } from '../graph/operators/normalize.gradient';
import { recurrenceRules } from '../graph/operators/recurrence.gradient';
import { reduceRules } from '../graph/operators/reduce.gradient';

export const gradientRules: GradientRules = {
  ...elementwiseRules,
  ...layoutRules,
  ...reduceRules,
  ...matrixRules,
  ...normalizeRules,
  ...convolutionRules,
  ...attentionRules,
  ...recurrenceRules,
  ...controlRules,
};

/** Operators without a rule that graphs of this product use, and why. */
export const gradientRefusals: Refusals = {
  ...controlRefusals,
  Resize: 'it resizes learned positions once, before any input: train at the size of the checkpoint',
};
