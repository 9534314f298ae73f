/** A section on the page: its title and what it is, the drawing or its table twin, the chosen cell, and what can be asked of it. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Section } from '../../protocol/sections/section';
import { button, dropdown, segments } from '../ui/controls';
import { icon } from '../ui/icons';
import '../ui/menu';
import type { MenuItem } from '../ui/menu';
import { toMarkdown } from '../ui/table';
import { bandsOf } from './looked-tokens';
import type { Choice } from './picture';
import './picture';
import { chosenNumber, type KindOf, type SectionFormat, type SectionPart, type SectionView } from './section-kind';
import { sectionCsv } from './section-file';
import { kindOf } from './sections';
import { twinTable } from './twin-table';
import { shortened } from './words';

const longestTitle = 200;
const longestCaption = 1200;
const longestChoice = 300;

/** `answers`: what was asked of this section before, drawn under it. */
export function sectionView(given: SectionPart, answers: TemplateResult | typeof nothing = nothing): TemplateResult {
  const { section } = given;
  const kind = kindOf(section);
  const part = kind && section.asksAtOnce === true && section.ask !== undefined ? askingAtOnce(given, kind) : given;
  const titleId = `title-${section.id.replaceAll(/\s+/g, '-')}`;
  const empty = kind?.isEmpty(section) ?? true;
  return html`<section
    class="result-section"
    data-section=${section.id}
    data-kind=${section.kind}
    aria-labelledby=${titleId}
  >
    <div class="section-head">
      <h2 id=${titleId} title=${section.title}>${shortened(section.title, longestTitle)}</h2>
      ${kind && !empty ? tools(part, kind) : nothing}
    </div>
    ${section.caption ? html`<p class="section-caption">${shortened(section.caption, longestCaption)}</p>` : nothing}
    ${
      kind === undefined
        ? html`<p class="section-empty">This version of Headscope does not draw “${shortened(section.kind, 40)}”.</p>`
        : empty
          ? html`<p class="section-empty">${section.empty ?? 'There is nothing to draw yet.'}</p>`
          : body(part, kind)
    }
    ${answers}
  </section>`;
}

/** A choice is a question: wherever it is made, in the picture or in its table. */
function askingAtOnce(part: SectionPart, kind: KindOf<Section>): SectionPart {
  const { section, view, actions } = part;
  return {
    ...part,
    actions: {
      ...actions,
      view: (change) => {
        actions.view(change);
        if (!('cursor' in change) && !('chosen' in change)) return;
        const place = placeOf(section, kind, { ...view, chosen: undefined, ...change });
        if (!place) return;
        if (asks(part)) actions.ask(place, true);
        else if (place.kind === 'head') actions.attention?.({ layer: place.layer, head: place.head }, true);
      },
    },
  };
}

/** What is chosen, as a question is asked of it: one cell, or several together. */
function placeOf(section: Section, kind: KindOf<Section>, { cursor, chosen = [] }: SectionView) {
  if (chosen.length > 1 && isTogether(section) && kind.places) return kind.places(section, chosen);
  return cursor === undefined ? undefined : kind.place?.(section, cursor);
}

function body(part: SectionPart, kind: KindOf<Section>): TemplateResult {
  const { section, view, actions } = part;
  if (view.asTable && !(kind.drawn === 'page' && kind.isTwin)) {
    const table = twinTable({
      caption: section.title,
      twin: kind.twin(section, view),
      view,
      actions,
      ...(kind.cursorOf ? { rowOf: kind.cursorOf } : {}),
    });
    return html`${table} ${kind.cursorOf ? chosen(part, kind) : nothing}`;
  }
  return html`${numbersSwitch(part, kind)} ${kind.controls?.(part) ?? nothing} ${drawing(part, kind)}
  ${chosen(part, kind)}`;
}

