/** Regions as they are drawn: rectangles on a grid of patches, marks in a text. */
import assert from 'node:assert/strict';
import { regionListOf, regionsText, type Region } from '../../../protocol/interventions/regions';
import { faultOf, type Parameter } from '../../../protocol/analysis/parameters';
import {
  boxBetween,
  boxWords,
  freeBox,
  lastOf,
  ownerOf,
  sharing,
  steppedBox,
  withAdded,
  withoutPart,
  withoutTokens,
  withPart,
  withTokens,
} from '../../../webviews/panels/workbench/regions/edit';
import { movedMark } from '../../../webviews/panels/workbench/regions/tokens';
import { outlineOf } from '../../../webviews/sections/image/outlines';

const grid = { rows: 6, columns: 8 };
const of = (text: string): readonly Region[] => regionListOf(text)!;
const box = (text: string) => of(text)[0]![0] as ReturnType<typeof boxBetween>;

describe('regions that are drawn', () => {
  it('move and grow by keys, as far as the picture goes and never below one patch', () => {
    const step = (text: string, key: string, grow = false): string => {
      const to = steppedBox(box(text), key, grow, grid);
      return to ? regionsText([[to]]) : 'none';
    };
    assert.equal(step('1-2x3-4', 'ArrowDown'), '2-3x3-4');
    assert.equal(step('4-5x6-7', 'ArrowDown'), '4-5x6-7');
    assert.equal(step('4-5x6-7', 'ArrowRight'), '4-5x6-7');
    assert.equal(step('0-1x0-1', 'ArrowLeft'), '0-1x0-1');
    assert.equal(step('1-2x3-4', 'ArrowRight', true), '1-2x3-5');
    assert.equal(step('1-2x3-4', 'ArrowUp', true), '1x3-4');
    assert.equal(step('1x3', 'ArrowUp', true), '1x3');
    assert.equal(step('1-2x3-4', 'a'), 'none');
  });

  it('are rectangles between two patches, added to a region or as one of their own, replaced and taken out', () => {
    assert.equal(regionsText([[boxBetween({ row: 3, column: 1 }, { row: 2, column: 5 })]]), '2-3x1-5');
    const two = of('0x0/1x1');
    assert.equal(regionsText(withAdded(two, 0, box('5x5'))), '0x0,5x5/1x1');
    assert.equal(regionsText(withAdded(two, 2, box('5x5'))), '0x0/1x1/5x5');
    assert.deepEqual(lastOf(withAdded(two, 2, box('5x5')), 2), { region: 2, part: 0 });
    assert.equal(regionsText(withPart(two, { region: 1, part: 0 }, box('2x2'))), '0x0/2x2');
    assert.equal(regionsText(withoutPart(two, { region: 0, part: 0 })), '1x1');
    assert.equal(boxWords(1, box('2-3x1')), 'Region B: rows 2 to 3, column 1');
  });

  it('find a free place, and say which two share one', () => {
    const first = freeBox([], grid);
    assert.equal(regionsText([[first]]), '0-1x0-2');
    assert.equal(regionsText([[freeBox([[first]], grid)]]), '0-1x3-5');
    assert.deepEqual(sharing(of('0-1x0-2/2x0/1-4x2')), ['A', 'C']);
    assert.deepEqual(sharing(of('3-9/0x0/9-12')), ['A', 'C']);
    assert.deepEqual(sharing(of('image/0x0')), ['A', 'B']);
    assert.equal(sharing(of('3-8/0x0/9-12')), undefined);
  });

  it('of tokens take them from each other, and join where they touch', () => {
    assert.equal(regionsText(withTokens(of('1-5/7-9'), 1, { start: 4, end: 7 })), '1-3/4-9');
    assert.equal(regionsText(withTokens(of('1-9'), 1, { start: 4, end: 6 })), '1-3,6-9/4-5');
    assert.equal(regionsText(withTokens(of('1-2/5'), 1, { start: 0, end: 4 })), '0-3,5');
    assert.equal(regionsText(withoutTokens(of('1-9/0x0,3-4'), { start: 2, end: 5 })), '1,5-9/0x0');
    const owners = [0, 4, 5, 7].map((token) => ownerOf(of('1-4/5-6'), token));
    assert.deepEqual(owners, [-1, 0, 1, -1]);
  });

  it('marks walk over the tokens that are shown, and stretch with Shift', () => {
    const shown = [0, 1, 40, 41];
    assert.deepEqual(movedMark({ anchor: 1, focus: 1 }, 'ArrowRight', false, shown), { anchor: 40, focus: 40 });
    assert.deepEqual(movedMark({ anchor: 1, focus: 1 }, 'ArrowRight', true, shown), { anchor: 1, focus: 40 });
    assert.deepEqual(movedMark({ anchor: 1, focus: 41 }, 'ArrowRight', true, shown), { anchor: 1, focus: 41 });
    assert.deepEqual(movedMark(undefined, 'End', false, shown), { anchor: 41, focus: 41 });
    assert.equal(movedMark(undefined, 'x', false, shown), undefined);
  });

  it('are outlined by the sides that two patches do not share', () => {
    const patch = (x: number, y: number) => ({ x, y, width: 10, height: 10 });
    const sides = (boxes: Parameters<typeof outlineOf>[0]): number => outlineOf(boxes).split('M').length - 1;
    assert.equal(sides([patch(0, 0)]), 4);
    assert.equal(sides([patch(0, 0), patch(10, 0)]), 6);
    assert.equal(sides([patch(0, 0), patch(10, 0), patch(0, 10), patch(10, 10)]), 8);
  });
});

describe('a parameter that is regions', () => {
  const parameter: Parameter = { kind: 'regions', title: 'R', description: '', least: 2, most: 3, default: '' };
  it('takes as many as it says in their written form, or none', () => {
    for (const text of ['', ' ', '1/2', '0-1x2,7/image/3']) assert.equal(faultOf(parameter, text), undefined, text);
    for (const value of ['1', '1/2/3/4', '1//2', 'a/b', 7]) {
      assert.equal(faultOf(parameter, value), 'must be 2 to 3 regions, such as 3-9/12-15 or 0-3x0-1/0-3x2-3');
    }
  });
});
