/**
 * A process that keeps the laws loaded, with every error planted behind a switch, and runs those that it is asked to run, one
 * by one, until one fails. Errors in constants count when a file is loaded: the laws are then loaded anew.
 */
import Mocha from 'mocha';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Worker as Thread } from 'node:worker_threads';
import type { Covered, FromWorker, TestName, ToWorker } from './messages';
import { root } from './project';
import type * as ReachedModule from './reached';

const [functions = '0', ...bundles] = process.argv.slice(2);
const mutation = { active: -1, hits: new Uint8Array(Number(functions)) };
(globalThis as unknown as { $mutation: typeof mutation }).$mutation = mutation;

const texts = bundles.map((file) => readFileSync(file, 'utf8'));
const require = createRequire(join(root, 'package.json'));

function evaluate(text: string): unknown {
  const module = { exports: {} };
  // A bundle of the repository's own files.
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
  new Function('require', 'module', 'exports', text)(require, module, module.exports);
  return module.exports;
}

/** The tests of a bundle by their full title; the first bundle holds none. */
function load(stage: number): ReadonlyMap<string, Mocha.Test> {
  const mocha = new Mocha({ timeout: 60_000 });
  mocha.suite.emit('pre-require', globalThis, bundles[stage]!, mocha);
  evaluate(texts[stage]!);
  const tests = new Map<string, Mocha.Test>();
  const collect = (suite: Mocha.Suite): void => {
    for (const test of suite.tests) tests.set(test.fullTitle(), test);
    suite.suites.forEach(collect);
  };
  collect(mocha.suite);
  return tests;
}

/** Mocha's own way to run one test, without a run around it; the laws of kernels/ have no hooks. */
const run = (test: Mocha.Test): Promise<Error | undefined> =>
  new Promise((resolve) => {
    const own = test.clone() as Mocha.Test & { run(done: (error?: Error) => void): void };
    own.parent = test.parent;
    own.ctx = new Mocha.Context();
    own.ctx.runnable(own);
    own.run(resolve);
  });

const send = (message: FromWorker) => process.send!(message);

let loaded: ReadonlyMap<string, Mocha.Test>[] | undefined;
const loadAll = () => texts.map((_, stage) => (stage === 0 ? new Map<string, Mocha.Test>() : load(stage)));

async function cover(): Promise<readonly Covered[]> {
  const covered: Covered[] = [];
  for (const [stage, tests] of (loaded ??= loadAll()).entries()) {
    for (const [title, test] of tests) {
      mutation.hits.fill(0);
      const start = performance.now();
      const error = await run(test);
      const hits: number[] = [];
      mutation.hits.forEach((hit, id) => hit && hits.push(id));
      const milliseconds = performance.now() - start;
      covered.push({ stage, title, milliseconds, hits, ...(error ? { failure: error.message } : {}) });
    }
  }
  return covered;
}

async function plant(mutant: number, reload: boolean, tests: readonly TestName[]): Promise<FromWorker> {
  if (!reload) loaded ??= loadAll();
  mutation.active = mutant;
  try {
    const anew = new Map<number, ReadonlyMap<string, Mocha.Test>>();
    for (const [at, { stage, title }] of tests.entries()) {
      send({ kind: 'begins', at });
      if (reload && !anew.has(stage)) anew.set(stage, load(stage));
      const test = (reload ? anew.get(stage) : loaded![stage])!.get(title);
      if (!test) return { kind: 'done', mutant, by: title, why: 'the test is no longer there' };
      const error = await run(test);
      if (error) return { kind: 'done', mutant, by: title, why: error.message.split('\n')[0]! };
    }
    return { kind: 'done', mutant };
  } catch (error) {
    return { kind: 'done', mutant, by: 'loading the laws', why: String(error) };
  } finally {
    mutation.active = -1;
  }
}

process.on('message', (message: ToWorker) => {
  if (message.kind === 'reached') {
    // The tests of expected values are loaded with it, and not run.
    new Mocha().suite.emit('pre-require', globalThis, bundles[0]!, new Mocha());
    const { reachedFunctions } = evaluate(texts[0]!) as typeof ReachedModule;
    send({ kind: 'reached', reached: reachedFunctions() });
  } else if (message.kind === 'cover') {
    void cover().then((covered) => send({ kind: 'covered', covered }));
  } else {
    void plant(message.mutant, message.reload, message.tests).then(send);
  }
});
// A loop without end hears of nothing: a thread of its own looks whether the runner is still there.
new Thread(
  `const runner = process.ppid; setInterval(() => process.ppid === runner || process.kill(process.pid, 'SIGKILL'), 2000);`,
  {
    eval: true,
  },
).unref();
process.on('disconnect', () => process.exit());
send({ kind: 'ready' });
