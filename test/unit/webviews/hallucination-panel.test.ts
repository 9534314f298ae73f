import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Caption } from '../../../protocol/results/hallucination-schema';
import { readForm, readTruth, toForm } from '../../../webviews/panels/hallucination/form';
import { readLayers, writeLayers } from '../../../webviews/ui/layers';
import { defaultLayers } from '../../../protocol/results/vhd-defaults';
import { setCsv, wordsCsv } from '../../../webviews/panels/hallucination/csv-files';
import { finding } from '../../../webviews/panels/hallucination/finding';
import { ownPromptOf } from '../../../webviews/ui/own-prompt';
import {
  headsSection,
  plainSection,
  sharedScale,
  spanSection,
  variantSections,
} from '../../../webviews/panels/hallucination/result-sections';
import { layerTable } from '../../../protocol/results/sections/divergence';
import { divergenceChanges } from '../../../protocol/results/sections/divergence-change';
import { affected } from '../../../protocol/results/sections/ranked-heads';
import { mentionsOfTokens } from '../../../protocol/results/sections/word-classes';
import { median, wordTVhd } from '../../../protocol/results/sections/word-numbers';
import { kindOf } from '../../../webviews/sections/sections';
import { tokensKind } from '../../../webviews/sections/tokens/tokens';
import { theme } from './sections/theme';
import { massOn, pictureSection } from '../../../webviews/panels/hallucination/picture-section';
import { spanTokens } from '../../../webviews/panels/hallucination/span-map';
import { markOf, moved, spanOf, windowAt, type Mark } from '../../../webviews/ui/span-mark';
import { misleadingWords } from '../../../protocol/results/sections/caption-set';
import { keep, restore, parseKept } from '../../../webviews/panels/hallucination/kept';
import { canResume, isStale, startRun, whyNot } from '../../../webviews/panels/hallucination/run-setup';
import { mapHeads, pictureOf, stepOf } from '../../../webviews/panels/hallucination/shown';
import { initialState, receive, type State } from '../../../webviews/panels/hallucination/state';
import { finishedMessage, openMessage, plan } from '../../browser/hallucination/hallucination-host';
import {
  bursting,
  entries,
  heads,
  image,
  laterVhd,
  layers,
  plain,
  ofText,
  plantedMap,
  reinforced,
  result,
  set,
  summary,
  textOnly,
  vhd,
} from '../../browser/workbench/planted-result';

const none = { openImage: -1, tokenise: -1 };
const opened = (message = openMessage()): State => receive(initialState('full'), message, none);

describe('the form of the Hallucination panel', () => {
  it('gives back the plan that it was filled with', () => {
    const full = { ...plan, reinforcedLayers: [1, 3, 4, 5], k: 2, mostImages: 20, truth: ['ball', 'box'] };
    assert.deepEqual(readForm(toForm(full), summary), { ok: true, plan: full });
    assert.deepEqual(readForm(toForm({ ...plan, truth: null }), summary), { ok: true, plan: { ...plan, truth: null } });
  });

  it('says what to correct', () => {
    const problems = (change: object) => {
      const reading = readForm({ ...toForm(plan), ...change }, summary);
      return reading.ok ? [] : Object.keys(reading.problems);
    };
    assert.deepEqual(problems({ image: '' }), ['image']);
    assert.deepEqual(problems({ mode: 'set', images: '' }), ['images']);
    assert.deepEqual(problems({ mode: 'span', span: null }), ['span']);
    assert.deepEqual(problems({ k: '9' }), ['k'], 'more than the heads of a layer');
    assert.deepEqual(problems({ k: '0' }), ['k']);
    assert.deepEqual(problems({ maxNewTokens: '0' }), ['maxNewTokens']);
    assert.deepEqual(problems({ layers: '6' }), ['layers'], 'the model ends at layer 5');
    assert.deepEqual(problems({ seed: '-1' }), ['seed']);
  });

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

  it('takes each object of the truth once', () => {
    assert.deepEqual(readTruth(' Ball, box;ball\n cup '), ['ball', 'box', 'cup']);
    assert.equal(readTruth(' , '), null);
  });
});

