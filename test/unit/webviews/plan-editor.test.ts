/** The editor of a cache plan without a page: brush, choice, what a stroke and the budget ask for, what is said. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parsePlan } from '../../../protocol/plans/plan-file';
import { brushOf, firstBrush, readBrush } from '../../../webviews/panels/plan/brush';
import { drawMap } from '../../../webviews/panels/plan/map-picture';
import { finding } from '../../../webviews/panels/plan/finding';
import { bytesAt, planSections } from '../../../webviews/panels/plan/sections';
import { column, everything, one, placesIn, row, selectionWords } from '../../../webviews/panels/plan/selection';
import {
  budgeted,
  changesBetween,
  firstState,
  lengthOf,
  received,
  restored,
  strokeOf,
  whyNoBudget,
  type State,
} from '../../../webviews/panels/plan/state';
import type { Theme } from '../../../webviews/ui/theme';

const read = parsePlan(readFileSync('test/fixtures/results/razor.headscope-plan.json', 'utf8'));
assert.ok(read.ok);
const plan = read.result;
const counts = plan.heads.map((layer) => layer.length);
const state: State = received(firstState, { kind: 'open', name: 'razor', result: plan, formats: [], canRun: true });

describe('the brush of a cache plan', () => {
  it('is read into what a head keeps, and back', () => {
    for (const layer of plan.heads)
      for (const keep of layer) assert.deepEqual(readBrush(brushOf(keep, firstBrush)), { ok: true, keep });
    const compensated = readBrush({ ...firstBrush, kind: 'mean', share: '0.2', append: true });
    const keep = { kind: 'recent', sinks: 4, recent: 64, share: 0.2, mean: true, append: true };
    assert.deepEqual(compensated, { ok: true, keep });
  });

  it('says which number cannot be used', () => {
    const problems = (change: Partial<typeof firstBrush>) => {
      const brush = readBrush({ ...firstBrush, ...change });
      return brush.ok ? [] : Object.keys(brush.problems);
    };
    assert.deepEqual(problems({ sinks: '-1', recent: '1.5', share: '2' }), ['sinks', 'recent', 'share']);
    assert.deepEqual(problems({ kind: 'span', alpha: 'x', beta: '1.1' }), ['alpha', 'beta']);
    assert.deepEqual(problems({ kind: 'span', alpha: '-128' }), []);
    assert.deepEqual(problems({ kind: 'kept', positions: '9,0-3' }), ['positions']);
  });
});

describe('heads chosen on the map of a plan', () => {
  it('are one, a layer, a column, a rectangle or all, as far as there are any', () => {
    assert.deepEqual(placesIn(one({ layer: 1, head: 0 }), counts), [{ layer: 1, head: 0 }]);
    assert.equal(placesIn(row(3, 2), counts).length, 2);
    assert.equal(placesIn(column(1, 8), [2, 1, 2]).length, 2);
    assert.equal(placesIn(everything(counts), counts).length, 16);
    const upwards = { anchor: { layer: 5, head: 1 }, corner: { layer: 4, head: 0 } };
    assert.equal(placesIn(upwards, counts).length, 4);
    assert.equal(selectionWords(upwards, counts), '4 heads: layers 4 to 5, key/value heads 0 to 1');
    assert.equal(selectionWords(one({ layer: 2, head: 1 }), counts), 'layer 2, key/value head 1');
  });

  it('are found under the pointer, with layers and columns at their labels', () => {
    const theme = { dark: true, fontSize: 13, font: 'sans-serif', background: '#000', muted: '#888' } as Theme;
    const map = drawMap({ heads: plan.heads, marked: new Set(['0.0']) }, 400, theme);
    for (const place of placesIn(everything(counts), counts)) {
      const { x, y, width, height } = map.box(place);
      assert.deepEqual(map.at(x + width / 2, y + height / 2), { kind: 'head', ...place });
    }
    const { y, height } = map.box({ layer: 3, head: 0 });
    assert.deepEqual(map.at(4, y + height / 2), { kind: 'layer', layer: 3 });
    const { x, width } = map.box({ layer: 0, head: 1 });
    assert.deepEqual(map.at(x + width / 2, 4), { kind: 'column', head: 1 });
    assert.equal(map.at(399, 60), undefined);
    const letters = map.marks.flatMap((mark) => (mark.kind === 'text' ? [mark.text.slice(0, 1)] : []));
    for (const letter of ['F', 'R', 'C', 'S', 'K']) assert.ok(letters.includes(letter), letter);
  });
});

describe('the editor of a cache plan', () => {
  it('asks to paint the chosen heads with the brush', () => {
    const keep = { kind: 'recent', sinks: 4, recent: 64 };
    assert.deepEqual(strokeOf(state, row(1, 2)), [
      { layer: 1, head: 0, keep },
      { layer: 1, head: 1, keep },
    ]);
    assert.equal(strokeOf({ ...state, brush: { ...firstBrush, sinks: '' } }, row(1, 2)), undefined);
  });

  it('turns a budget into changes, or says why it cannot', () => {
    const heads = budgeted(state, 0.3);
    assert.ok(heads);
    const changes = changesBetween(plan.heads, heads);
    // All of sinks and recents, with and without the mean; not the full ones, the span and the chosen positions.
    assert.equal(changes.length, 12);
    const { plan: held, full } = bytesAt(plan, heads, 8192);
    assert.ok(held <= 0.3 * full && held > 0.29 * full);
    assert.equal(whyNoBudget({ ...state, length: '0' }), 'Type a length first.');
    assert.equal(lengthOf({ ...state, length: '16777217' }), undefined);
    const nothing = { ...plan, heads: [[{ kind: 'full' as const }]] };
    const without = received(firstState, { kind: 'open', name: '', result: nothing, formats: [], canRun: true });
    assert.equal(whyNoBudget(without), 'No head keeps sinks and recents. Paint some first.');
  });

  it('counts at no length beyond the context of the model, unless one is typed', () => {
    const short = { ...plan, model: { ...plan.model, contextLength: 1024 } };
    const opened = received(firstState, { kind: 'open', name: '', result: short, formats: [], canRun: true });
    assert.equal(lengthOf(opened), 1024);
    assert.match(finding(opened, short), /at 1,024 tokens .*\)\.$/);
    const [chart] = planSections(short, short.heads, 1024);
    assert.ok(chart?.kind === 'chart');
    assert.deepEqual(
      chart.series[0]?.points.map(({ x }) => x),
      [128, 256, 512, 1024],
    );
    const typed = { ...opened, length: '4096' };
    assert.equal(lengthOf(typed), 4096);
    assert.match(finding(typed, short), /at 4,096 tokens .* The model reads no more than 1,024 tokens\.$/);
    // The plan says nothing of its context.
    assert.equal(lengthOf(state), 8192);
  });

  it('shows bytes over length, positions held, measures and the origin', () => {
    const [chart, held, measured, origin] = planSections(plan, plan.heads, 8192);
    assert.ok(
      chart?.kind === 'chart' && held?.kind === 'heads' && measured?.kind === 'table' && origin?.kind === 'table',
    );
    // 2 x 4 bytes x 16 numbers x 16 heads x 8192 positions.
    const at = chart.series[0]?.points.find(({ x }) => x === 8192);
    assert.equal(at?.y, (2 * 4 * 16 * 16 * 8192) / 1e6);
    // L2H0 keeps 4 + 64 and the mean; L2H1 32 + 0.25 x 512; L3H1 five positions of 512 and all that follows.
    assert.deepEqual(held.numbers[0]?.values.slice(2, 4), [
      [69, 160],
      [106, 5 + 8192 - 512],
    ]);
    assert.equal(measured.rows.length, 2);
    assert.deepEqual(origin.rows[0], ['Method', 'razorattention']);
  });

  it('takes what an earlier visit kept only where it can be used', () => {
    assert.deepEqual(restored(undefined), firstState);
    const strange = restored({ brush: { kind: 3 }, paints: 'yes', length: 5, by: 'x', views: [] });
    assert.deepEqual(strange, firstState);
    assert.deepEqual(restored({ length: '512', paints: true }).length, '512');
  });
});
