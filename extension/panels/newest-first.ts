/**
 * Questions that a panel asks faster than a model answers (it is panned, hovered, typed into): one is in flight, the newest of
 * those that wait comes next, the oldest beyond the bound are dropped. None is cancelled in flight: a run cannot be interrupted,
 * and a cancel that takes long ends the process with all that it has loaded.
 */
export class NewestFirst {
  private readonly bound: number;
  private readonly waiting: (() => Promise<void>)[] = [];
  private busy = false;

  /** `bound`: how many may wait; 1 keeps the newest alone. */
  constructor(bound: number) {
    this.bound = bound;
  }

  /** `act` handles its own failures. */
  ask(act: () => Promise<void>): void {
    this.waiting.push(act);
    if (this.waiting.length > this.bound) this.waiting.shift();
    void this.next();
  }

  clear(): void {
    this.waiting.length = 0;
  }

  private async next(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      for (let act = this.waiting.pop(); act !== undefined; act = this.waiting.pop()) await act();
    } finally {
      this.busy = false;
    }
  }
}
