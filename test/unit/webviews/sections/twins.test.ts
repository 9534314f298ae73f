/** Every section as a table: what screen readers read, and what CSV holds. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ChartSection } from '../../../../protocol/sections/chart';
import { sectionText } from '../../../../compute-server/cli/section-text';
import { exportedSections } from '../../../../protocol/exports/section-tables';
import { check } from '../../../../protocol/schema/check';
import { section as sectionSchema, type Section } from '../../../../protocol/sections/section';
import type { TableSection } from '../../../../protocol/sections/table';
import { sectionCsv } from '../../../../webviews/sections/section-file';
import { kindOf } from '../../../../webviews/sections/sections';
import { everySection } from '../../../browser/workbench/stories';

const nan = Number.NaN;
const twinOf = (section: Section) => kindOf(section)?.twin(section, {}) ?? assert.fail('no such kind');
/** Lines of a CSV file that are rows. */
const rowsOf = (section: Section): readonly string[] =>
  sectionCsv(section)
    .split('\r\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

describe('the table twin', () => {
  it('of heads has a row a head with numbers, ends of intervals, classes and the finding', () => {
    const section: Section = {
      kind: 'heads',
      id: 'h',
      title: 'Scores',
      numbers: [
        {
          name: 'score',
          title: 'Score',
          unit: 'nats',
          definition: 'What it is.',
          scale: { kind: 'sequential' },
          values: [[0.5, nan], [2]],
          low: [[0.4, nan], [1]],
          high: [[0.6, nan], [3]],
        },
      ],
      classes: [
        { name: 'a', title: 'A', definition: 'First.', heads: [{ layer: 0, head: 1 }] },
        { name: 'b', title: 'B', definition: 'Second.', heads: [{ layer: 0, head: 1 }] },
      ],
      marked: [{ layer: 1, head: 0 }],
    };
    assert.deepEqual(rowsOf(section), [
      'name,layer,head,score_nats,score_low_nats,score_high_nats,classes,in_finding',
      'L0H0,0,0,0.5,0.4,0.6,,',
      'L0H1,0,1,,,,A; B,',
      'L1H0,1,0,2,1,3,,yes',
    ]);
    const about = sectionCsv(section).split('\r\n');
    assert.equal(about[0], '# Scores');
    assert.ok(about.includes('# score: Score (nats). What it is.'));
    assert.ok(about.includes('# classes: Classes. A: First. B: Second.'));
  });

  it('of a map has a row a cell with both labels', () => {
    const section: Section = {
      kind: 'map',
      id: 'm',
      title: 'Attention',
      unit: '',
      definition: 'Probability.',
      scale: { kind: 'sequential' },
      rows: { title: 'Query', labels: ['the', ' cat'] },
      columns: { title: 'Key', labels: ['the'] },
      values: [[1], [0.25, 0.75]],
    };
    assert.deepEqual(rowsOf(section), [
      'row,row_label,column,column_label,value',
      '0,the,0,the,1',
      '1,␣cat,0,the,0.25',
      '1,␣cat,1,∅,0.75',
    ]);
  });

  it('of experts has a row for each choice of a token, and one for each expert that none takes', () => {
    const section: Section = {
      kind: 'experts',
      id: 'e',
      title: 'Experts',
      tokens: ['the', ' cat'],
      of: 2,
      layers: [
        {
          layer: 3,
          perToken: 2,
          loads: [0.5, 0.25, 0, 0.25],
          entropy: 1.1,
          entropies: [1, 1.2],
          chosen: [
            [0, 3],
            [1, 0],
          ],
          weights: [
            [0.75, 0.25],
            [0.5, 0.5],
          ],
        },
      ],
    };
    assert.deepEqual(rowsOf(section), [
      'layer,position,token,expert,weight,entropy_nats,load',
      '3,0,the,0,0.75,1,0.5',
      '3,0,the,3,0.25,1,0.25',
      '3,1,␣cat,1,0.5,1.2,0.25',
      '3,1,␣cat,0,0.5,1.2,0.5',
      '3,,,2,,,0',
    ]);
  });

  it('of tokens has a row a token with numbers and class', () => {
    const section: Section = {
      kind: 'tokens',
      id: 't',
      title: 'Loss',
      tokens: ['=cmd()', ' b'],
      numbers: [
        {
          name: 'loss',
          title: 'Loss',
          unit: 'nats',
          definition: 'L.',
          scale: { kind: 'sequential' },
          values: [1, nan],
        },
      ],
      classes: { names: ['key'], of: [-1, 0] },
    };
    // A token that a spreadsheet would run as a formula is disarmed (csv.ts).
    assert.deepEqual(rowsOf(section), ['position,token,loss_nats,class', "0,'=cmd(),1,", '1,␣b,,key']);
  });

  it('of a chart has a row a point, with the names of categories and the ends of intervals', () => {
    const section: ChartSection = {
      kind: 'chart',
      id: 'c',
      title: 'Loss',
      x: { title: 'Removal', unit: '', scale: 'category', categories: ['mean', 'zero'] },
      y: { title: 'Loss', unit: 'nats', scale: 'linear' },
      series: [
        {
          id: 's',
          title: 'Heads',
          mark: 'bars',
          points: [
            { x: 0, y: 2, low: 1, high: 3, label: 'L0H1' },
            { x: 1, y: nan },
          ],
        },
      ],
    };
    assert.deepEqual(rowsOf(section), [
      'series,name,x,y_nats,low_nats,high_nats',
      'Heads,L0H1,mean,2,1,3',
      'Heads,,zero,,,',
    ]);
  });

  it('of a graph has its edges, then its nodes', () => {
    const section: Section = {
      kind: 'graph',
      id: 'g',
      title: 'Circuit',
      unit: 'logits',
      definition: 'Effect.',
      threshold: 1,
      nodes: [
        { id: 'a', kind: 'embedding', layer: -1, column: 0, label: 'embedding', weight: 1 },
        { id: 'b', kind: 'head', layer: 0, column: 3, label: 'L0H3', weight: nan },
      ],
      edges: [{ from: 'a', to: 'b', input: 'value', weight: -0.5 }],
    };
    assert.deepEqual(rowsOf(section), [
      'kind,from,to,input,weight_logits',
      'edge,embedding,L0H3,value,-0.5',
      'embedding,embedding,,,1',
      'head,L0H3,,,',
    ]);
  });

  it('of a picture has a row a patch, without the newline tokens', () => {
    const tile = { x: 0, y: 0, width: 2, height: 2, rows: 2, columns: 1, first: 0, stride: 2 };
    const section: Section = {
      kind: 'image',
      id: 'i',
      title: 'Patches',
      image: { name: 'a', path: '/a', sha256: '', width: 2, height: 2, start: 0, end: 4, tokens: 4, tiles: [tile] },
      numbers: [
        {
          name: 'mass',
          title: 'Mass',
          unit: '',
          definition: 'M.',
          scale: { kind: 'sequential' },
          values: [1, 9, 2, 9],
        },
      ],
    };
    assert.deepEqual(rowsOf(section), ['image_token,tile,row,column,mass', '0,0,0,0,1', '2,0,1,0,2']);
  });

  it('of a table, of texts and of continuations holds every cell', () => {
    assert.deepEqual(
      rowsOf({
        kind: 'table',
        id: 't',
        title: 'T',
        columns: [
          { name: 'head', title: 'Head', kind: 'head' },
          { name: 'p', title: 'p', kind: 'number', digits: 2 },
        ],
        rows: [
          [{ layer: 3, head: 4 }, 0.012_345],
          [null, nan],
        ],
      }),
      ['head,p', 'L3H4,0.012345', ','],
    );
    assert.deepEqual(rowsOf({ kind: 'text', id: 'x', title: 'X', paragraphs: ['One, two.'] }), [
      'paragraph',
      '"One, two."',
    ]);
    assert.deepEqual(
      rowsOf({
        kind: 'generations',
        id: 'g',
        title: 'G',
        variants: ['before', 'after'],
        score: { title: 'Right', unit: '%' },
        items: [{ title: 'first', texts: ['a', 'b'], scores: [100, 0] }],
      }),
      ['item,prompt,text_before,text_after,score_before_%,score_after_%', 'first,,a,b,100,0'],
    );
  });

  const read: TableSection = {
    kind: 'table',
    id: 'r',
    title: 'R',
    columns: [{ name: 'text', title: 'Text', kind: 'reading' }],
    texts: [{ tokens: ['a', ' b', ' c', ' d', ' e', '\n', ' g', ' h'], tokenIds: [0, 1, 2, 3, 4, 5, 6, 7] }],
    around: 1,
    rows: [
      [{ of: { layer: 0, head: 1 }, text: 0, query: 3, key: 1, keys: [1, 3, 0], weights: [0.5, 0.25, 0.125] }],
      [{ of: { layer: 0, head: 1 }, text: 0, query: 7, key: 1, keys: [1], weights: [1] }],
      [{ of: { layer: 0, head: 1 }, text: 0, query: 1, key: 5, keys: [], weights: [] }],
      // Of a text that the section does not have.
      [{ of: { layer: 0, head: 1 }, text: 3, query: 1, key: 5, keys: [5], weights: [1] }],
    ],
  };

  it('of strips of tokens has key and query marked, and leaves out what is far between them', () => {
    const texts = twinOf(read).rows.map(([text]) => text);
    assert.deepEqual(texts, ['a«␣b» c⟦␣d⟧ e…', 'a«␣b» c … g⟦␣h⟧', 'a⟦␣b⟧ c … e«↵» g…', '']);
    const near = { ...read, around: 0, rows: read.rows.slice(0, 1) };
    assert.deepEqual(twinOf(near).rows[0]?.[0], '…«␣b» … ⟦␣d⟧…');
    const exported = exportedSections([read]);
    assert.deepEqual(JSON.stringify(exported).match(/a«␣b» c … g⟦␣h⟧/gu)?.length, 1);
    assert.match(sectionText(read), /a⟦␣b⟧ c … e«↵» g…/);
  });

  it('says the weights of a chosen strip, and what the other tokens have at most', () => {
    const kind = kindOf(read);
    const words = (row: number) => (kind?.drawn === 'page' ? kind.words?.(read, String(row)) : undefined);
    assert.equal(words(0), '"␣d" reads "␣b" (0.500), itself (0.250) and "a" (0.125), every other token at most 0.125');
    assert.equal(words(2), '"␣b" reads no token');
  });

  it('refuses a strip with a key that has no weight, and one without its head', () => {
    const [[cell] = []] = read.rows;
    const withCell = (given: object) =>
      check(sectionSchema, { ...read, rows: [[{ ...(cell as object), ...given }]] }, 'It');
    assert.ok(check(sectionSchema, read, 'It').ok);
    for (const given of [{ weights: [0.5] }, { of: undefined }, { query: -1 }, { keys: ['a', 3, 0] }]) {
      const checked = withCell(given);
      assert.match(checked.ok ? 'accepted' : checked.why, /^rows\[0\]\[0\]/, JSON.stringify(given));
    }
  });

  it('of each kind has a head for every cell, and says what each number of the section is', () => {
    for (const section of everySection()) {
      const { columns, rows } = twinOf(section);
      assert.ok(rows.length > 0, section.kind);
      assert.equal(new Set(columns.map(({ id }) => id)).size, columns.length, section.kind);
      if ('numbers' in section) {
        for (const { name, definition, unit } of section.numbers) {
          const column = columns.find(({ id }) => id === name);
          assert.equal(column?.hint, definition);
          assert.equal(column.unit ?? '', unit);
        }
      }
    }
  });
});
