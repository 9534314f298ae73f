import { testedDevices } from '../../support/device/panel-devices';
import assert from 'node:assert/strict';
import { demoSetup, setupOfResult, setupToStore, storedSetup } from '../../../extension/panels/heads/default-setup';
import { NewestFirst } from '../../../extension/panels/newest-first';
import { headsText, parseHeads } from '../../../extension/results/heads-file';
import type { GenerateReply } from '../../../protocol/compute/models';
import type { ToHeadsPanel } from '../../../protocol/panels/heads';
import { newPlan } from '../../../protocol/plans/edit';
import { FailureError } from '../../../protocol/wire/failures';
import { headsResult, modelSummary, thumbnails } from './samples';

import {
  demo,
  plan,
  reply,
  layerMessage,
  tileOf,
  tileAt,
  generate,
  gain0,
  settled,
  Stage,
  kinds,
  last,
  crashed,
} from './heads-stage';

describe('the device of the heads panel', () => {
  const onWebgpu = { ...headsResult().device, id: 'webgpu' };

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
    for (const [works, expected] of [
      [true, 'webgpu'],
      [false, undefined],
    ] as const) {
      const stage = new Stage();
      stage.devices.found = testedDevices.map((one) => (one.id === 'webgpu' ? { ...one, available: works } : one));
      const { host } = await stage.ready('full', { shown: { result: headsResult({ device: onWebgpu }) } });
      await host.receive(tileAt(1));
      await settled();
      assert.equal(stage.openedOn.at(-1), expected);
    }
  });
});

