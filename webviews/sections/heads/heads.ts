import { html, nothing as none, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { HeadsSection } from '../../../protocol/sections/heads';
import { button, dropdown } from '../../ui/controls';
import { logChoice } from '../log-colours';
import { remembered } from '../remembered';
import { rowSearch } from '../row-search';
import { headKey, parseHead } from '../../ui/head-names';
import { chosenNumber, type PictureKind, type SectionPart, type SectionView } from '../section-kind';
import {
  arranged,
  byClass,
  isOfQueryHeads,
  noClass,
  noSuchHead,
  pictureChoicesOf,
  type Arranged,
  type PictureColours,
} from './arrangement';
import { headClasses } from './heads-classes';
import { headSets } from './head-sets';
import { headsPicture, parse } from './heads-picture';
import { headsTwin } from './heads-twin';

type Number = HeadsSection['numbers'][number];

const picture = remembered(
  (
    section: HeadsSection,
    number: Number,
    log: boolean | undefined,
    colours: PictureColours | undefined,
    order: Arranged['order'],
    only: Arranged['only'],
    find: Arranged['find'],
  ) => headsPicture(arranged(section, number, { order, only, find }, colours), number, log),
);

/** Pictures stand before the numbers, where there are some. */
const choicesOf = (section: HeadsSection) => [...pictureChoicesOf(section), ...section.numbers];

export const headsKind: PictureKind<HeadsSection> = {
  drawn: 'picture',
  numbers: choicesOf,
  isEmpty: ({ numbers }) => !numbers.some(({ values }) => values.some((row) => row.length > 0)),
  picture: (section, view) => {
    const chosen = chosenNumber(choicesOf(section), view);
    const number = chosenNumber(section.numbers, view) ?? nothing;
    const colours = chosen && 'colours' in chosen ? chosen.colours : undefined;
    return picture(section, number, view.log, colours, view.order, view.only, view.find);
  },
  controls: (part) => {
    const { section, view, actions } = part;
    const chosen = chosenNumber(choicesOf(section), view);
    const {
      rows,
      actions: { chooseHead },
    } = part;
    return html`${arrangement(part)} ${rows ? rowSearch({ ...rows, chooseHead }) : none}
    ${chosen && 'scale' in chosen ? logChoice(chosen.scale, chosen.values.flat(), view, actions) : none}
    ${headSets(section, view, actions)}`;
  },
  place: ({ numbers }, cursor) => {
    const { layer, head } = parse(cursor);
    return numbers.some(({ values }) => values[layer]?.[head] !== undefined)
      ? { kind: 'head', layer, head }
      : undefined;
  },
  places: ({ numbers }, chosen) => {
    const heads = chosen
      .map(parse)
      .filter(({ layer, head }) => numbers.some(({ values }) => values[layer]?.[head] !== undefined));
    return heads.length === 0 ? undefined : { kind: 'heads', heads };
  },
  cursorOf: ([, layer, head]) => `${layer ?? ''}.${head ?? ''}`,
  twin: headsTwin,
};

const nothing: HeadsSection['numbers'][number] = {
  name: '',
  title: '',
  unit: '',
  definition: '',
  scale: { kind: 'sequential' },
  values: [],
};

/** Fewer heads are found at a glance. */
const least = 17;

/** In which order, which of them, and one by its name. */
function arrangement({ section, view, compact, actions }: SectionPart<HeadsSection>): TemplateResult | typeof none {
  const heads = section.numbers[0]?.values.reduce((sum, row) => sum + row.length, 0) ?? 0;
  if (!isOfQueryHeads(section) || heads < least) return none;
  const { order, only, find = '' } = view;
  const classes = headClasses(section).all.filter(({ count }) => count > 0);
  const missing = noSuchHead(section, find);
  return html`<div class="heads-arrangement">
      ${
        compact
          ? none
          : dropdown({
              label: 'Order of the heads',
              choices: [
                { value: '', label: 'Layer by layer' },
                ...(classes.length > 0 ? [{ value: byClass, label: 'By class' }] : []),
                ...section.numbers.map(({ name, title }) => ({ value: name, label: `By ${title.toLowerCase()}` })),
              ],
              value: order ?? '',
              onChange: (value) => actions.view({ order: value === '' ? undefined : value }),
            })
      }
      ${
        classes.length === 0
          ? none
          : dropdown({
              label: 'Heads that are shown',
              choices: [
                { value: '', label: 'All heads' },
                ...classes.map(({ identity, title, count, definition }) => ({
                  value: identity.id,
                  label: `${title} (${count})`,
                  hint: definition,
                })),
                { value: noClass, label: 'Without a class' },
              ],
              value: only ?? '',
              onChange: (value) => actions.view({ only: value === '' ? undefined : value }),
            })
      }
      <input
        type="search"
        class="heads-find"
        aria-label="Find a head"
        placeholder="Find L5H3"
        title="L5H3, 5.3 or a class; Escape shows all heads again"
        .value=${live(find)}
        @input=${(event: Event) => actions.view(found(section, (event.target as HTMLInputElement).value))}
        @keydown=${(event: KeyboardEvent) => {
          if (event.key === 'Escape') actions.view(all);
        }}
      />
      ${
        find === '' && only === undefined
          ? none
          : button({
              label: 'Show all heads',
              hint: 'Show all heads (Escape)',
              icon: 'close',
              appearance: 'icon',
              onClick: () => actions.view(all),
            })
      }
    </div>
    ${missing === undefined ? none : html`<p class="reason" role="status">${missing}</p>`}`;
}

/** A head that is typed by its name is also chosen. */
function found({ numbers }: HeadsSection, find: string): Pick<SectionView, 'find' | 'cursor'> {
  const named = parseHead(find);
  const isThere = named && numbers.some(({ values }) => values[named.layer]?.[named.head] !== undefined);
  return isThere ? { find, cursor: headKey(named.layer, named.head) } : { find };
}

const all = { find: undefined, only: undefined } as const;
