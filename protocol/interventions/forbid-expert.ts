import { ofExpert, type OfExpert } from './expert-place';

/** With z [E] the products of the router of the layer and c [E] what it chooses by: z_expert and c_expert are less than any other. */
export type ForbidExpert = OfExpert<'forbid-expert'>;

export const forbidExpert = ofExpert('forbid-expert', {
  name: 'forbidden expert',
  meaning: 'Keeps tokens from an expert of a layer; the router works as if it were not there.',
  done: 'forbidden',
  sentence: (expert, positions) => `No token ${positions} takes ${expert}.`,
});
