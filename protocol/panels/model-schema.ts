/** Messages of the Model panel to the extension. */
import type { Schema } from '../schema/check';
import { byKind, oneOf, optional, text } from '../schema/fields';
import { copied, exported } from './messages';
import type { FromModelPanel } from './model';

const ofConfig = { uri: text };

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
  export: { ...exported, format: oneOf(['png', 'svg', 'csv', 'json']) },
  copy: copied,
});
