/** The workbench without a page: its form against the table of parameters, and its states. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { AnalysisInput } from '../../../protocol/analysis/schema';
import type { TaskInfo } from '../../../protocol/analysis/tasks';
import type { ModelSummary } from '../../../protocol/schema/parts';
import type { ImageSection } from '../../../protocol/sections/image';
import { readForm, toForm, withAnalysis, type Form } from '../../../webviews/panels/workbench/form';
import { ofKind, readInput, toInputForm } from '../../../webviews/panels/workbench/input-form';
import { inputWords, provenanceLines } from '../../../webviews/panels/workbench/made-by';
import { isOfAnother, isStale, picturesNeeded, whyNotStart } from '../../../webviews/panels/workbench/shown';
import { receive } from '../../../webviews/panels/workbench/receive';
import {
  begun,
  initialState,
  initialView,
  reading,
  withPicture,
  type State,
} from '../../../webviews/panels/workbench/state';
import { imageKind } from '../../../webviews/sections/image/image';
import { theme } from './sections/theme';
import { model, openMessage, pair, plan, result, retrieval } from '../../browser/workbench/workbench-host';
import { headsStory, imageStory, mapStory } from '../../browser/workbench/stories';

const demos = {
  text: '/demo-lm',
  corpus: '/c.jsonl',
  vision: { folder: '/demo-vlm', image: '/scenes/a.png', scenes: '/scenes', truth: '/scenes/truth.json' },
};
const typed = (parameters: Readonly<Record<string, string>>): Form => ({ ...toForm(plan), parameters });
const problems = (parameters: Readonly<Record<string, string>>, info: AnalysisInfo = retrieval) => {
  const read = readForm(typed(parameters), info, model);
  return read.ok ? {} : (read.problems.parameters ?? {});
};
const open = (change = {}): State => receive(initialState('full'), openMessage(change));

describe('what made a result', () => {
  it('has the prompt in full in what leaves the panel, and its beginning under the finding', () => {
    const prompt = { kind: 'text', text: `The ${'very '.repeat(40)}end.\nAnswer:` } as const;
    const input = { kind: 'prompt-pair', prompt, counterpart: { kind: 'ids', ids: [4, 5, 6] } } as const;
    const lines = provenanceLines({ ...result, input }, undefined);
    assert.ok(
      lines.includes(`Input: “The ${'very '.repeat(40)}end.↵Answer:” against 3 token ids: 4 5 6; seed ${result.seed}`),
      lines.join('\n'),
    );
    assert.match(inputWords(input), /^“The very [a-z ]+…” against 3 token ids$/);
  });
});

describe('the form of an analysis', () => {
  it('fills in what was left out from the table', () => {
    const reading = readForm(typed({ threshold: '0.25' }), retrieval, model);
    assert.ok(reading.ok);
    assert.deepEqual(reading.plan.parameters, {
      lengths: 4096,
      threshold: 0.25,
      removal: 'mean',
      causal: true,
      needle: 'The pass key is',
      haystack: '',
      heads: '',
    });
  });

  it('says beside each field what is wrong with it', () => {
    assert.deepEqual(problems({ lengths: '12.5', threshold: '2', removal: 'none', causal: 'maybe' }), {
      lengths: 'Must be a whole number from 128 to 131072.',
      threshold: 'Must be a number from 0 to 1.',
      removal: 'Must be one of mean, zero, resample.',
      causal: 'Must be true or false.',
    });
    assert.deepEqual(problems({ lengths: '', threshold: 'x' }), {
      lengths: 'Must be a whole number from 128 to 131072.',
      threshold: 'Must be a number from 0 to 1.',
    });
  });

  it('says the first of them beside Run, with the name of the field', () => {
    const state = open({ plan: { ...plan, parameters: { lengths: 1 } } });
    assert.equal(whyNotStart(state), 'Longest prompt: Must be a whole number from 128 to 131072.');
  });

  it('begins at the defaults of another analysis, and keeps model, seed and what was typed', () => {
    const form = withAnalysis({ ...typed({ threshold: '0.1' }), seed: '7' }, pair);
    assert.deepEqual(form.parameters, {});
    assert.equal(form.seed, '7');
    assert.equal(form.input.task, 'pass-key');
    assert.equal(form.input.kind, 'prompt-pair');
  });

  it('begins with the usual task of an analysis where none is chosen yet', () => {
    const info: AnalysisInfo = { ...retrieval, usualTask: { task: 'needles', samples: 12 } };
    const form = typed({});
    const empty = withAnalysis({ ...form, input: { ...form.input, task: '' } }, info);
    assert.deepEqual([empty.input.task, empty.input.samples], ['needles', '12']);
    assert.equal(withAnalysis(form, info).input.task, 'pass-key');
    assert.equal(withAnalysis({ ...form, input: { ...form.input, task: '' } }, retrieval).input.task, 'induction');
  });

  it('takes the usual task of another analysis where that of the one before was left as it was', () => {
    const info: AnalysisInfo = { ...retrieval, usualTask: { task: 'needles', samples: 12 } };
    const first = withAnalysis(toForm(plan), info, {
      from: { ...pair, usualTask: { task: 'pass-key', samples: 0 } },
    });
    assert.equal(first.input.task, 'pass-key', 'other samples were chosen');
    const form = { ...first, input: { ...first.input, samples: '9', taskParameters: {} } };
    const from: AnalysisInfo = { ...pair, usualTask: { task: 'pass-key', samples: 9 } };
    assert.equal(withAnalysis(form, info, { from }).input.task, 'needles');
    const changed = { ...form, input: { ...form.input, taskParameters: { length: '3' } } };
    assert.equal(withAnalysis(changed, info, { from }).input.task, 'pass-key');
  });

  it('begins with the documents that come with the extension, and keeps a file that was chosen', () => {
    const reads: AnalysisInfo = { ...pair, inputs: ['corpus'] };
    const fileOf = (file: string) => {
      const form = typed({});
      return withAnalysis({ ...form, input: { ...form.input, file } }, reads, { demos }).input.file;
    };
    assert.deepEqual([fileOf(''), fileOf('/mine.txt')], ['/c.jsonl', '/mine.txt']);
  });

  it('begins with the demo model that sees where an analysis of vision is chosen and the demo model of text stands', () => {
    const sees: AnalysisInfo = { ...pair, inputs: ['image'], group: 'vision' };
    const form = { ...typed({}), interventions: ['gain:0.0=0'] };
    const next = withAnalysis({ ...form, folder: '/demo-lm' }, sees, { demos });
    assert.deepEqual([next.folder, next.input.kind, next.input.image], ['/demo-vlm', 'image', '/scenes/a.png']);
    assert.deepEqual(next.interventions, [], 'those of the other model');
    assert.equal(next.input.task, form.input.task, 'what was typed for other inputs stays');
    const own = withAnalysis({ ...form, folder: '/mine' }, sees, { demos });
    assert.deepEqual([own.folder, own.input.image, own.interventions], ['/mine', '', ['gain:0.0=0']]);
  });

  it('takes the folder of the picture that stands there, 20 of it, and keeps a number of pictures that was typed', () => {
    const sets: AnalysisInfo = { ...pair, inputs: ['image-set'] };
    const form = typed({});
    const next = withAnalysis({ ...form, input: { ...form.input, kind: 'prompt', image: '/scenes/a.png' } }, sets);
    assert.deepEqual([next.input.kind, next.input.folder, next.input.samples], ['image-set', '/scenes', '20']);
    const windows = { ...form.input, kind: 'prompt', image: String.raw`C:\scenes\a.png` } as const;
    assert.equal(ofKind(windows, 'image-set').folder, String.raw`C:\scenes`);
    const own = { ...next, input: { ...next.input, folder: '/mine', samples: '7', task: '' } };
    const kept = withAnalysis(own, sets);
    assert.deepEqual([kept.input.folder, kept.input.samples], ['/mine', '7']);
  });

  it('says of a model of text that it reads no pictures', () => {
    const prompt = { kind: 'text', text: 'Hello' } as const;
    const reading = readInput(toInputForm({ kind: 'image', prompt }), model);
    assert.ok(!reading.ok);
    assert.equal(reading.problems.image, 'The model reads text alone. Choose one that reads pictures.');
  });

  it('keeps the kind of input that another analysis reads too, and else takes the first that it reads', () => {
    const kindFor = (...inputs: AnalysisInfo['inputs']) => withAnalysis(typed({}), { ...pair, inputs }).input.kind;
    assert.equal(kindFor('prompt', 'task'), 'task');
    assert.equal(kindFor('prompt', 'corpus'), 'prompt');
  });

  it('reads every kind of input back as it was', () => {
    const prompt = { kind: 'text', text: 'Hello' } as const;
    const inputs: readonly AnalysisInput[] = [
      { kind: 'prompt', prompt },
      { kind: 'prompt', prompt: { kind: 'ids', ids: [1, 2] } },
      { kind: 'prompt', prompt: { ...prompt, image: '/a.png' } },
      { kind: 'prompt', prompt: { kind: 'image', image: '/a.png' } },
      { kind: 'prompt-pair', prompt, counterpart: { kind: 'text', text: 'Bye' } },
      { kind: 'task', task: 'ioi', samples: 5 },
      { kind: 'task', task: '/mine.jsonl', samples: 5 },
      { kind: 'corpus', file: '/a.txt' },
      { kind: 'image', prompt: { ...prompt, image: '/a.png' } },
      { kind: 'image-set', folder: '/pictures', prompt, samples: 3 },
      { kind: 'none' },
    ];
    const vision = {} as NonNullable<typeof model.vision>;
    const seeing = { ...model, vision };
    for (const input of inputs) {
      assert.deepEqual(readInput(toInputForm(input), seeing), { ok: true, input });
    }
  });

  it('asks for no prompt where an encoder reads the pictures', () => {
    const input = { kind: 'image-set', folder: '/pictures', prompt: { kind: 'text', text: '' }, samples: 3 } as const;
    const seeing = { ...model, vision: {} as NonNullable<typeof model.vision> };
    assert.deepEqual(readInput(toInputForm(input), seeing, [], true), { ok: true, input });
    assert.ok(!readInput(toInputForm(input), seeing).ok);
  });

  it('takes a task file as a task with parameters, and a file of prompts as it is', () => {
    const own = '/w/colours.headscope-task.ts';
    const parameters = { shots: { kind: 'integer', title: 'Shots', description: '', min: 1, max: 8, default: 2 } };
    const tasks = [{ id: own, title: 'Colours', parameters }] as unknown as readonly TaskInfo[];
    const input = { kind: 'task', task: own, samples: 3, taskParameters: { shots: 4 } } as const;
    assert.deepEqual(readInput(toInputForm(input), undefined, tasks), { ok: true, input });
    assert.ok(!readInput(toInputForm({ ...input, taskParameters: { shots: 9 } }), undefined, tasks).ok);
    const prompts = { kind: 'task', task: '/w/prompts.jsonl', samples: 3 } as const;
    assert.deepEqual(readInput(toInputForm(prompts), undefined, tasks), { ok: true, input: prompts });
  });

  it('the target of an encoder-decoder stays in the form of every model, and is sent to such a model alone', () => {
    const request: AnalysisInput = { kind: 'prompt', prompt: { kind: 'text', text: 'eins', target: 'one' } };
    const form = toInputForm(request);
    const writes: ModelSummary = { ...model, source: { layers: 1, heads: 2, kvHeads: 2 } };
    assert.deepEqual(readInput(form, writes), { ok: true, input: request });
    assert.deepEqual(readInput(form, model), {
      ok: true,
      input: { kind: 'prompt', prompt: { kind: 'text', text: 'eins' } },
    });
    assert.equal(form.target, 'one');
    const ids: AnalysisInput = { kind: 'prompt', prompt: { kind: 'ids', ids: [1, 2], target: [0, 3] } };
    assert.deepEqual(readInput(toInputForm(ids), writes), { ok: true, input: ids });
    const wrong = readInput({ ...toInputForm(ids), targetIds: '0 x' }, writes);
    assert.deepEqual(wrong.ok ? {} : wrong.problems, { target: '“x” is no token id: ids are whole numbers from 0.' });
    const pair: AnalysisInput = {
      kind: 'prompt-pair',
      prompt: { kind: 'text', text: 'eins', target: 'one' },
      counterpart: { kind: 'text', text: 'zwei' },
    };
    assert.deepEqual(readInput(toInputForm(pair), writes), { ok: true, input: pair });
    const both: AnalysisInput = {
      kind: 'prompt-pair',
      prompt: { kind: 'ids', ids: [1] },
      counterpart: { kind: 'ids', ids: [2] },
    };
    const twice = readInput({ ...toInputForm(both), ids: '', counterTargetIds: '-1' }, writes);
    assert.deepEqual(twice.ok ? {} : twice.problems, {
      prompt: 'Type token ids of a prompt first, separated by spaces or commas.',
      counterTarget: '“-1” is no token id: ids are whole numbers from 0.',
    });
    const why = 'The folder has no tokenizer.json, so text cannot be read; give token ids instead.';
    const silent = readInput(form, { ...writes, tokenizer: why });
    assert.deepEqual(silent.ok ? {} : silent.problems, { prompt: why });
    assert.equal(inputWords(request), '“eins” → “one”');
  });

  it('refuses ids beyond the vocabulary, and an empty prompt', () => {
    const form = { ...toInputForm({ kind: 'none' }), kind: 'prompt' as const, mode: 'ids' as const, ids: '1 60000' };
    const reading = readInput(form, model);
    assert.deepEqual(reading, {
      ok: false,
      problems: { prompt: 'Token id 60000 is outside the vocabulary of 50,257.' },
    });
    assert.deepEqual(readInput({ ...form, mode: 'text' }, model), {
      ok: false,
      problems: { prompt: 'Type a prompt first.' },
    });
  });
});

describe('the states of the panel', () => {
  const heads = headsStory();

  it('keeps what a person chose while sections come, go and come again', () => {
    const arranged = { ...open(), view: { ...initialView, sections: { retrieval: { cursor: '8.6' } } } };
    const running = receive(begun(arranged, plan), { kind: 'partial', finding: 'So far.', sections: [heads] });
    assert.equal(running.partial?.sections.length, 1);
    assert.equal(running.view.sections['retrieval']?.cursor, '8.6');
    const done = receive(running, { kind: 'result', result });
    assert.equal(done.partial, undefined);
    assert.equal(done.view.sections['retrieval']?.cursor, '8.6');
  });

  it('is not stale for defaults that a result leaves out, and is for a change', () => {
    const done = open({ result });
    assert.equal(isStale(done), false);
    const changed = { ...done, form: { ...(done.form ?? assert.fail()), seed: '3' } };
    assert.equal(isStale(changed), true);
    assert.equal(isOfAnother(changed), false);
    assert.equal(isOfAnother({ ...changed, form: { ...changed.form, analysis: pair.id } }), true);
  });

  it('keeps what was known of a run that failed', () => {
    const running = receive(begun(open(), plan), { kind: 'partial', finding: 'So far.', sections: [heads] });
    const failed = receive(running, { kind: 'failed', sentence: 'It ended.' });
    assert.equal(failed.phase.kind, 'failed');
    assert.equal(failed.partial?.finding, 'So far.');
  });

  it('waits for no tab of a run that was refused at once: the run in front goes on', () => {
    const { created, model: of } = result;
    const front = { id: 't1', setup: plan, title: 'Front', model: of.name, created, pinned: false, run: 1 };
    const shown = open({ tabs: { tabs: [front], active: 't1' } });
    const refused = receive(begun(shown, { ...plan, seed: 9 }), {
      kind: 'failed',
      sentence: 'This workspace is not trusted.',
      refused: true,
    });
    assert.equal(receive(refused, { kind: 'result', result, run: 1 }).result?.created, created);
  });

  it('keeps the question of a run that was refused, though the tab before it is in front again', () => {
    const tab = { title: 'Front', model: result.model.name, created: result.created, pinned: false };
    const front = { ...tab, id: 't1', setup: plan };
    const shown = open({ tabs: { tabs: [front], active: 't1' } });
    const asks = (analysis: string): State => {
      const form = { ...toForm(plan), analysis, parameters: { needle: 'as typed' } };
      const setup = { ...plan, analysis };
      const run = { ...tab, id: 't2', setup, run: 2 };
      const begins = receive(begun({ ...shown, form }, setup), { kind: 'tabs', tabs: [front, run], active: 't2' });
      return receive(begins, openMessage({ tabs: { tabs: [front], active: 't1' }, refused: true }));
    };
    for (const [analysis, stands] of [
      [plan.analysis, 'tab'],
      [pair.id, 'question'],
    ] as const) {
      const { form, active, view } = asks(analysis);
      assert.deepEqual([active, form?.analysis, form?.parameters], ['t1', analysis, { needle: 'as typed' }]);
      assert.equal(view.front, stands);
    }
  });

  it('says why the list of earlier results could not be read', () => {
    const asked = { ...open(), history: { request: 3 } };
    const { history } = receive(asked, { kind: 'failed', request: 3, sentence: 'The folder cannot be read.' });
    assert.deepEqual(history, { request: 3, rows: [], problems: ['The folder cannot be read.'] });
  });

  it('puts an answer, or why there is none, to its question', () => {
    const question = { section: 'retrieval', place: { kind: 'head', layer: 1, head: 2 } } as const;
    const asked = { ...open({ result }), answers: [{ request: 4, question }] };
    assert.equal(receive(asked, { kind: 'answer', request: 4, section: mapStory() }).answers[0]?.section?.kind, 'map');
    assert.equal(receive(asked, { kind: 'answer', request: 5, section: mapStory() }).answers[0]?.section, undefined);
    const refused = receive(asked, { kind: 'failed', request: 4, sentence: 'The model is gone.' });
    assert.equal(refused.answers[0]?.problem, 'The model is gone.');
    assert.equal(refused.phase.kind, 'idle');
  });

  it('takes only the estimate that was asked for last, and says why an analysis does not run', () => {
    const asked = { ...open(), estimated: { request: 2 } };
    const estimate = { supported: 'The model reads no pictures.' };
    assert.equal(receive(asked, { kind: 'estimate', request: 1, estimate }).estimated?.estimate, undefined);
    assert.equal(whyNotStart(receive(asked, { kind: 'estimate', request: 2, estimate })), estimate.supported);
  });

  it('keeps what regions are drawn on while a changed prompt of the same model is read', () => {
    const tokenised = { ids: [1, 2], tokens: ['a', 'b'] };
    const first = reading(undefined, { request: 1, of: 'a', folder: '/m' });
    const known = receive({ ...open(), read: first }, { kind: 'tokenised', request: 1, tokenised }).read;
    assert.deepEqual(known, { request: 1, of: 'a', folder: '/m', prompt: tokenised });
    const next = { request: 2, of: 'b', folder: '/m' };
    const second = { ...open(), read: reading(known, next) };
    assert.deepEqual(second.read, { ...next, prompt: tokenised, isOld: true });
    // An answer to what was asked before is none.
    assert.equal(receive(second, { kind: 'tokenised', request: 1, tokenised }).read?.isOld, true);
    assert.equal(receive(second, { kind: 'tokenised', request: 2, tokenised }).read?.isOld, undefined);
    assert.equal(receive(second, { kind: 'failed', request: 2, sentence: 'No picture.' }).read?.problem, 'No picture.');
    assert.equal(reading(known, { ...next, folder: '/other' }).prompt, undefined);
  });

  it('keeps a file and the one that has replaced it apart: each result is drawn over the picture that it read', () => {
    const before = imageStory();
    const after = { ...before, id: 'after', image: { ...before.image, sha256: '1'.repeat(64) } };
    const needed = picturesNeeded(open({ result: { ...result, sections: [before, after] } }));
    assert.deepEqual(
      needed.map(({ path, sha256 }) => [path, sha256]),
      ['0', '1'].map((digit) => ['/pictures/dog.png', digit.repeat(64)]),
    );
    const loaded = { image: {} as ImageBitmap, address: 'data:,' };
    const { pictures } = withPicture(open(), before.image.sha256, loaded);
    const isDrawn = (section: ImageSection): boolean =>
      imageKind
        .picture(section, {}, pictures)
        .draw(600, theme)
        .marks.some(({ kind }) => kind === 'picture');
    assert.deepEqual([isDrawn(before), isDrawn(after)], [true, false]);
  });

  it('puts a chosen path into the field that asked for it', () => {
    const after = (field: string) => receive(open(), { kind: 'chosen', field, path: '/x' }).form;
    assert.equal(after('input.file')?.input.file, '/x');
    assert.equal(after('input.folder')?.input.folder, '/x');
    assert.equal(after('input.image')?.input.image, '/x');
    assert.equal(after('haystack')?.parameters['haystack'], '/x');
  });
});
