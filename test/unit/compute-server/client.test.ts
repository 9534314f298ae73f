import assert from 'node:assert/strict';
import type { FromCompute, ToCompute } from '../../../protocol/compute/api';
import { ComputeClient } from '../../../protocol/compute/client';
import type { ComputeProcess } from '../../../protocol/compute/client';
import { FailureError } from '../../../protocol/wire/failures';

/** A process that does what the test says. */
class Script implements ComputeProcess {
  readonly received: ToCompute[] = [];
  killed = false;
  computed: () => number | undefined = () => undefined;
  private listener: (message: unknown) => void = () => {};
  private exit: (why: string) => void = () => {};
  send = (message: ToCompute): void => void this.received.push(message);
  onMessage = (listener: (message: unknown) => void): void => void (this.listener = listener);
  onExit = (listener: (why: string) => void): void => void (this.exit = listener);
  kill = (): void => void (this.killed = true);
  says = (message: FromCompute): void => this.listener(message);
  ends = (why: string): void => this.exit(why);
  ready = (): void =>
    this.says({ kind: 'ready', info: { headscope: '1', runtime: 'none', pid: 1, node: process.version } });
}

describe('compute client', () => {
  let processes: Script[];
  let clocks: { readonly at: number; readonly act: () => void; stopped: boolean }[];
  let client: ComputeClient;
  beforeEach(() => {
    [processes, clocks] = [[], []];
    client = new ComputeClient({
      start() {
        const process = new Script();
        processes.push(process);
        return process;
      },
      after(at, act) {
        const clock = { at, act, stopped: false };
        clocks.push(clock);
        return () => (clock.stopped = true);
      },
    });
  });
  const code = (promise: Promise<unknown>) =>
    promise.then(
      () => 'ok',
      (error: unknown) => (error instanceof FailureError ? error.failure.code : String(error)),
    );
  const fire = (at: number) => clocks.filter((clock) => clock.at === at && !clock.stopped).forEach(({ act }) => act());

  it('starts nothing before the first call, and one process for several', () => {
    assert.equal(processes.length, 0);
    void client.call('info', []);
    void client.call('mechanisms', []);
    assert.equal(processes.length, 1);
    assert.deepEqual(
      processes[0]!.received.map((message) => message.kind === 'call' && message.method),
      ['info', 'mechanisms'],
    );
  });

  it('gives each reply to its call, in whatever order, and ignores replies to none', async () => {
    const [first, second] = [client.call('mechanisms', []), client.call('mechanisms', [])];
    const [process] = processes;
    process!.ready();
    process!.says({ kind: 'ok', id: 99, result: 'stray' });
    process!.says({ kind: 'ok', id: 2, result: 'two' });
    process!.says({ kind: 'ok', id: 1, result: 'one' });
    assert.deepEqual(await Promise.all([first, second]), ['one', 'two']);
  });

  it('answers what is pending when the process goes, and starts another for the next call', async () => {
    const pending = [client.call('info', []), client.call('mechanisms', [])];
    processes[0]!.ready();
    processes[0]!.ends('it was killed');
    assert.deepEqual(await Promise.all(pending.map(code)), ['compute-restarted', 'compute-restarted']);
    assert.equal(client.state, 'stopped');
    void client.call('info', []);
    assert.equal(processes.length, 2);
  });

  it('tells a process that never got ready from one that was lost', async () => {
    const crashed = client.call('info', []);
    processes[0]!.ends('no such library');
    assert.equal(await code(crashed), 'compute-unavailable');
  });

  it('ends a start that computes for longer than any, or that is blocked, and none that waits for a processor', async () => {
    /** Looks at the process every half second, as long as a clock is set for that. */
    const pass = (seconds: number): void => {
      for (let half = 0; half < 2 * seconds; half += 1) {
        const waiting = clocks.filter((clock) => clock.at === 500 && !clock.stopped);
        for (const clock of waiting) clock.stopped = true;
        for (const { act } of waiting) act();
      }
    };
    const why = async (call: Promise<unknown>): Promise<unknown> =>
      call.then(
        () => 'none',
        (error: unknown) => (error as FailureError).failure,
      );
    const busy = client.call('info', []);
    processes[0]!.computed = () => 2;
    pass(119);
    assert.equal(processes[0]!.killed, false);
    processes[0]!.computed = () => 15.1;
    pass(1);
    assert.deepEqual(await why(busy), { code: 'compute-unavailable', detail: 'it did not get ready within 15 s' });
    const blocked = client.call('info', []);
    processes[1]!.computed = () => 0.5;
    const unseen = (pass(119), processes[1]!.killed);
    pass(2);
    assert.deepEqual([unseen, processes[1]!.killed], [false, true]);
    assert.deepEqual(await why(blocked), { code: 'compute-unavailable', detail: 'it did not get ready within 120 s' });
    // A system that does not say what a process computes: the clock alone counts.
    void client.call('info', []).catch(() => {});
    processes[2]!.computed = () => undefined;
    pass(60);
    processes[2]!.ready();
    pass(120);
    assert.deepEqual([client.state, processes[2]!.killed], ['ready', false]);
  });

  it('answers when a process cannot be started or a call cannot be sent', async () => {
    const broken = new ComputeClient({ start: () => assert.fail('no fork'), after: () => () => {} });
    assert.equal(await code(broken.call('info', [])), 'compute-unavailable');
    void client.call('info', []);
    processes[0]!.send = () => {
      throw new Error('could not be cloned');
    };
    assert.equal(await code(client.call('info', [])), 'bad-request');
  });

  it('stops its clocks when a cancelled call is answered in time', async () => {
    const controller = new AbortController();
    const call = client.call('info', [], { signal: controller.signal });
    processes[0]!.ready();
    controller.abort();
    assert.deepEqual(processes[0]!.received.at(-1), { kind: 'cancel', id: 1 });
    processes[0]!.says({ kind: 'ok', id: 1, result: 'partial' });
    assert.equal(await call, 'partial');
    fire(1200);
    assert.equal(processes[0]!.killed, false);
  });

  it('a late message of a killed process changes nothing', async () => {
    const call = client.call('info', []);
    processes[0]!.ready();
    client.restart();
    assert.equal(await code(call), 'compute-restarted');
    const next = client.call('info', []);
    processes[0]!.says({ kind: 'ok', id: 2, result: 'from the old process' });
    processes[0]!.ends('late');
    processes[1]!.ready();
    processes[1]!.says({ kind: 'ok', id: 2, result: 'from the new one' });
    assert.equal(await next, 'from the new one');
  });

  it('calls nothing any more once closed', async () => {
    client.dispose();
    assert.equal(await code(client.call('info', [])), 'compute-unavailable');
    assert.equal(processes.length, 0);
  });
});
