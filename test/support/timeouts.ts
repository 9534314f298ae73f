/**
 * Loaded before the tests (.mocharc.json): stretches every time limit of Mocha, whether it is set for all, in a suite or in a
 * test, by how slow or busy the machine is.
 */
import Mocha from 'mocha';
import { patience } from './patience';

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
