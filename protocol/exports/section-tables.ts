/** Sections of a result as tables and arrays. What each number is comes from the section. */
import type { ChartSection } from '../sections/chart';
import type { ExpertsSection } from '../sections/experts';
import type { GenerationsSection } from '../sections/generations';
import type { GraphSection } from '../sections/graph';
import type { HeadsSection } from '../sections/heads';
import type { ImageSection } from '../sections/image';
import type { MapSection } from '../sections/map';
import type { MatrixSection } from '../sections/matrix';
import type { Section } from '../sections/section';
import { isReading, stripIn, stripText } from '../sections/reading';
import type { SectionCell, TableSection } from '../sections/table';
import type { TokensSection } from '../sections/tokens';
import {
  Names,
  numberColumn,
  over,
  textColumn,
  wholeColumn,
  type Described,
  type Exported,
  type ExportedArray,
  type ExportedAxis,
  type ExportedColumn,
  type ExportedTable,
} from './exported';

type Column = ExportedColumn;

/** A part of a section that is one table, or arrays beside it. `part`: behind the name of the section; empty for the section itself. */
interface Piece {
  readonly part: string;
  readonly columns: readonly Column[];
  readonly arrays?: readonly ExportedArray[];
  readonly leftOut?: string;
}

export function exportedSections(sections: readonly Section[]): Exported {
  const tableNames = new Names();
  const arrayNames = new Names();
  const tables: ExportedTable[] = [];
  const arrays: ExportedArray[] = [];
  const leftOut: string[] = [];
  for (const section of sections) {
    for (const { part, columns, arrays: own, leftOut: without } of piecesOf(section)) {
      if (without !== undefined) leftOut.push(without);
      const rows = columns[0]?.values.length ?? 0;
      if (columns.length === 0) continue;
      const name = tableNames.free(part === '' ? section.id : `${section.id}.${part}`);
      const columnNames = new Names();
      tables.push({
        name,
        title: part === '' ? section.title : `${section.title}: ${part}`,
        rows,
        columns: columns.map((column) => ({ ...column, name: columnNames.free(column.name) })),
        isInArrays: own !== undefined,
      });
      for (const array of own ?? []) {
        arrays.push({ ...array, name: arrayNames.free(array.name === '' ? name : `${name}.${array.name}`) });
      }
    }
  }
  return { tables, arrays, leftOut };
}

function piecesOf(section: Section): readonly Piece[] {
  switch (section.kind) {
    case 'heads':
      return [headsPiece(section)];
    case 'map':
      return [mapPiece(section)];
    case 'matrix':
      return [matrixPiece(section)];
    case 'tokens':
      return [{ part: '', columns: tokenColumns(section) }];
    case 'chart':
      return [{ part: '', columns: chartColumns(section) }];
    case 'table':
      return [{ part: '', columns: tableColumns(section) }];
    case 'image':
      return [{ part: '', columns: imageColumns(section) }];
    case 'graph':
      return graphPieces(section);
    case 'generations':
      return [{ part: '', columns: generationColumns(section) }];
    case 'experts':
      return expertPieces(section);
    case 'text':
      return [];
  }
}

const layerAxis: ExportedAxis = { name: 'layer', title: 'Layer' };

