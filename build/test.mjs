// npm test: from a fresh clone to `N passed, N failed`. Installs, builds, checks types, lint and format, and runs every tier, two
// at a time; a failing one does not keep the others from running. `npm test -- unit laws` runs those tiers alone.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { failureLines } from './failures.mjs';
import { described, thisMachine } from './machine.mjs';
import { ensureDependencies, requireNode } from './setup.mjs';
import { endWithSignals, runInLanes, runStep } from './steps.mjs';
import { chooseSteps, isTier } from './tiers.mjs';

const { build, steps, unknown, known } = chooseSteps(process.argv.slice(2));
if (unknown !== undefined) {
  console.error(`There is no tier ${unknown.join(', ')}: choose from ${known.join(', ')}.`);
  process.exit(2);
}

endWithSignals();
requireNode();
ensureDependencies();
const machine = thisMachine();
console.log(described(machine.now()));

const begun = performance.now();
const sinceBegun = () => ((performance.now() - begun) / 1000).toFixed(0).padStart(4);
const lines = new Map();
/** Every test and check that failed, or passed only at the second try. */
const failures = [];
const total = { passed: 0, failed: 0 };
/** A light step has a lane of its own beside the others. */
const heavy = ({ light }) => light !== true;
/** Only what runs alone may print as it goes. */
const alone = steps.filter(heavy).length === 1;
const outputOf = (step) => (alone && heavy(step) ? 'passed on' : 'kept');

/** What a tier wrote of its tests; whatever went wrong beside them counts as a failed one. */
function countsOf({ ok, why }, written) {
  if (written === undefined) return { passed: 0, failed: 1, why: `no result was written: ${why ?? 'it ended early'}` };
  const { passed, failed, skipped, failures, retried } = written;
  const named = { failures, retried };
  if (skipped > 0) {
    return { passed, failed: failed + skipped, ...named, why: `${skipped} skipped, which counts as failed` };
  }
  if (passed + failed === 0) return { passed, failed: 1, ...named, why: 'no test ran' };
  if (!ok && failed === 0) return { passed, failed: 1, ...named, why };
  return { passed, failed, ...named };
}

async function perform({ name, command, minutes }, how) {
  if (how === 'kept') console.log(`${sinceBegun()} s  ${name} has begun`);
  else console.log(`\n== ${name}`);
  const start = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'headscope-step-'));
  const file = join(folder, 'result.json');
  const slow = machine.slowness();
  const measured = { HEADSCOPE_SLOWNESS: slow.toFixed(2), HEADSCOPE_EFFORT: machine.effort.toFixed(2) };
  const env = { HEADSCOPE_TIER_RESULT: file, ...measured };
  const ended = await runStep(process.execPath, command, { minutes, env, output: how, machine });
  let result = { passed: ended.ok ? 1 : 0, failed: ended.ok ? 0 : 1, why: ended.why };
  if (isTier(name)) {
    let written;
    try {
      written = JSON.parse(readFileSync(file, 'utf8'));
    } catch {
      // It ended before it could write; `countsOf` says so.
    }
    result = countsOf(ended, written);
  }
  rmSync(folder, { recursive: true, force: true });
  total.passed += result.passed;
  total.failed += result.failed;
  failures.push(...failureLines({ name, text: ended.text, ...result }));
  const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(7);
  const counts = `${String(result.passed).padStart(5)} passed ${String(result.failed).padStart(4)} failed`;
  lines.set(name, `${name.padEnd(9)}${counts} ${seconds} s${result.why === undefined ? '' : `   ${result.why}`}`);
  if (how === 'kept') process.stdout.write(`\n== ${name}\n${ended.text}\n${sinceBegun()} s  ${lines.get(name)}\n`);
}

await perform(build, 'passed on');
const lanes = Array.from({ length: Math.min(2, availableParallelism()) }, () => heavy);
await runInLanes(steps, [...lanes, (step) => !heavy(step)], (step) => perform(step, outputOf(step)));

if (failures.length > 0) console.log(`\nfailed:\n${failures.join('\n')}`);
console.log(`\n${[...lines.values()].join('\n')}\n`);
console.log(described(machine.now()));
console.log(`${sinceBegun().trim()} s`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
