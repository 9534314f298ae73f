/** The runs of a panel, by number: one at a time, or beside each other. */
import assert from 'node:assert/strict';
import type { RunInFlight } from '../../../extension/panels/flight';
import { PanelRun } from '../../../extension/panels/panel-run';

interface Event {
  readonly kind: 'stage' | 'partial' | 'result';
  readonly words: string;
}

/** What the test lets happen to a run. */
interface Played {
  readonly flight: RunInFlight<Event>;
  readonly end: (result: string) => void;
  readonly fail: (why: string) => void;
}

function played(queues?: true) {
  const runs: Played[] = [];
  const said: string[] = [];
  const run = new PanelRun<string, Event, string>({
    ...(queues === undefined ? {} : { queues }),
    perform: (_plan, flight) =>
      new Promise((resolve, reject) => {
        flight.signal.addEventListener('abort', () => reject(new Error('cancelled')));
        runs.push({
          flight,
          end: (result) => resolve({ result }),
          fail: (why) => reject(new Error(why)),
        });
      }),
    finished: (result) => ({ kind: 'result', words: result }),
    key: ({ kind }) => (kind === 'partial' ? 'partial' : undefined),
    notKept: 'not kept',
    outlasts: '',
  });
  run.onEvent((event, number) => {
    said.push(`${number} ${'words' in event ? event.words : event.kind}`);
  });
  return { run, runs, said };
}

const emit = (one: Played | undefined, kind: Event['kind'], words: string): void => one?.flight.emit({ kind, words });

describe('the runs of a panel', () => {
  it('go on beside each other where they queue: each event names its run, and each ends by itself', async () => {
    const { run, runs, said } = played(true);
    const first = run.begin('a');
    const second = run.begin('b');
    assert.deepEqual([first.flight.number, second.flight.number], [1, 2]);
    emit(runs[0], 'partial', 'half of a');
    emit(runs[1], 'stage', 'b waits');
    run.cancel(1);
    await first.ended;
    assert.ok(run.running, 'the other one goes on');
    runs[1]?.end('all of b');
    await second.ended;
    assert.deepEqual(said, ['1 started', '2 started', '1 half of a', '2 b waits', '1 failed', '2 all of b']);
    assert.ok(!run.running);
    assert.equal(run.result, 'all of b');
    assert.deepEqual(
      first.flight.replay().map(({ kind }) => kind),
      ['partial', 'failed'],
      'what it gave is still there for its tab',
    );
  });

  it('cancel the one before where they do not', async () => {
    const { run, runs, said } = played();
    const first = run.start('a');
    await Promise.resolve();
    const second = run.start('b');
    await first;
    while (runs.length < 2) await Promise.resolve();
    runs[1]?.end('all of b');
    await second;
    assert.deepEqual(said, ['1 started', '1 failed', '2 started', '2 all of b']);
  });
});
