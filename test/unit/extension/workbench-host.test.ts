/** What the host of the workbench does as every panel that runs a model, and what it answers about the prompt of a result. */
import { testedDevices } from '../../support/device/panel-devices';
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { NewestFirst } from '../../../extension/panels/newest-first';
import { analysisText, parseAnalysis } from '../../../protocol/analysis/schema';
import type { GenerateReply } from '../../../protocol/compute/models';
import type { ToWorkbench } from '../../../protocol/panels/workbench';
import { newPlan } from '../../../protocol/plans/edit';
import { FailureError } from '../../../protocol/wire/failures';
import { headsResult, modelSummary } from './samples';
import {
  crashed,
  demo,
  gain0,
  generate,
  kinds,
  known,
  last,
  plan,
  resultOf,
  settled,
  Stage,
  tileAt,
  tileOf,
} from './workbench-stage';

describe('the device of the workbench', () => {
  it('is sent with the first opening, after a test, and when the setting changes', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full');
    assert.deepEqual(last(sent, 'open').devices, { devices: [], setting: 'cpu', weights: 'as-stored' });
    await host.receive({ kind: 'refreshDevices' });
    assert.deepEqual(stage.devices.tests, [true]);
    assert.deepEqual(last(sent, 'devices').devices, testedDevices);
    stage.devices.of = 'webgpu';
    stage.devices.changed();
    assert.equal(last(sent, 'devices').setting, 'webgpu');
    stage.devices.inTest = true;
    stage.devices.changed();
    assert.equal(last(sent, 'devices').testing, true, 'also where something else tests them');
  });

  it('goes with the run and with the model that is opened for it; without one the setting holds', async () => {
    const stage = new Stage();
    const { host } = await stage.ready('full');
    await host.receive({ kind: 'chooseModel', folder: '/models/tiny', device: 'webgpu' });
    void host.receive({ kind: 'run', plan: { ...plan(), device: 'webgpu' } });
    await settled();
    assert.deepEqual(stage.openedOn, [undefined, 'webgpu']);
    assert.equal(stage.runs.at(-1)?.asked.device, 'webgpu');
    const other = new Stage();
    void (await other.ready('full')).host.receive({ kind: 'run', plan: plan() });
    await settled();
    assert.deepEqual(
      other.runs.map(({ asked }) => 'device' in asked),
      [false],
    );
  });

  it('of a question is that of the result, where it works here; else that of the setting', async () => {
    const onWebgpu = { ...headsResult().device, id: 'webgpu' };
    for (const [works, expected] of [
      [true, 'webgpu'],
      [false, undefined],
    ] as const) {
      const stage = new Stage();
      stage.devices.found = testedDevices.map((one) => (one.id === 'webgpu' ? { ...one, available: works } : one));
      const { host } = await stage.ready('side', { shown: resultOf({ device: onWebgpu }) });
      await host.receive(tileAt(1));
      await settled();
      assert.equal(stage.openedOn.at(-1), expected);
    }
  });
});

