/** Installs the hosted VS Code once; later calls find the stamp and return at once. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { cleanEnvironment } from './environment';
import { ensureSystem } from './system';
import { hostFolder, nodeBinary, nodeFolder, nodePackage, paths, pinned } from './versions';

export type Log = (line: string) => void;

/** npm's own script, so that a chosen Node runs it: the postinstall of code-server reads which Node npm runs under. */
function npmScript(): string {
  const running = process.env['npm_execpath'];
  if (running?.endsWith('npm-cli.js')) return running;
  const beside = [
    join(process.execPath, '../../lib/node_modules/npm/bin/npm-cli.js'),
    join(process.execPath, '../node_modules/npm/bin/npm-cli.js'),
    ...(process.env['PATH'] ?? '')
      .split(delimiter)
      .flatMap((folder) => [
        join(folder, '../lib/node_modules/npm/bin/npm-cli.js'),
        join(folder, 'node_modules/npm/bin/npm-cli.js'),
      ]),
    '/usr/share/nodejs/npm/bin/npm-cli.js',
  ];
  const found = beside.find((file) => existsSync(file));
  if (found === undefined) throw new Error('npm was not found beside Node or on the PATH: install Node with npm.');
  return found;
}

async function npmInstall(folder: string, dependency: string, node: string, environment: NodeJS.ProcessEnv, log: Log) {
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, allowScripts: { 'code-server': true, argon2: true } }),
  );
  const child = spawn(node, [npmScript(), 'install', '--save-exact', '--no-audit', '--no-fund', dependency], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => output.push(text));
  }
  const code = await new Promise<number | null>((done, fail) => child.once('error', fail).once('close', done));
  if (code === 0) return;
  log(output.join('').split('\n').slice(-40).join('\n'));
  throw new Error(`npm could not install ${dependency} into ${folder} (its last lines are above).`);
}

const stamped = (name: string, version: string): boolean => {
  const file = join(hostFolder, `${name}.stamp`);
  return existsSync(file) && readFileSync(file, 'utf8') === version;
};

async function once(name: string, version: string, install: () => Promise<void>): Promise<void> {
  if (stamped(name, version)) return;
  await rm(join(hostFolder, name), { recursive: true, force: true });
  await install();
  await writeFile(join(hostFolder, `${name}.stamp`), version);
}

/** A version of Node from the npm registry: 50 to 120 MB, about ten seconds, once. */
export async function ensureNode(version: string, log: Log): Promise<string> {
  const folder = nodeFolder(version);
  await once(folder, version, async () => {
    log(`installing Node ${version} into ${hostFolder}`);
    await npmInstall(join(hostFolder, folder), `${nodePackage}@${version}`, process.execPath, cleanEnvironment(), log);
  });
  return nodeBinary(version);
}

/** Node 24 alone: `@vscode/vsce` needs Node 22 or later. */
export const ensureNode24 = (log: Log): Promise<string> => ensureNode(pinned.node, log);

/** The whole host: about 80 seconds and 800 MB the first time. */
export async function ensureHost(log: Log): Promise<void> {
  if (stamped('node24', pinned.node) && stamped('server', pinned.codeServer)) return;
  if (process.platform !== 'linux') {
    throw new Error(
      'The hosted VS Code is installed on Linux only. Install VS Code and its `code` command, then run npm start again.',
    );
  }
  ensureSystem(['compiler', 'kerberos'], log);
  const node = await ensureNode24(log);
  await once('server', pinned.codeServer, async () => {
    log(`installing code-server ${pinned.codeServer} into ${hostFolder} (about 80 s, 800 MB, only once)`);
    // nodedir: the native modules are built with the headers that npm delivered, because they cannot be downloaded.
    // ignore_scripts: the project's own .npmrc switches scripts off, and this install consists of them.
    const environment = cleanEnvironment({ npm_config_nodedir: paths.nodeRoot, npm_config_ignore_scripts: 'false' });
    await npmInstall(join(hostFolder, 'server'), `code-server@${pinned.codeServer}`, node, environment, log);
  });
}
