/**
 * How long a benchmark takes yet. A length takes seconds = a + b * operations: starting processes and the time allowed for
 * timing do not grow with it, proving and slow kernels do. Two lengths that were measured in this run give a and b; before
 * that, and once a length takes longer than that, no estimate is given, since any number would be a guess.
 */

interface MeasuredLength {
  readonly operations: number;
  readonly seconds: number;
}

export class TimeLeft {
  private readonly operations: readonly number[];
  private readonly clock: () => number;
  /** The last two lengths that were measured, of different operations. */
  private measured: readonly MeasuredLength[] = [];
  private at = 0;
  private since = 0;

  /**
   * `operations`: floating-point operations by the cost model of the cells that each length still has to measure, in the order
   * in which they run; 0 where nothing is left. `clock`: seconds.
   */
  constructor(operations: readonly number[], clock: () => number = () => performance.now() / 1000) {
    this.operations = operations;
    this.clock = clock;
  }

  /** The length of this place in the order begins. */
  begin(at: number): void {
    this.at = at;
    this.since = this.clock();
  }

  /** The length that began last is measured. */
  end(): void {
    const operations = this.operations[this.at] ?? 0;
    if (operations === 0) return;
    const others = this.measured.filter((length) => length.operations !== operations);
    this.measured = [...others.slice(-1), { operations, seconds: this.clock() - this.since }];
  }

  /** Seconds of the length under way and of those after it; undefined where the measured ones do not suffice. */
  seconds(): number | undefined {
    const [first, second] = this.measured;
    if (!first || !second) return undefined;
    // The first length also pays for what is started once: less time for more work is no slope.
    const slope = Math.max(0, (second.seconds - first.seconds) / (second.operations - first.operations));
    const whole = (operations: number): number =>
      operations === 0 ? 0 : Math.max(0, second.seconds + slope * (operations - second.operations));
    const here = whole(this.operations[this.at] ?? 0) - (this.clock() - this.since);
    if (here < 0) return undefined;
    return this.operations.slice(this.at + 1).reduce((sum, operations) => sum + whole(operations), here);
  }
}