describe('the workbench opens', () => {
  it('with the demo at once, then the models that were found, then the model of the plan', async () => {
    const stage = new Stage();
    stage.choices = [demo, { folder: '/models/tiny', label: 'tiny', family: 'llama', runs: true }];
    const { sent } = await stage.ready('full');
    assert.deepEqual(kinds(sent), ['open', 'models', 'model']);
    assert.deepEqual(last(sent, 'open').models, [demo]);
    assert.equal(last(sent, 'models').models.length, 2);
    assert.equal(last(sent, 'model').model.folder, '/models/tiny');
  });

  it('in the side bar without starting the compute server', async () => {
    const stage = new Stage();
    stage.up = false;
    const { sent } = await stage.ready('side');
    assert.deepEqual(kinds(sent), ['open', 'models']);
    assert.deepEqual(stage.opened, []);
  });

  it('in an untrusted workspace with the reason, and runs nothing', async () => {
    const stage = new Stage();
    stage.may = 'Not trusted.';
    const { host, sent } = await stage.ready('side', { shown: resultOf() });
    assert.equal(last(sent, 'open').canRun, 'Not trusted.');
    await host.receive({ kind: 'run', plan: plan() });
    await host.receive(tileAt(1));
    await host.receive(generate(2));
    await settled();
    assert.deepEqual(
      sent.filter(({ kind }) => kind === 'failed').map((one) => ('request' in one && one.request) || undefined),
      [undefined, 1, 2],
    );
    assert.deepEqual([stage.opened, stage.runs, stage.generations], [[], [], []]);
    stage.may = true;
    await host.refresh();
    assert.equal(last(sent, 'open').canRun, true);
  });

  it('with a saved file and its own plan; looking changes nothing that is kept', async () => {
    const stage = new Stage();
    const shown = resultOf({ interventions: [gain0], gains: [gain0] });
    const text = analysisText(shown);
    const { host, sent } = await stage.ready('file', { file: { name: 'mine', read: () => parseAnalysis(text) } });
    const open = last(sent, 'open');
    assert.deepEqual([open.plan.interventions, open.plan.seed], [[gain0], 3]);
    assert.deepEqual(open.result?.sections, shown.sections);
    assert.equal(open.savedAs, 'mine');
    await host.receive({ kind: 'planned', plan: plan({ seed: 9 }) });
    assert.deepEqual(stage.plans, []);
  });

  it('with a saved file, and says that its documents are others now; in an untrusted workspace they are not read', async () => {
    const stage = new Stage();
    const asked: string[] = [];
    stage.corpusOf = (file) => {
      asked.push(file);
      return Promise.resolve({ sha256: 'bb', documents: 3 });
    };
    const of = (file: string) => ({
      name: 'mine',
      read: () =>
        parseAnalysis(
          analysisText({ ...resultOf(), input: { kind: 'corpus', file }, corpus: { sha256: 'aa', documents: 2 } }),
        ),
    });
    const { host, sent } = await stage.ready('file', { file: of('/texts/mine.jsonl') });
    await settled();
    const { created, sentence } = last(sent, 'corpusNote');
    assert.equal(created, last(sent, 'open').result?.created);
    assert.match(sentence, /^mine\.jsonl has changed since this result was made: it had 2 documents, and has 3 now\./);
    stage.may = 'Trust this workspace first.';
    await host.refresh();
    stage.may = true;
    await stage.ready('file', { file: of('//server/share/mine.jsonl') });
    await settled();
    assert.deepEqual(asked, ['/texts/mine.jsonl']);
  });

  it('with the reason when the file is damaged', async () => {
    const { sent } = await new Stage().ready('file', { file: { name: 'mine', read: () => parseAnalysis('{') } });
    assert.match(last(sent, 'failed').sentence, /^mine cannot be shown\. The file is not valid JSON/);
  });

  it('with the sentence of a model that cannot run', async () => {
    const stage = new Stage();
    stage.summary = new FailureError({ code: 'model-unusable', folder: '/models/tiny', detail: 'A shard is missing.' });
    const { sent } = await stage.ready('full');
    assert.match(last(sent, 'failed').sentence, /\/models\/tiny cannot be run: A shard is missing\./);
  });

  it('with the model chosen last when the one chosen before answers late', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full');
    sent.length = 0;
    await Promise.all([
      host.receive({ kind: 'chooseModel', folder: '/slow' }),
      host.receive({ kind: 'chooseModel', folder: '/fast' }),
    ]);
    assert.deepEqual(
      sent.map((message) => message.kind === 'model' && message.model.folder),
      ['/fast'],
    );
  });
});

