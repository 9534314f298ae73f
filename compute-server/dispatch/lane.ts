import { FailureError } from '../../protocol/wire/failures';

/** One at a time: work that measures the machine must not share it with other work that does. */
export class Lane {
  private tail: Promise<void> = Promise.resolve();

  /**
   * Waits for its turn; the returned function gives the turn on. Cancelled while it waits it throws `cancelled` at once and
   * its turn passes on when it comes.
   */
  enter(signal: AbortSignal): Promise<() => void> {
    const before = this.tail;
    let leave = () => {};
    this.tail = new Promise((resolve) => (leave = resolve));
    return new Promise((resolve, reject) => {
      const abort = () => {
        void before.then(leave);
        reject(new FailureError({ code: 'cancelled' }));
      };
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort, { once: true });
      void before.then(() => {
        signal.removeEventListener('abort', abort);
        if (!signal.aborted) resolve(leave);
      });
    });
  }
}