describe('the heads panel opens', () => {
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
    const { host, sent } = await stage.ready('full');
    assert.equal(last(sent, 'open').canRun, 'Not trusted.');
    await host.receive({ kind: 'run', plan: plan() });
    await host.receive(tileAt(1));
    await host.receive(generate(2));
    await settled();
    assert.deepEqual(
      sent.filter(({ kind }) => kind === 'failed').map((one) => 'request' in one && one.request),
      [undefined, 1, 2].map((request) => request ?? false),
    );
    assert.deepEqual([stage.opened, stage.runs, stage.generations], [[], [], []]);
    stage.may = true;
    await host.refresh();
    assert.equal(last(sent, 'open').canRun, true);
  });

  it('with a saved file, its own plan and its pictures; looking changes nothing that is kept', async () => {
    const stage = new Stage();
    const text = headsText({
      result: headsResult({ interventions: [gain0], gains: [gain0] }),
      thumbnails: thumbnails(),
    });
    const { host, sent } = await stage.ready('file', { file: { name: 'mine', read: () => parseHeads(text) } });
    const open = last(sent, 'open');
    assert.deepEqual(open.plan, plan({ interventions: [gain0], seed: 3 }));
    assert.deepEqual(open.thumbnails, thumbnails());
    assert.equal(open.savedAs, 'mine');
    await host.receive({ kind: 'planned', plan: plan({ seed: 9 }) });
    assert.deepEqual(stage.plans, []);
  });

  it('with the reason when the file is damaged', async () => {
    const { sent } = await new Stage().ready('file', { file: { name: 'mine', read: () => parseHeads('{') } });
    assert.match(last(sent, 'failed').sentence, /^mine cannot be shown\. The file is not valid JSON/);
  });

  it('at the head that a link names, once', async () => {
    const { host, sent } = await new Stage().ready('full', { select: { layer: 1, head: 0 } });
    assert.deepEqual(last(sent, 'open').select, { layer: 1, head: 0 });
    await host.receive({ kind: 'ready' });
    assert.equal(last(sent, 'open').select, undefined);
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

describe('a run of heads', () => {
  it('asks for what the plan says and mirrors what happens to both panels', async () => {
    const stage = new Stage();
    const full = await stage.ready('full');
    const side = await stage.ready('side');
    full.sent.length = side.sent.length = 0;
    const run = full.host.receive({ kind: 'run', plan: plan({ interventions: [gain0], causal: true, seed: 5 }) });
    await settled();
    const running = stage.runs[0];
    assert.ok(running);
    assert.deepEqual(running.asked, {
      folder: '/models/tiny',
      prompt: { kind: 'text', text: 'a b c' },
      interventions: [gain0],
      classify: true,
      causal: true,
      thumbnails: true,
      seed: 5,
    });
    running.progress({ kind: 'stage', sentence: 'Layer 1 of 2', share: 0 });
    running.progress(layerMessage(0));
    running.answer(reply());
    await run;
    assert.deepEqual(kinds(full.sent), ['stage', 'layer', 'result']);
    assert.deepEqual(kinds(side.sent), ['open', 'stage', 'layer', 'result']);
    assert.deepEqual(last(side.sent, 'open').plan.interventions, [gain0]);
    assert.deepEqual(last(side.sent, 'result').thumbnails, thumbnails());
    assert.equal(stage.kept.length, 1);
    assert.equal(stage.run.running, false);
  });

  it('is told whole to a panel that opens in the middle, or again after it was hidden', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full');
    void host.receive({ kind: 'run', plan: plan({ seed: 8 }) });
    await settled();
    host.hide();
    stage.runs[0]?.progress(layerMessage(0));
    stage.runs[0]?.progress({ kind: 'stage', sentence: 'Layer 2 of 2', share: 0.5 });
    sent.length = 0;
    await host.receive({ kind: 'ready' });
    assert.deepEqual(kinds(sent).slice(0, 3), ['open', 'layer', 'stage']);
    assert.equal(last(sent, 'open').plan.seed, 8);
    assert.equal(last(sent, 'open').result, undefined);
  });

  it('that ended while the panel was hidden is there when it is shown', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full');
    const run = host.receive({ kind: 'run', plan: plan() });
    await settled();
    host.hide();
    sent.length = 0;
    stage.runs[0]?.answer(reply());
    await run;
    assert.deepEqual(sent, []);
    await host.receive({ kind: 'ready' });
    assert.deepEqual(last(sent, 'open').result?.ids, [1, 2, 3]);
    assert.deepEqual(last(sent, 'open').thumbnails, thumbnails());
  });

  it('is cancelled by the panel, and by the next run', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full');
    const first = host.receive({ kind: 'run', plan: plan() });
    await settled();
    await host.receive({ kind: 'cancel' });
    assert.equal(stage.runs[0]?.signal.aborted, true);
    stage.runs[0].fail(new FailureError({ code: 'cancelled' }));
    await first;
    assert.match(last(sent, 'failed').sentence, /^Cancelled\./);

    const second = host.receive({ kind: 'run', plan: plan({ seed: 2 }) });
    await settled();
    const third = host.receive({ kind: 'run', plan: plan({ seed: 3 }) });
    assert.equal(stage.runs[1]?.signal.aborted, true);
    assert.equal(stage.runs.length, 2, 'the next run waits until the one before has ended');
    stage.runs[1].fail(new FailureError({ code: 'cancelled' }));
    await second;
    await settled();
    assert.equal(stage.runs[2]?.asked.seed, 3);
    assert.equal(stage.run.running, true);
    stage.runs[2].answer(reply());
    await third;
    assert.equal(stage.run.running, false);
  });

  it('says overdue only while it runs', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full');
    stage.run.overdue();
    assert.equal(kinds(sent).includes('overdue'), false);
    void host.receive({ kind: 'run', plan: plan() });
    await settled();
    stage.run.overdue();
    assert.match(last(sent, 'overdue').sentence, /restarted/);
  });

  it('can be started again after its process was killed; the layers shown stay', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full');
    const first = host.receive({ kind: 'run', plan: plan() });
    await settled();
    stage.runs[0]?.progress(layerMessage(0));
    stage.runs[0]?.progress({ kind: 'stage', sentence: 'Layer 2 of 2', share: 0.5, keptLayers: 1 });
    stage.runs[0]?.fail(crashed);
    await first;
    const { sentence } = last(sent, 'failed');
    assert.match(
      sentence,
      /signal SIGKILL.*Run it again; a new process starts by itself\. 1 layer is shown: Run goes on from there\.$/,
    );

    sent.length = 0;
    await host.receive({ kind: 'ready' });
    assert.deepEqual(kinds(sent).slice(0, 3), ['open', 'layer', 'failed']);

    const second = host.receive({ kind: 'run', plan: plan() });
    await settled();
    assert.deepEqual(stage.runs[1]?.asked, stage.runs[0]?.asked, 'the same request, so that the server resumes it');
    stage.runs[1]?.answer(reply());
    await second;
    assert.equal(last(sent, 'result').result.layers, 2);
  });

  it('promises after a kill to go on from the layers that are on disk, and from no others', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full');
    for (const [run, keptLayers, words] of [
      [0, undefined, /by itself\. 2 layers are shown\.$/],
      [1, 1, /by itself\. 2 layers are shown, 1 is kept: Run goes on from there\.$/],
      [2, 0, /by itself\. 2 layers are shown\.$/],
    ] as const) {
      const killed = host.receive({ kind: 'run', plan: plan() });
      await settled();
      stage.runs[run]?.progress(layerMessage(0));
      const kept = keptLayers === undefined ? {} : { keptLayers };
      stage.runs[run]?.progress({ kind: 'stage', sentence: 'Layer 2 of 2', share: 0.5, ...kept });
      stage.runs[run]?.progress(layerMessage(1));
      stage.runs[run]?.fail(crashed);
      await killed;
      assert.match(last(sent, 'failed').sentence, words);
    }
  });

  it('whose result cannot be kept is shown, with a sentence', async () => {
    const stage = new Stage();
    stage.keepFails = true;
    const { host, sent } = await stage.ready('full');
    const run = host.receive({ kind: 'run', plan: plan() });
    await settled();
    stage.runs[0]?.answer(reply());
    await run;
    assert.deepEqual(kinds(sent).slice(-2), ['result', 'failed']);
    assert.match(
      last(sent, 'failed').sentence,
      /could not be kept.*Save it, or export it\. The disk of \/kept is full\.$/,
    );
  });

  it('of a file editor stays there, and replaces what the file shows', async () => {
    const stage = new Stage();
    const full = await stage.ready('full');
    const text = headsText({ result: headsResult() });
    const file = await stage.ready('file', { file: { name: 'mine', read: () => parseHeads(text) } });
    const run = full.host.receive({ kind: 'run', plan: plan() });
    await settled();
    file.sent.length = 0;
    stage.runs[0]?.progress(layerMessage(0));
    assert.deepEqual(file.sent, []);
    stage.runs[0]?.answer(reply());
    await run;
    const own = file.host.receive({ kind: 'run', plan: plan({ seed: 4 }) });
    await settled();
    stage.runs[1]?.answer({ result: headsResult({ seed: 4 }) });
    await own;
    await file.host.receive({ kind: 'ready' });
    assert.equal(last(file.sent, 'open').result?.seed, 4);
  });
});