describe('a run of an analysis without tabs', () => {
  it('asks for what the plan says and mirrors what happens to other places', async () => {
    const stage = new Stage();
    const one = await stage.ready('side');
    const other = await stage.ready('side');
    one.sent.length = other.sent.length = 0;
    const asked = plan({ interventions: [gain0], parameters: { causal: true }, seed: 5 });
    const run = one.host.receive({ kind: 'run', plan: asked });
    await settled();
    const running = stage.runs[0];
    assert.ok(running);
    assert.deepEqual(running.asked, asked);
    running.progress({ kind: 'stage', sentence: 'Layer 1 of 2', share: 0, kept: 0 });
    running.progress(known('Half.'));
    running.answer(resultOf());
    await run;
    assert.deepEqual(kinds(one.sent), ['stage', 'partial', 'result']);
    assert.deepEqual(kinds(other.sent), ['open', 'stage', 'partial', 'result']);
    assert.deepEqual(last(other.sent, 'open').plan.interventions, [gain0]);
    assert.equal(stage.kept.length, 1);
    assert.equal(stage.run.running, false);
  });

  it('is told whole to a panel that opens in the middle, or again after it was hidden', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('side');
    void host.receive({ kind: 'run', plan: plan({ seed: 8 }) });
    await settled();
    host.hide();
    stage.runs[0]?.progress(known('Half.'));
    stage.runs[0]?.progress({ kind: 'stage', sentence: 'Layer 2 of 2', share: 0.5, kept: 1 });
    sent.length = 0;
    await host.receive({ kind: 'ready' });
    assert.deepEqual(kinds(sent).slice(0, 3), ['open', 'partial', 'stage']);
    assert.equal(last(sent, 'open').plan.seed, 8);
    assert.equal(last(sent, 'open').result, undefined);
  });

  it('that ended while the panel was hidden is there when it is shown', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('side');
    const run = host.receive({ kind: 'run', plan: plan() });
    await settled();
    host.hide();
    sent.length = 0;
    stage.runs[0]?.answer(resultOf());
    await run;
    assert.deepEqual(sent, []);
    await host.receive({ kind: 'ready' });
    assert.deepEqual(last(sent, 'open').result?.prompts[0]?.ids, [1, 2, 3]);
  });

  it('says overdue only while it runs and was to stop', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('side');
    stage.run.overdue();
    assert.equal(kinds(sent).includes('overdue'), false);
    void host.receive({ kind: 'run', plan: plan() });
    await settled();
    stage.run.overdue();
    assert.equal(kinds(sent).includes('overdue'), false);
    await host.receive({ kind: 'cancel' });
    assert.equal(stage.runs[0]?.signal.aborted, true);
    stage.run.overdue();
    assert.match(last(sent, 'overdue').sentence, /restarted/);
  });

  it('can be started again after its process was killed; what is known stays, and it goes on from the steps on disk', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('side');
    for (const [run, kept, words] of [
      [0, 1, /signal SIGKILL.*a new process starts by itself\. 1 step is kept: Run goes on from there\.$/],
      [1, 0, /by itself\.$/],
    ] as const) {
      const killed = host.receive({ kind: 'run', plan: plan() });
      await settled();
      stage.runs[run]?.progress(known('Half.'));
      stage.runs[run]?.progress({ kind: 'stage', sentence: 'Layer 2 of 2', share: 0.5, kept });
      stage.runs[run]?.fail(crashed);
      await killed;
      assert.match(last(sent, 'failed').sentence, words);
    }
    sent.length = 0;
    await host.receive({ kind: 'ready' });
    assert.deepEqual(kinds(sent).slice(0, 3), ['open', 'partial', 'failed']);
    const again = host.receive({ kind: 'run', plan: plan() });
    await settled();
    assert.deepEqual(stage.runs[2]?.asked, stage.runs[0]?.asked, 'the same request, so that the server resumes it');
    stage.runs[2]?.answer(resultOf());
    await again;
    assert.equal(last(sent, 'result').result.seed, 3);
  });

  it('whose result cannot be kept is shown, with a sentence', async () => {
    const stage = new Stage();
    stage.keepFails = true;
    const { host, sent } = await stage.ready('side');
    const run = host.receive({ kind: 'run', plan: plan() });
    await settled();
    stage.runs[0]?.answer(resultOf());
    await run;
    assert.deepEqual(kinds(sent).slice(-2), ['result', 'failed']);
    assert.match(
      last(sent, 'failed').sentence,
      /could not be kept.*Save it, or export it\. The disk of \/kept is full\.$/,
    );
  });

  it('of a file editor stays there, and replaces what the file shows', async () => {
    const stage = new Stage();
    const side = await stage.ready('side');
    const text = analysisText(resultOf());
    const file = await stage.ready('file', { file: { name: 'mine', read: () => parseAnalysis(text) } });
    const run = side.host.receive({ kind: 'run', plan: plan() });
    await settled();
    file.sent.length = 0;
    stage.runs[0]?.progress(known('Half.'));
    assert.deepEqual(file.sent, []);
    stage.runs[0]?.answer(resultOf());
    await run;
    const own = file.host.receive({ kind: 'run', plan: plan({ seed: 4 }) });
    await settled();
    stage.runs[1]?.answer(resultOf({ seed: 4 }));
    await own;
    await file.host.receive({ kind: 'ready' });
    assert.equal(last(file.sent, 'open').result?.seed, 4);
  });
});

