/** A word of a file as a sentence about it shows it: names and values may have megabytes. */
export const shortened = (text: string, longest = 120): string =>
  text.length > longest ? `${text.slice(0, longest)}…` : text;

/** A value of a file in the same way, as JSON writes it. */
export const shownValue = (value: unknown, longest = 60): string =>
  shortened(
    typeof value === 'object' && value !== null
      ? Array.isArray(value)
        ? 'a list'
        : 'an object'
      : (JSON.stringify(value) ?? 'nothing'),
    longest,
  );