/** A row for each cell, and an array [layers, heads] for each number; NaN where a layer has fewer heads than another. */
function headsPiece(section: HeadsSection): Piece {
  const { numbers, classes = [], gains = [], windows = [] } = section;
  const layers = Math.max(0, ...numbers.map(({ values }) => values.length));
  const widths = Array.from({ length: layers }, (_, layer) =>
    numbers.reduce((most, { values }) => Math.max(most, values[layer]?.length ?? 0), 0),
  );
  const heads = Math.max(0, ...widths);
  const places = widths.flatMap((width, layer) => Array.from({ length: width }, (_, head) => ({ layer, head })));
  const axes = [layerAxis, { name: 'head', title: section.cell ?? 'query head' }];
  const arrays: ExportedArray[] = [];
  const columns: Column[] = [
    over(places).whole('layer', 'Layer', ({ layer }) => layer),
    over(places).whole('head', `Place within the layer: ${section.cell ?? 'query head'}`, ({ head }) => head),
  ];
  const add = (
    name: string,
    about: Described,
    of: (layer: number, head: number) => number | undefined,
    type: ExportedArray['type'] = 'number',
  ): void => {
    const empty = type === 'number' ? Number.NaN : 0;
    const data = new Float64Array(layers * heads).fill(empty);
    for (const { layer, head } of places) data[layer * heads + head] = of(layer, head) ?? empty;
    arrays.push({ name, ...described(about), type, axes, shape: [layers, heads], data });
    const values = places.map(({ layer, head }) => of(layer, head));
    columns.push(
      type === 'number'
        ? numberColumn(name, about, values)
        : { ...wholeColumn(name, about.title, []), ...described(about), values },
    );
  };
  for (const number of numbers) {
    const { name, title, unit, low, high, interval = 'End of the interval.' } = number;
    add(name, number, (layer, head) => number.values[layer]?.[head]);
    if (low) add(`${name}.low`, { title: `${title}, low`, unit, definition: interval }, (l, h) => low[l]?.[h]);
    if (high) add(`${name}.high`, { title: `${title}, high`, unit, definition: interval }, (l, h) => high[l]?.[h]);
  }
  for (const { name, title, definition, heads: members, scores } of classes) {
    const at = new Map(members.map(({ layer, head }, place) => [`${layer}.${head}`, place]));
    const about = { title, unit: '', definition };
    add(`class.${name}`, about, (layer, head) => Number(at.has(`${layer}.${head}`)), 'flag');
    if (scores) {
      const of = { ...about, title: `${title}: score` };
      add(`class.${name}.score`, of, (layer, head) => scores[at.get(`${layer}.${head}`) ?? -1]);
    }
  }
  if (gains.length > 0) {
    const at = new Map(gains.map(({ layer, head, gain }) => [`${layer}.${head}`, gain]));
    const about = {
      title: 'Gain',
      unit: '',
      definition: 'Factor of the output of the head; 1 where it is not changed.',
    };
    add('gain', about, (layer, head) => at.get(`${layer}.${head}`) ?? 1);
  }
  if (windows.some((window) => window !== null)) {
    const about = { title: 'Window', unit: 'tokens', definition: 'Tokens that the layer reads back.' };
    add('window', about, (layer) => windows[layer] ?? undefined);
  }
  return { part: '', columns, arrays };
}

const described = ({ title, unit, definition }: Described): Described => ({ title, unit, definition });

/** A row for each cell, and an array [rows, columns]; NaN where a row is shorter than another. */
function mapPiece({ title, unit, definition, rows, columns: across, values }: MapSection): Piece {
  const width = values.reduce((most, row) => Math.max(most, row.length), 0);
  const cells = values.flatMap((of, row) => of.map((value, column) => ({ row, column, value })));
  const data = new Float64Array(values.length * width).fill(Number.NaN);
  for (const { row, column, value } of cells) data[row * width + column] = value;
  const about = { title, unit, definition };
  return {
    part: '',
    columns: [
      over(cells).whole('row', rows.title, ({ row }) => row),
      over(cells).text('row_label', `${rows.title}: label`, ({ row }) => rows.labels[row]),
      over(cells).whole('column', across.title, ({ column }) => column),
      over(cells).text('column_label', `${across.title}: label`, ({ column }) => across.labels[column]),
      over(cells).number('value', about, ({ value }) => value),
    ],
    arrays: [
      {
        name: '',
        ...about,
        type: 'number',
        axes: [
          { name: 'row', title: rows.title, labels: rows.labels },
          { name: 'column', title: across.title, labels: across.labels },
        ],
        shape: [values.length, width],
        data,
      },
    ],
  };
}

const positions = (length: number): readonly number[] => Array.from({ length }, (_, at) => at);

