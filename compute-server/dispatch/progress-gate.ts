/**
 * Lets through at most four progress messages a second. What is held back is kept by key, newest only, oldest key first, so
 * that every row on screen moves; a message marked final goes at once.
 */
export class ProgressGate<P> {
  private last = -Infinity;
  private readonly held = new Map<string, P>();

  constructor(
    private readonly send: (progress: P) => void,
    private readonly now: () => number = () => performance.now(),
    private readonly interval = 250,
  ) {}

  offer(progress: P, key: string, final: boolean): void {
    if (final) {
      this.held.delete(key);
      this.send(progress);
      return;
    }
    // Setting a key that is held keeps its place in the queue.
    this.held.set(key, progress);
    if (this.now() - this.last < this.interval) return;
    for (const [oldest, waiting] of this.held) {
      this.held.delete(oldest);
      this.last = this.now();
      this.send(waiting);
      return;
    }
  }
}
