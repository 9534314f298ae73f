import assert from 'node:assert/strict';
import type { BenchmarkProgress, BenchmarkRequest } from '../../../protocol/compute/api';
import type { KernelsPlace, ToKernelsPanel } from '../../../protocol/panels/kernels';
import type { BenchmarkSetup, BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import type { ModuleResult } from '../../../protocol/results/module-schema';
import { FailureError } from '../../../protocol/wire/failures';
import { settings, type SettingKey, type SettingValue } from '../../../protocol/contributions/settings';
import { defaultSetup, storedSetup } from '../../../extension/panels/kernels/default-setup';
import { type KernelsServices, KernelsHost } from '../../../extension/panels/kernels/host';
import { type BenchmarkRun, type Draft, benchmarkRun } from '../../../extension/panels/kernels/run';
import type { ShownFile } from '../../../extension/panels/panel-types';
import { device, mechanism, plan, result, row } from './samples';

/** A compute server whose benchmark goes on when the test says so. */
class Stage {
  /** Where the person saves a result; undefined: they cancel. */
  savedAs: string | undefined;
  readonly plans: BenchmarkSetup[] = [];
  readonly signals: AbortSignal[] = [];
  progress: (progress: BenchmarkProgress) => void = () => undefined;
  finish: (result: BenchmarkResult) => void = () => undefined;
  fail: (error: unknown) => void = () => undefined;
  drafts: (Draft | undefined)[] = [];
  saved: BenchmarkResult[] = [];
  saveFails = false;
  stoppedFails: FailureError | undefined;
  stopped = 0;
  may: true | string = true;
  up = true;
  kept: BenchmarkSetup[] = [];
  /** What went into the history. */
  readonly history: (BenchmarkResult | ModuleResult)[] = [];
  reports: string[] = [];
  jobs: readonly string[] = [];
  readonly asked: string[] = [];
  answer: 'wait' | 'beside' | undefined;
  private waiting: (() => void)[] = [];

  readonly run: BenchmarkRun;

  constructor(draft?: Draft) {
    this.run = benchmarkRun(
      {
        benchmark: (asked, signal, onProgress) => {
          this.plans.push(asked);
          this.signals.push(signal);
          this.progress = onProgress;
          return new Promise((resolve, reject) => {
            this.finish = resolve;
            this.fail = reject;
            for (const started of this.waiting.splice(0)) started();
          });
        },
        stopped: ({ done = [], ...asked }) => {
          this.stopped += 1;
          if (this.stoppedFails) return Promise.reject(this.stoppedFails);
          return Promise.resolve({ ...result(done), plan: asked, state: 'cancelled', seconds: 0 });
        },
        save: (saved) => {
          if (this.saveFails) return Promise.reject(new Error('The disk is full.'));
          this.saved.push(saved);
          return Promise.resolve(`saved-${this.saved.length}`);
        },
        keep: (finished) => {
          this.history.push(finished);
          return Promise.resolve();
        },
        keepDraft: (kept) => this.drafts.push(kept),
        jobs: () => this.jobs,
        waitOrRunBeside: (doing) => {
          this.asked.push(doing);
          return Promise.resolve(this.answer);
        },
      },
      draft,
    );
  }

  supports: KernelsServices['server']['supports'] = (asked) =>
    Promise.resolve(asked.mechanisms.map((id) => ({ mechanism: id, ok: true })));
  /** What a run of a module does. */
  module: KernelsServices['server']['module'] = () => Promise.reject(new Error('no module is planned'));

  /** Settles when the next benchmark has been handed to the compute server. */
  started(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  services(): KernelsServices {
    return {
      run: this.run,
      mayRun: () => this.may,
      serverIsUp: () => this.up,
      server: {
        devices: () => Promise.resolve([device()]),
        knownDevices: undefined,
        supports: (asked) => this.supports(asked),
        mechanismView: (request) => Promise.reject(new Error(`no view of ${request.mechanism} is planned`)),
        neighborhoodBound: () => Promise.reject(new Error('no bound is planned')),
        module: (asked, signal, onProgress) => this.module(asked, signal, onProgress),
      },
      catalogue: { mechanisms: [mechanism('fused')], modules: [] },
      chooseModuleFile: (what) => Promise.resolve(what === 'weights' ? '/weights/shvit.safetensors' : undefined),
      keepModule: (finished) => {
        this.history.push(finished);
        return Promise.resolve();
      },
      shapes: () => Promise.resolve([]),
      plan: () => plan(),
      keepSetup: (kept) => this.kept.push(kept),
      openFull: () => undefined,
      save: () => Promise.resolve(this.savedAs),
      chooseOther: () => Promise.resolve({ name: 'other', result: result() }),
      export: () => Promise.resolve(),
      copy: () => Promise.resolve(),
      openLink: () => Promise.resolve(),
      report: (sentence) => this.reports.push(sentence),
      onShapes: () => ({ dispose: () => undefined }),
    };
  }

  open(
    place: KernelsPlace,
    file?: ShownFile<BenchmarkResult>,
  ): { readonly host: KernelsHost; readonly sent: ToKernelsPanel[] } {
    const sent: ToKernelsPanel[] = [];
    const host = new KernelsHost(
      place,
      this.services(),
      (message) => sent.push(message),
      file === undefined ? {} : { file },
    );
    return { host, sent };
  }
}

const kinds = (sent: readonly ToKernelsPanel[]): readonly string[] => sent.map((message) => message.kind);
const last = <K extends ToKernelsPanel['kind']>(sent: readonly ToKernelsPanel[], kind: K) =>
  sent.findLast((message): message is Extract<ToKernelsPanel, { kind: K }> => message.kind === kind);

describe('the host of a kernels webview', () => {
  it('runs a module apart from the benchmark: stages, the result, and a new run in place of the one before', async () => {
    const stage = new Stage();
    const { host, sent } = stage.open('full');
    await host.receive({ kind: 'ready' });
    const moduleSetup = {
      module: 'shsa',
      parameters: {},
      input: { kind: 'sample', sample: 'normal' },
      device: 'cpu',
      threads: 0,
      precision: 'float32',
      seed: 1,
      seconds: 0,
    } as const;
    const signals: AbortSignal[] = [];
    stage.module = (_asked, signal, onProgress) => {
      signals.push(signal);
      onProgress({ kind: 'stage', sentence: 'Proving', share: 0.5 });
      return new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(new FailureError({ code: 'cancelled' }))),
      );
    };
    const first = host.receive({ kind: 'runModule', plan: moduleSetup });
    const second = host.receive({ kind: 'runModule', plan: moduleSetup });
    await first;
    assert.deepEqual(
      signals.map(({ aborted }) => aborted),
      [true, false],
    );
    assert.equal(last(sent, 'moduleFailed'), undefined, 'the run that was replaced says nothing');
    assert.equal(last(sent, 'moduleStage')?.progress.sentence, 'Proving');
    await host.receive({ kind: 'stopModule' });
    await second;
    assert.equal(last(sent, 'moduleFailed')?.sentence, 'The run was stopped.');
    await host.receive({ kind: 'chooseModuleFile', what: 'weights' });
    await host.receive({ kind: 'chooseModuleFile', what: 'picture' });
    const chosen = sent.filter(({ kind }) => kind === 'moduleFile');
    assert.deepEqual(chosen, [{ kind: 'moduleFile', what: 'weights', path: '/weights/shvit.safetensors' }]);
  });

  it('in a window that is not trusted neither lists modules nor runs one', async () => {
    const stage = new Stage();
    const { host, sent } = stage.open('full');
    await host.receive({ kind: 'ready' });
    stage.may = 'Trust this workspace first.';
    await host.receive({ kind: 'modules' });
    assert.equal(last(sent, 'modules'), undefined);
    assert.equal(last(sent, 'moduleFailed')?.sentence, 'Trust this workspace first.');
  });

  it('in the side bar asks what would start the compute server with the first edit, not before', async () => {
    const stage = new Stage();
    stage.up = false;
    const { host, sent } = stage.open('side');
    await host.receive({ kind: 'ready' });
    await host.receive({ kind: 'planned', plan: plan() });
    assert.deepEqual(kinds(sent), ['open']);
    assert.deepEqual(last(sent, 'open')?.mechanisms, [mechanism('fused')]);
    await host.receive({ kind: 'planned', plan: plan({ seed: 2 }) });
    assert.deepEqual(kinds(sent), ['open', 'devices', 'supports', 'devices']);
    await host.receive({ kind: 'planned', plan: plan({ seed: 3 }) });
    assert.deepEqual(kinds(sent), ['open', 'devices', 'supports', 'devices', 'supports']);
  });

  it('sends nothing before the panel is ready, then everything needed to draw', async () => {
    const stage = new Stage();
    const { host, sent } = stage.open('full');
    await host.showShape('file:///m/config.json');
    assert.deepEqual(sent, []);
    await host.receive({ kind: 'ready' });
    assert.deepEqual(kinds(sent), ['open', 'shapes', 'devices', 'supports', 'devices']);
    const tests = (sent as readonly ToKernelsPanel[]).flatMap((message) =>
      message.kind === 'devices' ? [message.testing === true] : [],
    );
    assert.deepEqual(tests, [true, false], 'while they are tested, the panel says so');
    const open = last(sent, 'open');
    assert.equal(last(sent, 'shapes')?.shapeUri, 'file:///m/config.json');
    assert.deepEqual(open?.mechanisms, [mechanism('fused')]);
    assert.equal(open?.canRun, true);
  });

  it('hands a config to a webview that was hidden when it is ready again', async () => {
    const stage = new Stage();
    const { host, sent } = stage.open('full');
    await host.receive({ kind: 'ready' });
    host.hide();
    sent.length = 0;
    await host.showShape('file:///m/gpt2/config.json');
    assert.deepEqual(sent, []);
    await host.receive({ kind: 'ready' });
    assert.equal(last(sent, 'shapes')?.shapeUri, 'file:///m/gpt2/config.json');
  });

  it('shows a hidden webview what happened meanwhile', async () => {
    const stage = new Stage();
    const { host, sent } = stage.open('full');
    await host.receive({ kind: 'ready' });
    const started = stage.started();
    const ended = host.receive({ kind: 'run', plan: plan() });
    await started;
    host.hide();
    sent.length = 0;
    stage.progress({ kind: 'row', row: row('fused', 512), final: true });
    stage.finish(result());
    await ended;
    assert.deepEqual(sent, []);
    await host.receive({ kind: 'ready' });
    assert.deepEqual(last(sent, 'open')?.result, result());
    assert.equal(last(sent, 'open')?.savedAs, 'saved-1');
  });

  it('streams a run, saves its result by itself and forgets the draft', async () => {
    const stage = new Stage();
    const { host, sent } = stage.open('full');
    await host.receive({ kind: 'ready' });
    sent.length = 0;
    const started = stage.started();
    const ended = host.receive({ kind: 'run', plan: plan() });
    await started;
    stage.progress({ kind: 'stage', sentence: 'Proving', done: 0, total: 2 });
    stage.progress({ kind: 'row', row: row('fused', 512), final: false });
    stage.progress({ kind: 'row', row: row('fused', 512), final: true });
    assert.equal(stage.drafts.at(-1)?.rows.length, 1);
    stage.finish(result());
    await ended;
    assert.deepEqual(kinds(sent), ['stage', 'row', 'row', 'result']);
    assert.equal(last(sent, 'result')?.savedAs, 'saved-1');
    assert.equal(stage.drafts.at(-1), undefined);
    assert.equal(stage.run.running, false);
  });

  it('shows a run to another webview that opens in its middle', async () => {
    const stage = new Stage();
    const side = stage.open('side');
    await side.host.receive({ kind: 'ready' });
    const started = stage.started();
    const ended = side.host.receive({ kind: 'run', plan: plan({ seed: 7 }) });
    await started;
    stage.progress({ kind: 'row', row: row('fused', 512), final: true });
    stage.progress({ kind: 'stage', sentence: 'Timing', done: 1, total: 4 });
    const full = stage.open('full');
    await full.host.receive({ kind: 'ready' });
    assert.equal(last(full.sent, 'open')?.plan.seed, 7);
    assert.equal(last(full.sent, 'open')?.result, undefined);
    assert.equal(last(full.sent, 'row')?.row.mechanism, 'fused');
    assert.equal(last(full.sent, 'stage')?.sentence, 'Timing');
    stage.finish(result());
    await ended;
    assert.equal(last(full.sent, 'result')?.savedAs, 'saved-1');
  });

  it('begins the other webviews anew when a run starts elsewhere', async () => {
    const stage = new Stage();
    const side = stage.open('side');
    const full = stage.open('full');
    await side.host.receive({ kind: 'ready' });
    await full.host.receive({ kind: 'ready' });
    side.sent.length = full.sent.length = 0;
    const started = stage.started();
    const ended = side.host.receive({ kind: 'run', plan: plan({ seed: 9 }) });
    await started;
    assert.deepEqual(kinds(side.sent), []);
    assert.deepEqual(kinds(full.sent), ['open']);
    assert.equal(last(full.sent, 'open')?.plan.seed, 9);
    assert.deepEqual(last(full.sent, 'open')?.mechanisms, [mechanism('fused')]);
    stage.finish(result());
    await ended;
  });

  it('takes over the plan of a run that went on elsewhere while it was hidden, or before it was opened', async () => {
    const stage = new Stage();
    const side = stage.open('side');
    const full = stage.open('full');
    await side.host.receive({ kind: 'ready' });
    await side.host.receive({ kind: 'planned', plan: plan() });
    await full.host.receive({ kind: 'ready' });
    side.host.hide();
    const started = stage.started();
    const run = plan({ seed: 9 });
    const ended = full.host.receive({ kind: 'run', plan: { ...run, done: [row('fused', 512)] } });
    await started;
    stage.finish({ ...result(), plan: run });
    await ended;
    await full.host.receive({ kind: 'planned', plan: plan({ seed: 10 }) });
    const late = stage.open('side');
    for (const { host, sent } of [side, late]) {
      await host.receive({ kind: 'ready' });
      assert.deepEqual(last(sent, 'open')?.plan, run);
      assert.deepEqual(last(sent, 'open')?.result?.plan, run);
    }
  });

  it('keeps what was measured when the run fails, and says how many points', async () => {
    const stage = new Stage();
    const { host, sent } = stage.open('full');
    await host.receive({ kind: 'ready' });
    const started = stage.started();
    const ended = host.receive({ kind: 'run', plan: plan() });
    await started;
    stage.progress({ kind: 'row', row: row('fused', 512), final: true });
    stage.progress({ kind: 'row', row: row('tiled', 512), final: true });
    stage.fail(new FailureError({ code: 'compute-restarted', detail: 'it was ended by SIGSEGV' }));
    await ended;
    assert.match(
      last(sent, 'failed')?.sentence ?? '',
      /ended before it answered.*2 points are kept; Resume measures the rest/,
    );
    assert.equal(stage.drafts.at(-1)?.rows.length, 2);
    sent.length = 0;
    await host.receive({ kind: 'ready' });
    assert.deepEqual(kinds(sent), ['open', 'row', 'row', 'failed', 'devices', 'supports', 'devices']);
  });

  it('keeps the result on the screen and in the draft when it cannot be saved', async () => {
    const stage = new Stage();
    stage.saveFails = true;
    const { host, sent } = stage.open('full');
    await host.receive({ kind: 'ready' });
    const started = stage.started();
    const ended = host.receive({ kind: 'run', plan: plan() });
    await started;
    stage.finish(result());
    await ended;
    assert.equal(last(sent, 'result')?.savedAs, undefined);
    assert.match(last(sent, 'failed')?.sentence ?? '', /could not be saved/);
    assert.equal(last(sent, 'failed')?.details, 'The disk is full.');
    assert.equal(stage.drafts.at(-1)?.rows.length, 2);
    assert.deepEqual(stage.history, [result()], 'the history has it all the same');
  });

  it('cancels the run before when another is started, and runs one at a time', async () => {
    const stage = new Stage();
    const { host } = stage.open('full');
    await host.receive({ kind: 'ready' });
    let started = stage.started();
    const first = host.receive({ kind: 'run', plan: plan({ seed: 1 }) });
    await started;
    const finishFirst = stage.finish;
    started = stage.started();
    const second = host.receive({ kind: 'run', plan: plan({ seed: 2 }) });
    assert.equal(stage.signals[0]?.aborted, true);
    assert.equal(stage.plans.length, 1);
    finishFirst({ ...result(), state: 'cancelled' });
    await first;
    await started;
    assert.equal(stage.run.running, true);
    assert.equal(stage.plans[1]?.seed, 2);
    assert.equal(stage.signals[1]?.aborted, false);
    stage.finish(result());
    await second;
    assert.equal(stage.run.running, false);
  });

  it('asks before it runs beside other work of the process: wait for it, run beside it, or not at all', async () => {
    const stage = new Stage();
    stage.jobs = ['running an analysis'];
    const { host, sent } = stage.open('full');
    await host.receive({ kind: 'ready' });
    await host.receive({ kind: 'run', plan: plan() });
    assert.deepEqual([stage.asked, stage.plans], [['running an analysis'], []], 'dismissed: nothing runs');
    assert.equal(last(sent, 'failed')?.refused, true);
    for (const [answer, beside] of [
      ['wait', undefined],
      ['beside', true],
    ] as const) {
      stage.answer = answer;
      const started = stage.started();
      const run = host.receive({ kind: 'run', plan: plan() });
      await started;
      const asked: BenchmarkRequest | undefined = stage.plans.at(-1);
      assert.equal(asked?.beside, beside);
      stage.finish(result());
      await run;
    }
    stage.jobs = [];
    const started = stage.started();
    const run = host.receive({ kind: 'run', plan: plan() });
    await started;
    stage.finish(result());
    await run;
    assert.equal(stage.asked.length, 3, 'alone it asks nothing');
  });

  it('passes a cancel on and keeps the table that was stopped', async () => {
    const stage = new Stage();
    const { host, sent } = stage.open('full');
    await host.receive({ kind: 'ready' });
    const started = stage.started();
    const ended = host.receive({ kind: 'run', plan: plan() });
    await started;
    await host.receive({ kind: 'cancel' });
    assert.equal(stage.signals[0]?.aborted, true);
    stage.run.overdue();
    assert.match(last(sent, 'overdue')?.sentence ?? '', /being restarted/);
    stage.finish({ ...result(), state: 'cancelled' });
    await ended;
    assert.equal(last(sent, 'result')?.result.state, 'cancelled');
    assert.equal(stage.saved.length, 1);
  });

  it('makes a result of the points kept when a cancelled run was ended with its process', async () => {
    const stage = new Stage();
    const { host, sent } = stage.open('full');
    await host.receive({ kind: 'ready' });
    const started = stage.started();
    const ended = host.receive({ kind: 'run', plan: plan() });
    await started;
    stage.progress({ kind: 'row', row: row('fused', 512), final: true });
    stage.progress({ kind: 'row', row: row('tiled', 512), final: false });
    await host.receive({ kind: 'cancel' });
    stage.fail(new FailureError({ code: 'cancelled' }));
    await ended;
    assert.equal(last(sent, 'failed'), undefined);
    assert.equal(last(sent, 'result')?.result.state, 'cancelled');
    assert.deepEqual(last(sent, 'result')?.result.rows, [row('fused', 512)]);
    assert.ok((last(sent, 'result')?.result.seconds ?? 0) > 0);
    assert.equal(last(sent, 'result')?.savedAs, 'saved-1');
  });

  it('keeps the points of a cancelled run also when no result can be made of them', async () => {
    const stage = new Stage();
    stage.stoppedFails = new FailureError({ code: 'compute-unavailable', detail: 'no Node.js' });
    const { host, sent } = stage.open('full');
    await host.receive({ kind: 'ready' });
    const started = stage.started();
    const ended = host.receive({ kind: 'run', plan: plan() });
    await started;
    stage.progress({ kind: 'row', row: row('fused', 512), final: true });
    stage.progress({ kind: 'row', row: row('tiled', 512), final: true });
    stage.fail(new FailureError({ code: 'cancelled' }));
    await ended;
    assert.match(last(sent, 'failed')?.sentence ?? '', /does not start.*2 points are kept; Resume measures the rest/);
    assert.equal(stage.drafts.at(-1)?.rows.length, 2);
  });

  it('asks nothing more of the compute server when the window closes during a run', async () => {
    const stage = new Stage();
    const { host } = stage.open('full');
    await host.receive({ kind: 'ready' });
    const started = stage.started();
    const ended = host.receive({ kind: 'run', plan: plan() });
    await started;
    stage.run.dispose();
    assert.equal(stage.signals[0]?.aborted, true);
    stage.fail(new FailureError({ code: 'cancelled' }));
    await ended;
    assert.equal(stage.stopped, 0);
  });

  it('shows the points that a run goes on behind in every webview', async () => {
    const stage = new Stage();
    const [full, side] = [stage.open('full'), stage.open('side')];
    for (const { host } of [full, side]) await host.receive({ kind: 'ready' });
    const started = stage.started();
    const ended = full.host.receive({ kind: 'run', plan: plan({ done: [row('fused', 512)] }) });
    await started;
    assert.deepEqual(last(side.sent, 'row'), { kind: 'row', row: row('fused', 512), final: true });
    assert.equal('done' in (last(side.sent, 'open')?.plan ?? {}), false);
    stage.finish(result());
    await ended;
  });

  it('does not run in an untrusted workspace, and does not ask the compute server', async () => {
    const stage = new Stage();
    stage.may = 'This workspace is not trusted.';
    stage.supports = () => Promise.reject(new Error('must not be asked'));
    const { host, sent } = stage.open('full');
    await host.receive({ kind: 'ready' });
    assert.equal(last(sent, 'open')?.canRun, 'This workspace is not trusted.');
    assert.equal(last(sent, 'failed'), undefined);
    await host.receive({ kind: 'planned', plan: plan() });
    await host.receive({ kind: 'run', plan: plan() });
    assert.equal(last(sent, 'failed')?.sentence, 'This workspace is not trusted.');
    assert.equal(stage.plans.length, 0);
  });

  it('is drawn before the compute server answers, and says it when it does not start', async () => {
    const stage = new Stage();
    let refuse = (_error: Error): void => undefined;
    stage.supports = () => new Promise((_, reject) => (refuse = reject));
    const { host, sent } = stage.open('full');
    const ready = host.receive({ kind: 'ready' });
    assert.deepEqual(kinds(sent), ['open'], 'at once');
    assert.deepEqual(last(sent, 'open')?.mechanisms, [mechanism('fused')]);
    await new Promise(setImmediate);
    refuse(new FailureError({ code: 'compute-unavailable', detail: 'its program is not there' }));
    await ready;
    assert.match(stage.reports.join(), /its program is not there/);
  });

  it('draws a saved file at once, with its own plan, and does not mix in a run from elsewhere', async () => {
    const stage = new Stage();
    const saved = { ...result(), plan: plan({ seed: 5 }) };
    const file = stage.open('file', { name: 'mine', read: () => ({ ok: true, result: saved }) });
    await file.host.receive({ kind: 'ready' });
    assert.deepEqual(kinds(file.sent), ['open', 'devices', 'supports', 'devices']);
    assert.equal(last(file.sent, 'open')?.plan.seed, 5);
    assert.equal(last(file.sent, 'open')?.savedAs, 'mine');
    assert.equal(last(file.sent, 'open')?.result, saved);
    await file.host.receive({ kind: 'planned', plan: plan({ seed: 6 }) });
    assert.deepEqual(stage.kept, []);
    file.sent.length = 0;
    const full = stage.open('full');
    await full.host.receive({ kind: 'ready' });
    const started = stage.started();
    const ended = full.host.receive({ kind: 'run', plan: plan() });
    await started;
    stage.finish(result());
    await ended;
    assert.deepEqual(file.sent, []);
  });

  it('says in what a copy differs that was saved of an older file', async () => {
    const stage = new Stage();
    const changeWhenSaved = () => 'The copy is written with machine.';
    stage.savedAs = 'a copy';
    const read = () => ({ ok: true as const, result: result() });
    const { host, sent } = stage.open('file', { name: 'old', read, changeWhenSaved });
    await host.receive({ kind: 'ready' });
    await host.receive({ kind: 'save' });
    assert.equal(last(sent, 'notice')?.sentence, changeWhenSaved());
  });

  it('says why a file is no benchmark', async () => {
    const stage = new Stage();
    const { host, sent } = stage.open('file', {
      name: 'broken',
      read: () => ({ ok: false, why: 'The file is empty.' }),
    });
    await host.receive({ kind: 'ready' });
    assert.equal(last(sent, 'failed')?.sentence, 'broken cannot be shown. The file is empty.');
  });

  it('shows a second result beside the first, until told to stop', async () => {
    const stage = new Stage();
    const { host, sent } = stage.open('file', { name: 'mine', read: () => ({ ok: true, result: result() }) });
    await host.receive({ kind: 'ready' });
    await host.receive({ kind: 'compare' });
    assert.equal(last(sent, 'open')?.compareWith?.name, 'other');
    await host.receive({ kind: 'stopComparing' });
    await host.receive({ kind: 'ready' });
    assert.equal(last(sent, 'open')?.compareWith, undefined);
  });

  it('brings back the points of a run that a reload cut off', async () => {
    const stage = new Stage({ plan: plan({ seed: 3 }), rows: [row('fused', 512)] });
    const { host, sent } = stage.open('full');
    await host.receive({ kind: 'ready' });
    assert.deepEqual(kinds(sent).slice(0, 3), ['open', 'row', 'failed']);
    assert.match(last(sent, 'failed')?.sentence ?? '', /1 point was kept. Resume/);
  });

  it('does not keep the done rows of a plan in the form', async () => {
    const stage = new Stage();
    const { host } = stage.open('full');
    await host.receive({ kind: 'ready' });
    await host.receive({ kind: 'planned', plan: plan({ done: [row('fused', 512)] }) });
    assert.equal(stage.kept.length, 1);
    assert.equal('done' in (stage.kept[0] ?? {}), false);
  });

  it('tells the person of a failure outside a run', async () => {
    const stage = new Stage();
    const { host } = stage.open('full');
    await host.receive({ kind: 'ready' });
    const broken = new KernelsHost(
      'full',
      { ...stage.services(), copy: () => Promise.reject(new Error('No clipboard.')) },
      () => undefined,
    );
    await broken.receive({ kind: 'copy', text: 'x' });
    assert.match(stage.reports[0] ?? '', /No clipboard/);
  });
});

describe('the plan a panel starts with', () => {
  const setting = <K extends SettingKey>(key: K): SettingValue<K> => settings[key].default as SettingValue<K>;

  it('comes from the settings', () => {
    const first = defaultSetup(setting);
    assert.equal(first.shape.pattern, 'causal-self');
    assert.equal(first.baseline, 'fused');
    assert.deepEqual(storedSetup(first), first);
  });

  it('is not taken from a storage that holds half a plan', () => {
    for (const value of [undefined, null, 3, {}, { ...plan(), shape: undefined }, { ...plan(), mechanisms: 'fused' }]) {
      assert.equal(storedSetup(value), undefined);
    }
  });
});
