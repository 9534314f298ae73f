/**
 * A process that keeps the tests loaded, with every error planted behind a switch, and runs those that it is asked to run until
 * one fails. Errors in constants count when a file is loaded: the tests are then loaded anew.
 */
import Mocha from 'mocha';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Worker as Thread } from 'node:worker_threads';
import type { Covered, FromWorker, ToWorker } from './messages';
import { root } from './project';
import type * as ReachedModule from './reached';

const [functions = '0', bundle = ''] = process.argv.slice(2);
const mutation = { active: -1, hits: new Uint8Array(Number(functions)) };
(globalThis as unknown as { $mutation: typeof mutation }).$mutation = mutation;

const text = readFileSync(bundle, 'utf8');
const require = createRequire(join(root, 'package.json'));

function evaluate(): unknown {
  const module = { exports: {} };
  // A bundle of the repository's own files.
  // oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-call
  new Function('require', 'module', 'exports', text)(require, module, module.exports);
  return module.exports;
}

interface Tests {
  run(wanted: ReadonlySet<string> | undefined, hear: Listener): Promise<void>;
}

interface Listener {
  begins(title: string): void;
  /** A test has passed or failed, or a hook beside it has failed. */
  ends(test: Mocha.Test | Mocha.Hook, error?: Error): void;
  hook(hook: Mocha.Hook): void;
}

class NoReport {}

function load(): Tests {
  const mocha = new Mocha({ timeout: 60_000, reporter: NoReport as unknown as string });
  mocha.cleanReferencesAfterRun(false);
  mocha.suite.emit('pre-require', globalThis, bundle, mocha);
  evaluate();
  return {
    run: (wanted, hear) =>
      new Promise((resolve) => {
        // Mocha asks a pattern nothing but whether it fits.
        mocha.grep({ test: (title: string) => wanted?.has(title) ?? true } as RegExp);
        const runner = mocha.run(() => resolve());
        runner.on('test', (test) => hear.begins(test.fullTitle()));
        runner.on('pass', (test) => hear.ends(test));
        runner.on('fail', (test, error) => {
          hear.ends(test, error as Error);
          // One is enough.
          if (wanted !== undefined) runner.abort();
        });
        runner.on('hook end', (hook) => hear.hook(hook));
      }),
  };
}

const send = (message: FromWorker) => process.send!(message);

let loaded: Tests | undefined;

/** What hooks before all tests of a suite reach counts for each of its tests. */
async function cover(): Promise<FromWorker> {
  const covered: Covered[] = [];
  const taken = (): number[] => {
    const hits: number[] = [];
    mutation.hits.forEach((hit, id) => hit && hits.push(id));
    mutation.hits.fill(0);
    return hits;
  };
  const bySuite = new Map<Mocha.Suite, readonly number[]>();
  loaded ??= load();
  const loading = taken();
  let start = performance.now();
  await loaded.run(undefined, {
    begins: () => (start = performance.now()),
    hook: (hook) => {
      const suite = hook.parent!;
      if (/^"before all"/.test(hook.title)) bySuite.set(suite, [...(bySuite.get(suite) ?? []), ...taken()]);
    },
    ends: (test, error) => {
      const hits = new Set(taken());
      for (let at = test.parent; at; at = at.parent) bySuite.get(at)?.forEach((hit) => hits.add(hit));
      covered.push({
        title: test.fullTitle(),
        milliseconds: performance.now() - start,
        hits: [...hits],
        ...(error ? { failure: error.message } : {}),
      });
    },
  });
  return { kind: 'covered', covered, loading };
}

async function plant(mutant: number, reload: boolean, titles: readonly string[]): Promise<FromWorker> {
  if (!reload) loaded ??= load();
  mutation.active = mutant;
  try {
    let seen: { by: string; why: string } | undefined;
    await (reload ? load() : loaded!).run(new Set(titles), {
      begins: (title) => send({ kind: 'begins', title }),
      hook: () => undefined,
      ends: (test, error) => {
        if (error) seen ??= { by: test.fullTitle(), why: error.message.split('\n')[0]! };
      },
    });
    return { kind: 'done', mutant, ...seen };
  } catch (error) {
    return { kind: 'done', mutant, by: 'loading the tests', why: String(error) };
  } finally {
    mutation.active = -1;
  }
}

process.on('message', (message: ToWorker) => {
  if (message.kind === 'reached') {
    // The tests of expected values are loaded with it, and not run.
    new Mocha().suite.emit('pre-require', globalThis, bundle, new Mocha());
    const { reachedFunctions } = evaluate() as typeof ReachedModule;
    send({ kind: 'reached', reached: reachedFunctions() });
  } else if (message.kind === 'cover') {
    void cover().then(send);
  } else {
    void plant(message.mutant, message.reload, message.titles).then(send);
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
