/** Sections as files: rows for CSV, a table for pages, a scene for SVG and PNG; each says what its numbers are. */
import type { Section } from '../../protocol/sections/section';
import { escapeXml } from '../../protocol/wire/escape-xml';
import { htmlTable } from '../charts/html-table';
import { wrap } from '../charts/image';
import { toCsv } from '../ui/csv';
import type { Theme } from '../ui/theme';
import { textMark } from './legend';
import { stacked, type Mark, type Scene } from './scene';
import { chosenNumber, type KindOf, type LoadedPictures, type SectionView } from './section-kind';
import { kindOf } from './sections';
import { withUnit } from './words';

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

/** Lines that begin with # say what the rows are; readers of CSV take them as comments (`comment='#'` of pandas). */
export function sectionCsv(section: Section, view: SectionView = {}): string {
  const kind = kindOf(section);
  if (!kind) return '';
  const twin = kind.twin(section, view);
  const about = [
    section.title,
    ...(section.caption === undefined ? [] : [section.caption]),
    ...twin.columns.flatMap(({ id, title, unit = '', hint }) =>
      hint === undefined ? [] : [`${id}: ${withUnit(title, unit)}. ${hint}`],
    ),
  ];
  return `${about.map((line) => `# ${oneLine(line)}\r\n`).join('')}${toCsv(twin.columns, twin.rows)}`;
}

/** Title, caption, drawing and definition under each other. */
export function sectionScene(
  section: Section,
  view: SectionView,
  loaded: LoadedPictures,
  theme: Theme,
  width: number,
): Scene {
  const kind = kindOf(section);
  const empty = kind?.isEmpty(section) ?? true;
  const number = kind?.numbers && chosenNumber(kind.numbers(section), view);
  const title =
    number && (kind.numbers?.(section).length ?? 0) > 1 ? `${section.title}: ${number.title}` : section.title;
  const definition = number?.definition ?? ('definition' in section ? section.definition : '');
  return stacked(
    [
      lines(title, theme.fontSize, theme.foreground, 600, theme, width),
      ...(section.caption === undefined
        ? []
        : [lines(section.caption, theme.fontSize - 1, theme.muted, 400, theme, width)]),
      kind && !empty
        ? drawn(kind, section, view, loaded, theme, width)
        : lines(section.empty ?? 'There is nothing to draw yet.', theme.fontSize, theme.muted, 400, theme, width),
      ...(definition === '' ? [] : [lines(definition, theme.fontSize - 2, theme.muted, 400, theme, width)]),
    ],
    8,
  );
}

const drawn = (
  kind: KindOf<Section>,
  section: Section,
  view: SectionView,
  loaded: LoadedPictures,
  theme: Theme,
  width: number,
): Scene =>
  kind.drawn === 'page'
    ? kind.scene(section, theme, width, view)
    : kind.picture(section, view, loaded).draw(width, theme);

function lines(text: string, size: number, fill: string, weight: number, theme: Theme, width: number): Scene {
  const marks = wrap(oneLine(text).slice(0, 2000), width, size, { font: theme.font, weight }).map((line, at): Mark =>
    textMark(line, 0, (at + 1) * (size + 5) - 5, theme, { size, fill, weight }),
  );
  return { width, height: marks.length * (size + 5), marks };
}

/** Rows of a table in an HTML page: more make a file that no browser likes, and CSV holds all. */
const mostRows = 2000;

/** The numbers of a section and what they are, folded. */
export function sectionTable(section: Section): string {
  const twin = kindOf(section)?.twin(section, {});
  if (!twin) return '';
  const rows = twin.rows.slice(0, mostRows);
  const cut = twin.rows.length > rows.length ? ` (the first ${rows.length} of ${twin.rows.length} rows)` : '';
  const definitions = twin.columns.flatMap(({ title, unit = '', hint }) =>
    hint === undefined ? [] : [`<dt>${escapeXml(withUnit(title, unit))}</dt><dd>${escapeXml(hint)}</dd>`],
  );
  return `<details><summary>${escapeXml(section.title)}${cut}</summary>
${definitions.length > 0 ? `<dl>${definitions.join('')}</dl>` : ''}
${htmlTable(section.title, twin.columns, rows)}</details>`;
}
