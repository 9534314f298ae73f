import { FailureError } from '../../protocol/wire/failures';

/**
 * One at a time: work that measures the machine must not share it with other work that does. It knows what is going on in it, as
 * "running an analysis", so that whoever waits can say for what, and what a person lets run beside it is known to both.
 */
export class Lane {
  private tail: Promise<void> = Promise.resolve();
  private readonly going = new Set<Work>();

  /** What is going on, apart from `own`; work without a name is not listed. */
  doing(own?: Work): readonly string[] {
    return [...this.going].flatMap((one) => (one === own || one.name === '' ? [] : [one.name]));
  }

  /**
   * True while what goes on takes no times: what runs nothing, such as reading a tokenizer, need not wait for that. Such a run
   * gives the thread free between two steps: while each of the experiments trained on two busy cores, a question was answered
   * within 8 to 73 ms by the median, and within 5 s at worst (2026-12-01).
   */
  get onlyRuns(): boolean {
    const long = [...this.going].filter(({ name }) => name !== '');
    return long.length > 0 && !long.some(({ measures }) => measures);
  }

  /**
   * Waits for its turn; the returned function gives the turn on. Cancelled while it waits it throws `cancelled` at once and
   * its turn passes on when it comes.
   */
  enter(signal: AbortSignal, work: Work = { name: '' }): Promise<() => void> {
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
        if (signal.aborted) return;
        const end = this.begin(work);
        resolve(() => {
          end();
          leave();
        });
      });
    });
  }

  /** Work that waits for nobody, and that nobody waits for; the returned function ends it. */
  begin(work: Work): () => void {
    this.going.add(work);
    return () => this.going.delete(work);
  }
}

/** A piece of work in a lane; `name`, as "running an analysis", may be empty. */
export interface Work {
  readonly name: string;
  /** It takes times, which anything beside it would make longer. */
  readonly measures?: true;
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

/** The same for a job, which keeps the lane until its last step. `waiting`: what it says while it waits, made of a sentence. */
export async function* jobAlone<P, R>(
  lane: Lane,
  signal: AbortSignal,
  start: () => AsyncGenerator<P, R, void>,
  work?: Work,
  waiting?: (sentence: string) => P,
): AsyncGenerator<P, R, void> {
  const doing = lane.doing();
  if (waiting && doing.length > 0) yield waiting(`Waiting until Headscope is done ${doing.join(' and ')}`);
  const leave = await lane.enter(signal, work);
  try {
    return yield* start();
  } finally {
    leave();
  }
}
