/**
 * llama.cpp, as the npm package node-llama-cpp brings it. Benches alone run it, so it is no dependency of this package: 83 MB and
 * 117 packages that every `npm ci` would fetch (with the optional packages of its GPU builds, which npm takes by default, several
 * times that). It is installed on demand, without running any script, and kept between runs.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const llamaCppVersion = '3.21.1';

const builds: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-arm64': 'mac-arm64-metal',
  'darwin-x64': 'mac-x64',
  'win32-x64': 'win-x64',
  'win32-arm64': 'win-arm64',
};

/** The file to import. */
export async function installLlamaCpp(): Promise<string> {
  const build = builds[`${process.platform}-${process.arch}`];
  if (build === undefined) throw new Error('node-llama-cpp has no build for this machine.');
  const folder = join(__dirname, '../../../../node_modules/.cache', `node-llama-cpp-${llamaCppVersion}`);
  const entry = join(folder, 'node_modules/node-llama-cpp/dist/index.js');
  const binary = join(folder, 'node_modules/@node-llama-cpp', build);
  if (existsSync(entry) && existsSync(binary)) return entry;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }));
  // Two calls: leaving out optional packages drops those of other GPUs, and the one wanted is then asked for by name.
  const npm = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--omit=optional', '--save-exact'];
  for (const name of ['node-llama-cpp', `@node-llama-cpp/${build}`]) {
    await promisify(execFile)('npm', [...npm, `${name}@${llamaCppVersion}`], {
      cwd: folder,
      shell: process.platform === 'win32',
    });
  }
  return entry;
}