describe('questions about the result on the screen', () => {
  const shown = reply();

  it('are asked of the model, the tokens and the gains that gave it', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full', {
      shown: { result: headsResult({ interventions: [gain0], gains: [gain0] }) },
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
    const { host, sent } = await stage.ready('full', { shown });
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
    const { host, sent } = await stage.ready('full', { shown });
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
    const { host, sent } = await stage.ready('full', { shown });
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
    const { host, sent } = await stage.ready('full', { shown });
    await host.receive(tileAt(1));
    await settled();
    assert.match(last(sent, 'failed').sentence, /not those that gave this result.*Run the prompt again/);
    assert.equal(stage.tiles.length, 0);
  });

  it('need a result', async () => {
    const { host, sent } = await new Stage().ready('full');
    await host.receive(tileAt(1));
    await settled();
    assert.match(last(sent, 'failed').sentence, /^There is no result to look into yet\. Run/);
  });

  it('of the next token compare the plain model with the changed one', async () => {
    const { host, sent } = await new Stage().ready('full', { shown });
    const neutral = { kind: 'gain', layer: 0, head: 0, gain: 1 } as const;
    await host.receive({ kind: 'nextTokens', request: 1, interventions: [gain0, neutral] });
    await settled();
    assert.deepEqual(
      last(sent, 'nextTokens').distributions.map(({ interventions }) => interventions),
      [[], [gain0]],
    );
    await host.receive({ kind: 'nextTokens', request: 2, interventions: [neutral] });
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
  const shown = reply();
  const answer = (text: string): GenerateReply => ({
    promptIds: [1],
    ids: [2],
    text,
    logitsLast: new Float32Array(0),
    top: [],
    parity: shown.result.parity,
    cache: { bytes: 0, bytesFull: 0, allocated: 0, maskedLayers: 0 },
  });
  const said = (sent: readonly ToHeadsPanel[]) =>
    sent.flatMap((message) =>
      message.kind === 'token' || message.kind === 'generated'
        ? [`${message.kind} ${message.request} ${message.variant ? 'changed' : 'plain'} ${message.text}`]
        : [],
    );

  it('of the plain model comes first, then the one of the changed model, token by token', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full', { shown });
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
    const { host, sent } = await stage.ready('full', { shown });
    const done = host.receive({ ...generate(6, [gain0]), changedOnly: true });
    await settled();
    const [changed] = stage.generations;
    assert.deepEqual(changed?.asked.interventions, [gain0]);
    changed?.answer(answer('Sue'));
    await done;
    assert.deepEqual(said(sent), ['generated 6 changed Sue']);
  });

  it('of a prompt that was not run yet is that of the plan', async () => {
    const stage = new Stage();
    const { host } = await stage.ready('full');
    void host.receive(generate(1));
    await settled();
    assert.deepEqual(stage.generations[0]?.asked.prompt, { kind: 'text', text: 'a b c' });
  });

  it('gives way to a newer one without a word', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full', { shown });
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

  it('that is cancelled keeps its text and does not go on to the changed model', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full', { shown });
    const done = host.receive(generate(1, [gain0]));
    await settled();
    await host.receive({ kind: 'cancel' });
    stage.generations[0]?.answer(answer('half'));
    await done;
    assert.deepEqual(said(sent), ['generated 1 plain half']);
    assert.equal(last(sent, 'failed').request, 1);
    assert.equal(stage.generations.length, 1);
  });

  it('is said to be overdue while it does not stop', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full', { shown });
    host.overdue('generate');
    assert.equal(kinds(sent).includes('overdue'), false);
    void host.receive(generate(1));
    await settled();
    host.overdue('generate');
    assert.equal(kinds(sent).includes('overdue'), true);
  });
});

