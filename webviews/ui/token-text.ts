/** Token texts as they can be seen: spaces and line ends have marks of their own. */
export const shownToken = (token: string): string =>
  token === '' ? '∅' : token.replaceAll(' ', '·').replaceAll('\n', '↵').replaceAll('\t', '→').replaceAll('\r', '␍');
