/**
 * Experts whose weights a step reads. A batch of B tokens, each sent to k of E experts at random and independently, hits
 *
 *     E (1 - (1 - k / E)^B)
 *
 * distinct experts on average: each expert is left out by one token with 1 - k/E, by all with that to the power B. k at B = 1,
 * towards E for many tokens. Real routers are less even, so they hit fewer.
 */
export const expectedExperts = (count: number, perToken: number, tokens: number): number =>
  count <= 0 ? 0 : count * (1 - (1 - Math.min(1, perToken / count)) ** tokens);