describe('questions about the result on the screen', () => {
  const shown = resultOf();

  it('are asked of the model, the tokens and the changes that gave it', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('side', {
      shown: resultOf({ interventions: [gain0], gains: [gain0] }),
    });
    await host.receive(tileAt(7));
    await settled();
    const [tile] = stage.tiles;
    assert.ok(tile);
    assert.deepEqual(
      [tile.asked.folder, tile.asked.ids, tile.asked.interventions, tile.asked.rowStart],
      ['/models/tiny', [1, 2, 3], [gain0], 7],
    );
    tile.answer(tileOf(tile.asked));
    await settled();
    assert.equal(last(sent, 'tile').request, 7);
    await host.receive({ kind: 'row', request: 8, layer: 0, head: 1, query: 2 });
    await settled();
    assert.deepEqual([last(sent, 'row').request, [...last(sent, 'row').row]], [8, [2]]);
  });

  it('are answered newest first, one at a time', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('side', { shown });
    for (const request of [1, 2, 3]) await host.receive(tileAt(request));
    await settled();
    for (let at = 0; at < 3; at += 1) {
      assert.equal(stage.tiles.length, at + 1);
      const tile = stage.tiles[at];
      tile?.answer(tileOf(tile.asked));
      await settled();
    }
    assert.deepEqual(
      sent.flatMap((message) => (message.kind === 'tile' ? [message.request] : [])),
      [1, 3, 2],
    );
  });

  it('fail with their own number, and the next is asked all the same', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('side', { shown });
    await host.receive(tileAt(1));
    await host.receive(tileAt(2));
    await settled();
    stage.tiles[0]?.fail(new FailureError({ code: 'runtime-failed', detail: 'no' }));
    await settled();
    assert.equal(last(sent, 'failed').request, 1);
    stage.tiles[1]?.answer(tileOf(stage.tiles[1].asked));
    await settled();
    assert.equal(last(sent, 'tile').request, 2);
  });

  it('are asked once more when their process was ended, and no more than once', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('side', { shown });
    await host.receive(tileAt(1));
    await settled();
    stage.tiles[0]?.fail(crashed);
    await settled();
    stage.tiles[1]?.answer(tileOf(stage.tiles[1].asked));
    await settled();
    assert.equal(last(sent, 'tile').request, 1);
    await host.receive(tileAt(2));
    await settled();
    stage.tiles[2]?.fail(crashed);
    await settled();
    stage.tiles[3]?.fail(crashed);
    await settled();
    assert.equal(last(sent, 'failed').request, 2);
    assert.equal(stage.tiles.length, 4);
  });

  it('are refused when the folder holds another model by now', async () => {
    const stage = new Stage();
    stage.summary = modelSummary({ hash: 'other' });
    const { host, sent } = await stage.ready('side', { shown });
    await host.receive(tileAt(1));
    await settled();
    assert.match(last(sent, 'failed').sentence, /not those that gave this result.*Run the analysis again/);
    assert.equal(stage.tiles.length, 0);
  });

  it('need a result', async () => {
    const { host, sent } = await new Stage().ready('full');
    await host.receive(tileAt(1));
    await settled();
    assert.match(last(sent, 'failed').sentence, /^There is no result to look into\. Run/);
  });

  it('of the next token compare the plain model with the changed one', async () => {
    const { host, sent } = await new Stage().ready('side', { shown });
    await host.receive({ kind: 'nextTokens', request: 1, interventions: [gain0] });
    await settled();
    assert.deepEqual(
      last(sent, 'nextTokens').distributions.map(({ interventions }) => interventions),
      [[], [gain0]],
    );
    await host.receive({ kind: 'nextTokens', request: 2, interventions: [] });
    await settled();
    assert.equal(last(sent, 'nextTokens').distributions.length, 1);
  });

  it('go no further than the newest where only the newest counts', async () => {
    const answered: number[] = [];
    const questions = new NewestFirst(1);
    let release: () => void = () => undefined;
    questions.ask(() => new Promise((resolve) => (release = resolve)));
    for (const at of [1, 2, 3]) {
      questions.ask(() => {
        answered.push(at);
        return Promise.resolve();
      });
    }
    release();
    await settled();
    assert.deepEqual(answered, [3]);
  });

  it('tokenise what is typed', async () => {
    const { host, sent } = await new Stage().ready('full');
    await host.receive({ kind: 'tokenise', request: 4, folder: '/models/tiny', prompt: { kind: 'text', text: 'x' } });
    await settled();
    assert.deepEqual(last(sent, 'tokenised').tokenised.tokens, ['x']);
    assert.equal(last(sent, 'tokenised').request, 4);
  });
});

