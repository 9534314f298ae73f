/**
 * Lets through at most `perSecond` messages in any second. What is held back is kept by key, newest only, oldest key first, so
 * that every row on screen moves; a message marked final goes at once. Up to `perSecond` messages pass without waiting: the
 * one that says what a long run is about must be out before the run blocks the thread.
 */
export class ProgressGate<P> {
  private readonly sent: number[] = [];
  private readonly held = new Map<string, P>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly perSecond: number,
    private readonly send: (progress: P) => void,
  ) {}

  offer(progress: P, key: string, final: boolean): void {
    if (final) {
      this.held.delete(key);
      this.send(progress);
      return;
    }
    // Setting a key that is held keeps its place in the queue.
    this.held.set(key, progress);
    this.flush();
  }

  /** Drops what is held: the job has ended, and its result says more. */
  close(): void {
    clearTimeout(this.timer);
    this.held.clear();
  }

  /** Sends what is held: the job has ended without a result, so that nothing else says how far it was. */
  release(): void {
    for (const waiting of this.held.values()) this.send(waiting);
    this.close();
  }

  private flush(): void {
    for (const [key, waiting] of this.held) {
      const now = performance.now();
      if (this.sent.length >= this.perSecond) {
        const wait = 1000 - (now - this.sent[0]!);
        if (wait > 0) {
          clearTimeout(this.timer);
          this.timer = setTimeout(() => this.flush(), wait);
          return;
        }
        this.sent.shift();
      }
      this.sent.push(now);
      this.held.delete(key);
      this.send(waiting);
    }
  }
}