/** The probabilities are not in a result, the tokens and the mean masses of blocks of keys are. */
function matrixPiece({ title, of, tokens, blocks }: MatrixSection): Piece {
  const about = {
    title: 'Mean mass of the block',
    unit: '',
    definition: 'Mean over all queries of the attention on a block of keys.',
  };
  return {
    part: '',
    columns:
      blocks === undefined
        ? [wholeColumn('position', 'Position', positions(tokens.length)), textColumn('token', 'Token', tokens)]
        : [wholeColumn('block', 'Block of keys', positions(blocks.length)), numberColumn('mass', about, blocks)],
    leftOut: `The attention of head L${of.layer}H${of.head} (${title}) is not in the result: headscope map writes it.`,
  };
}

function tokenColumns({ tokens, tokenIds, numbers, classes }: TokensSection): readonly Column[] {
  return [
    wholeColumn('position', 'Position', positions(tokens.length)),
    textColumn('token', 'Token', tokens),
    ...(tokenIds?.length === tokens.length ? [wholeColumn('id', 'Token id', tokenIds)] : []),
    ...numbers.map((number) => over(tokens).number(number.name, number, (_, at) => number.values[at])),
    ...classColumn(classes, tokens.length),
  ];
}

const classColumn = (classes: TokensSection['classes'], length: number): readonly Column[] =>
  classes
    ? [
        textColumn(
          'class',
          'Class',
          positions(length).map((at) => classes.names[classes.of[at] ?? -1]),
        ),
      ]
    : [];

/** A row for each image token. */
function imageColumns({ numbers, classes, apart }: ImageSection): readonly Column[] {
  const length = Math.max(classes?.of.length ?? 0, ...numbers.map(({ values }) => values.length));
  const places = positions(length);
  const hidden = new Set(apart?.tokens);
  return [
    wholeColumn('image_token', 'Image token', places),
    ...numbers.map((number) => over(places).number(number.name, number, (at) => number.values[at])),
    ...classColumn(classes, length),
    ...(apart
      ? [
          {
            ...over(places).whole('apart', apart.title, (at) => Number(hidden.has(at))),
            definition: apart.definition,
          },
        ]
      : []),
  ];
}

/** A row for each point; `x_category` is the name on an axis of categories. */
function chartColumns({ x, y, series, interval }: ChartSection): readonly Column[] {
  const rows = series.flatMap(({ title, points }) => points.map((point) => ({ title, ...point })));
  const some = (name: 'low' | 'high' | 'label'): boolean => rows.some((row) => row[name] !== undefined);
  const end = { title: y.title, unit: y.unit, definition: interval ?? '' };
  const plain = (axis: typeof x): Described => ({ title: axis.title, unit: axis.unit, definition: '' });
  return [
    over(rows).text('series', 'Series', ({ title }) => title),
    over(rows).number('x', plain(x), (row) => row.x),
    ...(x.categories ? [over(rows).text('x_category', x.title, (row) => x.categories?.[row.x])] : []),
    over(rows).number('y', plain(y), (row) => row.y),
    ...(some('low') ? [over(rows).number('low', end, ({ low }) => low)] : []),
    ...(some('high') ? [over(rows).number('high', end, ({ high }) => high)] : []),
    ...(some('label') ? [over(rows).text('label', 'Label', ({ label }) => label)] : []),
  ];
}

const headName = ({ layer, head }: { readonly layer: number; readonly head: number }): string => `L${layer}H${head}`;

const isPlace = (cell: SectionCell | undefined): cell is Extract<SectionCell, { readonly layer: number }> =>
  typeof cell === 'object' && cell !== null && 'layer' in cell;

/** A column of heads is three: the name, the layer and the place within it. */
function tableColumns(section: TableSection): readonly Column[] {
  const { columns, rows } = section;
  const written = (cell: SectionCell | undefined): string | undefined => {
    if (cell === undefined || cell === null) return undefined;
    if (isPlace(cell)) return headName(cell);
    return isReading(cell) ? stripText(stripIn(section, cell)) : String(cell);
  };
  return columns.flatMap((column, at): readonly Column[] => {
    const { name, title, unit = '', definition = '' } = column;
    const about = { title, unit, definition };
    const cells = rows.map((row) => row[at] ?? undefined);
    const numeric = cells.map((cell) => (typeof cell === 'number' ? cell : undefined));
    if (column.kind === 'number' && cells.every((cell) => cell === undefined || typeof cell === 'number'))
      return [numberColumn(name, about, numeric)];
    const texts = cells.map(written);
    const named = { ...textColumn(name, title, texts), ...about };
    if (column.kind !== 'head') return [named];
    const part = (of: 'layer' | 'head'): Column =>
      over(cells).number(
        `${name}.${of}`,
        { title: `${title}: ${of === 'layer' ? 'layer' : 'place within the layer'}`, unit: '', definition: '' },
        (cell) => (isPlace(cell) ? cell[of] : undefined),
      );
    return [named, part('layer'), part('head')];
  });
}

