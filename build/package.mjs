// npm run package: a VSIX for this platform, or for others by `--target darwin-arm64` (repeatable) or `--all`.
// Each holds the binaries of onnxruntime for its own platform only; dist/ is rebuilt without source maps.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureDependencies, requireNode, root, run, tsx } from './setup.mjs';
import { binariesOf, ownTarget, targets } from './targets.mjs';

const fail = (sentence, code = 1) => {
  console.error(sentence);
  process.exit(code);
};

const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true },
    all: { type: 'boolean', default: false },
    out: { type: 'string', default: root },
  },
});
const chosen = values.all ? Object.keys(targets) : (values.target ?? [ownTarget]);
const unknown = chosen.filter((target) => !Object.hasOwn(targets, target));
if (unknown.length > 0) {
  fail(`No VSIX can be made for ${unknown.join(', ')}: choose from ${Object.keys(targets).join(', ')}.`, 2);
}

requireNode();
ensureDependencies();
const built = await run(process.execPath, ['build/bundle.mjs', '--production']);
if (!built.ok) fail(`The build failed: ${built.why}.`);

// @vscode/vsce 4 needs Node 22 or later; the extension itself does not.
const vsce = 'build/vsce.mjs';
const major = Number(process.versions.node.split('.')[0]);
const command = major >= 22 ? [vsce] : tsx('test/support/host/with-node24.ts', vsce);

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
// Odd minor versions are pre-releases (CHANGELOG.md). The stores read it from the VSIX.
const preRelease = Number(version.split('.')[1]) % 2 === 1 ? ['--pre-release'] : [];
mkdirSync(values.out, { recursive: true });
const allowList = readFileSync(join(root, '.vscodeignore'), 'utf8');
for (const target of chosen) {
  const file = join(values.out, `headscope-${target}-${version}.vsix`);
  const ignoreFile = join(root, 'out', `${target}.vscodeignore`);
  mkdirSync(join(root, 'out'), { recursive: true });
  const binaries = binariesOf(target).map((path) => `!${path}`);
  writeFileSync(ignoreFile, `${allowList}${binaries.join('\n')}\n`);
  const args = ['package', '--target', target, '--out', file, '--ignoreFile', ignoreFile, ...preRelease];
  const packed = await run(process.execPath, [...command, ...args]);
  rmSync(ignoreFile);
  if (!packed.ok) fail(`vsce could not package ${target}: ${packed.why}.`);
  console.log(`${file}: ${(statSync(file).size / 1e6).toFixed(1)} MB`);
}
