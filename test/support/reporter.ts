/**
 * Mocha's own output (every test on a terminal, failures only elsewhere), the slowest files and tests of the run, and the
 * counts for build/test.mjs. Tests that failed and were run again (`--retries`) are named. `HEADSCOPE_SLOWEST` sets how many
 * are listed, 10 where it is not set.
 */
import { reporters, Runner } from 'mocha';
import type { MochaOptions, Suite, Test } from 'mocha';
import { collectFailed } from './failed-tests';
import { computingSeconds, Ledger, shortPath, slowestLines } from './slowest';
import { writeTierResult } from './tier-result';

const Base = process.stdout.isTTY ? reporters.Spec : reporters.Dot;
const listed = Number(process.env['HEADSCOPE_SLOWEST'] ?? 10);

export = class TierReporter extends Base {
  constructor(runner: Runner, options: MochaOptions) {
    super(runner, options);
    const {
      EVENT_RUN_BEGIN,
      EVENT_RUN_END,
      EVENT_SUITE_BEGIN,
      EVENT_SUITE_END,
      EVENT_TEST_BEGIN,
      EVENT_TEST_END,
      EVENT_TEST_RETRY,
    } = Runner.constants;
    const [files, tests] = [new Ledger(), new Ledger()];
    const failed = collectFailed(runner);
    const retried: string[] = [];
    runner.on(EVENT_TEST_RETRY, (test: Test, error: Error) => {
      retried.push(`  run again: ${test.fullTitle()}\n    ${error.message.replaceAll('\n', '\n    ')}`);
    });
    let endFile = () => {};
    let endTest = () => {};
    // What the files need to load is spent before the run.
    runner.once(EVENT_RUN_BEGIN, () => {
      files.add({ name: '(loading the files)', seconds: process.uptime(), computing: computingSeconds() });
    });
    runner.on(EVENT_SUITE_BEGIN, (suite: Suite) => {
      if (suite.parent?.root === true) endFile = files.start(shortPath(suite.file ?? ''));
    });
    runner.on(EVENT_SUITE_END, (suite: Suite) => {
      if (suite.parent?.root === true) endFile();
    });
    runner.on(EVENT_TEST_BEGIN, (test: Test) => (endTest = tests.start(test.fullTitle())));
    runner.on(EVENT_TEST_END, () => endTest());
    runner.once(EVENT_RUN_END, () => {
      const { passes = 0, failures = 0, pending = 0 } = runner.stats ?? {};
      writeTierResult({ passed: passes, failed: failures, skipped: pending, ...failed() });
      const lines = [
        ...retried,
        ...slowestLines('slowest files', files.slowest(listed)),
        ...slowestLines('slowest tests', tests.slowest(listed)),
      ];
      if (lines.length > 0) console.log(`${lines.join('\n')}\n`);
    });
  }
};
