import { transformers } from './decoder-family';

/** Where a default is from: a class of that release; a name of several words says it itself (`(InternVL) InternVLChatConfig`). */
export const sourceOf = (className: string): string =>
  className.includes(' ') ? className : `${transformers} ${className}`;
