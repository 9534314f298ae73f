/** What stays on the screen when a run is refused: every panel that runs something, its half in the extension and its page. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'mocha';
import { analysisRun } from '../../../extension/panels/workbench/run';
import { benchmarkRun } from '../../../extension/panels/kernels/run';
import { PanelHost } from '../../../extension/panels/panel-host';
import type { PanelRun } from '../../../extension/panels/panel-run';
import type { PanelServices, PanelTypes, Setup, Shown } from '../../../extension/panels/panel-types';
import type { WorkbenchTypes } from '../../../extension/panels/workbench/services';
import type { KernelsTypes } from '../../../extension/panels/kernels/host';
import type { Schema } from '../../../protocol/schema/check';
import { anything } from '../../../protocol/schema/fields';
import { FailureError } from '../../../protocol/wire/failures';
import * as workbench from '../../../webviews/panels/workbench/state';
import { receive as receiveWorkbench } from '../../../webviews/panels/workbench/receive';
import { setupOf as planOfAnalyses } from '../../../webviews/panels/workbench/shown';
import * as kernels from '../../../webviews/panels/kernels/state';
import type { RunState } from '../../../webviews/ui/run-state';
import * as workbenchHost from '../../browser/workbench/workbench-host';
import * as kernelsHost from '../../browser/support/kernels-host';

interface Page<S, T extends PanelTypes> {
  readonly initial: S;
  /** As the message of the extension. */
  readonly open: (shown: Shown<T> | undefined) => T['to'];
  readonly receive: (state: S, message: T['to']) => S;
  /** As the button Run. */
  readonly start: (state: S) => { readonly state: S; readonly plan: Setup<T> } | undefined;
}

interface Row<S, T extends PanelTypes> extends Page<S, T> {
  /** A run that ends as `end` does, after it gave something where that is asked for. */
  readonly run: (end: () => Promise<Shown<T>>, gives: () => boolean) => PanelRun<Setup<T>, T['event'], Shown<T>>;
  readonly result: Shown<T>;
  /** What of the page shows that a run gave something. */
  readonly given: (state: S) => boolean;
}

class PlayedHost<T extends PanelTypes> extends PanelHost<T, PanelServices<T>> {
  protected override readonly messages: Schema<T['from']> = anything as Schema<T['from']>;
  protected override readonly runFirst = 'Run it first.';
  private readonly page: Page<unknown, T>;
  readonly may: { run: true | string };
  /** What was said beside the page: each panel has its own place for it. */
  said = '';

  constructor(run: PanelServices<T>['run'], page: Page<unknown, T>, plan: Setup<T>, send: (message: T['to']) => void) {
    const may: { run: true | string } = { run: true };
    const services: PanelServices<T> = {
      run,
      mayRun: () => may.run,
      serverIsUp: () => true,
      plan: () => plan,
      keepSetup: () => undefined,
      openFull: () => undefined,
      save: () => Promise.resolve(undefined),
      chooseOther: () => Promise.resolve(undefined),
      export: () => Promise.resolve(),
      copy: () => Promise.resolve(),
      report: () => undefined,
    };
    super('full', services, send);
    this.page = page;
    this.may = may;
  }

  protected override answer(): void {}

  protected override say(_tone: 'info' | 'error', what: unknown): void {
    this.said = what instanceof Error ? what.message : String(what);
  }

  protected override setupOfShown(): Setup<T> {
    return this.services.plan();
  }

  protected override openMessage(_opening: unknown, shown: Shown<T> | undefined): T['to'] {
    return this.page.open(shown);
  }
}

const panels: Readonly<Record<string, () => void>> = {
  workbench: () =>
    stays<workbench.State, WorkbenchTypes>({
      // The full panel has a tab for each run: workbench-tabs.test.ts.
      initial: workbench.initialState('side'),
      open: (result) => workbenchHost.openMessage({ place: 'side', ...(result ? { result } : {}) }),
      receive: receiveWorkbench,
      start(state) {
        const plan = planOfAnalyses(state);
        return plan && { plan, state: workbench.begun(state, plan) };
      },
      run: (end, gives) =>
        analysisRun({
          analysis: (_plan, _signal, onProgress) => {
            onProgress({ kind: 'stage', sentence: 'Reading', share: 0.1, kept: 0 });
            const { sections } = workbenchHost.result;
            onProgress({ kind: 'partial', finding: '', sections: gives() ? sections.slice(0, 1) : [] });
            return end();
          },
          keep: () => Promise.resolve(),
        }),
      result: workbenchHost.result,
      given: ({ partial, result }) => partial !== undefined && result === undefined,
    }),
  kernels: () =>
    stays<kernels.State, KernelsTypes>({
      initial: kernels.initialState('full'),
      open: (result) => (result ? kernelsHost.openMessage({ result }) : kernelsHost.openMessage()),
      receive: kernels.receive,
      start: (state) => kernels.startRun(state, false),
      run: (end, gives) =>
        benchmarkRun({
          benchmark: (_plan, _signal, onProgress) => {
            onProgress({ kind: 'stage', sentence: 'Proving', done: 0, total: 9 });
            // A point in the making is nothing that was measured.
            onProgress({ kind: 'row', row: kernelsHost.result.rows[0]!, final: gives() });
            return end();
          },
          stopped: () => Promise.reject(new Error('nothing is stopped')),
          save: () => Promise.resolve('saved'),
          keep: () => Promise.resolve(),
          keepDraft: () => undefined,
          jobs: () => [],
          waitOrRunBeside: () => Promise.resolve('wait'),
        }),
      result: kernelsHost.result,
      given: ({ rows, result }) => rows.length === 1 && result === undefined,
    }),
};

