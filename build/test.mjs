// npm test: from a fresh clone to `N passed, N failed`. Installs, builds, checks types, lint and format, then runs every
// tier; a failing tier does not keep the next ones from running. `npm test -- unit laws` runs those tiers alone.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureDependencies, requireNode, run, tsx } from './setup.mjs';

const bin = (path) => `node_modules/${path}`;
const mocha = (tier) => [bin('mocha/bin/mocha.js'), '--spec', `test/${tier}/**/*.test.ts`];

/** Each counts as one test: it passes or it does not. */
const checks = {
  build: ['build/bundle.mjs'],
  types: [bin('typescript/bin/tsc'), '-b'],
  lint: [bin('eslint/bin/eslint.js'), '.', '--max-warnings', '0'],
  format: [bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'],
};

/** Tiers write their counts to a file; `minutes` ends a tier that hangs, far above what it needs on two cores. */
const tiers = {
  unit: { command: mocha('unit'), minutes: 10 },
  laws: { command: mocha('laws'), minutes: 15 },
  process: { command: mocha('process'), minutes: 15 },
  fuzz: { command: tsx('test/fuzz/run.ts'), minutes: 10 },
  browser: { command: mocha('browser'), minutes: 10, hosted: true },
  editor: { command: tsx('test/editor/run.ts'), minutes: 10, hosted: true },
  package: { command: mocha('package'), minutes: 10, hosted: true },
};

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !(name in tiers) && !(name in checks) && name !== 'checks');
if (unknown.length > 0) {
  const names = ['checks', ...Object.keys(checks), ...Object.keys(tiers)].join(', ');
  console.error(`There is no tier ${unknown.join(', ')}: choose from ${names}.`);
  process.exit(2);
}
const wants = (name) => chosen.length === 0 || chosen.includes(name);

const lines = [];
let passed = 0;
let failed = 0;

async function timed(name, work) {
  console.log(`\n== ${name}`);
  const start = performance.now();
  const result = await work();
  passed += result.passed;
  failed += result.failed;
  const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(7);
  const counts = `${String(result.passed).padStart(5)} passed ${String(result.failed).padStart(4)} failed`;
  lines.push(`${name.padEnd(9)}${counts} ${seconds} s${result.why === undefined ? '' : `   ${result.why}`}`);
}

const oneCheck = (args, minutes = 10) =>
  run(process.execPath, args, { minutes }).then(({ ok, why }) => ({ passed: ok ? 1 : 0, failed: ok ? 0 : 1, why }));

async function runTier(command, minutes) {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-tier-'));
  const file = join(folder, 'result.json');
  const { ok, why } = await run(process.execPath, command, { minutes, env: { HEADSCOPE_TIER_RESULT: file } });
  let counts;
  try {
    counts = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    counts = undefined;
  }
  rmSync(folder, { recursive: true, force: true });
  if (counts === undefined) return { passed: 0, failed: 1, why: `no result was written: ${why ?? 'it ended early'}` };
  const { passed, failed, skipped } = counts;
  if (skipped > 0) return { passed, failed: failed + skipped, why: `${skipped} skipped, which counts as failed` };
  if (passed + failed === 0) return { passed, failed: 1, why: 'no test ran' };
  if (!ok && failed === 0) return { passed, failed: 1, why };
  return { passed, failed };
}

requireNode();
ensureDependencies();

for (const [name, args] of Object.entries(checks)) {
  // Every tier runs on what is built, so the build is not a matter of choice.
  if (name === 'build' || wants(name) || chosen.includes('checks')) await timed(name, () => oneCheck(args));
}
if (Object.entries(tiers).some(([name, tier]) => tier.hosted && wants(name))) {
  await timed('host', () => oneCheck(tsx('test/support/host/prepare.ts'), 15));
}
for (const [name, { command, minutes }] of Object.entries(tiers)) {
  if (wants(name)) await timed(name, () => runTier(command, minutes));
}

console.log(`\n${lines.join('\n')}\n`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