describe('a weight of a head', () => {
  it('is explained by an analysis of the tokens that are shown, under their interventions', async () => {
    const stage = new Stage();
    const result = headsResult({ interventions: [gain0] });
    const { host } = await stage.ready('full', { shown: { ...reply(), result } });
    await host.receive({ kind: 'explainWeight', layer: 1, head: 0, query: 2, key: 1 });
    assert.deepEqual(stage.explained, [
      {
        analysis: 'attention-attribution',
        folder: result.model.folder,
        input: { kind: 'prompt', prompt: { kind: 'ids', ids: result.ids } },
        parameters: { layer: 1, head: 0, query: 2, key: 1 },
        interventions: [gain0],
        seed: result.seed,
      },
    ]);
  });

  it('of a prompt with a picture is not, and the panel says why', async () => {
    const stage = new Stage();
    const image = { name: 'dog.png', path: '/dog.png' } as NonNullable<ReturnType<typeof headsResult>['image']>;
    const { host, sent } = await stage.ready('full', { shown: { ...reply(), result: headsResult({ image }) } });
    await host.receive({ kind: 'explainWeight', layer: 1, head: 0, query: 2, key: 1 });
    assert.deepEqual(stage.explained, []);
    assert.match(JSON.stringify(sent.at(-1)), /has a picture, and a weight is explained here on text/);
  });
});

