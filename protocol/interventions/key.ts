import { headReplacement, type HeadReplacement } from './replacement';

export type Key = HeadReplacement<'key'>;

export const key = headReplacement('key', {
  name: 'replaced key',
  what: 'key',
  meaning: 'Replaces the keys of a key/value head, after norm and rotation; later queries read what was put in.',
  heads: 'a key/value head',
});
