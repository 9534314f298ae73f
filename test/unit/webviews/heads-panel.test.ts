import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { headAtlas } from '../../../webviews/sections/heads/head-atlas';
import { picturesOf } from '../../../protocol/results/thumbnails';
import {
  isMasked,
  levelFor,
  rectangleOf,
  tilesIn,
  TileStore,
  topLevel,
  type TileAddress,
} from '../../../webviews/charts/tiles';
import { cividis, diverging, inkOn, mix, parseColour } from '../../../webviews/charts/colour-map';
import { differencesOf } from '../../../webviews/panels/heads/comparison';
import { finding } from '../../../webviews/panels/heads/finding';
import { readForm, toForm, withGain } from '../../../webviews/panels/heads/form';
import { gridModel, noSuchHead, readoutOf } from '../../../webviews/panels/heads/grid-model';
import { gridSection } from '../../../webviews/panels/heads/grid-section';
import { headsKind } from '../../../webviews/sections/heads/heads';
import { theme } from './sections/theme';
import { parseHead } from '../../../webviews/ui/head-names';
import { keep, parseKept } from '../../../webviews/panels/heads/kept';
import { setupOfResult } from '../../../webviews/panels/heads/setup';
import { isStale, startRun, whyNotStart } from '../../../webviews/panels/heads/run-setup';
import { initialState, receive, type Latest, type State } from '../../../webviews/panels/heads/state';
import { ablationColumns, labelColumns } from '../../../webviews/panels/heads/tables';
import { windowOf } from '../../../webviews/sections/tokens/tokens-picture';
import { shareOf } from '../../../webviews/sections/colours';
import { finishedMessage, model, openMessage, plan, result, thumbnails } from '../../browser/heads/heads-host';
import { plantedSummary } from '../../browser/workbench/planted-model';

const latest: Latest = { tokenise: 1 };
const finished = (): State => receive(initialState('full'), finishedMessage(), latest);

