/** Seconds that a run of equal steps still takes, by the steps of this run: those taken from disk took no time. */
export class TimeLeft {
  private started = performance.now();
  private from = 0;
  private reused = 0;

  /** Undefined until a step was run. */
  after(done: number, total: number, reused: number): number | undefined {
    if (reused > this.reused) {
      this.reused = reused;
      this.from = done;
      this.started = performance.now();
      return undefined;
    }
    if (done <= this.from) return undefined;
    return ((performance.now() - this.started) / 1000 / (done - this.from)) * Math.max(0, total - done);
  }
}
