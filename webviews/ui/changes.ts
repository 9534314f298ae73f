/** `changes are this result less the earlier one`: by when the two were made. */
export function signWords(here: { readonly created: string }, there: { readonly created: string }): string {
  const which = there.created < here.created ? 'earlier' : there.created > here.created ? 'later' : 'other';
  return `changes are this result less the ${which} one`;
}