describe('a continuation', () => {
  const shown = resultOf();
  const answer = (text: string): GenerateReply => ({
    promptIds: [1],
    ids: [2],
    text,
    logitsLast: new Float32Array(0),
    top: [],
    parity: headsResult().parity,
    cache: { bytes: 0, bytesFull: 0, allocated: 0, maskedLayers: 0 },
  });
  const said = (sent: readonly ToWorkbench[]) =>
    sent.flatMap((message) =>
      message.kind === 'token' || message.kind === 'generated'
        ? [`${message.kind} ${message.request} ${message.variant ? 'changed' : 'plain'} ${message.text}`]
        : [],
    );

  it('of the plain model comes first, then the one of the changed model, token by token', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('side', { shown });
    const done = host.receive(generate(5, [gain0]));
    await settled();
    const [plain] = stage.generations;
    assert.ok(plain);
    assert.deepEqual([plain.asked.prompt, plain.asked.interventions], [{ kind: 'ids', ids: [1, 2, 3] }, []]);
    plain.token({ kind: 'token', index: 0, id: 9, text: 'M', probability: 0.5 });
    plain.answer(answer('Mary'));
    await settled();
    const changed = stage.generations[1];
    assert.deepEqual(changed?.asked.interventions, [gain0]);
    changed?.token({ kind: 'token', index: 0, id: 9, text: 'J', probability: 0.5 });
    changed?.answer(answer('John'));
    await done;
    assert.deepEqual(said(sent), [
      'token 5 plain M',
      'generated 5 plain Mary',
      'token 5 changed J',
      'generated 5 changed John',
    ]);
  });

  it('of the changed model comes alone where the panel has the other', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('side', { shown });
    const done = host.receive({ ...generate(6, [gain0]), changedOnly: true });
    await settled();
    const [changed] = stage.generations;
    assert.deepEqual(changed?.asked.interventions, [gain0]);
    changed?.answer(answer('Sue'));
    await done;
    assert.deepEqual(said(sent), ['generated 6 changed Sue']);
  });

  it('needs a prompt that was read', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full');
    await host.receive(generate(1));
    assert.deepEqual([last(sent, 'failed').request, stage.generations.length], [1, 0]);
    assert.match(last(sent, 'failed').sentence, /^There is no result to look into\./);
  });

  it('gives way to a newer one without a word', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('side', { shown });
    const first = host.receive(generate(1));
    await settled();
    const second = host.receive(generate(2));
    assert.equal(stage.generations[0]?.signal.aborted, true);
    stage.generations[0].fail(new FailureError({ code: 'cancelled' }));
    await first;
    await settled();
    stage.generations[1]?.answer(answer('new'));
    await second;
    assert.deepEqual(said(sent), ['generated 2 plain new']);
    assert.equal(kinds(sent).includes('failed'), false);
  });

  it('that is stopped keeps its text and does not go on to the changed model; so does one whose page is gone', async () => {
    for (const leave of [true, false]) {
      const stage = new Stage();
      const { host, sent } = await stage.ready('side', { shown });
      const done = host.receive(generate(1, [gain0]));
      await settled();
      if (leave) host.hide();
      else await host.receive({ kind: 'stopGenerating' });
      assert.equal(stage.generations[0]?.signal.aborted, true);
      stage.generations[0].answer(answer('half'));
      await done;
      assert.equal(stage.generations.length, 1);
      if (leave) continue;
      assert.deepEqual(said(sent), ['generated 1 plain half']);
      assert.equal(kinds(sent).includes('failed'), false, 'the person has stopped it');
    }
  });

  it('is said to be overdue while it does not stop', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('side', { shown });
    host.overdue('generate');
    assert.equal(kinds(sent).includes('overdue'), false);
    void host.receive(generate(1));
    await settled();
    host.overdue('generate');
    assert.equal(kinds(sent).includes('overdue'), true);
  });
});