function drawing(part: SectionPart, kind: KindOf<Section>): TemplateResult {
  const { section, view, loaded } = part;
  if (kind.drawn === 'page') return kind.body(part);
  const number = kind.numbers && chosenNumber(kind.numbers(section), view);
  return html`<hs-section-picture
      .picture=${kind.picture(section, view, loaded)}
      .cursor=${view.cursor}
      .chosen=${view.chosen}
      .bands=${section.kind === 'heads' ? bandsOf(part.looked, section.stack) : undefined}
      @hover=${({ detail }: CustomEvent<string | null>) => pointed(part, detail)}
      .toggles=${part.actions.toggle !== undefined}
      @cursor=${({ detail }: CustomEvent<string | null>) =>
        part.actions.view({
          cursor: detail ?? undefined,
          chosen: undefined,
          ...(detail === null ? { find: undefined, only: undefined } : {}),
        })}
      @choose=${({ detail }: CustomEvent<Choice>) => part.actions.view(detail)}
      @ask=${({ detail }: CustomEvent<string>) => ask(part, kind, detail)}
      @toggle=${({ detail }: CustomEvent<string>) => toggle(part, kind, detail)}
    ></hs-section-picture>
    ${number?.definition ? html`<p class="reason">${number.title}: ${shortened(number.definition, longestCaption)}</p>` : nothing}
    ${
      'definition' in section && section.definition !== ''
        ? html`<p class="reason">${shortened(section.definition, longestCaption)}</p>`
        : nothing
    }`;
}

/** Over a text whose tokens all grids mark. */
function pointed({ section, actions }: SectionPart, at: string | null): void {
  if (section.kind === 'tokens' && section.side) actions.point?.(at === null ? {} : { [section.side]: Number(at) });
}

function ask(part: SectionPart, kind: KindOf<Section>, cursor: string): void {
  const { section, view, actions } = part;
  const asked = asks(part) ? placeOf(section, kind, { ...view, cursor }) : undefined;
  if (asked) actions.ask(asked);
  else (explained(section, kind, actions, cursor) ?? attended(section, kind, actions, cursor))?.();
}

/** Whether the analysis answers. A head whose attention can be opened, with its rows and a place for changes, needs no map of it. */
const asks = ({ section, actions }: SectionPart): boolean =>
  section.ask !== undefined && !(section.ask === attentionWords && actions.attention !== undefined);

function toggle({ section, actions }: SectionPart, kind: KindOf<Section>, cursor: string): void {
  const place = kind.place?.(section, cursor);
  if (place?.kind === 'head') actions.toggle?.({ layer: place.layer, head: place.head });
}

/** What opens the attention of the chosen head. */
function attended(
  section: Section,
  kind: KindOf<Section>,
  { attention }: SectionPart['actions'],
  cursor: string,
): (() => void) | undefined {
  const place = kind.place?.(section, cursor);
  if (place?.kind !== 'head' || !attention) return undefined;
  const { layer, head } = place;
  return () => attention({ layer, head });
}

const attentionWords = 'Show its attention';

/** What explains the chosen cell of a map of attention weights. */
function explained(
  section: Section,
  kind: KindOf<Section>,
  actions: SectionPart['actions'],
  cursor: string,
): (() => void) | undefined {
  const place = kind.place?.(section, cursor);
  if (section.kind !== 'map' || !section.attentionOf || place?.kind !== 'cell' || !actions.explain) return undefined;
  const { row, column } = place;
  if (!((section.values[row]?.[column] ?? 0) > 0)) return undefined;
  const cell = { ...section.attentionOf, query: row, key: column };
  return () => actions.explain?.(cell);
}

const explainWords = 'Explain this weight';

/** Keeps its height while nothing is chosen, so that choosing moves nothing. */
function chosen(part: SectionPart, kind: KindOf<Section>): TemplateResult | typeof nothing {
  const { section, view } = part;
  const { cursor } = view;
  const canChoose = kind.drawn === 'picture' || kind.words !== undefined;
  if (!canChoose || (kind.drawn === 'page' && kind.isTwin && section.ask === undefined)) return nothing;
  const said = chosenWords(kind, part);
  const place = placeOf(section, kind, view);
  const explain = cursor === undefined ? undefined : explained(section, kind, part.actions, cursor);
  const attend = cursor === undefined ? undefined : attended(section, kind, part.actions, cursor);
  const entered =
    section.ask ??
    (isExplainable(part)
      ? explainWords
      : part.actions.attention && section.kind === 'heads'
        ? attentionWords
        : undefined);
  return html`<div class="section-chosen">
    ${
      said === undefined
        ? html`<span class="muted"
            >${
              entered === undefined
                ? 'A click or the arrow keys choose one.'
                : section.asksAtOnce
                  ? `${entered}: a click or the arrow keys choose one${isTogether(section) ? ', Ctrl or Shift several' : ''}.`
                  : `A click or the arrow keys choose one, Enter asks: ${entered}.`
            }</span
          >`
        : html`${icon('pinned')}<span class="chosen-words">${said}</span> ${
              section.ask !== undefined && asks(part) && section.asksAtOnce !== true && place
                ? button({
                    label: section.ask,
                    hint: 'Enter',
                    onClick: () => ask(part, kind, cursor ?? ''),
                  })
                : nothing
            }
            ${attend ? button({ label: attentionWords, ...(asks(part) ? {} : { hint: 'Enter' }), onClick: attend }) : nothing}
            ${explain ? button({ label: explainWords, ...(section.ask === undefined ? { hint: 'Enter' } : {}), onClick: explain }) : nothing}
            ${button({
              label: 'Copy the value',
              icon: 'copy',
              appearance: 'icon',
              onClick: () => part.actions.copy(said, 'The value'),
            })}`
    }
  </div>`;
}

