/** Heads as a person arranges them: in the order of a number or of their classes, those of one class, those that are looked for. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { HeadsLayer, HeadsSection } from '../../../protocol/sections/heads';
import { headKey, headName, parseHead } from '../../ui/head-names';
import { plural } from '../../ui/numbers';
import type { SectionView } from '../section-kind';
import { headClasses, type HeadClasses } from './heads-classes';
import type { DrawnHeads } from './heads-model';

/** Instead of a number, pictures can be drawn: by these names they stand among the numbers of a section. */
const pictureChoices = [
  {
    name: 'pictures:class',
    title: 'Pictures, by class',
    unit: '',
    definition:
      'query down, key across; the square root of the mass, each head on a scale of its own, in the colour of its class.',
    colours: 'class',
  },
  {
    name: 'pictures:magnitude',
    title: 'Pictures, by probability',
    unit: '',
    definition: 'query down, key across; the square root of the mass, each head on a scale of its own.',
    colours: 'magnitude',
  },
] as const;

/** The same of weights of either sign. */
const signedChoices = [
  {
    name: 'pictures:signed',
    title: 'Pictures',
    unit: '',
    definition:
      'query down, key across; the square root of the size of the weight, each head on a scale of its own, in the colour of its sign.',
    colours: 'signed',
  },
] as const;

/** How the pictures of a section can be drawn. */
export const pictureChoicesOf = ({ pictures }: HeadsSection) =>
  pictures ? (pictures.signed ? signedChoices : pictureChoices) : [];

export type PictureColours = ReturnType<typeof pictureChoicesOf>[number]['colours'];

/** Orders that are none of a number. */
export const byClass = 'class:';
/** Those without a class. */
export const noClass = 'class:none';

export type Arranged = Pick<SectionView, 'order' | 'only' | 'find'>;

/** The cells of query heads can be looked for by their names. */
export const isOfQueryHeads = ({ cell = 'query head' }: HeadsSection): boolean => cell === 'query head';

export function arranged(
  section: HeadsSection,
  number: HeadsLayer,
  { order, only, find = '' }: Arranged,
  colours: PictureColours | undefined,
): DrawnHeads {
  const pictures = colours && section.pictures ? { of: section.pictures, colours } : undefined;
  const searched = only !== undefined || find.trim() !== '';
  if (order === undefined && !searched && !pictures) return section;
  const places = number.values.flatMap((row, layer) => row.map((_, head): HeadPlace => ({ layer, head })));
  const classes = headClasses(section);
  const shown = searched
    ? new Set(
        places.filter((place) => isFound(place, classes, only, find)).map(({ layer, head }) => headKey(layer, head)),
      )
    : undefined;
  const key = order === undefined ? undefined : keyOf(section, classes, order);
  const most = Math.max(1, ...number.values.map((row) => row.length));
  return {
    ...section,
    drawing: {
      ...(pictures ? { pictures } : {}),
      ...(shown ? { shown } : {}),
      ...(key
        ? {
            rows: inRows(
              sorted(places, key).filter(({ layer, head }) => shown?.has(headKey(layer, head)) !== false),
              most,
            ),
          }
        : {}),
    },
  };
}

function isFound({ layer, head }: HeadPlace, classes: HeadClasses, only: string | undefined, find: string): boolean {
  const own = classes.of.get(headKey(layer, head)) ?? [];
  if (only === noClass ? own.length > 0 : only !== undefined && !own.some((one) => one.class.identity.id === only))
    return false;
  const text = find.trim().toLowerCase();
  if (text === '') return true;
  const named = parseHead(text);
  if (named) return named.layer === layer && named.head === head;
  return (
    headName(layer, head).toLowerCase().startsWith(text) ||
    own.some((one) => one.class.title.toLowerCase().includes(text))
  );
}

/** Smaller comes first; undefined for an order that the section does not have. */
function keyOf(
  { numbers }: HeadsSection,
  classes: HeadClasses,
  order: string,
): ((place: HeadPlace) => number) | undefined {
  if (order === byClass) {
    const places = new Map(classes.all.map((one, at) => [one, at]));
    return ({ layer, head }) => {
      const [first] = classes.of.get(headKey(layer, head)) ?? [];
      // Scores lie from 0 to 1.
      return first ? (places.get(first.class) ?? classes.all.length) - (first.score ?? 0) / 2 : Infinity;
    };
  }
  const number = numbers.find(({ name }) => name === order);
  if (!number) return undefined;
  const size = number.scale.kind === 'diverging' ? Math.abs : (value: number) => value;
  return ({ layer, head }) => -size(number.values[layer]?.[head] ?? Number.NaN);
}

function sorted(places: readonly HeadPlace[], key: (place: HeadPlace) => number): readonly HeadPlace[] {
  const known = (value: number): number => (Number.isNaN(value) ? Infinity : value);
  return places
    .map((place, at) => ({ place, at, key: known(key(place)) }))
    .sort((a, b) => (a.key === b.key ? a.at - b.at : a.key - b.key))
    .map(({ place }) => place);
}

function inRows<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  const rows: T[][] = [];
  for (let at = 0; at < all.length; at += size) rows.push(all.slice(at, at + size));
  return rows;
}

/** The sentence for a search that names a head beyond the model; undefined for any other. */
export function noSuchHead({ numbers }: HeadsSection, find: string | undefined): string | undefined {
  const named = parseHead(find ?? '');
  const values = numbers[0]?.values ?? [];
  if (!named || values[named.layer]?.[named.head] !== undefined) return undefined;
  const heads = Math.max(0, ...values.map((row) => row.length));
  return `There is no ${headName(named.layer, named.head)}: ${plural(values.length, 'layer')} and ${plural(heads, 'head')} a layer, counted from 0.`;
}
