// What start, test and package need before anything else: a Node that will do, the dependencies, and a way to run steps.
// Plain JavaScript with Node's own modules: on a fresh clone there is nothing else yet.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const readJson = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'));

export function requireNode() {
  const wanted = readJson('package.json').engines.node.replace(/^>=/, '').split('.').map(Number);
  const have = process.versions.node.split('.').map(Number);
  const older = have[0] < wanted[0] || (have[0] === wanted[0] && have[1] < wanted[1]);
  if (!older) return;
  console.error(
    `Headscope needs Node ${wanted.join('.')} or later; this is ${process.version}. See https://nodejs.org.`,
  );
  process.exit(1);
}

/** True when node_modules holds every package of package-lock.json in its version (npm keeps its own list there). */
function dependenciesAreFresh() {
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return false;
  const installed = readJson('node_modules/.package-lock.json').packages;
  const wanted = readJson('package-lock.json').packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version,
  );
}

export function ensureDependencies() {
  if (dependenciesAreFresh()) return;
  console.log('installing dependencies with npm ci');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (npm.status === 0) return;
  console.error(
    'npm ci failed: see its message above. It needs the npm registry (or a mirror set in your npm settings).',
  );
  process.exit(1);
}

/** Runs a program to its end with its output passed on; when this process is asked to end, its process group ends with it. */
export function run(program, args) {
  return new Promise((done) => {
    const child = spawn(program, args, { cwd: root, stdio: 'inherit', detached: process.platform !== 'win32' });
    const interrupted = () => {
      try {
        process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGKILL');
      } catch {
        // Already gone.
      }
      process.exit(130);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, interrupted);
    const finish = (result) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, interrupted);
      done(result);
    };
    child.once('error', (error) => finish({ ok: false, why: error.message }));
    child.once('exit', (code, signal) => {
      if (code === 0) finish({ ok: true });
      else finish({ ok: false, why: signal === null ? `it ended with code ${code}` : `it was ended by ${signal}` });
    });
  });
}

/** A TypeScript file run by this Node. */
export const tsx = (file, ...args) => ['--import', 'tsx', file, ...args];
