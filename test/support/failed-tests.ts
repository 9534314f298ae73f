/** The tests of a run of Mocha that failed, for the end of `npm test`, which names each with its file and its error. */
import { relative } from 'node:path';
import { Runner } from 'mocha';
import type { Runnable, Test } from 'mocha';

export interface FailedTest {
  /** From the root of the repository. */
  readonly file: string;
  /** With the titles of its suites; a hook is called by its own title. */
  readonly title: string;
  readonly error: string;
}

export interface FailedTests {
  /** Also hooks that failed, and tests that were skipped: `npm test` counts those as failed. */
  readonly failures: readonly FailedTest[];
  /** Failed at the first try and passed at a later one, with the first error. */
  readonly retried: readonly FailedTest[];
  /** How many tests of each file passed. */
  readonly passes: Readonly<Record<string, number>>;
}

/** Most lines of an error that are kept. */
const longest = 12;

/** The message, and the first line of the stack that is of the repository's own files. */
function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const name = error.name === 'Error' || error.message.startsWith(error.name) ? '' : `${error.name}: `;
  const lines = `${name}${error.message}`.trimEnd().split('\n');
  const shown = lines.length > longest ? [...lines.slice(0, longest), '…'] : lines;
  const frame = (error.stack ?? '')
    .split('\n')
    .find((line) => /^\s+at /.test(line) && !/node_modules|node:/.test(line))
    ?.trim();
  return [...shown, ...(frame === undefined ? [] : [frame])].join('\n');
}

/** Listens to a run; the returned function says what failed in it until now. */
export function collectFailed(runner: Runner, root = process.cwd()): () => FailedTests {
  const { EVENT_TEST_FAIL, EVENT_TEST_PENDING, EVENT_TEST_RETRY, EVENT_TEST_PASS } = Runner.constants;
  const failures: FailedTest[] = [];
  const retried: FailedTest[] = [];
  /** First errors of tests that are to be run again. */
  const first = new Map<string, FailedTest>();
  const passes: Record<string, number> = {};
  const fileOf = ({ file }: Runnable): string => (file === undefined ? '' : relative(root, file));
  const failed = (test: Runnable, error: string): FailedTest => ({
    file: fileOf(test),
    title: test.fullTitle(),
    error,
  });
  const key = (test: Runnable): string => `${test.file ?? ''}\n${test.fullTitle()}`;
  runner.on(EVENT_TEST_FAIL, (test: Test, error: unknown) => failures.push(failed(test, errorText(error))));
  runner.on(EVENT_TEST_PENDING, (test: Test) => failures.push(failed(test, 'It was skipped.')));
  runner.on(EVENT_TEST_RETRY, (test: Test, error: unknown) => {
    if (!first.has(key(test))) first.set(key(test), failed(test, errorText(error)));
  });
  runner.on(EVENT_TEST_PASS, (test: Test) => {
    passes[fileOf(test)] = (passes[fileOf(test)] ?? 0) + 1;
    const before = first.get(key(test));
    if (before) retried.push(before);
  });
  return () => ({ failures, retried, passes });
}
