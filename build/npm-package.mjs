// npm run package:npm: the npm package "headscope" as a .tgz in out/, or in `--out FOLDER`. It holds `headscope check` and the
// language server in one file without dependencies, so that an action or a hook installs a megabyte; models run from the
// extension and the repository.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureDependencies, requireNode, root, run } from './setup.mjs';

const readme = `# headscope

Checks configurations of models: \`config.json\`, generation, tokenizer, processor and adapter files, indexes of weights and
\`.onnx\` graphs, each against the others and against the headers of the weights.

    npm install --global --ignore-scripts headscope
    headscope check PATH…
    headscope-language-server --stdio

\`headscope check --help\` lists the options. Rules, CI and pre-commit are described in the
[documentation](https://github.com/headscope/headscope/tree/main/docs). Nothing is sent or downloaded, and nothing of a model runs.
`;

/** The package.json of the package, from that of the repository. */
export const manifestOf = ({ name, version, license, repository, keywords, engines }) => ({
  name,
  version,
  description: 'Checks model configurations: attention, rotary embedding, experts, quantisation, tokens, weights.',
  license,
  repository,
  keywords,
  engines: { node: engines.node },
  bin: { headscope: 'headscope.js', 'headscope-language-server': 'headscope.js' },
  // Odd minor versions are pre-releases (CHANGELOG.md): nobody gets one without asking for it.
  publishConfig: { access: 'public', tag: Number(version.split('.')[1]) % 2 === 1 ? 'next' : 'latest' },
});

/** Writes the files of the package into a folder, from what was built. */
export function stage(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const manifest = manifestOf(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  writeFileSync(join(folder, 'README.md'), readme);
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  cpSync(join(root, 'dist/language-server.js'), join(folder, 'headscope.js'));
}

/** Builds, stages and packs an npm package as a .tgz, where the script is the program that was started. `stage(folder)` fills the folder. */
export function packIfStarted(url, name, stage) {
  if (url !== pathToFileURL(process.argv[1] ?? '').href) return;
  pack(name, stage).catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}

async function pack(name, stage) {
  const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'out') } } });
  requireNode();
  ensureDependencies();
  const built = await run(process.execPath, ['build/bundle.mjs', '--production']);
  if (!built.ok) throw new Error(`The build failed: ${built.why}.`);
  const folder = join(root, 'out', name);
  await stage(folder);
  const out = resolve(values.out);
  mkdirSync(out, { recursive: true });
  const packed = await run('npm', ['pack', folder, '--pack-destination', out]);
  if (!packed.ok) throw new Error(`npm could not pack it: ${packed.why}.`);
}

packIfStarted(import.meta.url, 'npm', stage);