function graphPieces({ nodes, edges, unit, definition }: GraphSection): readonly Piece[] {
  const weight = { title: 'Weight', unit, definition };
  return [
    {
      part: 'nodes',
      columns: [
        over(nodes).text('id', 'Node', ({ id }) => id),
        over(nodes).text('kind', 'Kind', ({ kind }) => kind),
        over(nodes).whole('layer', 'Layer, -1 for the embedding', ({ layer }) => layer),
        over(nodes).whole('column', 'Place within the layer', ({ column }) => column),
        over(nodes).text('label', 'Label', ({ label }) => label),
        over(nodes).number('weight', weight, (node) => node.weight),
      ],
    },
    {
      part: 'edges',
      columns: [
        over(edges).text('from', 'From', ({ from }) => from),
        over(edges).text('to', 'To', ({ to }) => to),
        over(edges).text('input', 'Input of the receiver', ({ input }) => input),
        over(edges).number('weight', weight, (edge) => edge.weight),
      ],
    },
  ];
}

/** A row for each text of each item. */
function generationColumns({ variants, items, score }: GenerationsSection): readonly Column[] {
  const rows = items.flatMap(({ title, prompt, texts, scores }) =>
    texts.map((text, at) => ({ title, prompt, variant: variants[at], text, score: scores?.[at] })),
  );
  return [
    over(rows).text('title', 'Title', ({ title }) => title),
    over(rows).text('prompt', 'Prompt', ({ prompt }) => prompt),
    over(rows).text('variant', 'Variant', ({ variant }) => variant),
    over(rows).text('text', 'Text', ({ text }) => text),
    ...(score ? [over(rows).number('score', { ...score, definition: '' }, (row) => row.score)] : []),
  ];
}

function expertPieces({ tokens, layers }: ExpertsSection): readonly Piece[] {
  const number = (title: string, definition: string, unit = ''): Described => ({ title, unit, definition });
  const loads = layers.flatMap(({ layer, loads: of }) => of.map((load, expert) => ({ layer, expert, load })));
  const choices = layers.flatMap(({ layer, chosen, weights, entropies }) =>
    chosen.flatMap((experts, position) =>
      experts.map((expert, slot) => ({
        ...{ layer, position, expert },
        weight: weights[position]?.[slot],
        entropy: entropies[position],
      })),
    ),
  );
  return [
    {
      part: 'loads',
      columns: [
        over(loads).whole('layer', 'Layer', ({ layer }) => layer),
        over(loads).whole('expert', 'Expert', ({ expert }) => expert),
        over(loads).number(
          'load',
          number('Load', 'Share of all choices of the layer that fall on the expert.'),
          ({ load }) => load,
        ),
      ],
    },
    {
      part: 'choices',
      columns: [
        over(choices).whole('layer', 'Layer', ({ layer }) => layer),
        over(choices).whole('position', 'Position', ({ position }) => position),
        over(choices).text('token', 'Token', ({ position }) => tokens[position]),
        over(choices).whole('expert', 'Expert', ({ expert }) => expert),
        over(choices).number(
          'weight',
          number('Weight', 'Factor of the expert’s output for the token.'),
          ({ weight }) => weight,
        ),
        over(choices).number(
          'entropy',
          number('Entropy', 'Entropy of the router at the token: -sum p ln p, p the scores over their sum.', 'nats'),
          ({ entropy }) => entropy,
        ),
      ],
    },
  ];
}
