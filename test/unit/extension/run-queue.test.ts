import assert from 'node:assert/strict';
import { isCancelled } from '../../../extension/platform/compute';
import { queueTime, RunQueue, type QueuedRun } from '../../../extension/platform/run-queue';
import { queueLine, queueSummary, timeWords } from '../../../extension/views/queue-words';
import { statusWords } from '../../../extension/views/status-words';

/** A queue and jobs that end when they are told to. */
class Stage {
  readonly queue = new RunQueue();
  readonly log: string[] = [];
  private readonly ends = new Map<string, { resolve: (value: string) => void; reject: (error: Error) => void }>();
  private readonly aborts = new Map<string, AbortController>();

  start(title: string, more: { beside?: boolean; expected?: number } = {}): Promise<string> {
    const abort = new AbortController();
    this.aborts.set(title, abort);
    const run = {
      title,
      model: '',
      doing: `doing ${title}`,
      ...more,
      onWaiting: (sentence: string) => this.log.push(`${title}: ${sentence}`),
    };
    const done = this.queue.run(run, abort.signal, (signal, say) => {
      this.log.push(`${title} runs`);
      say({ sentence: `step of ${title}`, share: 0.5, secondsLeft: 10 });
      // As the compute server does: a cancelled job answers with what it has.
      signal.addEventListener('abort', () => this.ends.get(title)?.resolve(`part of ${title}`));
      return new Promise<string>((resolve, reject) => this.ends.set(title, { resolve, reject }));
    });
    done.catch(() => undefined);
    return done;
  }

  async end(title: string, error?: Error): Promise<void> {
    const end = this.ends.get(title)!;
    if (error === undefined) end.resolve(title);
    else end.reject(error);
    await settled();
  }

  abort(title: string): void {
    this.aborts.get(title)!.abort();
  }

  id(title: string): string {
    return this.queue.list.find((one) => one.title === title)!.id;
  }

  shown(): readonly string[] {
    return this.queue.list.map(({ title, state }) => `${title} ${state}`);
  }

  runs(): readonly string[] {
    return this.log.filter((line) => line.endsWith(' runs'));
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the queue of runs', () => {
  it('runs one after the other, in the order in which they came', async () => {
    const stage = new Stage();
    const [first] = [stage.start('a'), stage.start('b'), stage.start('c')];
    await settled();
    assert.deepEqual(stage.shown(), ['a running', 'b waiting', 'c waiting']);
    assert.deepEqual(stage.queue.doing, ['doing a']);
    await stage.end('a');
    assert.equal(await first, 'a');
    assert.deepEqual(stage.shown(), ['b running', 'c waiting']);
    await stage.end('b');
    await stage.end('c');
    assert.deepEqual(stage.shown(), []);
    assert.deepEqual(stage.runs(), ['a runs', 'b runs', 'c runs']);
  });

  it('tells a run that waits for what, once for each', async () => {
    const stage = new Stage();
    for (const title of ['a', 'b', 'c']) void stage.start(title);
    await settled();
    const waits = (): readonly string[] => stage.log.filter((line) => line.startsWith('c: '));
    assert.deepEqual(waits(), ['c: Waiting until Headscope is done doing a']);
    await stage.end('a');
    assert.deepEqual(waits().slice(1), ['c: Waiting until Headscope is done doing b']);
  });

  it('lists how far each is, since when, and what one that waits is expected to take', async () => {
    const stage = new Stage();
    const before = Date.now();
    void stage.start('a');
    void stage.start('b', { expected: 30 });
    await settled();
    const [a, b] = stage.queue.list as [QueuedRun, QueuedRun];
    const { id: _, begun = 0, ...rest } = a;
    assert.deepEqual(rest, {
      title: 'a',
      model: '',
      doing: 'doing a',
      state: 'running',
      sentence: 'step of a',
      share: 0.5,
      secondsLeft: 10,
    });
    assert.ok(begun >= before && begun <= Date.now());
    assert.equal(b.begun, undefined);
    assert.equal(b.secondsLeft, 30);
    assert.deepEqual(queueTime(stage.queue.list), { seconds: 40, atLeast: false });
    void stage.start('c');
    assert.deepEqual(queueTime(stage.queue.list), { seconds: 40, atLeast: true });
    assert.equal(queueTime(stage.queue.list.slice(2)), undefined);
  });

  it('cancels one that waits before it begins, and leaves one that runs to answer with what it has', async () => {
    const stage = new Stage();
    const [a, b, c] = [stage.start('a'), stage.start('b'), stage.start('c')];
    await settled();
    stage.queue.cancel(stage.id('b'));
    await assert.rejects(b, isCancelled);
    stage.abort('c');
    await assert.rejects(c, isCancelled);
    stage.queue.cancel(stage.id('a'));
    assert.equal(await a, 'part of a');
    assert.deepEqual(stage.runs(), ['a runs']);
    assert.deepEqual(stage.shown(), []);
  });

  it('moves a run before another that waits, and to the end, and never before what runs', async () => {
    const stage = new Stage();
    for (const title of ['a', 'b', 'c', 'd']) void stage.start(title);
    await settled();
    stage.queue.moveBefore(stage.id('d'), stage.id('b'));
    assert.deepEqual(stage.shown(), ['a running', 'd waiting', 'b waiting', 'c waiting']);
    stage.queue.moveBefore(stage.id('b'), undefined);
    stage.queue.moveBefore(stage.id('c'), stage.id('a'));
    stage.queue.moveBefore(stage.id('a'), undefined);
    stage.queue.moveBefore('run-99', stage.id('c'));
    assert.deepEqual(stage.shown(), ['a running', 'd waiting', 'c waiting', 'b waiting']);
    await stage.end('a');
    assert.deepEqual(stage.runs(), ['a runs', 'd runs']);
  });

  it('goes on with the next one when one fails', async () => {
    const stage = new Stage();
    const a = stage.start('a');
    void stage.start('b');
    await settled();
    await stage.end('a', new Error('the process is gone'));
    await assert.rejects(a, /the process is gone/);
    assert.deepEqual(stage.shown(), ['b running']);
  });

  it('lets one run beside the others, which take their turns meanwhile', async () => {
    const stage = new Stage();
    void stage.start('a');
    void stage.start('b');
    void stage.start('c', { beside: true });
    await settled();
    assert.deepEqual(stage.shown(), ['a running', 'c running', 'b waiting']);
    assert.deepEqual(
      stage.queue.list.map(({ beside }) => beside),
      [undefined, true, undefined],
    );
    await stage.end('a');
    assert.deepEqual(stage.shown(), ['c running', 'b running']);
    await stage.end('b');
    void stage.start('d');
    await settled();
    assert.deepEqual(stage.shown(), ['c running', 'd running']);
  });

  it('says each change, and finds a run by the signal that it was asked for with', async () => {
    const stage = new Stage();
    const heard: number[] = [];
    stage.queue.onChange((list) => heard.push(list.length));
    const abort = new AbortController();
    const done = stage.queue.run({ title: 't', model: 'm', doing: 'd' }, abort.signal, () => settled());
    assert.equal(stage.queue.of(abort.signal)?.title, 't');
    await done;
    assert.equal(stage.queue.of(abort.signal), undefined);
    assert.deepEqual([heard[0], heard.at(-1)], [1, 0]);
  });

  it('takes nothing more when the window closes, and ends what there is', async () => {
    const stage = new Stage();
    const [a, b] = [stage.start('a'), stage.start('b')];
    await settled();
    stage.queue.dispose();
    assert.equal(await a, 'part of a');
    await assert.rejects(b, isCancelled);
    await assert.rejects(stage.start('c'), isCancelled);
  });
});

