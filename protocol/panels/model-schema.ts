/** Messages of the Model panel to the extension. */
import { servingQuestion } from '../language/serving';
import type { Output } from '../schema/check';
import { byKind, oneOf, optional, text } from '../schema/fields';
import { copied, exported } from './messages';

/** The one of a configuration that is shown. */
const ofConfig = { uri: text };

export const fromModelPanel = byKind({
  ready: {},
  openFile: ofConfig,
  showProblems: ofConfig,
  benchmark: ofConfig,
  showHeads: ofConfig,
  /** The full panel with what the side view shows. */
  openFull: ofConfig,
  /** Asks for a second model, or for two when `uri` is absent. */
  compare: { uri: optional(text) },
  /** The two models of a comparison change places. */
  swap: {},
  /** Asks for a model of the workspace. */
  choose: {},
  openExample: {},
  retry: {},
  /** Asks what serving the model takes; answered with `serving`. */
  serving: { ...ofConfig, question: servingQuestion },
  export: { ...exported, format: oneOf(['png', 'svg', 'csv', 'json']) },
  copy: copied,
});
export type FromModelPanel = Output<typeof fromModelPanel>;
