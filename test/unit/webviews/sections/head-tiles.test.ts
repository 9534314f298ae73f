/** What an open head is drawn of: tiles of its matrix, their colours, and the tokens around a query. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import {
  isMasked,
  levelFor,
  rectangleOf,
  tilesIn,
  TileStore,
  topLevel,
  type HeadSize,
  type TileAddress,
} from '../../../../webviews/charts/tiles';
import { cividis, diverging, inkOn, mix, parseColour } from '../../../../webviews/charts/colour-map';
import { shareOf } from '../../../../webviews/sections/colours';
import { windowOf } from '../../../../webviews/sections/tokens/tokens-picture';

const square = (length: number): HeadSize => ({ rows: length, columns: length });

describe('the tiles of a head', () => {
  it('cover every readable cell once, in rectangles that pool by powers of two', () => {
    const length = 1000;
    const seen = new Set<string>();
    for (const address of tilesIn(0, [0, length, 0, length], square(length), false)) {
      const { rowStart, rowCount, columnStart, columnCount, outRows, outColumns } = rectangleOf(
        address,
        square(length),
      );
      assert.deepEqual([outRows, outColumns], [rowCount, columnCount]);
      for (let row = rowStart; row < rowStart + rowCount; row += 100)
        for (let column = columnStart; column < columnStart + columnCount; column += 100) {
          assert.ok(!seen.has(`${row},${column}`));
          seen.add(`${row},${column}`);
        }
    }
    assert.equal(topLevel(square(length)), 2);
    assert.deepEqual(rectangleOf({ level: 2, row: 0, column: 0 }, square(length)), {
      rowStart: 0,
      rowCount: 1000,
      columnStart: 0,
      columnCount: 1000,
      outRows: 250,
      outColumns: 250,
    });
    assert.equal(topLevel(square(8192)), 5);
    assert.equal(topLevel(square(7)), 0);
  });

  it('cover as many keys as a source has, whose texels are pooled by the longer side', () => {
    const cross: HeadSize = { rows: 300, columns: 1000 };
    assert.equal(topLevel(cross), 2);
    assert.equal(topLevel({ rows: 1000, columns: 3 }), 2);
    assert.equal(tilesIn(0, [0, 300, 0, 1000], cross, false).length, 2 * 4);
    const { rowCount, columnCount, outRows, outColumns } = rectangleOf({ level: 2, row: 0, column: 0 }, cross);
    assert.deepEqual([rowCount, columnCount, outRows, outColumns], [300, 1000, 75, 250]);
  });

  it('above the diagonal of a causal head are never asked for', () => {
    const asked = tilesIn(0, [0, 1024, 0, 1024], square(1024), true);
    assert.equal(asked.length, 4 + 3 + 2 + 1);
    assert.ok(asked.every((address) => !isMasked(address, true)));
    assert.equal(tilesIn(0, [0, 1024, 0, 1024], square(1024), false).length, 16);
  });

  it('have the level whose texels are no smaller than a pixel', () => {
    assert.equal(levelFor(12, square(8192)), 0);
    assert.equal(levelFor(1, square(8192)), 0);
    assert.equal(levelFor(0.5, square(8192)), 1);
    assert.equal(levelFor(0.06, square(8192)), 4);
    assert.equal(levelFor(0.0001, square(8192)), 5);
  });

  it('are asked for a few at a time, the wanted first, and the least used are forgotten', () => {
    const asked: TileAddress[] = [];
    const store = new TileStore({ ask: (address) => asked.push(address), capacity: 2, inFlight: 2 });
    const tile = (column: number): TileAddress => ({ level: 0, row: 9, column });
    const arrive = (column: number): void =>
      store.receive({ address: tile(column), outRows: 1, outColumns: 1, data: new Float32Array(1) });
    store.want([tile(0), tile(1), tile(2), tile(3)]);
    assert.deepEqual(
      asked.map(({ column }) => column),
      [0, 1],
    );
    // Scrolled on: what was wanted and not asked yet is dropped.
    store.want([tile(5)]);
    arrive(0);
    assert.deepEqual(
      asked.map(({ column }) => column),
      [0, 1, 5],
    );
    arrive(1);
    assert.ok(store.get(tile(0)));
    arrive(5);
    assert.equal(store.get(tile(1)), undefined);
    assert.ok(store.get(tile(0)));
    store.want([tile(7)]);
    store.fail(tile(7));
    store.want([tile(7)]);
    assert.equal(asked.filter(({ column }) => column === 7).length, 1);
    store.retry();
    store.want([tile(7)]);
    assert.equal(asked.filter(({ column }) => column === 7).length, 2);
  });
});

describe('colours', () => {
  it('grow lighter with the value, and differ by sign', () => {
    const lightness = (share: number): number => cividis(share).reduce((sum, channel) => sum + channel, 0);
    for (let at = 1; at <= 20; at += 1) assert.ok(lightness(at / 20) > lightness((at - 1) / 20));
    assert.deepEqual(diverging(0, true), parseColour('#3a3a3a'));
    assert.ok(diverging(1, true)[0] > diverging(-1, true)[0]);
    assert.deepEqual(mix([0, 0, 0], [10, 20, 30], Number.NaN), [0, 0, 0]);
  });

  it('are read as VS Code writes them', () => {
    assert.deepEqual(parseColour('#abc'), [170, 187, 204]);
    assert.deepEqual(parseColour('#1f1f1fcc'), [31, 31, 31]);
    assert.deepEqual(parseColour('rgba(1, 2, 3, 0.5)'), [1, 2, 3]);
    assert.equal(inkOn([255, 234, 70]), '#000000');
    assert.equal(inkOn([0, 32, 77]), '#ffffff');
  });
});

describe('the tokens', () => {
  it('show a window around the selected query', () => {
    assert.deepEqual(windowOf(32, 5, 240), [0, 32]);
    assert.deepEqual(windowOf(8192, 0, 240), [0, 240]);
    assert.deepEqual(windowOf(8192, 8191, 240), [7952, 8192]);
    assert.deepEqual(windowOf(8192, 4000, 240), [3880, 4120]);
  });

  it('are coloured by the square root of the weight', () => {
    const domain = { kind: 'sequential', low: 0, high: 1, curve: 'root' } as const;
    assert.deepEqual(
      [0, 0.01, 0.25, 1, Number.NaN].map((weight) => shareOf(weight, domain)),
      [0, 0.1, 0.5, 1, Number.NaN],
    );
  });
});
