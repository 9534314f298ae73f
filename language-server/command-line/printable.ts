/** A text for a terminal: control characters, which could move the cursor or recolour what follows, are shown as `\\u001b`. */
export const printable = (text: string): string =>
  text.replace(
    /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
