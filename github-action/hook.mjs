#!/usr/bin/env node
// The entry of the pre-commit hooks: starts the npm package of this version with the words and files that pre-commit gives.
// pre-commit runs it from its own clone of this repository, in the repository that is committed to; the package is installed
// into that clone, once.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { install, programIn } from './install.mjs';

const clone = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(clone, 'package.json'), 'utf8'));
const folder = join(clone, `.hook-${version}`);

/** Into a folder of its own, which then takes its place in one step: two repositories may be committed to at once. */
function installOnce() {
  if (existsSync(programIn(folder))) return;
  const fresh = mkdtempSync(`${folder}-`);
  try {
    install(`headscope@${version}`, fresh, { version });
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    // The other one was first.
    if (!existsSync(programIn(folder))) throw error;
  }
}

try {
  installOnce();
  const ran = spawnSync(process.execPath, [programIn(folder), ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exitCode = ran.status ?? 3;
} catch (error) {
  console.error(error.message);
  process.exitCode = 3;
}
