/** Heads that look at a picture, the words of captions and their scores, as sections and as findings; what is asked of them in turn. */
import assert from 'node:assert/strict';
import type { Caption } from '../../../../protocol/results/hallucination-schema';
import type { SetResult } from '../../../../protocol/results/caption-set-result';
import type { DivergenceResult } from '../../../../protocol/results/divergence-result';
import { resultOfCaptions } from '../../../../protocol/results/earlier/captions';
import { resultOfVhd } from '../../../../protocol/results/earlier/vhd';
import { misleadingWords, scoreChanges, setSections } from '../../../../protocol/results/sections/caption-set';
import { setFinding } from '../../../../protocol/results/sections/caption-set-finding';
import { layerTable, sectionsOf, spanSection } from '../../../../protocol/results/sections/divergence';
import { divergenceChanges } from '../../../../protocol/results/sections/divergence-change';
import { divergenceFinding } from '../../../../protocol/results/sections/divergence-finding';
import { affected } from '../../../../protocol/results/sections/ranked-heads';
import { mentionsOfTokens } from '../../../../protocol/results/sections/word-classes';
import { median, wordTVhd } from '../../../../protocol/results/sections/word-numbers';
import type { HeadsSection } from '../../../../protocol/sections/heads';
import type { TokensSection } from '../../../../protocol/sections/tokens';
import { followUp, questionOfAnswer, slotOf, withLive } from '../../../../webviews/panels/workbench/live-answers';
import type { Answer } from '../../../../webviews/panels/workbench/state';
import { headsKind } from '../../../../webviews/sections/heads/heads';
import { setsOf } from '../../../../webviews/sections/heads/head-sets';
import { tokensKind } from '../../../../webviews/sections/tokens/tokens';
import { readLayers, writeLayers } from '../../../../webviews/ui/layers';
import { ownPromptOf } from '../../../../webviews/ui/own-prompt';
import { markOf, moved, spanOf, windowAt, type Mark } from '../../../../webviews/ui/span-mark';
import { defaultLayers } from '../../../../protocol/results/vhd-defaults';
import {
  bursting,
  cutSet,
  entries,
  heads,
  image,
  laterVhd,
  layers,
  plain,
  plantedMap,
  reinforced,
  result,
  set,
  summary,
  textOnly,
  vhd,
} from '../../../browser/workbench/planted-result';
import { theme } from './theme';

const resultOf = (change: Partial<typeof result> = {}): DivergenceResult =>
  resultOfVhd({ ...result, ...change }).result as DivergenceResult;
const sectionOf = <Kind extends 'heads' | 'tokens'>(of: DivergenceResult, kind: Kind, id: string) => {
  const section = sectionsOf(of).find((one) => one.id === id);
  assert.ok(section?.kind === kind, id);
  return section as Kind extends 'heads' ? HeadsSection : TokensSection;
};
const captionOf = (change: Partial<Caption> = {}): TokensSection =>
  sectionOf(resultOf({ caption: { ...plain, ...change } }), 'tokens', 'caption');

