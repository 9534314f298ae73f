import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { ProgressGate } from '../../../compute-server/dispatch/progress-gate';

describe('progress gate', () => {
  let sent: string[];
  let gate: ProgressGate<string>;
  let now: number;
  beforeEach(() => {
    sent = [];
    now = 0;
    mock.timers.enable({ apis: ['setTimeout'] });
    mock.method(performance, 'now', () => now);
    gate = new ProgressGate<string>(2, (progress) => sent.push(progress));
  });
  afterEach(() => {
    gate.close();
    mock.reset();
  });
  const pass = (milliseconds: number) => {
    now += milliseconds;
    mock.timers.tick(milliseconds);
  };

  it('passes the first messages at once and no more than its number in any second', () => {
    for (let i = 0; i < 50; i++) {
      gate.offer(`message ${i}`, 'stage', false);
      pass(100);
    }
    // Five seconds, two a second, the first two at once.
    assert.ok(sent.length >= 10 && sent.length <= 12, `${sent.length} sent`);
    assert.deepEqual(sent.slice(0, 2), ['message 0', 'message 1']);
  });

  it('keeps the newest of each key and sends it without another message coming', () => {
    for (const key of ['a', 'b', 'c', 'd']) gate.offer(`${key} old`, key, false);
    gate.offer('c new', 'c', false);
    assert.deepEqual(sent, ['a old', 'b old']);
    pass(1000);
    assert.deepEqual(sent, ['a old', 'b old', 'c new', 'd old']);
  });

  it('never holds a final message, which outdates what is held of its key', () => {
    for (const key of ['a', 'b', 'c']) gate.offer(`${key} old`, key, false);
    gate.offer('c final', 'c', true);
    assert.deepEqual(sent, ['a old', 'b old', 'c final']);
    pass(5000);
    assert.equal(sent.length, 3);
  });

  it('sends nothing after it was closed', () => {
    for (const key of ['a', 'b', 'c']) gate.offer(key, key, false);
    gate.close();
    pass(5000);
    assert.deepEqual(sent, ['a', 'b']);
  });
});
