/** Mocha's own output (every test on a terminal, failures only elsewhere), and the counts for build/test.mjs. */
import { reporters, Runner } from 'mocha';
import type { MochaOptions } from 'mocha';
import { writeTierResult } from './tier-result';

const Base = process.stdout.isTTY ? reporters.Spec : reporters.Dot;

export = class TierReporter extends Base {
  constructor(runner: Runner, options: MochaOptions) {
    super(runner, options);
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes = 0, failures = 0, pending = 0 } = runner.stats ?? {};
      writeTierResult({ passed: passes, failed: failures, skipped: pending });
    });
  }
};
