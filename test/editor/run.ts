/**
 * The editor tier in a real VS Code: first Mocha inside the extension host (host/), then a browser that drives the
 * window like a person (driven/). The extension runs from dist/, so build first.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../support/host/versions';
import { addTierResults, failedFiles, runAgain, withoutResult, writeTierResult } from '../support/tier-result';
import type { TierResult } from '../support/tier-result';
import { runHostTests } from './run-host-tests';

/**
 * Files in which something failed are run once more, each from its start in a new window. The tests of a file share a window: one
 * that fails may leave it in a state that neither its second try nor the tests after it expect.
 */
async function runDrivenTests(): Promise<TierResult> {
  const first = await drivenFiles(['test/editor/driven/**/*.test.ts']);
  const files = failedFiles(first);
  if (files.length === 0 || !files.every((file) => file.endsWith('.test.ts'))) return first;
  console.log(`run again in a new window: ${files.join(', ')}`);
  return runAgain(first, await drivenFiles(files));
}

function drivenFiles(files: readonly string[]): Promise<TierResult> {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-driven-'));
  const file = join(folder, 'result.json');
  const child = spawn(
    process.execPath,
    [
      join(repositoryRoot, 'node_modules/mocha/bin/mocha.js'),
      ...['--retries', '1'],
      ...files.flatMap((file) => ['--spec', file]),
    ],
    { cwd: repositoryRoot, stdio: 'inherit', env: { ...process.env, HEADSCOPE_TIER_RESULT: file } },
  );
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('exit', () => {
      const result = existsSync(file)
        ? (JSON.parse(readFileSync(file, 'utf8')) as TierResult)
        : withoutResult('test/editor/driven');
      rmSync(folder, { recursive: true });
      done(result);
    });
  });
}

async function main(): Promise<void> {
  if (!existsSync(join(repositoryRoot, 'dist/extension.js'))) throw new Error('dist/ is missing: npm run build first.');
  const only = process.argv[2];
  const parts = [
    ...(only === 'driven' ? [] : [await runHostTests()]),
    ...(only === 'host' ? [] : [await runDrivenTests()]),
  ];
  const total = addTierResults(parts);
  writeTierResult(total);
  console.log(`editor: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  if (total.failed > 0) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
