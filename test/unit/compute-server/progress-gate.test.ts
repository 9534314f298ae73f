import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { Dispatcher, type Methods } from '../../../compute-server/dispatch/dispatcher';
import { FailureError } from '../../../protocol/wire/failures';
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

  it('of a job that ends without a result sends the newest that was held, before the failure', async () => {
    const messages: string[] = [];
    const parts: { server?: Dispatcher } = {};
    async function* run(_: unknown, signal: AbortSignal) {
      for (let kept = 0; kept < 5; kept += 1) yield { kind: 'stage', sentence: '', share: 0, kept };
      await Promise.resolve();
      parts.server?.receive({ kind: 'cancel', id: 1 });
      if (signal.aborted) throw new FailureError({ code: 'cancelled' });
    }
    const methods = { analysis: { parse: (args: unknown) => args, run } } as unknown as Methods;
    const ended = new Promise<void>((end) => {
      parts.server = new Dispatcher(methods, (message) => {
        const { kind } = message;
        messages.push(kind === 'progress' ? `kept ${(message.progress as { kept: number }).kept}` : kind);
        if (kind === 'failed') end();
      });
    });
    parts.server?.receive({ kind: 'call', id: 1, method: 'analysis', args: [] });
    await ended;
    assert.deepEqual(messages, ['kept 0', 'kept 1', 'kept 4', 'failed']);
  });
});