describe('the effect of removing each head', () => {
  const shown = { ...reply(), result: headsResult({ interventions: [gain0] }) };
  const measure = (request: number) => ({ kind: 'measureEffects', request }) as const;
  it('is stopped without a word, gives way to a newer one, and says why it fails', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full', { shown });
    const first = host.receive(measure(1));
    await settled();
    await host.receive({ kind: 'cancel' });
    assert.equal(stage.analyses[0]?.signal.aborted, true);
    stage.analyses[0].fail(new FailureError({ code: 'cancelled' }));
    await first;
    assert.equal(kinds(sent).includes('failed'), false);
    void host.receive(measure(2));
    await settled();
    const third = host.receive(measure(3));
    assert.equal(stage.analyses[1]?.signal.aborted, true);
    await settled();
    host.overdue('analysis');
    assert.match(last(sent, 'overdue').sentence, /^The measurement of effects does not stop by itself/);
    stage.analyses[2]?.fail(new FailureError({ code: 'unsupported', detail: 'It predicts no next token.' }));
    await third;
    assert.deepEqual(
      [last(sent, 'failed').request, /predicts no next token/.test(last(sent, 'failed').sentence)],
      [3, true],
    );
  });
});

describe('what a person keeps', () => {
  it('is saved in one panel, and the others say where too, now and when they open later', async () => {
    const stage = new Stage();
    const full = await stage.ready('full');
    const side = await stage.ready('side');
    const run = full.host.receive({ kind: 'run', plan: plan() });
    await settled();
    stage.runs[0]?.answer(reply());
    await run;
    assert.equal(last(side.sent, 'result').savedAs, undefined);
    await full.host.receive({ kind: 'save' });
    assert.equal(last(full.sent, 'result').savedAs, '.headscope/tiny');
    assert.equal(last(side.sent, 'result').savedAs, '.headscope/tiny');
    const late = await stage.ready('side');
    assert.equal(last(late.sent, 'open').savedAs, '.headscope/tiny');
  });

  it('is saved where the results are, and the panel is told where', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full', { shown: reply() });
    await host.receive({ kind: 'save' });
    assert.equal(stage.saved.length, 1);
    assert.equal(last(sent, 'result').savedAs, '.headscope/tiny');
  });

  it('is shown again with a sentence where its model is gone, until another is run', async () => {
    const stage = new Stage();
    const onlyShown = 'tiny is no longer in /models/tiny, so nothing more can be asked of it.';
    const { host, sent } = await stage.ready('full', { shown: reply(), onlyShown });
    const notices = () => sent.flatMap((message) => (message.kind === 'notice' ? [message.sentence] : []));
    assert.deepEqual(notices(), [onlyShown]);
    assert.deepEqual(last(sent, 'open').result, reply().result);
    const run = host.receive({ kind: 'run', plan: plan() });
    await settled();
    stage.runs[0]?.answer(reply());
    await run;
    await host.receive({ kind: 'ready' });
    assert.deepEqual(notices(), [onlyShown]);
  });

  it('is saved from an older file with a sentence that says what is different in the copy', async () => {
    const stage = new Stage();
    const changeWhenSaved = () => 'The copy is written without remark.';
    const file = { name: 'old', read: () => ({ ok: true as const, result: reply() }), changeWhenSaved };
    const { host, sent } = await stage.ready('file', { file });
    await host.receive({ kind: 'save' });
    assert.equal(last(sent, 'notice').sentence, changeWhenSaved());
    assert.equal(last(sent, 'result').savedAs, '.headscope/tiny');
  });

  it('is refused with a sentence when there is nothing', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full');
    await host.receive({ kind: 'save' });
    await host.receive({ kind: 'saveLabels' });
    await host.receive({ kind: 'saveIntervention', interventions: [{ kind: 'gain', layer: 0, head: 0, gain: 1 }] });
    // In the panel, where it stays; nothing failed, so no message of VS Code comes beside it.
    assert.deepEqual(stage.reports, []);
    assert.deepEqual(
      sent.flatMap((message) => (message.kind === 'notice' ? [message.sentence] : [])),
      [
        'There is no result to save yet. Run the model on a prompt first.',
        'There is no result whose labels could be saved yet. Run the model on a prompt first.',
        'Nothing is changed, so there is no intervention to save. Change the gain of a head first.',
      ],
    );
  });

  it('of changed heads can be loaded again, bounded by the model', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full', { shown: reply() });
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
    const { host, sent } = await stage.ready('full', { shown: reply() });
    const model = { name: 'tiny', hash: 'abc', headDim: 8, heads: 4 };
    const plan = newPlan({ title: 'p', model, layers: 1, kvHeads: 2, created: '2026', headscope: '0.1.0' });
    const keep = { kind: 'recent', sinks: 1, recent: 4 } as const;
    stage.loaded = [gain0];
    await host.receive({ kind: 'loadIntervention' });
    stage.chosenPlan = plan;
    await host.receive({ kind: 'applyPlan' });
    stage.chosenPlan = { ...plan, heads: [[keep]] };
    await host.receive({ kind: 'applyPlan' });
    assert.equal(stage.boundedBy?.hash, 'abc');
    const rules = [{ heads: [{ layer: 0, head: 0 }], keep }];
    assert.deepEqual(last(sent, 'open').plan.interventions, [gain0, { kind: 'plan', rules }]);
  });

  it('takes the file of a vector as one intervention beside the others, and none where no file was chosen', async () => {
    const stage = new Stage();
    const { host, sent } = await stage.ready('full', { shown: reply() });
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
    stage.other = { name: 'before', result: headsResult({ seed: 1 }) };
    const { host, sent } = await stage.ready('full', { shown: reply() });
    await host.receive({ kind: 'compare' });
    await host.receive({ kind: 'ready' });
    assert.equal(last(sent, 'open').compareWith?.name, 'before');
  });

  it('is compared no more, also after the panel was hidden, when the person stops comparing', async () => {
    const stage = new Stage();
    stage.other = { name: 'before', result: headsResult({ seed: 1 }) };
    const { host, sent } = await stage.ready('full', { shown: reply() });
    await host.receive({ kind: 'compare' });
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

  it('opens the page that explains it', async () => {
    const stage = new Stage();
    const { host } = await stage.ready('full');
    await host.receive({ kind: 'showPage', page: 'analyses/labels' });
    assert.deepEqual(stage.pages, ['analyses/labels']);
  });
});

