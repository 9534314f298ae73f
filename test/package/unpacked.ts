/** Builds the VSIX of this platform and of one other, and unpacks them far from the repository's node_modules. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { repositoryRoot } from '../support/host/versions';

export interface Unpacked {
  readonly target: string;
  readonly vsix: string;
  /** The extension as it is installed. */
  readonly folder: string;
  /** Files of the extension, relative to `folder`, sorted. */
  readonly files: readonly string[];
  /** vsce's manifest beside the extension. */
  readonly manifest: string;
}

export interface Packages {
  readonly here: Unpacked;
  readonly other: Unpacked;
  readonly remove: () => void;
}

/** A fresh process to its end; rejects with what it printed when it fails. */
export function runProcess(program: string, args: readonly string[], cwd: string): Promise<string> {
  const child = spawn(program, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A test runner's loader and an inherited module path would hide what the package lacks.
    env: { ...process.env, NODE_OPTIONS: '', NODE_PATH: '' },
  });
  const pieces: string[] = [];
  const errors: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => pieces.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => {
      if (code === 0) done(pieces.join(''));
      else fail(new Error(`${args.join(' ')} ended with ${signal ?? code}:\n${pieces.join('')}${errors.join('')}`));
    });
  });
}

function unpack(vsix: string, target: string, into: string): Unpacked {
  const entries = unzipSync(readFileSync(vsix));
  for (const [name, bytes] of Object.entries(entries)) {
    if (name.endsWith('/')) continue;
    mkdirSync(dirname(join(into, name)), { recursive: true });
    writeFileSync(join(into, name), bytes);
  }
  const folder = join(into, 'extension');
  const files = Object.keys(entries)
    .filter((name) => name.startsWith('extension/') && !name.endsWith('/'))
    .map((name) => name.slice('extension/'.length))
    .sort();
  return { target, vsix, folder, files, manifest: readFileSync(join(into, 'extension.vsixmanifest'), 'utf8') };
}

export async function buildPackages(): Promise<Packages> {
  const out = mkdtempSync(join(tmpdir(), 'headscope-package-'));
  const here = `${process.platform}-${process.arch}`;
  const other = here === 'darwin-arm64' ? 'linux-x64' : 'darwin-arm64';
  await runProcess(
    process.execPath,
    ['build/package.mjs', '--target', here, '--target', other, '--out', out],
    repositoryRoot,
  );
  const open = (target: string): Unpacked => {
    const name = readdirSync(out).find((file) => file.startsWith(`headscope-${target}-`) && file.endsWith('.vsix'));
    if (name === undefined) throw new Error(`build/package.mjs left no VSIX for ${target} in ${out}.`);
    return unpack(join(out, name), target, join(out, target));
  };
  return { here: open(here), other: open(other), remove: () => rmSync(out, { recursive: true, force: true }) };
}