describe('the words of the queue', () => {
  const training: QueuedRun = {
    id: 'run-1',
    title: 'Circuits of a toy model',
    model: '',
    doing: 'running an analysis',
    state: 'running',
    sentence: 'Training the toy: step 400 of 1500',
    share: 0.428,
    secondsLeft: 61.4,
    begun: 0,
  };
  const heads: QueuedRun = {
    id: 'run-2',
    title: 'Ablation of heads and MLPs of all layers',
    model: 'demo-lm',
    doing: 'running an analysis',
    state: 'waiting',
    sentence: 'Waiting until Headscope is done running an analysis',
  };

  it('say of each run what it is, how far, and for what it waits', () => {
    assert.deepEqual(queueLine(training), {
      label: '$(sync~spin) Circuits of a toy model',
      description: 'runs, 42 %, about 61 s left',
      detail: 'Training the toy: step 400 of 1500',
    });
    assert.deepEqual(queueLine(heads), {
      label: '$(watch) Ablation of heads and MLPs of all layers · demo-lm',
      description: 'waits',
      detail: 'Waiting until Headscope is done running an analysis',
    });
    assert.equal(queueLine({ ...heads, secondsLeft: 200 }).description, 'waits, will take about 3 min');
    assert.match(queueLine({ ...training, beside: true }).description, /^runs beside the others, 42 %/);
  });

  it('count times in the unit that a person would', () => {
    assert.deepEqual([0.2, 61, 89.4, 90, 3600, 5400, 7200, 7500].map(timeWords), [
      '1 s',
      '61 s',
      '89 s',
      '2 min',
      '60 min',
      '1 h 30 min',
      '2 h',
      '2 h 5 min',
    ]);
  });

  it('are short in the status bar and whole sentences for screen readers', () => {
    const chosen = { device: 'cpu', threads: 2, trusted: true };
    assert.equal(queueSummary([]), undefined);
    const { text, spoken, tooltip } = statusWords({ kind: 'stopped' }, chosen, [
      training,
      heads,
      { ...heads, id: '3' },
    ]);
    assert.equal(text, '$(sync~spin) Circuits of a toy model 42 %, 2 waiting, at least 61 s left');
    assert.equal(
      spoken,
      'Headscope, device cpu. Circuits of a toy model runs, 42 %, about 61 s left. 2 runs wait. All together: at least 61 s left.',
    );
    assert.ok(tooltip.includes('2 runs wait.'));
    const alone = statusWords({ kind: 'stopped' }, chosen, [{ ...heads, state: 'running' }]);
    assert.equal(alone.text, '$(sync~spin) Ablation of heads and MLPs…');
    assert.equal(statusWords({ kind: 'stopped' }, chosen, []).text, '$(chip) cpu');
  });
});