describe('the plan of heads', () => {
  it('is the demo at first, and finds the demo again after an update moved it', () => {
    const stored = setupToStore(demoSetup('/old/demo-lm'), '/old/demo-lm');
    assert.deepEqual(storedSetup(JSON.parse(JSON.stringify(stored)), '/new/demo-lm'), demoSetup('/new/demo-lm'));
  });

  it('is taken from storage only when it is whole', () => {
    const whole = plan({ interventions: [gain0], prompt: { kind: 'text', text: 'a', chat: true } });
    assert.deepEqual(storedSetup(whole, '/demo'), whole);
    assert.equal(storedSetup(undefined, '/demo'), undefined);
    assert.equal(storedSetup({ ...whole, prompt: { kind: 'text' } }, '/demo'), undefined);
    assert.equal(storedSetup({ ...whole, interventions: [{ layer: 'x' }] }, '/demo'), undefined);
  });

  it('of a result repeats its tokens where a chat template could have made them', () => {
    assert.deepEqual(setupOfResult(headsResult()).prompt, { kind: 'text', text: 'a b c' });
    const chat = headsResult({ model: modelSummary({ chatTemplate: true }) });
    assert.deepEqual(setupOfResult(chat).prompt, { kind: 'ids', ids: [1, 2, 3] });
    assert.deepEqual(setupOfResult(headsResult({ prompt: null })).prompt, { kind: 'ids', ids: [1, 2, 3] });
  });

  it('of a result whose text went through the chat template puts it there again', () => {
    const model = modelSummary({ chatTemplate: true });
    const chatted = headsResult({ model, chatPrompt: { text: '<user> a b c', why: 'asked' } });
    assert.deepEqual(setupOfResult(chatted).prompt, { kind: 'text', text: 'a b c', chat: true });
  });
});
