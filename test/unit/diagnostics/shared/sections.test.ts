/** What sections are built from. */
import assert from 'node:assert/strict';
import * as build from '../../../../protocol/sections/builders';

describe('builders of sections', () => {
  it('a table takes the cells of a row from the fields that its columns name, or by their functions', () => {
    const rows = [
      { layer: 1, head: 2, score: 0.5, name: 'a' },
      { layer: 0, head: 3, score: Number.NaN, name: 'b' },
    ];
    const found = build.table('id', 'Title', '', rows, [
      build.head(),
      build.text('name', 'Name'),
      build.number('score', 'Score', 'A score.'),
      build.count('place', 'Place', 'Of the row.', 'rows', (_, at) => at),
      false,
      [build.number('twice', 'Twice', 'Twice the score.', ({ score }) => 2 * score)],
    ]);
    assert.deepEqual(found, {
      kind: 'table',
      id: 'id',
      title: 'Title',
      columns: [
        { name: 'head', title: 'Head', kind: 'head' },
        { name: 'name', title: 'Name', kind: 'text' },
        { name: 'score', title: 'Score', kind: 'number', unit: '', definition: 'A score.' },
        { name: 'place', title: 'Place', kind: 'number', unit: 'rows', definition: 'Of the row.', digits: 15 },
        { name: 'twice', title: 'Twice', kind: 'number', unit: '', definition: 'Twice the score.' },
      ],
      rows: [
        [{ layer: 1, head: 2 }, 'a', 0.5, 0, 1],
        [{ layer: 0, head: 3 }, 'b', null, 1, null],
      ],
    });
  });

  it('a table of cells has the columns without what would fill them', () => {
    const found = build.cellTable('id', 'Title', 'What is seen.', [build.text('a', 'A')], [['x']], { ask: undefined });
    assert.deepEqual(found, {
      kind: 'table',
      id: 'id',
      title: 'Title',
      caption: 'What is seen.',
      columns: [{ name: 'a', title: 'A', kind: 'text' }],
      rows: [['x']],
    });
  });

  it('a chart draws numbers at 0, 1 and so on, and leaves out what is undefined or false', () => {
    const found = build.chart(
      'id',
      'Title',
      undefined,
      build.logAxis('size', 'log2', 'tokens'),
      build.axis('loss', 'nats', { min: 0, max: undefined }),
      [build.line('a', 'A', [3, 5]), undefined, build.bars('b', 'B', [{ x: 4, y: 1 }])],
      { interval: undefined, empty: 'Nothing yet.' },
    );
    assert.deepEqual(found, {
      kind: 'chart',
      id: 'id',
      title: 'Title',
      empty: 'Nothing yet.',
      x: { title: 'size', unit: 'tokens', scale: 'log2' },
      y: { title: 'loss', unit: 'nats', scale: 'linear', min: 0 },
      series: [
        {
          id: 'a',
          title: 'A',
          mark: 'line',
          points: [
            { x: 0, y: 3 },
            { x: 1, y: 5 },
          ],
        },
        { id: 'b', title: 'B', mark: 'bars', points: [{ x: 4, y: 1 }] },
      ],
    });
  });

  it('numbers of heads have a scale and, where they are given, the ends of an interval', () => {
    const values = [[0.5]];
    const found = build.heads('id', 'Title', '', [
      build.shares('a', 'A', 'A share.', values),
      build.signed('b', 'B', 'A change.', values, 'nats', { low: [[0]], high: [[1]], interval: '95 %' }),
    ]);
    assert.deepEqual(found, {
      kind: 'heads',
      id: 'id',
      title: 'Title',
      numbers: [
        {
          name: 'a',
          title: 'A',
          unit: '',
          definition: 'A share.',
          scale: { kind: 'sequential', min: 0, max: 1 },
          values,
        },
        {
          ...{ name: 'b', title: 'B', unit: 'nats', definition: 'A change.', scale: { kind: 'diverging' }, values },
          ...{ low: [[0]], high: [[1]], interval: '95 %' },
        },
      ],
    });
  });
});
