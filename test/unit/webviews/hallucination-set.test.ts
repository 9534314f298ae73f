/** A folder of pictures in the Hallucination panel: what is said before the run and of its result. */
import assert from 'node:assert/strict';
import type { HallucinationSet } from '../../../protocol/results/hallucination-schema';
import { changeWords } from '../../../webviews/panels/hallucination/change-words';
import { setCsv } from '../../../webviews/panels/hallucination/csv-files';
import { circumstances, finding } from '../../../webviews/panels/hallucination/finding';
import { readForm, toForm } from '../../../webviews/panels/hallucination/form';
import { drawnWords, plannedWords } from '../../../webviews/panels/hallucination/sample-words';
import { initialState, receive, type State } from '../../../webviews/panels/hallucination/state';
import { sectionsOfSet, setChanges } from '../../../webviews/panels/hallucination/set-sections';
import { entryColumns } from '../../../webviews/panels/hallucination/csv-files';
import { kindOf } from '../../../webviews/sections/sections';
import { finishedMessage, openMessage, plan } from '../../browser/hallucination/hallucination-host';
import { entries, plain, reinforced, result, set, summary } from '../../browser/workbench/planted-result';

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

  const tableOf = (sections: ReturnType<typeof sectionsOfSet>, id: string) => {
    const section = sections.find((one) => one.id === id);
    assert.ok(section?.kind === 'table', id);
    return { section, rows: kindOf(section)?.twin(section, {}) };
  };
  /** Cells as they are written. */
  const written = (sections: ReturnType<typeof sectionsOfSet>, id: string): readonly string[] => {
    const { rows: twin } = tableOf(sections, id);
    assert.ok(twin);
    return twin.rows.map((row) =>
      twin.columns.map((column) => column.text?.(row) ?? String(column.value(row))).join(' | '),
    );
  };

  it('lists the scores, and what each reinforcement changed', () => {
    const sections = sectionsOfSet(opened(openMessage({ set, plan: folder })));
    assert.deepEqual(
      sections.map(({ id }) => id),
      ['rates', 'changes', 't-vhd-by-truth', 'pictures', 'captions', 'caption-scores', 'failures', 'notes'],
    );
    const rates = written(sections, 'rates');
    assert.equal(rates[0], 'Plain | 300 | 41.0 % | 20.5 % | 79.5 % | 79.5 % | 79.5 % | 5.10 | –');
    assert.match(rates[1] ?? '', /^Reinforced x 2 \| 300 \| 32\.0 % \|/);
    assert.deepEqual(
      written(sections, 'changes').map((row) =>
        row
          .split(' | ')
          .filter((_, at) => at !== 3 && at !== 4)
          .join(' | '),
      ),
      [
        'Reinforced x 2 | CHAIR_S | −9.0 points | more than noise',
        'Reinforced x 2 | CHAIR_I | −4.5 points | more than noise',
        'Reinforced x 2 | recall | +4.5 points | more than noise',
        'Random heads x 2 | CHAIR_S | −1.0 points | no more than noise',
        'Random heads x 2 | CHAIR_I | −0.5 points | no more than noise',
        'Random heads x 2 | recall | – | too few changed',
      ],
    );
    const { section } = tableOf(sections, 'changes');
    assert.deepEqual(section.rows[0]?.slice(3, 5), [-0.1409, -0.0399]);
    assert.equal(sectionsOfSet(opened(openMessage({ set, plan: folder }))), sections, 'nothing is drawn anew');
  });

  it('draws both kinds of words over the same steps', () => {
    const chart = sectionsOfSet(opened(openMessage({ set, plan: folder }))).find(({ kind }) => kind === 'chart');
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

  it('lists what comes in, the newest first, and what could not be captioned', () => {
    const running = { ...opened(openMessage({ plan: folder })), entries: entries.slice(0, 3) };
    const failed = { ...running, entryFailures: [{ name: 'b.png', why: 'It is no picture.' }] };
    const sections = sectionsOfSet(failed);
    assert.deepEqual(
      tableOf(sections, 'pictures').section.rows.map(([name]) => name),
      entries
        .slice(0, 3)
        .map(({ name }) => name)
        .reverse(),
    );
    assert.deepEqual(tableOf(sections, 'failures').section.rows, [['b.png', 'It is no picture.']]);
  });

  it('compares every score that another set has too', () => {
    const made = { ...set, plain: { ...set.plain, chairS: 0.25 }, variants: [] };
    const rows = written(
      setChanges(opened(openMessage({ set, plan: folder, compareWith: { name: 'b', made } }))),
      'score-changes',
    );
    assert.equal(rows[0], 'Plain, CHAIR_S (%) | 41.0 | 25.0 | +16.0');
    assert.equal(rows.at(-1), 'AUROC of T-VHD | 0.994 | 0.994 | 0');
    assert.ok(rows.every((row) => !row.startsWith('Reinforced')));
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
