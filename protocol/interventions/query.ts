import { headReplacement, type HeadReplacement } from './replacement';

export type Query = HeadReplacement<'query'>;

export const query = headReplacement('query', {
  name: 'replaced query',
  what: 'query',
  meaning: "Replaces a head's queries, after norm and rotation.",
  heads: 'a query head',
});
