/** How the arrow keys walk pictures: inside grids, over lines of tokens, along the edges of a circuit. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { GraphSection } from '../../../../protocol/sections/graph';
import { keptGraph, moveInGraph, type GraphCursor } from '../../../../webviews/sections/graph/graph-model';
import { moveInGrid } from '../../../../webviews/sections/grid-keys';
import { levelsOf, patchesOf } from '../../../../protocol/sections/patches';
import { moveInTiles, patchAt, placeWords } from '../../../../webviews/sections/image/patches';
import { image, tiledPicture } from '../../../browser/workbench/planted-result';
import { moveInRibbon } from '../../../../webviews/sections/tokens/tokens-picture';

describe('the keyboard of a grid', () => {
  const heads = [4, 2, 0, 4];
  const move = (row: number, column: number, key: string) => moveInGrid({ row, column }, key, heads);

  it('stays inside', () => {
    assert.deepEqual(move(0, 0, 'ArrowLeft'), { row: 0, column: 0 });
    assert.deepEqual(move(0, 3, 'ArrowRight'), { row: 0, column: 3 });
    assert.deepEqual(move(0, 1, 'ArrowUp'), { row: 0, column: 1 });
    assert.deepEqual(move(3, 1, 'ArrowDown'), { row: 3, column: 1 });
  });

  it('lands on the last head of a shorter layer, and steps over a layer without heads', () => {
    assert.deepEqual(move(0, 3, 'ArrowDown'), { row: 1, column: 1 });
    assert.deepEqual(move(1, 1, 'ArrowDown'), { row: 3, column: 1 });
    assert.deepEqual(move(3, 0, 'ArrowUp'), { row: 1, column: 0 });
  });

  it('goes to the ends of a row and by pages, and leaves other keys alone', () => {
    assert.deepEqual(move(0, 2, 'Home'), { row: 0, column: 0 });
    assert.deepEqual(move(0, 1, 'End'), { row: 0, column: 3 });
    assert.deepEqual(move(0, 1, 'PageDown'), { row: 3, column: 1 });
    assert.equal(move(0, 1, 'a'), undefined);
  });
});

describe('the keyboard of a ribbon of tokens', () => {
  const box = (x: number, y: number, width = 20) => ({ x, y, width, height: 10 });
  // Two lines of three tokens and one of one.
  const boxes = [box(0, 0), box(20, 0), box(40, 0), box(0, 14, 30), box(30, 14), box(50, 14), box(0, 28)];
  const move = (at: number, key: string) => moveInRibbon(boxes, at, key, boxes.length);

  it('goes on from line to line, and to the token beneath', () => {
    assert.equal(move(2, 'ArrowRight'), '3');
    assert.equal(move(0, 'ArrowLeft'), '0');
    // The middle of the third token, 50, is nearer to that of the last but one of the next line, 40 or 60: the first of the two.
    assert.equal(move(2, 'ArrowDown'), '4');
    assert.equal(move(5, 'ArrowDown'), '6');
    assert.equal(move(6, 'ArrowDown'), '6');
    assert.equal(move(6, 'ArrowUp'), '3');
    assert.equal(move(4, 'Home'), '3');
    assert.equal(move(4, 'End'), '5');
  });
});

describe('the keyboard of a picture', () => {
  const tile = { x: 0, y: 0, width: 20, height: 20, rows: 2, columns: 2 };
  const tiles = [
    { ...tile, first: 0, stride: 3 },
    { ...tile, first: 6, stride: 2 },
  ];
  const patches = patchesOf(tiles);

  it('counts the newline tokens that end the rows of a tile', () => {
    assert.deepEqual(
      patches.map(({ token }) => token),
      [0, 1, 3, 4, 6, 7, 8, 9],
    );
  });

  it('stays inside a tile, and changes it by pages', () => {
    const at = (token: number) => patches.find((one) => one.token === token) ?? assert.fail();
    const move = (from: number, key: string) => moveInTiles(tiles, patches, at(from), key);
    assert.equal(move(1, 'ArrowRight'), '1');
    assert.equal(move(1, 'ArrowDown'), '4');
    assert.equal(move(4, 'PageDown'), '6');
    assert.equal(move(6, 'PageUp'), '0');
    assert.equal(move(6, 'PageDown'), '6');
    assert.equal(move(1, 'a'), undefined);
  });

  it('finds patches where the crop put them', () => {
    const cropped = patchesOf(image.tiles);
    assert.equal(cropped.length, 49);
    assert.deepEqual(cropped[8], { token: 8, tile: 0, row: 1, column: 1, x: 40, y: 16, width: 16, height: 16 });
    assert.equal(patchAt(cropped, 10, 10), undefined, 'cut away');
    assert.equal(patchAt(cropped, 41, 17)?.token, 8);
  });

  it('takes tiles by level where they lie over each other, and goes over a border into the next one', () => {
    const tiled = tiledPicture.image;
    const [whole, parts] = levelsOf(tiled.tiles);
    assert.deepEqual([whole, parts], [[0], [1, 2]]);
    const drawn = patchesOf(tiled.tiles, parts ?? []);
    // Row 1, column 0 of the first part: 16 + 1 * 5.
    assert.equal(drawn[4]?.token, 21);
    const last = drawn[3];
    assert.ok(last);
    assert.equal(moveInTiles(tiled.tiles, drawn, last, 'ArrowRight'), '36');
    const beside = drawn.find(({ token }) => token === 36);
    assert.ok(beside);
    assert.equal(placeWords(tiled, beside), 'row 0, column 0 of tile 2 (image token 36)');
    assert.equal(placeWords(tiled, patchesOf(tiled.tiles)[0]!), 'row 0, column 0 of the whole picture (image token 0)');
    // Without a picture of the whole, the first tile is one as the others are.
    const apart = tiled.tiles.slice(1);
    assert.equal(placeWords({ tiles: apart }, patchesOf(apart)[0]!), 'row 0, column 0 of tile 0 (image token 16)');
  });
});

describe('a circuit', () => {
  const node = (id: string, layer: number, column = 0) =>
    ({ id, kind: 'head', layer, column, label: id, weight: 0 }) as const;
  const section: GraphSection = {
    kind: 'graph',
    id: 'g',
    title: 'g',
    unit: 'logits',
    definition: '',
    threshold: 0.5,
    nodes: [node('a', 0), node('b', 0, 1), node('c', 1), node('d', 1, 1), node('lonely', 1, 2)],
    edges: [
      { from: 'a', to: 'c', weight: 1 },
      { from: 'a', to: 'd', weight: -2 },
      { from: 'b', to: 'd', weight: 0.4 },
      { from: 'a', to: 'nowhere', weight: 9 },
    ],
  };
  const walk = (start: GraphCursor, ...keys: readonly string[]): GraphCursor | undefined =>
    keys.reduce<GraphCursor | undefined>((at, key) => at && moveInGraph(keptGraph(section, 0.5), at, key), start);

  it('keeps strong edges of either sign, strongest first, and none that leads nowhere', () => {
    const at = (threshold: number) => keptGraph(section, threshold).edges.map(({ weight }) => weight);
    assert.deepEqual(at(0), [-2, 1, 0.4]);
    assert.deepEqual(at(0.5), [-2, 1]);
    assert.deepEqual(at(1), [-2, 1]);
    assert.deepEqual(at(2.5), []);
    assert.equal(keptGraph(section, 0).total, 3);
    assert.equal(keptGraph(section, 0).strongest, 2);
  });

  it('walks up the strongest edge to its end', () => {
    assert.deepEqual(walk({ kind: 'node', id: 'a' }, 'ArrowUp'), { kind: 'edge', at: 1, entered: 'from' });
    assert.deepEqual(walk({ kind: 'node', id: 'a' }, 'ArrowUp', 'ArrowUp'), { kind: 'node', id: 'd' });
  });

  it('goes to the next strongest edge of the node it came from, and back down', () => {
    assert.deepEqual(walk({ kind: 'node', id: 'a' }, 'ArrowUp', 'ArrowRight', 'ArrowUp'), { kind: 'node', id: 'c' });
    assert.deepEqual(walk({ kind: 'node', id: 'd' }, 'ArrowDown', 'ArrowDown'), { kind: 'node', id: 'a' });
  });

  it('goes along a layer to nodes that have an edge, and stays where no edge leads on', () => {
    assert.deepEqual(walk({ kind: 'node', id: 'c' }, 'ArrowRight'), { kind: 'node', id: 'd' });
    assert.deepEqual(walk({ kind: 'node', id: 'd' }, 'ArrowRight'), { kind: 'node', id: 'd' });
    assert.deepEqual(walk({ kind: 'node', id: 'c' }, 'ArrowUp'), { kind: 'node', id: 'c' });
  });
});
