/** The `nodes` tier: the files that files.ts lists, on each supported Node other than the one that runs everything else. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureNode } from '../support/host/install';
import { repositoryRoot, supportedNodes } from '../support/host/versions';
import { addTierResults, withoutResult, writeTierResult } from '../support/tier-result';
import type { TierResult } from '../support/tier-result';
import { files, leftOut } from './files';

const line = (version: string): string => version.split('.')[0] ?? '';

/** Mocha in its own process, so that all of it, also what the tests start, is that Node. */
async function runOn(version: string): Promise<TierResult> {
  const node = await ensureNode(version, console.log);
  console.log(`Node ${version}`);
  const folder = mkdtempSync(join(tmpdir(), 'headscope-node-'));
  const file = join(folder, 'result.json');
  const specs = files.flatMap(({ file: spec }) => ['--spec', spec]);
  const without = ['--grep', leftOut.source, '--invert'];
  const child = spawn(node, [join(repositoryRoot, 'node_modules/mocha/bin/mocha.js'), ...without, ...specs], {
    cwd: repositoryRoot,
    stdio: 'inherit',
    env: { ...process.env, HEADSCOPE_TIER_RESULT: file },
  });
  await new Promise((done, fail) => child.once('error', fail).once('exit', done));
  const result = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as TierResult)
    : withoutResult('test/nodes');
  rmSync(folder, { recursive: true });
  const named = result.failures.map((failure) => ({ ...failure, title: `Node ${version}: ${failure.title}` }));
  return { ...result, failures: named };
}

async function main(): Promise<void> {
  const only = process.argv[2];
  const versions = supportedNodes.filter((version) =>
    only === undefined ? line(version) !== line(process.versions.node) : line(version) === only,
  );
  if (versions.length === 0) {
    throw new Error(`There is no Node ${only} here: choose from ${supportedNodes.map(line).join(', ')}.`);
  }
  const results: TierResult[] = [];
  for (const version of versions) results.push(await runOn(version));
  const total = addTierResults(results);
  writeTierResult(total);
  if (total.failed > 0) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
