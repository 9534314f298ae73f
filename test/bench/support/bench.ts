/** The form of a bench: `test/bench/<name>.bench.ts` default-exports one, `npm run bench [name…]` runs it. */
export interface Figure {
  /** What was measured, on what shape, against what. */
  readonly name: string;
  readonly value: number;
  /** `ms`, `MB`, `GFLOP/s`, or `times` for a ratio. */
  readonly unit: string;
  readonly target?: number;
  /** How the target is meant (default: at most). */
  readonly comparison?: 'atMost' | 'atLeast';
  /** Spread, samples, conditions. */
  readonly note?: string;
}

export interface Report {
  figure(figure: Figure): void;
  /** A figure that this machine cannot give, and why. */
  notRun(name: string, reason: string): void;
}

export interface Bench {
  readonly name: string;
  /** It takes long, and runs when it is named alone. */
  readonly onRequest?: boolean;
  run(report: Report): Promise<void>;
}
