/**
 * Loaded before the tests (.mocharc.json). Stretches every time limit of Mocha, whether it is set for all, in a suite or in a
 * test, by how slow or busy the machine is; keeps what the files share open until the last one is done.
 */
import Mocha from 'mocha';
import { patience } from './patience';
import { closeShared, holdShared } from './shared';

export const mochaHooks = {
  beforeAll: holdShared,
  afterAll: closeShared,
};

/** A test or a hook that runs sets its own limit by `this.timeout(…)`. */
const context = Mocha.Context.prototype as unknown as { timeout(milliseconds?: number): unknown };
const setTimeoutOf = context.timeout;
context.timeout = function (this: unknown, milliseconds?: number) {
  return milliseconds === undefined ? setTimeoutOf.call(this) : setTimeoutOf.call(this, patience(milliseconds));
};

/** What is set when the files are loaded is inherited from suite to test: it is stretched once, just before it counts. */
const runnable = Mocha.Runnable.prototype;
const run = runnable.run;
const stretched = new WeakSet<object>();
runnable.run = function (this: Mocha.Runnable, done) {
  if (!stretched.has(this)) {
    stretched.add(this);
    this.timeout(patience(this.timeout()));
  }
  run.call(this, done);
};
