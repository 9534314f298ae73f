/** Two results side by side. Change = this one minus the other. */
export interface Change {
  readonly here: number;
  readonly there: number;
}

export const changeOf = ({ here, there }: Change): number => here - there;

/** `changes are this result less the earlier one`: by when the two were made. */
export function signWords(here: { readonly created: string }, there: { readonly created: string }): string {
  const which = there.created < here.created ? 'earlier' : there.created > here.created ? 'later' : 'other';
  return `changes are this result less the ${which} one`;
}

interface Shaped {
  readonly layers: number;
  readonly heads: number;
}

/** Why the heads of two models cannot be laid side by side; undefined where they can. */
export const whyOtherShape = (here: Shaped, there: Shaped, name: string): string | undefined =>
  here.layers === there.layers && here.heads === there.heads
    ? undefined
    : `This result has ${here.layers} layers of ${here.heads} heads, ${name} has ${there.layers} of ${there.heads}: heads can be compared one by one only between models of the same shape.`;