describe('another analysis of the prompt on the screen', () => {
  it('explains a weight of a head, or removes each head, under the changes of the result', async () => {
    const stage = new Stage();
    const shown = resultOf({ interventions: [gain0], gains: [gain0] });
    const { host } = await stage.ready('side', { shown });
    await host.receive({ kind: 'explainWeight', layer: 1, head: 0, query: 2, key: 1 });
    await host.receive({ kind: 'removeHeads' });
    const { input, seed, model } = shown;
    const common = { folder: model.folder, input, interventions: [gain0], seed };
    assert.deepEqual(stage.explained, [
      { analysis: 'attention-attribution', parameters: { layer: 1, head: 0, query: 2, key: 1 }, ...common },
      { analysis: 'ablation', parameters: {}, ...common },
    ]);
  });
});

describe('what a person keeps', () => {
  it('is saved in one place, and the others say where too, now and when they open later', async () => {
    const stage = new Stage();
    const one = await stage.ready('side');
    const other = await stage.ready('side');
    const run = one.host.receive({ kind: 'run', plan: plan() });
    await settled();
    stage.runs[0]?.answer(resultOf());
    await run;
    assert.equal(last(other.sent, 'result').savedAs, undefined);
    await one.host.receive({ kind: 'save' });
    assert.equal(stage.saved.length, 1);
    assert.equal(last(one.sent, 'result').savedAs, '.headscope/tiny');
    assert.equal(last(other.sent, 'result').savedAs, '.headscope/tiny');
    const late = await stage.ready('side');
    assert.equal(last(late.sent, 'open').savedAs, '.headscope/tiny');
  });

  it('is shown again with a sentence where its model is gone, until another is run', async () => {
    const stage = new Stage();
    const onlyShown = 'tiny is no longer in /models/tiny, so nothing more can be asked of it.';
    const { host, sent } = await stage.ready('side', { shown: resultOf(), onlyShown });
    const notices = () => sent.flatMap((message) => (message.kind === 'notice' ? [message.sentence] : []));
    assert.deepEqual(notices(), [onlyShown]);
    assert.deepEqual(last(sent, 'open').result, resultOf());
    const run = host.receive({ kind: 'run', plan: plan() });
    await settled();
    stage.runs[0]?.answer(resultOf());
    await run;
    await host.receive({ kind: 'ready' });
    assert.deepEqual(notices(), [onlyShown]);
  });

  it('is saved from an older file with a sentence that says what is different in the copy', async () => {
    const stage = new Stage();
    const changeWhenSaved = () => 'The copy is written without remark.';
    const file = { name: 'old', read: () => ({ ok: true as const, result: resultOf() }), changeWhenSaved };
    const { host, sent } = await stage.ready('file', { file });
    await host.receive({ kind: 'save' });
    assert.equal(last(sent, 'notice').sentence, changeWhenSaved());
    assert.equal(last(sent, 'result').savedAs, '.headscope/tiny');
  });

  it('of a file of an earlier version is not saved yet: the panel says so, and a copy is saved as a result of today', async () => {
    const stage = new Stage();
    const file = {
      name: 'old',
      read: () => ({ ok: true as const, result: resultOf() }),
      earlier: 'This file was written by an earlier version of Headscope.',
      changeWhenSaved: () => 'The copy is a result of an analysis.',
    };
    const { host, sent } = await stage.ready('file', { file });
    assert.equal(last(sent, 'open').savedAs, undefined);
    assert.equal(last(sent, 'notice').sentence, file.earlier);
    await host.receive({ kind: 'save' });
    assert.equal(last(sent, 'notice').sentence, file.changeWhenSaved());
    assert.equal(last(sent, 'result').savedAs, '.headscope/tiny');
  });

  it('is refused with a sentence when there is nothing', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('side');
    await host.receive({ kind: 'save' });
    await host.receive({ kind: 'saveLabels' });
    await host.receive({ kind: 'saveIntervention', interventions: [{ kind: 'gain', layer: 0, head: 0, gain: 1 }] });
    // In the panel, where it stays; nothing failed, so no message of VS Code comes beside it.
    assert.deepEqual(stage.reports, []);
    assert.deepEqual(
      sent.flatMap((message) => (message.kind === 'notice' ? [message.sentence] : [])),
      [
        'There is no result to save yet. Run an analysis first.',
        'There is no result whose labels could be saved yet. Run an analysis first.',
        'Nothing is changed, so there is no intervention to save. Change the gain of a head first.',
      ],
    );
    const { labels, ...others } = { labels: stage.labels, shown: resultOf() };
    const without = { ...others.shown, result: {} };
    const bare = await stage.ready('side', { shown: without });
    await bare.host.receive({ kind: 'saveLabels' });
    assert.match(last(bare.sent, 'notice').sentence, /^This result holds no labels of heads\./);
    const whole = await new Stage().ready('side', { shown: others.shown });
    await whole.host.receive({ kind: 'saveLabels' });
    assert.deepEqual([labels, kinds(whole.sent).includes('notice')], [[], false]);
  });

  it('of labels is what the result measured', async () => {
    const stage = new Stage();
    const { host } = await stage.ready('side', { shown: resultOf() });
    await host.receive({ kind: 'saveLabels' });
    assert.deepEqual(
      stage.labels.map(({ classes, ids }) => ({ classes, ids })),
      [{ classes: headsResult().classes, ids: headsResult().ids }],
    );
  });

  it('of changed heads can be loaded again, bounded by the model', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('side', { shown: resultOf() });
    await host.receive({
      kind: 'saveIntervention',
      interventions: [gain0, { kind: 'gain', layer: 0, head: 0, gain: 1 }],
    });
    assert.deepEqual(stage.interventions, [[gain0]]);
    stage.loaded = [gain0];
    await host.receive({ kind: 'loadIntervention' });
    assert.equal(stage.boundedBy?.hash, 'abc');
    assert.deepEqual(last(sent, 'open').plan.interventions, [gain0]);
    assert.equal(last(sent, 'open').replaces, true, 'also when the form had these gains a moment ago');
    await host.receive({ kind: 'ready' });
    assert.equal(last(sent, 'open').replaces, undefined, 'a reload keeps what was typed since');
    assert.deepEqual(stage.plans.at(-1)?.interventions, [gain0]);
  });

  it('takes a cache plan as one intervention, in place of an earlier one and beside the others', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('side', { shown: resultOf() });
    const model = { name: 'tiny', hash: 'abc', headDim: 8, heads: 4 };
    const cachePlan = newPlan({ title: 'p', model, layers: 1, kvHeads: 2, created: '2026', headscope: '0.1.0' });
    const keep = { kind: 'recent', sinks: 1, recent: 4 } as const;
    stage.loaded = [gain0];
    await host.receive({ kind: 'loadIntervention' });
    stage.chosenPlan = cachePlan;
    await host.receive({ kind: 'applyPlan' });
    stage.chosenPlan = { ...cachePlan, heads: [[keep]] };
    await host.receive({ kind: 'applyPlan' });
    assert.equal(stage.boundedBy?.hash, 'abc');
    const rules = [{ heads: [{ layer: 0, head: 0 }], keep }];
    assert.deepEqual(last(sent, 'open').plan.interventions, [gain0, { kind: 'plan', rules }]);
  });

  it('takes the file of a vector as one intervention beside the others, and none where no file was chosen', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('side', { shown: resultOf() });
    stage.loaded = [gain0];
    await host.receive({ kind: 'loadIntervention' });
    await host.receive({ kind: 'chooseVector' });
    assert.deepEqual(last(sent, 'open').plan.interventions, [gain0]);
    const source = { from: 'file', path: '/vectors/joy.gguf' } as const;
    stage.vector = { kind: 'add', layers: ['all'], source, strength: 0.5 };
    await host.receive({ kind: 'chooseVector' });
    assert.deepEqual(last(sent, 'open').plan.interventions, [gain0, stage.vector]);
    assert.equal(last(sent, 'open').replaces, true);
  });

  it('is compared with another result until the panel closes', async () => {
    const stage = new Stage();
    stage.other = { name: 'before', result: resultOf({ seed: 1 }) };
    const { host, sent } = await stage.ready('side', { shown: resultOf() });
    await host.receive({ kind: 'compare' });
    await host.receive({ kind: 'ready' });
    assert.equal(last(sent, 'open').compareWith?.name, 'before');
    await host.receive({ kind: 'stopComparing' });
    host.hide();
    await host.receive({ kind: 'ready' });
    assert.equal(last(sent, 'open').compareWith, undefined);
    assert.deepEqual(
      kinds(sent).filter((kind) => kind === 'notice' || kind === 'failed'),
      [],
    );
  });

  it('of a model chosen by its folder begins with no head changed', async () => {
    const stage = new Stage();
    stage.stored = plan({ interventions: [gain0] });
    const { host, sent } = await stage.ready('full');
    await host.receive({ kind: 'browseModel' });
    assert.deepEqual(last(sent, 'open').plan, plan({ folder: '/models/other', interventions: [] }));
    assert.equal(last(sent, 'model').model.folder, '/models/other');
  });

  it('puts an adapter on its model: opened with it, run with it, and gone with another model', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full');
    await host.receive({ kind: 'browseAdapter' });
    const { folder } = plan();
    assert.deepEqual(last(sent, 'open').plan, plan({ adapter: '/models/mine' }));
    assert.equal(last(sent, 'model').model.adapter, '/models/mine');
    assert.equal(stage.opened.at(-1), `${folder} with /models/mine`);
    void host.receive({ kind: 'run', plan: plan({ adapter: '/models/mine' }) });
    await settled();
    assert.equal(stage.runs.at(-1)?.asked.adapter, '/models/mine');
    await host.receive({ kind: 'browseModel' });
    assert.deepEqual(last(sent, 'open').plan, plan({ folder: '/models/other', interventions: [] }));
    assert.equal(stage.opened.at(-1), '/models/other');
  });

  it('opens the page that explains it', async () => {
    const stage = new Stage();
    const { host } = await stage.ready('full');
    await host.receive({ kind: 'showPage', page: 'analyses/labels' });
    assert.deepEqual(stage.pages, ['analyses/labels']);
  });
});
