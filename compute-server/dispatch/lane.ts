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

/** Acts while nothing else is in the lane. */
export async function alone<T>(lane: Lane, signal: AbortSignal, act: () => Promise<T>): Promise<T> {
  const leave = await lane.enter(signal);
  try {
    return await act();
  } finally {
    leave();
  }
}

/** The same for a job, which keeps the lane until its last step. */
export async function* jobAlone<P, R>(
  lane: Lane,
  signal: AbortSignal,
  start: () => AsyncGenerator<P, R, void>,
): AsyncGenerator<P, R, void> {
  const leave = await lane.enter(signal);
  try {
    return yield* start();
  } finally {
    leave();
  }
}
