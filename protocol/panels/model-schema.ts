/** Messages of the Model panel to the extension. */
import type { Schema } from '../schema/check';
import { servingBits, type ServingQuestion } from '../language/serving';
import { byKind, filledText, object, oneOf, optional, text, wholeFrom } from '../schema/fields';
import { copied, exported } from './messages';
import type { FromModelPanel } from './model';

const ofConfig = { uri: text };

const bits = oneOf(servingBits);

const servingQuestion: Schema<ServingQuestion> = object<ServingQuestion>({
  device: filledText,
  batch: wholeFrom(1, 1 << 20),
  context: wholeFrom(1, 1 << 24),
  weightBits: bits,
  cacheBits: bits,
  tensorParallel: wholeFrom(1, 1024),
});

export const fromModelPanel: Schema<FromModelPanel> = byKind<FromModelPanel>({
  ready: {},
  openFile: ofConfig,
  showProblems: ofConfig,
  benchmark: ofConfig,
  showHeads: ofConfig,
  openFull: ofConfig,
  compare: { uri: optional(text) },
  swap: {},
  choose: {},
  openExample: {},
  retry: {},
  serving: { ...ofConfig, question: servingQuestion },
  export: { ...exported, format: oneOf(['png', 'svg', 'csv', 'json']) },
  copy: copied,
});