const why = 'The counterpart has 9 tokens where the prompt has 12.';
const refusal = (): FailureError => new FailureError({ code: 'bad-request', detail: why });

/** What a page shows, without what is said about it. */
const shownIn = <S extends RunState>({ phase: _p, asides: _a, replaced: _r, savedAs: _s, ...shown }: S): unknown =>
  shown;

function stays<S extends RunState, T extends PanelTypes>(row: Row<S, T>): void {
  function played() {
    let end = (): Promise<Shown<T>> => Promise.resolve(row.result);
    let gives = true;
    const run = row.run(
      () => end(),
      () => gives,
    );
    const plan = row.start(row.receive(row.initial, row.open(undefined)))?.plan;
    assert.ok(plan);
    async function opened() {
      let state = row.initial;
      const host = new PlayedHost<T>(run, row as Page<unknown, T>, plan!, (message) => {
        state = row.receive(state, message);
      });
      const ready = (): Promise<void> => host.receive({ kind: 'ready' });
      await ready();
      return {
        state: () => state,
        host,
        /** The page was made anew. */
        reload: () => {
          state = row.initial;
          return ready();
        },
        press() {
          const started = row.start(state);
          assert.ok(started, 'Run can be pressed');
          ({ state } = started);
          return host.receive({ kind: 'run', plan: started.plan });
        },
      };
    }
    const next = (how: () => Promise<Shown<T>>, giving: boolean): void => {
      end = how;
      gives = giving;
    };
    return { run, opened, next };
  }

  it('leaves the page that asked as it was, with the sentence', async () => {
    const { opened, next, run } = played();
    const page = await opened();
    await page.press();
    const before = page.state();
    assert.equal(before.phase.kind, 'idle');
    next(() => Promise.reject(refusal()), false);
    await page.press();
    const { phase } = page.state();
    assert.ok(phase.kind === 'failed' && phase.sentence.includes(why), JSON.stringify(phase));
    assert.deepEqual(shownIn(page.state()), shownIn(before));
    assert.equal(page.state().savedAs, before.savedAs);
    assert.equal(run.result, row.result);
    await page.press();
    assert.deepEqual(shownIn(page.state()), shownIn(before), 'refused again');
  });

  it('leaves the page as it was where it did not ask, and may not run', async () => {
    const { opened } = played();
    const page = await opened();
    await page.press();
    const before = page.state();
    page.host.may.run = 'Trust this workspace to run models.';
    await page.host.runPlan(row.start(before)!.plan);
    assert.deepEqual(shownIn(page.state()), shownIn(before));
    assert.equal(page.state().phase.kind, 'idle');
    assert.equal(page.host.said, page.host.may.run);
  });

  it('leaves it in other pages, in one made anew meanwhile and in one opened later', async () => {
    const { opened, next } = played();
    const [page, other] = [await opened(), await opened()];
    await page.press();
    const before = [shownIn(page.state()), shownIn(other.state())];
    let refuse = (): void => undefined;
    const refused = new Promise<never>((_, reject) => (refuse = () => reject(refusal())));
    next(() => refused, false);
    const pressed = page.press();
    await page.reload();
    assert.equal(page.state().phase.kind, 'running');
    refuse();
    await pressed;
    const later = await opened();
    for (const [at, each] of [page, other, later].entries()) {
      assert.deepEqual(shownIn(each.state()), before[Math.min(at, 1)], String(at));
      assert.equal(each.state().phase.kind, 'failed');
    }
  });

  it('leaves what an earlier run gave before it broke off, and nothing once the run has given something', async () => {
    const { opened, next, run } = played();
    const page = await opened();
    await page.press();
    next(() => Promise.reject(refusal()), true);
    await page.press();
    assert.equal(page.state().phase.kind, 'failed');
    assert.ok(row.given(page.state()), 'what it gave is shown');
    assert.equal(run.result, undefined);
    const replayed = run.replay().length;
    next(() => Promise.reject(refusal()), false);
    await page.press();
    assert.ok(row.given(page.state()), 'and stays');
    assert.equal(run.replay().length, replayed, 'for later pages too');
  });
}

describe('a run that is refused', () => {
  for (const [name, test] of Object.entries(panels)) describe(`in the ${name} panel`, test);

  it('is tested in every panel that runs something', () => {
    const folder = path.join(__dirname, '../../../extension/panels');
    const running = readdirSync(folder).filter((name) => existsSync(path.join(folder, name, 'run.ts')));
    assert.deepEqual(running.sort(), Object.keys(panels).sort());
  });
});