describe('the picture', () => {
  const state = opened(finishedMessage());
  const map = { request: 1, of: '', value: plantedMap(0, [{ layer: 3, head: 2 }]) };
  const of = (change: Partial<State> = {}) => pictureSection({ ...state, map, ...change }) ?? assert.fail();

  it('says how much of the attention lies on it, and how much of that on sinks', () => {
    const { mass, onSinks } = massOn(image, 0, map.value, result.sinks);
    assert.ok(Math.abs(onSinks - 0.2) < 1e-6 && mass > 0.2);
    assert.match(
      of().caption ?? '',
      /^\d+\.\d % of the attention lies on these patches, 20\.0 % of it all on sinks\.$/,
    );
    assert.deepEqual(
      of().apart?.tokens,
      result.sinks?.tokens.map(({ token }) => token),
    );
  });

  it('is the same section until something of it changes, so that it is not drawn anew', () => {
    assert.equal(of(), of({ phase: { kind: 'failed', sentence: 'Cancelled.' } }));
    assert.notEqual(of(), of({ selected: { layer: 0, head: 0 } }));
    assert.deepEqual(of({ map: undefined }).numbers, []);
  });
});

describe('the words of a caption', () => {
  it('are of one object with all their tokens, and the space before', () => {
    const objects = mentionsOfTokens(plain).map((mention) => mention?.object);
    const at = (object: string) => objects.flatMap((one, token) => (one === object ? [token] : []));
    assert.deepEqual([at('ball'), at('box'), at('cat')], [[2, 3], [9], [12]]);
    assert.equal(wordTVhd(plain, plain.mentions[0]!), 17.6, 'of the token that begins it');
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
  });

  it('have a class by what the truth says, and a sign of it', () => {
    const section = plainSection(opened(finishedMessage())) ?? assert.fail();
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
    const drawn = kindOf(section)?.drawn === 'picture' ? tokensKind.picture(section, {}, new Map()) : assert.fail();
    const written = drawn.draw(2000, theme).marks.flatMap((mark) => (mark.kind === 'text' ? [mark.text] : []));
    assert.deepEqual(
      written.filter((text) => /^[✓✗]/.test(text)),
      ['✓', '✓', '✗', '✗ not in the picture', '✓ in the picture'],
    );
    assert.equal(drawn.words('12')?.value, 'T-VHD 3.10, not in the picture');
  });

  it('of all captions have one scale', () => {
    const state = opened(finishedMessage({ result: { ...result, variants: [reinforced] } }));
    assert.deepEqual(sharedScale(state), { min: 3.1, max: 21.6 });
    for (const section of [plainSection(state), ...variantSections(state)]) {
      assert.deepEqual(section?.numbers[0]?.scale, { kind: 'sequential', min: 3.1, max: 21.6 });
    }
    const many = Array.from({ length: 200_000 }, (_, at) => ({ ...plain.tokens[0]!, tVhd: at }));
    assert.deepEqual(sharedScale({ ...opened(), written: many }), { min: 0, max: 199_999 });
    assert.equal(sharedScale(opened()), undefined);
  });

  it('are read on every colour of the scale', () => {
    const tokens = Array.from({ length: 101 }, (_, at) => ({ ...plain.tokens[0]!, text: 'word', tVhd: at }));
    const section = plainSection({ ...opened(), written: tokens }) ?? assert.fail();
    const { marks } = tokensKind.picture(section, {}, new Map()).draw(600, theme);
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

  it('grow while the caption is written', () => {
    const one = plainSection({ ...opened(), written: plain.tokens.slice(0, 1) });
    const two = plainSection({ ...opened(), written: plain.tokens.slice(0, 2) });
    assert.deepEqual([one?.tokens.length, two?.tokens.length], [1, 2]);
    assert.equal(plainSection(opened()), undefined);
  });
});

describe('the map of divergences', () => {
  const shown = (change: Partial<State> = {}) =>
    headsSection({ ...opened(finishedMessage()), ...change }) ?? assert.fail();

  it('frames what the finding counts, and has the classes that reinforcement goes by', () => {
    const section = shown();
    assert.deepEqual(section.marked?.[0], { layer: 3, head: 2 });
    assert.equal(section.marked?.length, 3);
    const [outlier, selected] = section.classes ?? [];
    assert.deepEqual(outlier?.heads, [bursting]);
    assert.equal(selected?.heads.length, 24);
    assert.match(
      section.caption ?? '',
      /above the median of its layer \(24 of 48\)\. .* half of the largest VHD at the first word \(3\)/,
    );
    assert.deepEqual(
      section.numbers.map(({ name, scale }) => [name, scale.curve]),
      [
        ['vhd', 'log'],
        ['textEnergy', undefined],
        ['visualAttention', undefined],
      ],
    );
    assert.equal(section, shown(), 'it is not drawn anew');
  });

  it('has no attention before the caption is there, and says which step it waits for', () => {
    const { visualAttention: _, ...step } = result;
    const first = headsSection({ ...opened(), firstStep: step });
    assert.deepEqual(
      first?.numbers.map(({ name }) => name),
      ['vhd', 'textEnergy'],
    );
    const token = { variant: null, step: 12 };
    assert.match(shown({ token }).title, /at token 12…$/);
    const problem = 'The compute process ended. Run again.';
    const failed = shown({ token, step: { request: 1, of: '', problem } });
    assert.match(failed.title, /at the first word$/);
    assert.ok(failed.caption?.startsWith(problem));
  });

  it('adds up the k largest of each layer, outliers counted', () => {
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

  it('of changes is this one minus the other, the most changed head first', () => {
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

describe('the removed text', () => {
  it('stands in the tokens around it, with what is read of it alone', () => {
    const state = opened(openMessage({ result: ofText, model: textOnly, plan: { ...plan, mode: 'span' } }));
    const map = { request: 1, of: '', value: Float32Array.of(0, 0, 0, 0, 0.1, 0.6) };
    const section = spanSection({ ...state, map }) ?? assert.fail();
    assert.deepEqual(section.tokens, ofText.promptTokens.slice(0, 19));
    const values = section.numbers[0]?.values ?? [];
    assert.ok(Number.isNaN(values[0]) && Number.isNaN(values[7]));
    assert.equal(values[6]?.toFixed(3), '0.600');
    assert.equal(section.caption, '70.0 % of the attention lies on these 6 tokens.');
    assert.equal(spanSection(opened(finishedMessage())), undefined);
  });
});

describe('the state of the Hallucination panel', () => {
  it('selects the head that looks most, never an outlier', () => {
    const louder = vhd.map((row, layer) => row.map((value, head) => (layer === 4 && head === 7 ? 99 : value)));
    const state = opened(finishedMessage({ result: { ...result, vhd: louder } }));
    assert.deepEqual(state.selected, { layer: 3, head: 2 });
  });

  it('shows the step of a chosen word when it is there, and the first one until then', () => {
    let state = opened(finishedMessage());
    state = { ...state, token: { variant: null, step: 12 }, step: { request: 7, of: 'x' } };
    assert.equal(stepOf(state)?.step, 0);
    const { textEnergy, outlier, selected, visualAttention } = result;
    const step = { step: 12, vhd: laterVhd, textEnergy, outlier, selected, visualAttention };
    assert.equal(receive(state, { kind: 'step', request: 6, step }, none).step?.value, undefined, 'an older answer');
    state = receive(state, { kind: 'step', request: 7, step }, none);
    assert.equal(stepOf(state)?.vhd, laterVhd);
  });

  it('draws the head, its layer’s set, or all of it', () => {
    const state = opened(finishedMessage());
    assert.deepEqual(mapHeads(state), [{ layer: 3, head: 2 }]);
    const count = (map: 'layer' | 'all'): number => mapHeads({ ...state, view: { ...state.view, map } }).length;
    assert.equal(count('layer'), result.selected[3]?.filter(Boolean).length);
    assert.equal(count('all'), result.selected.flat().filter(Boolean).length);
  });

  it('takes a variant once, the newest of its kind', () => {
    let state = opened(finishedMessage());
    state = { ...state, making: { request: 4, name: 'x', tokens: [] } };
    state = receive(state, { kind: 'variant', request: 4, caption: reinforced }, none);
    assert.equal(state.making, undefined);
    state = receive(state, { kind: 'variant', request: 5, caption: { ...reinforced, text: 'again' } }, none);
    assert.deepEqual(
      state.result?.variants.map(({ text }) => text),
      ['again'],
    );
  });

  it('is outdated only by what the run computes', () => {
    const state = opened(finishedMessage());
    const edit = (change: object): boolean => isStale({ ...state, form: state.form && { ...state.form, ...change } });
    assert.equal(edit({}), false);
    assert.equal(edit({ alpha: 3, layers: '2', reinforcedOutliers: 'off' }), false, 'asked of the result');
    const ofSet = opened(openMessage({ set, plan: { ...plan, mode: 'set' } }));
    const inSet = { ...ofSet, form: ofSet.form && { ...ofSet.form, reinforcedOutliers: 'off' as const } };
    assert.equal(isStale(inSet), true, 'a folder is captioned with it');
    assert.equal(edit({ prompt: 'USER: <image>\nWhat? ASSISTANT:' }), true);
    assert.equal(edit({ distance: 'cosine' }), true);
    assert.equal(edit({ truth: 'ball' }), true);
  });

  it('cannot run a picture on a model of text, but a span of its prompt', () => {
    const ofText = opened(openMessage({ model: textOnly, plan: { ...plan, folder: textOnly.folder } }));
    assert.match(String(whyNot(ofText)), /reads text alone/);
    const form = ofText.form && { ...ofText.form, mode: 'span' as const, span: [1, 3] as const };
    assert.equal(whyNot({ ...ofText, form }), undefined);
  });

  it('cannot caption with an encoder alone, or with a processor that contradicts the model', () => {
    const blind = opened(openMessage({ model: { ...summary, vocabulary: 0 } }));
    assert.match(String(whyNot(blind)), /encoder alone/);
    const vision = summary.vision && {
      ...summary.vision,
      processor: 'The processor makes 224 pixels, the model reads 112.',
    };
    const contradicted = opened(openMessage({ model: { ...summary, ...(vision ? { vision } : {}) } }));
    assert.equal(whyNot(contradicted), 'The processor makes 224 pixels, the model reads 112.');
  });

  it('goes on behind the pictures of a set that was stopped', () => {
    const stopped = { ...set, state: 'cancelled' as const, entries: entries.slice(0, 5) };
    const state = opened(openMessage({ set: stopped, plan: { ...plan, mode: 'set' } }));
    assert.ok(canResume(state));
    assert.equal(startRun(state, true)?.state.entries.length, 5);
    assert.equal(startRun(state, false)?.state.entries.length, 0);
    assert.equal(canResume(opened(openMessage({ set, plan: { ...plan, mode: 'set' } }))), false, 'it is done');
  });

  it('keeps the arrangement and the form over a reload, and nothing of another version', () => {
    const state = opened(finishedMessage());
    const kept = parseKept(JSON.parse(JSON.stringify(keep(state, ['basis']))));
    assert.deepEqual(restore(initialState('full'), kept).form, state.form);
    assert.equal(parseKept({ version: 2 }), undefined);
  });

  it('warns of a reinforcement that wins by saying little', () => {
    assert.equal(misleadingWords(set.plain, set.variants), undefined);
    const [first] = set.variants;
    assert.ok(first);
    const short = [{ ...first, score: { ...first.score, length: 2 } }];
    assert.match(misleadingWords(set.plain, short) ?? '', /2 words, .*may be broken/);
    const long = [{ ...first, score: { ...first.score, length: 8 } }];
    assert.match(misleadingWords(set.plain, long) ?? '', /8 words, .*may be broken/);
  });
});

describe('the finding', () => {
  const said = (change: Partial<Caption>): string =>
    finding(opened(finishedMessage({ result: { ...result, caption: { ...plain, ...change } } })));
  const cat = plain.mentions.filter(({ object }) => object === 'cat');

  it('compares a word with the object words that are in the picture, never with words that name nothing', () => {
    // 10 lies above the median of all words (8.0) and below that of the true objects (17.6 and 16.1).
    const tokens = plain.tokens.map((token) => (token.text === ' cat' ? { ...token, tVhd: 10 } : token));
    assert.match(said({ tokens }), /leans on the language prior \(T-VHD 10\.0, median of the 2 object words in the/);
    const high = plain.tokens.map((token) => (token.text === ' cat' ? { ...token, tVhd: 20 } : token));
    assert.match(said({ tokens: high }), /“cat” is not in the picture \(T-VHD 20\.0, median of the 2 object/);
  });

  it('names the only other object word, or compares with none', () => {
    const two = plain.mentions.filter(({ object }) => object !== 'box');
    assert.match(said({ mentions: two }), /leans on the language prior \(T-VHD 3\.10, “ball” 17\.6\)/);
    assert.match(said({ mentions: cat }), /“cat” is not in the picture \(T-VHD 3\.10\)/);
  });

  it('without a truth compares the lowest with the other object words', () => {
    const unjudged = plain.mentions.map(({ inTruth: _, ...rest }) => rest);
    const { truth: _, ...rest } = result;
    const whole = { ...rest, caption: { ...plain, mentions: unjudged } };
    assert.match(
      finding(opened(finishedMessage({ result: whole }))),
      /“cat” leans most on the language prior \(T-VHD 3\.10, median of the 2 other object words 16\.9\)/,
    );
  });

  it('counts the heads from half of the largest divergence on, no outlier', () => {
    assert.equal(
      affected({
        vhd: [
          [4, 2, 1.9],
          [9, 0, 3],
        ],
        outlier: [[], [true, false, false]],
      }).length,
      3,
    );
    assert.deepEqual(affected({ vhd: [[0, 0]], outlier: [[false, false]] }), []);
  });
});

describe('the prompt of a family', () => {
  const withTemplate = { ...summary, folder: '/models/smol', family: 'llama', chatTemplate: true };
  const models = [
    ...openMessage().models,
    { folder: '/models/smol', label: 'smol', family: 'smolvlm', runs: true as const },
    { folder: '/models/pali', label: 'pali', family: 'paligemma', runs: true as const },
  ];

  it('goes through the chat template where there is one, else as the family was trained', () => {
    assert.deepEqual(ownPromptOf(withTemplate, models), { prompt: 'Describe the image.', chat: true });
    assert.equal(ownPromptOf({ ...withTemplate, chatTemplate: false }, models), undefined, 'not known');
    const gemma = { ...summary, folder: '/models/pali', family: 'gemma' };
    assert.deepEqual(ownPromptOf(gemma, models), { prompt: 'caption en', chat: false });
    assert.equal(ownPromptOf(textOnly, models), undefined);
  });

  it('takes the place of the prompt of another family, never of one that was typed', () => {
    const state = opened(openMessage({ models }));
    const chosen = receive(state, { kind: 'model', model: withTemplate }, none);
    assert.deepEqual([chosen.form?.prompt, chosen.form?.chat], ['Describe the image.', true]);
    const back = receive(chosen, { kind: 'model', model: summary }, none);
    assert.deepEqual([back.form?.prompt, back.form?.chat], [plan.prompt, false]);
    const typed = { ...state, form: state.form && { ...state.form, prompt: '<image> What is it?' } };
    assert.equal(receive(typed, { kind: 'model', model: withTemplate }, none).form?.prompt, '<image> What is it?');
  });

  it('with a template is another run, and of a model without one no plan', () => {
    const state = opened(finishedMessage({ model: withTemplate, plan: { ...plan, folder: withTemplate.folder } }));
    const shown = { ...state, shownSetup: { ...plan, folder: withTemplate.folder } };
    assert.equal(isStale(shown), false);
    assert.equal(isStale({ ...shown, form: shown.form && { ...shown.form, chat: true } }), true);
    const reading = readForm({ ...toForm(plan), chat: true }, summary);
    assert.equal(reading.ok && reading.plan.chat, false);
  });
});

describe('the part of a text that is removed', () => {
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
    assert.equal(markOf(null, 3), undefined);
  });

  it('is found in a text of any length, window by window', () => {
    assert.deepEqual(windowAt(0, 10), [0, 10]);
    assert.deepEqual(windowAt(399, 1000), [0, 400]);
    assert.deepEqual(windowAt(400, 1000), [400, 800]);
    assert.deepEqual(windowAt(5000, 1000), [800, 1000]);
  });

  it('has the share of each of its tokens by its place in the prompt', () => {
    const promptTokens = ['a', 'b', 'c', 'd'];
    assert.deepEqual(
      spanTokens({ removed: { kind: 'span', start: 1, end: 3 }, promptTokens }, Float32Array.of(0.25, 0.5)),
      [
        { position: 1, text: 'b', share: 0.25 },
        { position: 2, text: 'c', share: 0.5 },
      ],
    );
    assert.deepEqual(spanTokens({ removed: { kind: 'image' }, promptTokens }, undefined), []);
  });
});

describe('tables that leave the panel', () => {
  const cells = (csv: string): readonly Readonly<Record<string, string>>[] => {
    const [head = '', ...lines] = csv.trim().split('\r\n');
    const split = (line: string): string[] =>
      [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, cell = '']) =>
        cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell,
      );
    const names = split(head);
    return lines.map((line) => Object.fromEntries(split(line).map((cell, at) => [names[at] ?? '', cell])));
  };

  it('has every token with its numbers, its object and the truth', () => {
    const shown = opened(finishedMessage({ result: { ...result, variants: [reinforced] } }));
    assert.ok(shown.result);
    const rows = cells(wordsCsv(shown.result));
    assert.equal(rows.length, plain.tokens.length + reinforced.tokens.length);
    const { caption, token, text, t_vhd, visual_attention, probability, object, truth, image: name } = rows[12] ?? {};
    assert.deepEqual(
      [caption, token, text, t_vhd, object, truth, name],
      ['Plain', '13', ' cat', '3.1', 'cat', 'not in the picture', 'ball-and-box.png'],
    );
    assert.equal(Number(visual_attention), plain.tokens[12]?.visualAttention);
    assert.equal(Number(probability), plain.tokens[12]?.probability);
    assert.equal(rows[0]?.['object'], '', 'a word that names no object');
    assert.equal(rows[plain.tokens.length]?.['caption'], 'Reinforced x 2');
  });

  it('has every picture of a set with the scores and the text of each caption', () => {
    const [first] = set.variants;
    const score = { length: 6, mentions: 2, hallucinated: 1, chairI: 0.5, recall: 0.25 };
    const entry = entries[0];
    assert.ok(first && entry);
    const scored = {
      ...set,
      variants: [first],
      entries: [
        {
          ...entry,
          plain: { ...entry.plain, score },
          variants: entry.variants.map((one) => ({ ...one, score: { ...score, chairI: null, recall: 1 } })),
        },
      ],
    };
    const [row] = cells(setCsv(scored));
    assert.ok(row);
    assert.deepEqual(
      ['words', 'objects', 'objects_not_there', 'chair_i', 'recall'].map((id) => row[id]),
      ['6', '2', '1', '0.5', '0.25'],
    );
    assert.deepEqual([row['chair_i_1'], row['recall_1']], ['', '1'], 'nothing to divide by is empty');
    assert.equal(row['caption_1'], entry.variants[0]?.text.trim());
    assert.equal(row['caption_1_is'], 'Reinforced x 2');
  });
});

describe('what stays over other messages', () => {
  it('the picture of a result, when the form opens another one', () => {
    const shown = opened(finishedMessage());
    const mine = pictureOf(shown);
    assert.equal(mine?.image.sha256, image.sha256);
    const other = { ...mine, image: { ...image, path: '/pictures/other.png', sha256: 'e'.repeat(64) } };
    const after = receive(shown, { kind: 'picture', picture: other }, none);
    assert.equal(after.picture?.image.path, '/pictures/other.png');
    assert.equal(pictureOf(after), mine);
  });

  it('no picture beside a text, although one was open before', () => {
    const { image: _image, ...text } = result;
    const span = { ...text, created: '2026-01-02T00:00:00.000Z', removed: { kind: 'span', start: 1, end: 3 } } as const;
    assert.equal(pictureOf(receive(opened(finishedMessage()), { kind: 'result', result: span }, none)), undefined);
  });

  it('each captioned picture once, when a run goes on behind those that were there', () => {
    const stopped = { ...set, state: 'cancelled', entries: entries.slice(0, 3), total: 5 } as const;
    const started = startRun(opened(openMessage({ set: stopped, plan: { ...plan, mode: 'set' } })), true);
    assert.ok(started);
    // The extension tells those it was given again, for the panels that did not start the run.
    const state = entries
      .slice(0, 4)
      .reduce((now, entry) => receive(now, { kind: 'entry', entry }, none), started.state);
    assert.deepEqual(
      state.entries.map(({ name }) => name),
      entries.slice(0, 4).map(({ name }) => name),
    );
  });
});
