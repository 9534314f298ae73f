import { ofExpert, type OfExpert } from './expert-place';

/** With c [E] what the router of the layer chooses k experts by: c_expert is more than any other, so that the expert is one of the k. */
export type ForceExpert = OfExpert<'force-expert'>;

export const forceExpert = ofExpert('force-expert', {
  name: 'forced expert',
  meaning: 'Makes tokens take an expert of a layer; it counts what its own score gives it, by the rules of the router.',
  done: 'forced',
  sentence: (expert, positions) => `Tokens ${positions} take ${expert}.`,
});
