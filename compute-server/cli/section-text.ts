/** A section as text for a terminal: numbers in columns, the largest first where there are many. */
import { signedPoints } from '../../protocol/results/share-change';
import type { Section } from '../../protocol/sections/section';
import { isReading, stripIn, stripText } from '../../protocol/sections/reading';
import type { SectionCell, SectionColumn, TableSection } from '../../protocol/sections/table';
import { shownToken } from '../../protocol/wire/token-name';
import { textTable } from './table';

/** Rows of a section at most: the JSON has all. */
const mostRows = 20;
/** Numbers of a head that fit a line. */
const mostColumns = 6;

export function sectionText(section: Section): string {
  const body = bodyOf(section);
  const lines = [section.title, ...(section.caption === undefined ? [] : [section.caption])];
  return [...lines, body === '' ? (section.empty ?? 'Nothing to show.') : body].join('\n');
}

function bodyOf(section: Section): string {
  switch (section.kind) {
    case 'heads':
      return headsText(section);
    case 'table':
      return tableText(section);
    case 'text':
      return section.paragraphs.join('\n');
    case 'tokens': {
      const header = ['token', ...section.numbers.map(({ title, unit }) => withUnit(title, unit))];
      return ranked(
        header,
        section.tokens.map((token, at) => ({
          cells: [shownToken(token), ...section.numbers.map(({ values }) => digits(values[at]))],
          weight: Math.abs(section.numbers[0]?.values[at] ?? 0),
        })),
      );
    }
    case 'chart':
      return section.series
        .map(({ title, mark, points }) => {
          // A cloud says nothing as a list.
          if (mark === 'points' && points.length > mostRows) {
            return `${title}: ${points.length} points, see the JSON or the panel.`;
          }
          const { x: across, y: up } = section;
          const named = points.some(({ label }) => label !== undefined);
          return ranked(
            [
              ...(named ? [title] : []),
              withUnit(across.title, across.unit),
              withUnit(named ? up.title : `${up.title}, ${title}`, up.unit),
            ],
            points.map(({ x, y, label = '' }) => ({
              cells: [...(named ? [label] : []), across.categories?.[x] ?? digits(x), digits(y)],
              weight: 0,
            })),
          );
        })
        .join('\n');
    case 'experts':
      return textTable(
        ['layer', 'experts', 'most taken', 'its share', 'never taken', 'entropy (nats)'],
        section.layers.map(({ layer, loads, entropy }) => {
          const most = loads.indexOf(Math.max(...loads));
          const never = loads.filter((load) => load === 0).length;
          return [`L${layer}`, `${loads.length}`, `E${most}`, digits(loads[most]), `${never}`, digits(entropy)];
        }),
      );
    case 'matrix':
      return `Head L${section.of.layer}H${section.of.head} on ${section.tokens.length} tokens: see the panel, or headscope map.`;
    case 'map':
    case 'image': {
      const count = section.kind === 'map' ? section.values.flat().length : (section.numbers[0]?.values.length ?? 0);
      return count === 0 ? '' : `${count} numbers: see the JSON or the panel.`;
    }
    case 'graph':
      return ranked(
        ['from', 'to', withUnit('weight', section.unit)],
        section.edges.map(({ from, to, input, weight }) => ({
          cells: [from, input === undefined ? to : `${to} (${input})`, digits(weight)],
          weight: Math.abs(weight),
        })),
      );
    case 'generations':
      return section.items
        .slice(0, mostRows)
        .map(({ title, texts }) =>
          [title, ...texts.map((text, at) => `  ${section.variants[at] ?? at}: ${text}`)].join('\n'),
        )
        .join('\n');
  }
}

function headsText({ numbers: all, classes }: Extract<Section, { kind: 'heads' }>): string {
  const numbers = all.slice(0, mostColumns);
  const [first] = numbers;
  if (!first) return '';
  const named = new Map<string, string[]>();
  for (const { title, heads } of classes ?? []) {
    for (const { layer, head } of heads) {
      const key = `${layer}.${head}`;
      named.set(key, [...(named.get(key) ?? []), title]);
    }
  }
  const rows = first.values.flatMap((row, layer) =>
    row.map((value, head) => ({
      cells: [
        `L${layer}H${head}`,
        ...numbers.map(({ values }) => digits(values[layer]?.[head])),
        ...(classes ? [(named.get(`${layer}.${head}`) ?? []).join(', ')] : []),
      ],
      weight: Number.isNaN(value) ? -1 : Math.abs(value) + (named.has(`${layer}.${head}`) ? 1e9 : 0),
    })),
  );
  const table = ranked(
    ['head', ...numbers.map(({ title, unit }) => withUnit(title, unit)), ...(classes ? ['label'] : [])],
    rows,
  );
  const more = all.length - numbers.length;
  return more > 0 ? `${table}\nand ${more} more numbers of each head: see the JSON` : table;
}

const tableText = ({ columns, rows, ...texts }: TableSection): string =>
  rows.length === 0
    ? ''
    : cut(
        columns.map(({ title, unit }) => withUnit(title, unit ?? '')),
        rows.map((row) => row.map((cell, at) => cellText(cell, texts, columns[at]))),
      );

function cellText(cell: SectionCell, texts: Pick<TableSection, 'texts' | 'around'>, column?: SectionColumn): string {
  if (cell === null) return '–';
  if (typeof cell === 'string') return cell;
  if (isReading(cell)) return stripText(stripIn(texts, cell));
  if (typeof cell !== 'number') return `L${cell.layer}H${cell.head}`;
  switch (column?.as) {
    case 'percent':
      return `${(100 * cell).toFixed(1)} %`;
    case 'points':
      return `${signedPoints(cell)} points`;
    case 'signed':
    case undefined:
      return digits(cell, column?.digits);
  }
}

/** Largest weight first where not all are shown. */
function ranked(
  header: readonly string[],
  rows: readonly { readonly cells: readonly string[]; readonly weight: number }[],
): string {
  if (rows.length === 0) return '';
  const order = rows.length > mostRows ? [...rows].sort((a, b) => b.weight - a.weight) : rows;
  return cut(
    header,
    order.map(({ cells }) => cells),
  );
}

function cut(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const more = rows.length - mostRows;
  const table = textTable(header, rows.slice(0, mostRows));
  return more > 0 ? `${table}\nand ${more} more: see the JSON` : table;
}

const withUnit = (title: string, unit: string): string => (unit === '' ? title : `${title} (${unit})`);

/** A dash where there is no number. */
const digits = (value: number | undefined, wanted = 3): string =>
  value === undefined || Number.isNaN(value) ? '–' : String(Number(value.toPrecision(wanted)));
