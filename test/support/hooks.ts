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

type Timed = { timeout(milliseconds?: number): unknown };
type Run = (this: Mocha.Runnable, done: Mocha.Done) => void;

/** A test or a hook that runs sets its own limit by `this.timeout(…)`. */
const context = Mocha.Context.prototype as unknown as Timed;
const ownTimeout = Reflect.get(context, 'timeout');
context.timeout = function (this: Timed, milliseconds?: number) {
  return milliseconds === undefined ? ownTimeout.call(this) : ownTimeout.call(this, patience(milliseconds));
};

/** What is set when the files are loaded is inherited from suite to test: it is stretched once, just before it counts. */
const run = Reflect.get(Mocha.Runnable.prototype, 'run') as Run;
const stretched = new WeakSet<object>();
Mocha.Runnable.prototype.run = function (this: Mocha.Runnable, done: Mocha.Done) {
  if (!stretched.has(this)) {
    stretched.add(this);
    this.timeout(patience(this.timeout()));
  }
  run.call(this, done);
};
