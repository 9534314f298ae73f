// Runs the steps of npm test: several side by side where that shortens the run, each to its end or to its limit, and nothing
// that a step started outlives it.
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Limit } from './machine.mjs';
import { called, endFamily, killFamily, leftBehind, marked } from './processes.mjs';
import { root } from './setup.mjs';

/** What runs now, so that a signal ends it too. */
const running = new Set();

/** Ends everything that was started when this process is asked to end. */
export function endWithSignals() {
  for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
    process.on(signal, () => {
      for (const step of running) {
        step.show();
        killFamily(step.family);
      }
      console.error(`\nended by ${signal}, with everything that was started`);
      process.exit(code);
    });
  }
}

/**
 * Runs a program of the repository to its end. With `minutes`, in the time of the reference machine, it is ended at its limit
 * with all that it started. `output: 'kept'` holds back what it prints and hands it over as `text`.
 */
export async function runStep(program, args, { minutes, env, output = 'passed on', machine, graceSeconds = 10 } = {}) {
  const { marker, environment } = marked({ ...process.env, ...env });
  // Into a file and not through pipes: the lines of both stay in order.
  const kept = output === 'kept' ? mkdtempSync(join(tmpdir(), 'headscope-output-')) : undefined;
  const file = kept === undefined ? undefined : openSync(join(kept, 'text'), 'a');
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', file ?? 'inherit', file ?? 'inherit'],
    env: environment,
    // A group of its own: Ctrl+C reaches this process alone, which then ends all of them.
    detached: process.platform !== 'win32',
  });
  const text = () => (kept === undefined ? '' : readFileSync(join(kept, 'text'), 'utf8'));
  const family = { root: child.pid, marker };
  const step = { family, show: () => process.stdout.write(text()) };
  running.add(step);

  let overdue = false;
  const limit = minutes === undefined ? undefined : new Limit(minutes);
  const started = performance.now();
  let looked = started;
  const clock = setInterval(() => {
    const now = performance.now();
    const passed = (now - looked) / 1000;
    looked = now;
    if (overdue || limit?.pass(passed, machine?.slowness() ?? 1) !== true) return;
    overdue = true;
    void endFamily(family);
  }, 250);

  const { code, signal, error } = await new Promise((done) => {
    child.once('error', (error) => done({ error }));
    child.once('exit', (code, signal) => done({ code, signal }));
  });
  clearInterval(clock);
  // The root is gone, and its number may be another's soon: what is left is known by the marker.
  const left = overdue ? [] : await leftBehind({ marker }, graceSeconds * (machine?.slowness() ?? 1));
  const names = left.map((pid) => called(pid));
  await endFamily({ marker });
  running.delete(step);
  const said = text();
  if (file !== undefined) closeSync(file);
  if (kept !== undefined) rmSync(kept, { recursive: true });
  const result = (ok, why) => ({ ok, why, text: said });
  if (error !== undefined) return result(false, error.message);
  const seconds = Math.round((performance.now() - started) / 1000);
  if (overdue) return result(false, `it was stopped after ${seconds} s, its limit of ${minutes} minutes here`);
  if (code !== 0) return result(false, signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`);
  if (names.length > 0) return result(false, `it left running: ${names.join('; ')}`);
  return result(true);
}

/**
 * Runs steps in lanes side by side. A lane is a function that says which steps it takes; it takes the first of them in the list
 * whose `after` are done. Steps named in `after` that are not in the list count as done.
 */
export async function runInLanes(steps, lanes, run) {
  const waiting = [...steps];
  const unfinished = new Set(steps.map(({ name }) => name));
  let changed = resolvers();
  const ready = ({ after = [] }) => !after.some((name) => unfinished.has(name));
  const lane = async (takes) => {
    while (waiting.some(takes)) {
      const next = waiting.findIndex((step) => takes(step) && ready(step));
      if (next === -1) {
        // Another lane still does what this one waits for.
        await changed.promise;
        continue;
      }
      const [step] = waiting.splice(next, 1);
      await run(step);
      unfinished.delete(step.name);
      const before = changed;
      changed = resolvers();
      before.resolve();
    }
  };
  await Promise.all(lanes.map(lane));
}

/** Promise.withResolvers came only with Node 22. */
function resolvers() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}
