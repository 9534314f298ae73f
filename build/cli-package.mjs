// npm run package:cli: the command line with the runtime of one platform as a .tgz in out/, or in `--out FOLDER`, for machines without
// the repository, such as the nodes of a cluster: unpack it in a folder that all of them share, and run bin/headscope. It needs Node.
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureDependencies, requireNode, root, run } from './setup.mjs';
import { binariesOf, ownTarget, targets } from './targets.mjs';

/** Built files that only the editor or a script needs. */
const ofOthers = ['extension.js', 'language-client.js', 'headscope-lib.js'];
/** What pages of results are made of. */
const pages = ['results.js', 'codicon.css', 'codicon.ttf'].map((name) => `dist/webviews/${name}`);
const packages = [
  'node_modules/onnxruntime-node/package.json',
  'node_modules/onnxruntime-node/dist',
  'node_modules/onnxruntime-common/package.json',
  'node_modules/onnxruntime-common/dist/cjs',
];

const launcher = `#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
exec node "$here/dist/cli.js" "$@"
`;

/** Writes the files of the package into a folder, from what was built. */
export function stageCli(folder, target = ownTarget) {
  rmSync(folder, { recursive: true, force: true });
  const copy = (path) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(root, path), join(folder, path), { recursive: true });
  };
  for (const name of readdirSync(join(root, 'dist'))) {
    if (/\.(js|json|wasm)$/.test(name) && !ofOthers.includes(name)) copy(`dist/${name}`);
  }
  for (const path of ['LICENSE', ...pages, ...packages]) copy(path);
  for (const pattern of binariesOf(target)) copy(pattern.replace(/\/\*\*$/, ''));
  const { name, version, license, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const manifest = {
    name,
    version,
    license,
    private: true,
    engines: { node: engines.node },
    bin: { headscope: 'bin/headscope' },
  };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin/headscope'), launcher);
  chmodSync(join(folder, 'bin/headscope'), 0o755);
}

async function pack() {
  const { values } = parseArgs({
    options: { out: { type: 'string', default: join(root, 'out') }, target: { type: 'string', default: ownTarget } },
  });
  const { target } = values;
  if (!Object.hasOwn(targets, target)) {
    throw new Error(`There is no runtime for ${target}: choose from ${Object.keys(targets).join(', ')}.`);
  }
  requireNode();
  ensureDependencies();
  const bundled = await run(process.execPath, ['build/bundle.mjs', '--production']);
  if (!bundled.ok) throw new Error(`The build failed: ${bundled.why}.`);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const name = `headscope-cli-${target}-${version}`;
  stageCli(join(root, 'out', name), target);
  mkdirSync(values.out, { recursive: true });
  const file = join(resolve(values.out), `${name}.tgz`);
  const packed = await run('tar', ['-czf', file, '-C', join(root, 'out'), name]);
  if (!packed.ok) throw new Error(`tar could not pack it: ${packed.why}.`);
  rmSync(join(root, 'out', name), { recursive: true });
  console.log(`${file}: ${(statSync(file).size / 1e6).toFixed(1)} MB`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  pack().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
