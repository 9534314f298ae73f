/**
 * How classes (mechanisms, later kinds of heads) are distinguished: one of eight hues, a shape, a line pattern and a short name.
 * The place in the catalogue decides, so that the same mechanism looks the same in each chart, table and export.
 *
 * The hues were searched in OKLab for the largest smallest distance between any two, seen normally and with each kind of
 * dichromacy (Machado, Oliveira and Fernandes 2009, severity 1), at a contrast of at least 3 : 1 with the background;
 * test/unit/webviews/palette.test.ts checks both figures.
 */
export const lightHues = [
  '#083ec0',
  '#d38014',
  '#44826f',
  '#5c1a64',
  '#4c9ebc',
  '#7e081a',
  '#6b6104',
  '#a56ff9',
] as const;
export const darkHues = [
  '#4b76d9',
  '#eb952c',
  '#2fc595',
  '#976b8f',
  '#a0e1fb',
  '#c9623e',
  '#ece47e',
  '#be93fa',
] as const;

/** Outlines in a box of 16 x 16, filled. */
export const shapes = {
  circle: 'M8 0A8 8 0 1 1 8 16A8 8 0 1 1 8 0Z',
  square: 'M1 1H15V15H1Z',
  triangle: 'M8 0L16 15H0Z',
  diamond: 'M8 0L16 8L8 16L0 8Z',
  inverted: 'M0 1H16L8 16Z',
  plus: 'M5.5 0H10.5V5.5H16V10.5H10.5V16H5.5V10.5H0V5.5H5.5Z',
  hexagon: 'M4 1H12L16 8L12 15H4L0 8Z',
  cross: 'M0 3L3 0L8 5L13 0L16 3L11 8L16 13L13 16L8 11L3 16L0 13L5 8Z',
} as const;
export type Shape = keyof typeof shapes;
const shapeNames = Object.keys(shapes) as Shape[];

export interface Identity {
  readonly id: string;
  readonly title: string;
  /** A few words, unique among its fellows: written at the end of a line. */
  readonly name: string;
  /** One to five characters, unique among its fellows: written where a word has no room. */
  readonly code: string;
  readonly hue: number;
  readonly shape: Shape;
  /** Lengths of dash and gap; empty: a whole line. A second round of the hues is dashed, a third dotted. */
  readonly dash: readonly number[];
}

export type Identities = ReadonlyMap<string, Identity>;

const dashes: readonly (readonly number[])[] = [[], [6, 3], [2, 2], [8, 2, 2, 2]];

/** Those of names, in their order. */
export function identitiesOf(names: readonly string[]): readonly Identity[] {
  const identities = identify(names.map((name) => ({ id: name, title: name })));
  return names.flatMap((name) => identities.get(name) ?? []);
}

/** In catalogue order; what is not in the catalogue (a kernel of an older file) comes after it. */
export function identify(classes: readonly { readonly id: string; readonly title: string }[]): Identities {
  const identities = new Map<string, Identity>();
  const codes = new Set<string>();
  const names = new Set<string>();
  for (const { id, title } of classes) {
    if (identities.has(id)) continue;
    const index = identities.size;
    const round = Math.floor(index / lightHues.length);
    const code = codeOf(title, codes);
    codes.add(code);
    const name = nameOf(title, names);
    names.add(name);
    identities.set(id, {
      id,
      title,
      name,
      code,
      hue: index % lightHues.length,
      shape: shapeNames[(index + round) % shapeNames.length] ?? 'circle',
      dash: dashes[round % dashes.length] ?? [],
    });
  }
  return identities;
}

/** Hues of those that stand side by side are made different, as far as there are hues; the first keep theirs. */
export function apart(all: Identities, together: Iterable<string>): Identities {
  const changed = new Map(all);
  const taken = new Set<number>();
  for (const id of together) {
    const own = changed.get(id);
    if (!own) continue;
    const free = lightHues.findIndex((_, hue) => !taken.has(hue));
    const hue = taken.has(own.hue) && free >= 0 ? free : own.hue;
    taken.add(hue);
    changed.set(id, { ...own, hue });
  }
  return changed;
}

const longestName = 24;
const linking = /^(?:of|the|a|an|in|on|with|and|or|to|by|for|as|at|over|from|,)$/i;

/** `Lightning Attention (TransNormerLLM)` -> `Lightning`; `Memory as gate (Titans)` -> `Memory as gate`. */
function nameOf(title: string, taken: ReadonlySet<string>): string {
  const plain = title.replaceAll(/\s*\([^()]*\)/g, '').replace(/(?<=\S)\s+attention$/i, '') || title;
  const words = plain.split(/\s+/);
  const fit = (some: readonly string[]): string => {
    const kept = [...some];
    while (kept.length > 1 && (kept.join(' ').length > longestName || linking.test(kept.at(-1) ?? ''))) kept.pop();
    return kept.join(' ').replace(/[,:;]$/, '');
  };
  const last = words.at(-1) ?? '';
  const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
  const candidates = [
    fit(words),
    ...(title.length <= longestName ? [title] : []),
    ...(words.length > 2 ? [`${words[0]} … ${last}`] : []),
    cut(plain, 28),
    cut(title, 40),
  ];
  for (const candidate of candidates) if (candidate.length <= 40 && !taken.has(candidate)) return cut(candidate, 40);
  let number = 2;
  const first = cut(fit(words), longestName);
  while (taken.has(`${first} ${number}`)) number += 1;
  return `${first} ${number}`;
}

/** `L2H4`, `RFA`: names that are short already. */
const shortName = /^[A-Z][A-Z0-9]{1,4}$/;

/**
 * `Sliding window` -> `SW`, `Fused` -> `Fu`, `L2H4` -> `L2H4`; a taken code grows by the next letters of the title, then by a number.
 */
function codeOf(title: string, taken: ReadonlySet<string>): string {
  if (shortName.test(title) && !taken.has(title)) return title;
  const words: readonly string[] = title.replaceAll(/['’]s?/g, '').match(/\d+\.\d+|[A-Za-z0-9]+/g) ?? [];
  const first = words[0] ?? '?';
  const initials = words.map((word) => (/^[\d.]+$/.test(word) ? word : word.charAt(0).toUpperCase())).join('');
  const two = first.charAt(0).toUpperCase() + first.slice(1, 2).toLowerCase();
  const three = first.charAt(0).toUpperCase() + first.slice(1, 3).toLowerCase();
  const candidates = words.length > 1 ? [initials.slice(0, /\./.test(initials) ? 6 : 4), two, three] : [two, three];
  for (const candidate of candidates) if (!taken.has(candidate)) return candidate;
  let number = 2;
  while (taken.has(`${two}${number}`)) number += 1;
  return `${two}${number}`;
}

/** The identity in another colour and shape, by their numbers. */
export const withLook = (identity: Identity, look: { readonly colour: number; readonly shape: number }): Identity => ({
  ...identity,
  hue: look.colour % lightHues.length,
  shape: shapeNames[look.shape % shapeNames.length] ?? identity.shape,
});

export const colourOf = (identity: Identity, dark: boolean): string =>
  (dark ? darkHues : lightHues)[identity.hue] ?? lightHues[0];
