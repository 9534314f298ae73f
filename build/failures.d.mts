export interface FailedTest {
  readonly file: string;
  readonly title: string;
  readonly error: string;
}

export interface StepOutcome {
  readonly name: string;
  readonly failed: number;
  readonly failures?: readonly FailedTest[];
  readonly retried?: readonly FailedTest[];
  readonly why?: string | undefined;
  readonly text?: string;
}

export function failureLines(outcome: StepOutcome): readonly string[];