describe('the tiles of a head', () => {
  it('cover every readable cell once, in rectangles that pool by powers of two', () => {
    const length = 1000;
    const seen = new Set<string>();
    for (const address of tilesIn(0, [0, length, 0, length], length, false)) {
      const { rowStart, rowCount, columnStart, columnCount, outRows, outColumns } = rectangleOf(address, length);
      assert.deepEqual([outRows, outColumns], [rowCount, columnCount]);
      for (let row = rowStart; row < rowStart + rowCount; row += 100)
        for (let column = columnStart; column < columnStart + columnCount; column += 100) {
          assert.ok(!seen.has(`${row},${column}`));
          seen.add(`${row},${column}`);
        }
    }
    assert.equal(topLevel(length), 2);
    assert.deepEqual(rectangleOf({ level: 2, row: 0, column: 0 }, length), {
      rowStart: 0,
      rowCount: 1000,
      columnStart: 0,
      columnCount: 1000,
      outRows: 250,
      outColumns: 250,
    });
    assert.equal(topLevel(8192), 5);
    assert.equal(topLevel(7), 0);
  });

  it('above the diagonal of a causal head are never asked for', () => {
    const asked = tilesIn(0, [0, 1024, 0, 1024], 1024, true);
    assert.equal(asked.length, 4 + 3 + 2 + 1);
    assert.ok(asked.every((address) => !isMasked(address, true)));
    assert.equal(tilesIn(0, [0, 1024, 0, 1024], 1024, false).length, 16);
  });

  it('have the level whose texels are no smaller than a pixel', () => {
    assert.equal(levelFor(12, 8192), 0);
    assert.equal(levelFor(1, 8192), 0);
    assert.equal(levelFor(0.5, 8192), 1);
    assert.equal(levelFor(0.06, 8192), 4);
    assert.equal(levelFor(0.0001, 8192), 5);
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

describe('the pictures of the heads', () => {
  it('keep a diagonal one texel wide when they are pooled', () => {
    const size = 32;
    const data = new Float32Array(size * size);
    for (let at = 0; at < size; at += 1) data[at * size + at] = 0.5;
    const atlas = headAtlas(picturesOf({ size, layers: 1, heads: 1, data }, size), 8);
    assert.equal(atlas.side, 8);
    for (let at = 0; at < 8; at += 1) {
      assert.equal(atlas.bytes[at * 8 + at], 255);
      assert.equal(atlas.bytes[at * 8 + ((at + 4) % 8)], 0);
    }
  });

  it('leave out blocks that hold no token, and stand at their head’s place', () => {
    const atlas = headAtlas(picturesOf(thumbnails, 20), 64);
    assert.equal(atlas.side, 20);
    assert.equal(atlas.width, 160);
    // L0H7 reads the previous token.
    assert.equal(model.plant(0, 7), 'previous');
    assert.ok((atlas.bytes[12 * atlas.width + 7 * 20 + 11] ?? 0) > 240);
    assert.ok((atlas.bytes[12 * atlas.width + 7 * 20 + 4] ?? 255) < 40);
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

describe('the form of the heads panel', () => {
  it('gives back the plan it was made from', () => {
    const read = readForm(toForm(plan), plantedSummary(model));
    assert.ok(read.ok);
    assert.deepEqual(read.plan, plan);
  });

  it('says what to correct', () => {
    const form = { ...toForm(plan), mode: 'ids' as const };
    const why = (ids: string): string | undefined => {
      const read = readForm({ ...form, ids }, plantedSummary(model));
      return read.ok ? undefined : read.problems.prompt;
    };
    assert.equal(why('1, 2 3'), undefined);
    assert.match(why('1 two') ?? '', /“two” is no token id/);
    assert.match(why('1280') ?? '', /outside the vocabulary of 1,280/);
    assert.match(why(' ') ?? '', /Type token ids first/);
    const none = readForm(toForm(plan), plantedSummary(model, { tokenizer: 'There is no tokenizer.json.' }));
    assert.ok(!none.ok);
    assert.equal(none.problems.prompt, 'There is no tokenizer.json. Use token ids instead.');
  });

  it('keeps only gains that change something', () => {
    const two = withGain(withGain([], 3, 1, 0), 1, 2, -1);
    assert.deepEqual(two, [
      { layer: 1, head: 2, gain: -1 },
      { layer: 3, head: 1, gain: 0 },
    ]);
    assert.deepEqual(withGain(two, 3, 1, 1), [{ layer: 1, head: 2, gain: -1 }]);
  });
});

describe('the causal check in words', () => {
  const causal = { lossChange: 0.5, on: 'repeated', promptLossChange: 0.25 };
  const own = result.classes.find(({ label }) => label === 'induction');
  const shown = (change: NonNullable<typeof own>['causal'], alreadyOff: number): State => {
    assert.ok(own && change);
    const { layer, head } = own;
    const changed = {
      ...result,
      interventions: [{ kind: 'gain' as const, layer: 0, head: 0, gain: 0 }],
      gains: [{ layer: 0, head: 0, gain: 0 }],
      classes: [{ ...own, causal: change }],
      classAblations: [{ label: own.label, heads: 3, ...causal, ...(alreadyOff > 0 ? { alreadyOff } : {}) }],
    };
    return { ...finished(), result: changed, selected: { layer, head } };
  };

  it('stands on the gains of the run, and claims nothing of a head that is already off', () => {
    assert.match(
      finding(shown(causal, 1)),
      /; on top of the interventions, without it the loss changes by \+0\.50 nats a token .*, without all 3 induction heads \(1 already off\) by /,
    );
    const off = finding(shown({ lossChange: Number.NaN, on: 'repeated', alreadyOff: 1 }, 3));
    assert.match(off, /; it is already off: its gain is 0\.$/);
    assert.doesNotMatch(off, /loss changes/);
  });

  it('is marked in the tables, in pages and in files of them', () => {
    const { result: changed } = shown({ lossChange: Number.NaN, on: 'repeated', alreadyOff: 1 }, 1);
    assert.ok(changed);
    const [only] = changed.classes;
    const [joint] = changed.classAblations ?? [];
    assert.ok(only && joint);
    const column = labelColumns(true, changed).find(({ id }) => id === 'loss_change');
    assert.deepEqual([column?.unit, column?.text?.(only)], ['nats/token, on top of the interventions', 'already off']);
    assert.equal(column?.value(only), undefined);
    const heads = ablationColumns(true, changed).find(({ id }) => id === 'heads');
    assert.equal(heads?.text?.(joint), '3, 1 already off');
    assert.equal(labelColumns(true, result).find(({ id }) => id === 'loss_change')?.unit, 'nats/token');
  });
});

describe('the state of the heads panel', () => {
  it('makes the plan of a result that can be run again', () => {
    assert.deepEqual(setupOfResult(result), plan);
    const chatted = { ...result, chatPrompt: { text: '<user> a', why: 'asked' } } as const;
    assert.deepEqual(setupOfResult(chatted).prompt, { kind: 'text', text: result.prompt, chat: true });
    const state = finished();
    assert.equal(isStale(state), false);
    assert.equal(isStale({ ...state, form: { ...toForm(plan), text: 'x' } }), true);
  });

  it('says why nothing can be run', () => {
    const state = finished();
    assert.equal(whyNotStart(state), undefined);
    const empty: State = { ...state, form: { ...toForm(plan), mode: 'text', text: '' } };
    assert.equal(whyNotStart(empty), 'Type a prompt first.');
    assert.equal(whyNotStart({ ...state, canRun: 'The compute server is off.' }), 'The compute server is off.');
  });

  it('drops answers that are no longer the latest', () => {
    const state = finished();
    const typed = { ids: [1], tokens: ['a'] };
    assert.equal(receive(state, { kind: 'tokenised', request: 9, tokenised: typed }, latest).typed, undefined);
  });

  it('keeps pictures and effects when the same result comes again, saved', () => {
    const before: State = { ...finished(), effects: { request: 5, interventions: [] } };
    const after = receive(before, { kind: 'result', result, savedAs: 'x.headscope-heads.json' }, latest);
    assert.equal(after.savedAs, 'x.headscope-heads.json');
    assert.equal(after.thumbnails, before.thumbnails);
    assert.equal(after.effects, before.effects);
  });

  it('fills layer by layer in any order', () => {
    const started = startRun(receive(initialState('full'), openMessage(), latest));
    assert.ok(started);
    const each = thumbnails.heads * thumbnails.size ** 2;
    const layer = (at: number) =>
      ({
        kind: 'layer',
        layer: at,
        statistics: Object.fromEntries(
          Object.entries(result.statistics).map(([name, rows]: [string, (typeof result.statistics)['entropy']]) => [
            name,
            rows[at] ?? [],
          ]),
        ) as never,
        thumbnails: { ...thumbnails, layers: 1, data: thumbnails.data.slice(at * each, (at + 1) * each) },
      }) as const;
    const state = [2, 0, 3, 1].reduce((now, at) => receive(now, layer(at), latest), started.state);
    assert.deepEqual(state.statistics, result.statistics);
    assert.deepEqual(state.thumbnails?.data, thumbnails.data);
  });

  it('survives being kept, and takes nothing from another version', () => {
    const kept = keep(finished(), ['x']);
    assert.deepEqual(parseKept(JSON.parse(JSON.stringify(kept)))?.view, kept.view);
    assert.equal(parseKept({ ...kept, version: 0 }), undefined);
    assert.equal(parseKept('nothing'), undefined);
  });

  it('selects the head that a link names, and refuses none outside', () => {
    const state = receive(initialState('full'), finishedMessage({ select: { layer: 3, head: 2 } }), latest);
    assert.deepEqual(state.selected, { layer: 3, head: 2 });
    const outside = receive(initialState('full'), finishedMessage({ select: { layer: 30, head: 2 } }), latest);
    assert.ok((outside.selected?.layer ?? 99) < 4);
  });
});

describe('the grid', () => {
  const drawn = (state: State, width: number) =>
    headsKind.picture(gridSection(state, gridModel(state)), {}, new Map()).draw(width, theme);

  it('finds each cell again where it was drawn', () => {
    for (const width of [250, 420, 900]) {
      const { box, hit } = drawn(finished(), width);
      for (const cursor of ['0.0', '3.7', '2.5']) {
        const cell = box(cursor);
        assert.ok(cell && cell.x + cell.width <= width, cursor);
        assert.equal(cell.width, cell.height, 'a square for a picture');
        assert.equal(hit(cell.x + cell.width / 2, cell.y + cell.height / 2), cursor);
      }
    }
  });

  it('brackets query heads that share a key/value head, and marks layers with a window, in order of layers alone', () => {
    const state = finished();
    const brackets = (of: State): number =>
      drawn(of, 400).marks.filter((mark) => mark.kind === 'path' && / ?V3\.5H/.test(mark.d)).length;
    assert.equal(brackets(state), 4);
    assert.equal(brackets({ ...state, view: { ...state.view, sortBy: 'induction' } }), 0);
  });

  it('holds every picture as a piece of one raster, and fades the heads that a filter leaves out', () => {
    const state = finished();
    const raster = (of: State) => {
      const found = drawn(of, 400).marks.find((mark) => mark.kind === 'pieces');
      assert.ok(found?.kind === 'pieces');
      return found;
    };
    const all = raster(state);
    assert.equal(all.pieces.length, 32);
    const brightest = ({ rgba, columns, side }: typeof all, layer: number, head: number): number => {
      let most = 0;
      for (let row = layer * side; row < (layer + 1) * side; row += 1)
        for (let column = head * side; column < (head + 1) * side; column += 1)
          most = Math.max(most, rgba[(row * columns + column) * 4 + 1] ?? 0);
      return most;
    };
    const filtered = raster({ ...state, view: { ...state.view, filter: 'induction' } });
    assert.equal(model.plant(0, 7), 'previous');
    assert.ok(brightest(filtered, 0, 7) < brightest(all, 0, 7), 'no induction head');
    assert.equal(brightest(filtered, 2, 4), brightest(all, 2, 4), 'an induction head');
  });

  it('crosses out heads that are off, and marks those whose output is scaled', () => {
    const state = finished();
    const { form } = state;
    assert.ok(form);
    const gains = [
      { layer: 0, head: 0, gain: 0 },
      { layer: 1, head: 1, gain: 0.5 },
    ];
    const count = (of: State): number => drawn(of, 400).marks.length;
    // A line with its ground, and a corner.
    assert.equal(count({ ...state, form: { ...form, gains } }) - count(state), 3);
  });

  it('sorts by a statistic, the largest first, without losing a head', () => {
    const state = finished();
    const grid = gridModel({ ...state, view: { ...state.view, sortBy: 'induction' } });
    const order = grid.rows.flat();
    assert.equal(order.length, 32);
    const values = order.map(({ layer, head }) => result.statistics.induction[layer]?.[head] ?? Number.NaN);
    assert.deepEqual(
      values,
      values.toSorted((a, b) => b - a),
    );
  });

  it('keeps no search over a reload: it would hide the other heads of a panel that is opened again', () => {
    const before = finished();
    assert.equal(keep({ ...before, view: { ...before.view, search: 'L1H3' } }, []).view.search, '');
  });

  it('says that a head is not there, and says it of nothing else', () => {
    const grid = gridModel(finished());
    assert.equal(noSuchHead(grid, 'L9H9'), 'There is no L9H9: 4 layers and 8 heads a layer, counted from 0.');
    assert.equal(noSuchHead(grid, '3.8'), 'There is no L3H8: 4 layers and 8 heads a layer, counted from 0.');
    for (const search of ['', 'L3H7', 'induction', 'L9']) assert.equal(noSuchHead(grid, search), undefined, search);
  });

  it('names the score of a label and the mass on the prompt apart', () => {
    const own = result.classes.find(({ label }) => label === 'induction');
    assert.ok(own);
    const line = readoutOf(gridModel(finished()), own);
    assert.match(line, /induction score 0\.\d+ \(null /);
    const [, onPrompt = ''] = line.split(' · on this prompt: ');
    assert.match(onPrompt, /^first 0.* · induction 0\.\d+ · entropy /);
  });

  it('reads the names of heads', () => {
    assert.deepEqual(parseHead('L5H3'), { layer: 5, head: 3 });
    assert.deepEqual(parseHead(' l12 h0 '), { layer: 12, head: 0 });
    assert.deepEqual(parseHead('5.3'), { layer: 5, head: 3 });
    assert.deepEqual(parseHead('layer 5 head 3'), { layer: 5, head: 3 });
    assert.equal(parseHead('induction'), undefined);
    assert.equal(parseHead('L5'), undefined);
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

describe('two results of heads', () => {
  const compared = (other: Partial<typeof result>): State => ({
    ...finished(),
    compareWith: { name: 'before', result: { ...result, ...other } },
  });

  it('are compared head by head: this one less the other, NaN where one of them has no number', () => {
    const before = result.statistics.entropy.map((row, layer) =>
      row.map((value, head) =>
        layer === 1 && head === 2 ? value - 0.5 : layer === 0 && head === 0 ? Number.NaN : value,
      ),
    );
    const differences = differencesOf(compared({ statistics: { ...result.statistics, entropy: before } }), 'entropy');
    assert.ok(differences.ok);
    assert.ok(Math.abs(differences.at(1, 2) - 0.5) < 1e-12);
    assert.equal(differences.at(2, 3), 0);
    assert.ok(Number.isNaN(differences.at(0, 0)));
    assert.ok(Math.abs(differences.largest - 0.5) < 1e-12);
  });

  it('of models of other shapes are refused in a sentence', () => {
    const differences = differencesOf(compared({ layers: 1 }), 'entropy');
    assert.ok(!differences.ok);
    assert.match(
      differences.why,
      /4 layers of 8 heads, before has 1 of 8: heads can be compared one by one only between/,
    );
  });
});
