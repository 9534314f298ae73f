// npm run package:lib: the npm package "headscope-lib" as a .tgz in out/, or in `--out FOLDER`: a model with taps and interventions
// for scripts of Node. It holds the compute server that the editor uses; the runtime is its one dependency.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { libraryTypes } from './library-types.mjs';
import { manifestOf as checkerManifest, packIfStarted } from './npm-package.mjs';
import { root } from './setup.mjs';

/** What the compute server starts or reads beside itself when it runs models. */
const built = [
  'compute-server.js',
  'picture-decoder.js',
  'text-worker.js',
  'piece-worker.js',
  'mozjpeg_dec.wasm',
  'squoosh_png_bg.wasm',
  'highs.wasm',
];

/** With the first example of its page. */
const readmeOf = (example) => `# headscope-lib

Runs a checkpoint of Hugging Face, or a GGUF file, in Node, reads what its heads do, and changes it. No Python, and nothing is sent.

    npm install --ignore-scripts headscope-lib

${example}

Everything is described in [Scripts](https://github.com/headscope/headscope/blob/main/docs/scripts.md).
`;

/** The package.json of the package, from that of the repository. */
export function manifestOf(repository) {
  const { keywords, ...common } = checkerManifest(repository);
  const { bin: _, ...rest } = common;
  return {
    ...rest,
    name: 'headscope-lib',
    description:
      'Runs language and vision models in Node with taps and interventions: attention maps, heads, analyses.',
    keywords: [...keywords, 'activations'],
    main: './headscope-lib.js',
    types: './index.d.ts',
    exports: { '.': { types: './index.d.ts', default: './headscope-lib.js' }, './package.json': './package.json' },
    dependencies: { 'onnxruntime-node': repository.dependencies['onnxruntime-node'] },
  };
}

/** Writes the files of the package into a folder, from what was built. */
export async function stageLibrary(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const manifest = manifestOf(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  const [example] = /^```js\n.*?^```$/ms.exec(readFileSync(join(root, 'docs/scripts.md'), 'utf8'));
  writeFileSync(join(folder, 'README.md'), readmeOf(example));
  writeFileSync(join(folder, 'index.d.ts'), await libraryTypes());
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  for (const name of ['headscope-lib.js', ...built]) cpSync(join(root, 'dist', name), join(folder, name));
}

packIfStarted(import.meta.url, 'library', stageLibrary);
