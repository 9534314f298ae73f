/** `name=value,name=value`: the settings of a written form; with another separator where values have commas. */

/** Undefined where a part has another form, a name is not among `names`, or one comes twice. */
export function settingsOf<const N extends string>(
  text: string,
  names: readonly N[],
  separator = ',',
): Readonly<Partial<Record<N, string>>> | undefined {
  const found: Partial<Record<N, string>> = {};
  for (const part of text.split(separator)) {
    const [given, value, ...more] = part.split('=').map((each) => each.trim());
    const name = names.find((each) => each === given);
    if (name === undefined || value === undefined || value === '' || more.length > 0 || found[name] !== undefined)
      return undefined;
    found[name] = value;
  }
  return found;
}

/** Undefined for anything but decimal digits. */
export const wholeOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
