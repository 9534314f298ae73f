/** A folder of pictures in the Hallucination panel: what is said before the run and of its result. */
import assert from 'node:assert/strict';
import type { HallucinationSet } from '../../../protocol/results/hallucination-schema';
import { changeRows, changeWords } from '../../../webviews/panels/hallucination/change-view';
import { setCsv } from '../../../webviews/panels/hallucination/csv-files';
import { circumstances, finding } from '../../../webviews/panels/hallucination/finding';
import { readForm, toForm } from '../../../webviews/panels/hallucination/form';
import { drawnWords, plannedWords } from '../../../webviews/panels/hallucination/sample-words';
import { initialState, receive, type State } from '../../../webviews/panels/hallucination/state';
import { entryColumns } from '../../../webviews/panels/hallucination/tables';
import { finishedMessage, openMessage, plan } from '../../browser/hallucination/hallucination-host';
import { entries, plain, reinforced, result, set, summary } from '../../browser/hallucination/planted-result';

const none = { openImage: -1, tokenise: -1 };
const opened = (message = openMessage()): State => receive(initialState('full'), message, none);
const folder = { ...plan, mode: 'set' as const };
const said = (of: HallucinationSet): string => finding(opened(openMessage({ set: of, plan: folder })));

describe('a folder of pictures', () => {
  it('says what reinforcement did with its interval, and whether that is more than noise', () => {
    assert.match(
      said(set),
      /; reinforced x 2: 32\.0 %, 9\.0 points less \(95 % interval −14\.1 to −4\.0\), more than noise; recall 84\.0 % instead of 79\.5 %\./,
    );
    const [first] = set.variants;
    assert.ok(first?.change);
    const few = {
      ...first,
      change: { ...first.change, pictures: 20, chairS: { difference: 0.15, low: -0.052, high: 0.337 } },
    };
    assert.match(
      said({ ...set, variants: [few] }),
      /32\.0 %, 15\.0 points more \(95 % interval −5\.2 to \+33\.7\), no more than noise on 20 pictures; recall/,
    );
    const { change: _, ...earlier } = first;
    assert.match(
      said({ ...set, variants: [earlier] }),
      /; reinforced x 2: 32\.0 %; recall/,
      'a result of an earlier version',
    );
    assert.match(changeWords({ difference: 0, low: -0.1, high: 0.1 }, 30), /^no change \(/);
  });

  it('of one picture claims nothing of others', () => {
    const one = opened(finishedMessage({ result: { ...result, caption: plain, variants: [reinforced] } }));
    assert.match(finding(one), /Reinforced by 2, on this picture alone, it names .*\.$/);
  });

  it('lists each score of each reinforcement', () => {
    const rows = changeRows(set);
    assert.deepEqual(
      rows.map(({ name, score, change }) => `${name} ${score} ${change?.difference ?? 'none'}`),
      [
        'Reinforced x 2 CHAIR_S -0.09',
        'Reinforced x 2 CHAIR_I -0.045',
        'Reinforced x 2 Recall 0.045',
        'Random heads x 2 CHAIR_S -0.01',
        'Random heads x 2 CHAIR_I -0.005',
        'Random heads x 2 Recall none',
      ],
    );
  });

  it('says how many pictures are taken, by which seed and how long, before the run', () => {
    const time = { encodeSeconds: 0.5, textSeconds: 2 };
    assert.equal(
      plannedWords({ ...folder, mostImages: 20, seed: 7 }, 320, time),
      '20 of 320 pictures, drawn by seed 7: 40 captions, at most about 50 s.',
    );
    assert.equal(plannedWords({ ...folder, mostImages: null }, 320, undefined), 'All 320 pictures: 640 captions.');
    assert.equal(
      plannedWords({ ...folder, mostImages: 20, setCaptions: 'controls' }, 1, time),
      'All 1 picture: 4 captions, at most about 3 s.',
    );
    assert.equal(drawnWords({ count: 20, seed: 3, of: 320 }), ' of 320, drawn by seed 3');
    assert.equal(drawnWords({ count: 20, seed: 3, of: 8 }), '');
    assert.match(circumstances(opened(openMessage({ set, plan: folder }))), /300 pictures of 320, drawn by seed 0/);
  });

  it('reads the number of pictures, or all', () => {
    const typed = (mostImages: string) => readForm({ ...toForm(folder), mostImages }, summary);
    for (const [text, most] of [
      ['20', 20],
      ['all', null],
      [' All ', null],
      ['', null],
    ] as const) {
      const reading = typed(text);
      assert.ok(reading.ok);
      assert.equal(reading.plan.mostImages, most, text);
    }
    const wrong = typed('some');
    assert.ok(!wrong.ok);
    assert.equal(wrong.problems.mostImages, 'Pictures are a whole number from 1, or all.');
    assert.equal(toForm({ ...folder, mostImages: null }).mostImages, 'all');
  });

  it('keeps the time of the pictures that were asked about, and drops an older answer', () => {
    const time = { encodeSeconds: 1, textSeconds: 1 };
    const asked: State = { ...opened(), folderTime: { request: 5, of: 'folder' } };
    assert.equal(receive(asked, { kind: 'folderTime', request: 4, time }, none).folderTime?.value, undefined);
    assert.equal(receive(asked, { kind: 'folderTime', request: 5, time }, none).folderTime?.value, time);
    const failed = receive(asked, { kind: 'failed', request: 5, sentence: 'No.' }, none);
    assert.deepEqual([failed.folderTime?.problem, failed.phase.kind], ['No.', 'idle']);
  });

  it('has a column for the text of each caption, in the table and in the CSV', () => {
    const [entry] = entries;
    assert.ok(entry);
    const columns = entryColumns(entries);
    const texts = columns.filter(({ id }) => id.startsWith('caption')).map(({ value }) => value(entry));
    assert.deepEqual(texts, [entry.plain.text.trim(), ...entry.variants.map(({ text }) => text.trim())]);
    const [header = ''] = setCsv(set).split('\n');
    const names = header.split(',');
    assert.equal(new Set(names).size, names.length, 'no column twice');
    for (const name of ['caption', 'caption_1', 'sample', 'sample_of']) assert.ok(names.includes(name), name);
  });
});
