import type { Machine } from './machine.mjs';

export interface StepOptions {
  /** After so many, in the time of the reference machine, it is ended with all that it started. */
  readonly minutes?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly output?: 'passed on' | 'kept';
  readonly machine?: Pick<Machine, 'slowness'>;
  /** How long what a step leaves behind may take to end by itself. */
  readonly graceSeconds?: number;
}

export interface StepResult {
  readonly ok: boolean;
  readonly why: string | undefined;
  /** What it printed, where that was kept. */
  readonly text: string;
}

export interface Step {
  readonly name: string;
  readonly after?: readonly string[];
  readonly light?: boolean;
}

export function endWithSignals(): void;
export function runStep(program: string, args: readonly string[], options?: StepOptions): Promise<StepResult>;
export function runInLanes<S extends Step>(
  steps: readonly S[],
  lanes: readonly ((step: S) => boolean)[],
  run: (step: S) => Promise<void>,
): Promise<void>;
