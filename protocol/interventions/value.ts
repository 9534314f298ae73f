import { headReplacement, type HeadReplacement } from './replacement';

export type Value = HeadReplacement<'value'>;

export const value = headReplacement('value', {
  name: 'replaced value',
  what: 'value',
  meaning: 'Replaces the values of a key/value head; later queries read what was put in.',
  heads: 'a key/value head',
});