const isTogether = (section: Section): boolean => section.kind === 'heads' && section.together === true;

function chosenWords(kind: KindOf<Section>, part: SectionPart): string | undefined {
  const { cursor, chosen = [] } = part.view;
  if (cursor === undefined) return undefined;
  const said = wordsOf(kind, part, cursor);
  return chosen.length > 1 && isTogether(part.section) && said !== undefined
    ? `${chosen.length} together, last ${said}`
    : said;
}

function wordsOf(kind: KindOf<Section>, { section, view, loaded }: SectionPart, cursor: string): string | undefined {
  if (kind.drawn === 'page') return kind.words?.(section, cursor);
  const words = kind.picture(section, view, loaded).words(cursor);
  return words && shortened(words.value === '' ? words.title : `${words.title}: ${words.value}`, longestChoice);
}

const isExplainable = ({ section, actions }: SectionPart): boolean =>
  section.kind === 'map' && section.attentionOf !== undefined && actions.explain !== undefined;

const mostSegments = 3;

/** Which of several numbers is drawn. */
function numbersSwitch({ section, view, compact, actions }: SectionPart, kind: KindOf<Section>) {
  const numbers = kind.numbers?.(section) ?? [];
  const shown = chosenNumber(numbers, view);
  if (numbers.length < 2 || !shown || view.asTable) return nothing;
  const choices = numbers.map(({ name, title, definition }) => ({
    value: name,
    label: shortened(title, 48),
    hint: definition,
  }));
  const words = choices.reduce((sum, { label }) => sum + label.length, 0);
  const onChange = (to: string): void => actions.view({ shown: to });
  const options = { label: 'Number', choices, value: shown.name, onChange };
  return html`<div class="number-choice">
    ${choices.length <= mostSegments && words <= (compact ? 34 : 60) ? segments(options) : dropdown(options)}
  </div>`;
}

function tools(part: SectionPart, kind: KindOf<Section>): TemplateResult {
  const { section, view, actions } = part;
  const isTwin = kind.drawn === 'page' && kind.isTwin === true;
  const twin = () => kind.twin(section, view);
  const save = (label: string, format: SectionFormat, glyph: MenuItem['icon']): MenuItem => ({
    label,
    ...(glyph ? { icon: glyph } : {}),
    run: () => actions.save(format),
  });
  const items: readonly MenuItem[] = [
    {
      label: 'Copy as Markdown',
      icon: 'copy',
      run: () => actions.copy(toMarkdown(twin().columns, twin().rows), 'The table'),
    },
    { label: 'Copy as CSV', icon: 'copy', run: () => actions.copy(sectionCsv(section, view), 'The table') },
    save('Save as CSV', 'csv', 'table'),
    save('Save as JSON', 'json', 'table'),
    // A circuit and experts are two tables, and an Arrow file holds one.
    section.kind === 'graph' || section.kind === 'experts'
      ? save('Save as Arrow (zip)', 'zip', 'table')
      : save('Save as Arrow', 'arrow', 'table'),
    save('Save as npz', 'npz', 'table'),
    save('Save as safetensors', 'safetensors', 'table'),
    save('Save as PNG', 'png', 'file-media'),
    save('Save as SVG', 'svg', 'file-media'),
  ];
  return html`<div class="toolbar" role="group" aria-label=${`${shortened(section.title, 60)}: view and export`}>
    ${
      isTwin
        ? nothing
        : button({
            label: view.asTable ? 'Show the picture' : 'Show the numbers as a table',
            icon: view.asTable ? 'graph-line' : 'table',
            appearance: 'icon',
            onClick: () => actions.view({ asTable: view.asTable !== true }),
          })
    }
    <hs-menu
      .label=${`Export ${shortened(section.title, 60)}`}
      .icon=${'export'}
      .iconOnly=${true}
      .items=${items}
    ></hs-menu>
  </div>`;
}