describe('the words of a caption', () => {
  it('the chart of layers leaves out those without heads of attention', () => {
    const [first = [], ...others] = resultOf().vhd ?? [];
    const chart = sectionsOf({ ...resultOf(), vhd: [first, [], ...others] }).find(({ id }) => id === 'layers');
    assert.ok(chart?.kind === 'chart');
    for (const { points } of chart.series) {
      assert.deepEqual(
        points.map(({ label }) => label),
        ['L0', ...others.map((_, at) => `L${at + 2}`)],
      );
      assert.ok(points.every(({ y }) => Number.isFinite(y)));
    }
  });

  it('stand above the heads and the map over the picture', () => {
    const of = { ...resultOf({ variants: [reinforced] }), attention: [...plantedMap(0, [{ layer: 3, head: 2 }])] };
    const ids = sectionsOf(of).map(({ id }) => id);
    assert.deepEqual(ids.slice(0, 4), ['caption', 'reinforced-caption', 'heads', 'attention']);
  });

  it('are of one object with all their tokens, and the space before', () => {
    const objects = mentionsOfTokens(plain).map((mention) => mention?.object);
    const at = (object: string) => objects.flatMap((one, token) => (one === object ? [token] : []));
    assert.deepEqual([at('ball'), at('box'), at('cat')], [[2, 3], [9], [12]]);
    assert.equal(wordTVhd(plain, plain.mentions[0]!), 17.6, 'of the token that begins it');
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
  });

  it('have a class by what the truth says, and a sign of it', () => {
    const section = captionOf();
    const { names, marks, of } = section.classes ?? assert.fail();
    assert.deepEqual(names, ['not in the picture', 'in the picture', 'an object, not judged']);
    assert.deepEqual(marks, ['✗', '✓', '?']);
    assert.deepEqual(
      of.flatMap((one, at) => (one < 0 ? [] : [[at, names[one]]])),
      [
        [2, 'in the picture'],
        [3, 'in the picture'],
        [9, 'in the picture'],
        [12, 'not in the picture'],
      ],
    );
    const drawn = tokensKind.picture(section, {}, new Map());
    const written = drawn.draw(2000, theme).marks.flatMap((mark) => (mark.kind === 'text' ? [mark.text] : []));
    assert.deepEqual(
      written.filter((text) => /^[✓✗]/.test(text)),
      ['✓', '✓', '✗', '✗ not in the picture', '✓ in the picture'],
    );
    assert.equal(drawn.words('12')?.value, 'T-VHD 3.10, not in the picture');
  });

  it('of all captions have one scale, on which each can be read', () => {
    const both = resultOf({ variants: [reinforced] });
    const scales = ['caption', 'reinforced-caption'].map((id) => sectionOf(both, 'tokens', id).numbers[0]?.scale);
    assert.deepEqual(scales[0], scales[1]);
    assert.equal(
      scales[0]?.max,
      Math.max(...[plain, reinforced].flatMap(({ tokens }) => tokens.map(({ tVhd }) => tVhd))),
    );
    const tokens = Array.from({ length: 101 }, (_, at) => ({ ...plain.tokens[0]!, text: 'word', tVhd: at }));
    const { marks } = tokensKind.picture(captionOf({ tokens, mentions: [] }), {}, new Map()).draw(600, theme);
    const luminance = (colour: string): number => {
      const hex = /^#(..)(..)(..)$/
        .exec(colour)
        ?.slice(1)
        .map((one) => Number.parseInt(one, 16));
      const [r = 0, g = 0, b = 0] = (hex ?? (colour.match(/\d+/g) ?? []).map(Number)).map((channel) =>
        channel / 255 <= 0.04045 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4,
      );
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    let pairs = 0;
    marks.forEach((mark, at) => {
      const ground = marks[at - 1];
      if (mark.kind !== 'text' || mark.text !== 'word' || ground?.kind !== 'rect' || ground.fill === undefined) return;
      const [light = 0, dark = 0] = [luminance(mark.fill), luminance(ground.fill)].sort((a, b) => b - a);
      assert.ok((light + 0.05) / (dark + 0.05) >= 4.5, `${mark.fill} on ${ground.fill}`);
      pairs += 1;
    });
    assert.equal(pairs, 101);
  });
});

describe('the finding about words', () => {
  const said = (change: Partial<Caption>): string => divergenceFinding(resultOf({ caption: { ...plain, ...change } }));
  const asCat = (tVhd: number) => plain.tokens.map((token) => (token.text === ' cat' ? { ...token, tVhd } : token));

  it('compares a word with the object words that are in the picture, never with words that name nothing', () => {
    assert.match(
      said({}),
      /“cat” is not in the picture and leans on the language prior \(T-VHD 3\.1, median of the 2 object words in the picture 16\.9\)/,
    );
    // 10 lies above the median of all words (8.0) and below that of the true objects (17.6 and 16.1).
    assert.match(
      said({ tokens: asCat(10) }),
      /leans on the language prior \(T-VHD 10, median of the 2 object words in/,
    );
    assert.match(said({ tokens: asCat(20) }), /“cat” is not in the picture \(T-VHD 20, median of the 2 object/);
  });

  it('names the only other object word, or compares with none', () => {
    const of = (...objects: readonly string[]) => plain.mentions.filter(({ object }) => objects.includes(object));
    assert.match(said({ mentions: of('cat', 'ball') }), /leans on the language prior \(T-VHD 3\.1, “ball” 17\.6\)/);
    assert.match(said({ mentions: of('cat') }), /“cat” is not in the picture \(T-VHD 3\.1\)/);
  });

  it('without a truth compares the lowest with the other object words', () => {
    const mentions = plain.mentions.map(({ inTruth: _, ...rest }) => rest);
    const { score: _, ...unjudged } = { ...plain, mentions };
    assert.match(
      divergenceFinding(resultOf({ caption: unjudged })),
      /“cat” leans most on the language prior \(T-VHD 3\.1, median of the 2 other object words 16\.9\)/,
    );
  });

  it('says what reinforcement changed of one picture, and claims nothing of others', () => {
    assert.match(
      divergenceFinding(resultOf({ variants: [reinforced] })),
      /change the caption from token \d+ on; mentions of objects that are not in this picture go from 1 to 0\.$/,
    );
  });
});

describe('the heads that look at a picture', () => {
  const section = sectionOf(resultOf(), 'heads', 'heads');

  it('are framed where the finding counts them, and have the classes that reinforcement goes by', () => {
    assert.deepEqual(section.marked?.[0], { layer: 3, head: 2 });
    assert.equal(section.marked?.length, 3);
    const [outlier, selected] = section.classes ?? [];
    assert.deepEqual(outlier?.heads, [bursting]);
    assert.equal(selected?.heads.length, 24);
    assert.match(section.caption ?? '', /scales: 24 of 48 heads\. Framed: 3 with at least half of the largest VHD/);
    assert.deepEqual(
      section.numbers.map(({ name, scale }) => [name, scale.curve]),
      [
        ['vhd', 'log'],
        ['textEnergy', undefined],
        ['visualAttention', undefined],
      ],
    );
  });

  it('are counted from half of the largest divergence on, no outlier', () => {
    const tables = {
      vhd: [
        [4, 2, 1.9],
        [9, 0, 3],
      ],
      outlier: [[], [true, false, false]],
    };
    assert.equal(affected(tables).length, 3);
    assert.deepEqual(affected({ vhd: [[0, 0]], outlier: [[false, false]] }), []);
    const louder = vhd.map((row, layer) => row.map((value, head) => (layer === 4 && head === 7 ? 99 : value)));
    assert.match(divergenceFinding(resultOf({ vhd: louder })), /that of L3H2 \(VHD 4\.7\)/);
  });

  it('are chosen by their class, also within a layer, and asked about together', () => {
    const sets = setsOf(section, { cursor: '3.2' });
    const selected = result.selected[3]?.flatMap((yes, head) => (yes ? [`3.${head}`] : [])) ?? [];
    assert.deepEqual(
      sets.map(({ label, heads: keys }) => [label, keys.length]),
      [
        ['Selected: all 24', 24],
        [`Selected in layer 3: ${selected.length}`, selected.length],
      ],
      'one outlier is no set',
    );
    assert.deepEqual(sets[1]?.heads, selected);
    assert.deepEqual(headsKind.places?.(section, ['3.2', '9.9', '0.1']), {
      kind: 'heads',
      heads: [
        { layer: 3, head: 2 },
        { layer: 0, head: 1 },
      ],
    });
    const drawn = headsKind.picture(section, {}, new Map());
    assert.deepEqual(drawn.between?.('1.7', '2.1'), ['1.7', '2.0', '2.1'], 'in the order of the grid');
    const { together: _, ...alone } = section;
    assert.equal(headsKind.picture(alone, {}, new Map()).between, undefined);
  });

  it('add up the k largest of each layer, outliers counted', () => {
    const { columns, rows } = layerTable(result, { k: 2, reinforced: [1, 3] });
    const value = (name: string, layer: number) => rows[layer]?.[columns.findIndex((column) => column.name === name)];
    const sorted = (vhd[4] ?? []).toSorted((a, b) => b - a);
    assert.equal(sorted[0], vhd[4]?.[bursting.head]);
    assert.equal(value('vhd_sum', 4), (sorted[0] ?? 0) + (sorted[1] ?? 0));
    const row = result.visualAttention[4] ?? [];
    assert.ok(
      Math.abs(Number(value('visual_attention_mean', 4)) - row.reduce((sum, one) => sum + one) / heads) < 1e-12,
    );
    assert.deepEqual([value('outliers', 4), value('selected', 4), value('reinforced', 4)], [1, 4, '']);
    assert.deepEqual([value('reinforced', 3), rows.length], ['yes', layers]);
  });

  it('of changes are this one minus the other, the most changed head first', () => {
    const there = vhd
      .map((row) => row.map((value) => value + 1))
      .map((row, layer) => (layer === 0 ? [5, ...row.slice(1)] : row));
    const [map, table] = divergenceChanges({ here: vhd, there, other: 'b', most: 48 });
    assert.ok(map?.kind === 'heads' && table?.kind === 'table');
    assert.ok(Math.abs((map.numbers[0]?.values[2]?.[3] ?? 0) + 1) < 1e-12);
    assert.equal(map.numbers[0]?.scale.kind, 'diverging');
    assert.deepEqual(table.rows[0]?.slice(0, 3), [{ layer: 0, head: 0 }, 5, vhd[0]?.[0]]);
    assert.deepEqual(divergenceChanges({ here: vhd, there: vhd, other: 'b', most: 48 })[1]?.empty, 'No head changed.');
  });
});

describe('what heads read', () => {
  const map = (sinks: typeof result.sinks, values = [...plantedMap(0, [{ layer: 3, head: 2 }])]) =>
    spanSection('map', 'Map', { image, ...(sinks ? { sinks } : {}) }, { values, definition: '' })?.caption ?? '';

  it('says how much of the attention lies on the picture, and how much of that on sinks', () => {
    const values = [...plantedMap(0, [{ layer: 3, head: 2 }])];
    const mass = values.reduce((sum, value) => sum + value, 0);
    assert.equal(
      map(result.sinks),
      `${Number((100 * mass).toPrecision(3))} % of this attention lies on these patches, 20 % of it all on sinks.`,
    );
    const none = { dimensions: [], threshold: 20, tokens: [] };
    assert.doesNotMatch(map(none), /sink/);
    const notApplicable = 'Attention sinks cannot be detected: the model has 2 layers.';
    assert.ok(map({ ...none, notApplicable }).endsWith(`${notApplicable} A bright corner or border may be a sink.`));
  });

  it('counts one level of tiles, as the others show the same parts again', () => {
    const [tile] = image.tiles;
    const tiled = { ...image, tiles: [tile!, { ...tile!, first: image.tokens }] };
    const values = [...Array<number>(image.tokens).fill(0.01), ...Array<number>(image.tokens).fill(0.5)];
    const section = spanSection('map', 'Map', { image: tiled }, { values, definition: '' });
    assert.equal(section?.caption, '49 % of this attention lies on these patches.');
  });
});

describe('answers that follow a choice', () => {
  const question = { section: 'caption', place: { kind: 'token', token: 12 } } as const;
  const { textEnergy, outlier, selected } = result;
  const grid = sectionOf(resultOf({ vhd: laterVhd, textEnergy, outlier, selected }), 'heads', 'heads');
  const answer: Answer = { request: 1, question, live: true, section: grid };

  it('ask for the map of the head that looks most, or of those that are chosen there', () => {
    const ofHeads = (places: readonly (readonly [number, number])[]) => ({
      section: 'caption',
      place: { kind: 'heads', heads: places.map(([layer, head]) => ({ layer, head })), token: 12 },
    });
    assert.deepEqual(followUp(answer, {}), ofHeads([[2, 6]]));
    assert.deepEqual(followUp(answer, { cursor: '1.4' }), ofHeads([[1, 4]]));
    assert.deepEqual(
      followUp(answer, { cursor: '1.4', chosen: ['0.0', '1.4'] }),
      ofHeads([
        [0, 0],
        [1, 4],
      ]),
    );
    assert.deepEqual(followUp(answer, { cursor: '77.0' }), ofHeads([[2, 6]]), 'a head of another model');
    const { live: _, ...asked } = answer;
    assert.equal(followUp(asked, {}), undefined, 'what was asked by hand is not followed');
    assert.deepEqual(questionOfAnswer(answer, { kind: 'head', layer: 0, head: 1 }), ofHeads([[0, 1]]));
    assert.equal(questionOfAnswer(answer, { kind: 'row', row: 0 }), undefined);
  });

  it('take the place of the one before, which is seen until they are there', () => {
    const other = { section: 'heads', place: { kind: 'head', layer: 0, head: 0 } } as const;
    const first = withLive([answer], { request: 2, question: other });
    assert.deepEqual(
      first.map(({ request }) => request),
      [1, 2],
    );
    const next = withLive(first, { request: 3, question: { ...question, place: { kind: 'token', token: 3 } } });
    assert.deepEqual(
      next.map(({ request }) => request),
      [3, 2],
    );
    assert.deepEqual([next[0]?.section, next[0]?.isOld], [grid, true]);
    const together = { section: 'heads', place: { kind: 'heads', heads: [{ layer: 0, head: 1 }] } } as const;
    assert.equal(slotOf(together), slotOf(other), 'one map, of one head or of several');
  });
});

describe('captions of a folder', () => {
  const ofSet = (of = set): SetResult => resultOfCaptions(of).result as SetResult;

  it('warn of a reinforcement that wins by saying little', () => {
    assert.equal(misleadingWords(set.plain, set.variants), undefined);
    const [first] = set.variants;
    assert.ok(first);
    const short = [{ ...first, score: { ...first.score, length: 2 } }];
    assert.match(misleadingWords(set.plain, short) ?? '', /2 words, .*may be broken/);
    const long = [{ ...first, score: { ...first.score, length: 8 } }];
    assert.match(misleadingWords(set.plain, long) ?? '', /8 words, .*may be broken/);
  });

  it('say what reinforcement did with its interval, whether that is more than noise, and which stopped at the limit', () => {
    assert.match(
      setFinding(ofSet()),
      /41\.0 % of the plain captions name an object that is not there\. With heads x 2 that share changes by .*9\.0.* percentage points, 95 % interval: more than noise\. .*AUROC 0\.99/,
    );
    const [first] = set.variants;
    assert.ok(first?.change);
    const few = { ...first, change: { ...first.change, chairS: { difference: 0.15, low: -0.052, high: 0.337 } } };
    assert.match(setFinding(ofSet({ ...set, variants: [few] })), /95 % interval: no more than noise/);
    assert.match(setFinding(ofSet(cutSet)), /19 of 900 captions stopped at the token limit, unfinished\./);
  });

  it('draw both kinds of words over the same steps', () => {
    const chart = setSections(ofSet()).find(({ kind }) => kind === 'chart');
    assert.ok(chart?.kind === 'chart');
    const { from, to, truthful, hallucinated } = set.separation.histogram;
    const step = (to - from) / truthful.length;
    assert.deepEqual(
      chart.series.map(({ points }) => points.map(({ y }) => y)),
      [hallucinated, truthful],
    );
    assert.ok(Math.abs((chart.series[0]?.points.at(-1)?.x ?? 0) - (to - step / 2)) < 1e-9);
    assert.match(chart.caption ?? '', /with probability 0\.994 \(AUROC\)/);
  });

  it('list what could not be captioned, and compare every score that another set has too', () => {
    const failed = setSections({
      ...ofSet(),
      entries: entries.slice(0, 3),
      failures: [{ name: 'b.png', why: 'No picture.' }],
    });
    const failures = failed.find(({ id }) => id === 'failures');
    assert.ok(failures?.kind === 'table');
    assert.deepEqual(failures.rows, [['b.png', 'No picture.']]);
    const rows = scoreChanges(ofSet(), { ...ofSet(), plain: { ...set.plain, chairS: 0.25 }, variants: [] });
    assert.deepEqual(rows[0], { measure: 'plain, CHAIR_S (%)', here: 41, there: 25 });
    assert.equal(rows.at(-1)?.measure, 'AUROC of T-VHD');
    assert.ok(
      rows.every(({ measure }) => !measure.startsWith('heads')),
      'captions that the other lacks',
    );
  });
});

describe('what is typed about pictures', () => {
  it('reads and writes layers', () => {
    assert.equal(readLayers(''), null);
    assert.equal(readLayers('auto'), null);
    assert.deepEqual(readLayers('1, 4-6 2'), [1, 2, 4, 5, 6]);
    assert.match(String(readLayers('4-2')), /backwards/);
    assert.match(String(readLayers('first')), /not a layer/);
    assert.match(String(readLayers('8', 6)), /0 to 5/);
    assert.equal(writeLayers([1, 2, 4, 5, 6, 9]), '1-2, 4-6, 9');
    // The released layers of 32: the second and the last 14.
    assert.equal(writeLayers(defaultLayers(32)), '1, 18-31');
    assert.equal(writeLayers(defaultLayers(6)), '1, 3-5');
  });

  it('goes through the chat template where there is one, else as the family was trained', () => {
    const models = [
      { folder: '/models/smol', label: 'smol', family: 'smolvlm', runs: true as const },
      { folder: '/models/pali', label: 'pali', family: 'paligemma', runs: true as const },
    ];
    const smol = { ...summary, folder: '/models/smol', family: 'llama', chatTemplate: true };
    assert.deepEqual(ownPromptOf(smol, models), { prompt: 'Describe the image.', chat: true });
    assert.equal(ownPromptOf({ ...smol, chatTemplate: false }, models), undefined, 'not known');
    const gemma = { ...summary, folder: '/models/pali', family: 'gemma' };
    assert.deepEqual(ownPromptOf(gemma, models), { prompt: 'caption en', chat: false });
    assert.equal(ownPromptOf(textOnly, models), undefined);
  });
});

describe('a marked part of a text', () => {
  it('grows and shrinks by keys at the end that moves, in both directions', () => {
    let mark = moved(undefined, 'ArrowRight', false, 10);
    assert.deepEqual(mark, { anchor: 0, focus: 0 });
    mark = { anchor: 4, focus: 4 };
    const after = (...keys: readonly string[]): readonly [number, number] =>
      spanOf(keys.reduce<Mark>((now, key) => moved(now, key, true, 10) ?? now, { anchor: 4, focus: 4 }));
    assert.deepEqual(after('ArrowLeft', 'ArrowLeft'), [2, 5]);
    assert.deepEqual(after('ArrowLeft', 'ArrowLeft', 'ArrowRight'), [3, 5], 'what was taken too much is given back');
    assert.deepEqual(after('ArrowLeft', 'ArrowRight', 'ArrowRight'), [4, 6], 'over the anchor');
    assert.deepEqual(after('Home'), [0, 5]);
    assert.deepEqual(after('End'), [4, 10]);
    assert.deepEqual(after(...Array<string>(20).fill('ArrowLeft')), [0, 5], 'never before the text');
    assert.deepEqual(moved(mark, 'ArrowLeft', false, 10), { anchor: 3, focus: 3 }, 'without Shift a new one');
    assert.equal(moved(mark, 'a', true, 10), undefined);
  });

  it('keeps the end that moves, and goes on at its last token where that is not known', () => {
    assert.deepEqual(markOf([2, 6], 2), { anchor: 5, focus: 2 });
    assert.deepEqual(markOf([2, 6], undefined), { anchor: 2, focus: 5 });
    assert.deepEqual(markOf([2, 6], 9), { anchor: 2, focus: 5 });
  });

  it('is found in a text of any length, window by window', () => {
    assert.deepEqual(windowAt(0, 10), [0, 10]);
    assert.deepEqual(windowAt(399, 1000), [0, 400]);
    assert.deepEqual(windowAt(400, 1000), [400, 800]);
    assert.deepEqual(windowAt(5000, 1000), [800, 1000]);
  });
});
