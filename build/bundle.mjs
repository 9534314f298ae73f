// Bundles every process of Headscope with esbuild: one file per process, and one for all panels.
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build, context } from 'esbuild';
import { mechanismCopies } from './mechanism-copies.mjs';
import { ownTypes } from './own-types.mjs';

const watch = process.argv.includes('--watch');
const production = process.argv.includes('--production');

const shared = {
  bundle: true,
  logLevel: 'warning',
  sourcemap: production ? false : 'linked',
  minify: production,
  define: {
    'process.env.HEADSCOPE_VERSION': JSON.stringify(
      (await import('../package.json', { with: { type: 'json' } })).default.version,
    ),
  },
};

/** Node processes: CommonJS, because VS Code loads `main` by require and the binding of onnxruntime is CommonJS. */
const node = (entry, out, external = []) => ({
  ...shared,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // vscode-languageserver and others resolve their UMD `main` otherwise, whose requires esbuild cannot follow.
  mainFields: ['module', 'main'],
  // The decoders ask for their own address only where they are not given their WebAssembly.
  logOverride: { 'empty-import-meta': 'silent' },
  // Its module for import asks where it lies by import.meta, which CommonJS does not have.
  alias: { highs: fileURLToPath(new URL('../node_modules/highs/build/highs.js', import.meta.url)) },
  entryPoints: [entry],
  outfile: out,
  external,
});

const browser = (entry, out, format) => ({
  ...shared,
  platform: 'browser',
  target: 'es2023',
  format,
  entryPoints: [entry],
  outfile: out,
});

const bundles = [
  // The language client is four fifths of the extension's code: apart, activation does not load it.
  // As require(): import() would ask for the file's ending, and for ESM in a host that loads CommonJS.
  {
    ...node('extension/extension.ts', 'dist/extension.js', ['vscode', './language-client']),
    supported: { 'dynamic-import': false },
  },
  node('extension/platform/language-client.ts', 'dist/language-client.js', ['vscode']),
  node('language-server/main.ts', 'dist/language-server.js'),
  node('compute-server/main.ts', 'dist/compute-server.js', ['onnxruntime-node']),
  node('compute-server/images/decoder.ts', 'dist/picture-decoder.js'),
  node('compute-server/own-kernels/kernel-thread.ts', 'dist/kernel-thread.js'),
  node('compute-server/own-kernels/kernel-process.ts', 'dist/kernel-process.js'),
  // They run in the context of a person's file, which has neither require nor process.
  ...[
    ['kernels/own/library.ts', 'kernel-library'],
    ['diagnostics/own/library.ts', 'analysis-library'],
  ].map(([entry, name]) => ({
    ...node(entry, `dist/${name}.js`),
    platform: 'neutral',
    format: 'iife',
    globalName: 'headscopeLibrary',
    sourcemap: false,
  })),
  node('compute-server/model/text/text-worker.ts', 'dist/text-worker.js'),
  node('compute-server/model/weights/piece-worker.ts', 'dist/piece-worker.js'),
  // Apart are the client of Kubernetes, which only a sweep there loads, and the protocol of agents, which only `headscope mcp` loads.
  {
    ...node('compute-server/cli/main.ts', 'dist/cli.js', [
      'onnxruntime-node',
      './kubernetes-client',
      './agent-protocol',
    ]),
    supported: { 'dynamic-import': false },
  },
  node('compute-server/cli/mcp/agent-protocol.ts', 'dist/agent-protocol.js'),
  // For scripts: the npm package headscope-lib, which no other process loads.
  node('compute-server/library/main.ts', 'dist/headscope-lib.js'),
  node('compute-server/sweeps/kubernetes/kubernetes-client.ts', 'dist/kubernetes-client.js'),
  browser('webviews/panels/main.ts', 'dist/webviews/panels.js', 'iife'),
  // An ECMAScript module, which VS Code's notebooks import. Each page of a result holds it: always small.
  { ...browser('webviews/results/main.ts', 'dist/webviews/results.js', 'esm'), minify: true },
];

const started = new Set();
/** Reports to the watch task of the editor when a build begins and when all of them are done. */
const announce = (name) => ({
  name: 'announce',
  setup(build) {
    build.onStart(() => {
      if (started.size === 0) console.log('building');
      started.add(name);
    });
    build.onEnd(() => {
      started.delete(name);
      if (started.size === 0) console.log('watching');
    });
  },
});

const analysesSource = `
  import { analyses, experiments } from './diagnostics/catalogue';
  import { infoOf } from './diagnostics/analysis-info';
  import { taskInfo } from './diagnostics/tasks/task';
  import { tasks } from './diagnostics/tasks/catalogue';
  export default { analyses: [...analyses, ...experiments].map(infoOf), tasks: tasks.map(taskInfo) };`;

const kernelsSource = `
  import { describeMechanisms } from './compute-server/harness/describe';
  import { describeModules } from './compute-server/modules/describe';
  export default { mechanisms: describeMechanisms(), modules: describeModules() };`;

/** Catalogues as data: the extension lists them without asking the compute server, which may be busy or not running. */
async function catalogueText(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: '.', loader: 'ts' },
    external: ['onnxruntime-node'],
    bundle: true,
    format: 'esm',
    platform: 'node',
    mainFields: ['module', 'main'],
    write: false,
    logLevel: 'warning',
  });
  const module = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
  return `${JSON.stringify(module.default)}\n`;
}

/** What is read beside the bundles: the icons, the decoders that `picture-decoder.js` looks for there, and the solver of integer programs. */
async function copyFiles() {
  await mkdir('dist/webviews', { recursive: true });
  await writeFile('dist/analyses.json', await catalogueText(analysesSource));
  await writeFile('dist/kernels.json', await catalogueText(kernelsSource));
  await writeFile('dist/headscope.d.ts', ownTypes());
  await writeFile('dist/mechanism-copies.json', `${JSON.stringify(mechanismCopies())}\n`);
  await cp('node_modules/@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm', 'dist/mozjpeg_dec.wasm');
  await cp('node_modules/highs/build/highs.wasm', 'dist/highs.wasm');
  // With its WebAssembly inside; a kernel process loads it from there.
  await cp('node_modules/amaro/dist/index.js', 'dist/amaro.js');
  await cp('node_modules/@jsquash/png/codec/pkg/squoosh_png_bg.wasm', 'dist/squoosh_png_bg.wasm');
  for (const name of ['codicon.css', 'codicon.ttf']) {
    await cp(`node_modules/@vscode/codicons/dist/${name}`, `dist/webviews/${name}`);
  }
}

if (watch) {
  await copyFiles();
  const contexts = bundles.map((options) => context({ ...options, plugins: [announce(options.outfile)] }));
  for (const one of await Promise.all(contexts)) await one.watch();
} else {
  // Written only when all of them succeeded: a failed build leaves what was built before.
  const built = await Promise.all(bundles.map((options) => build({ ...options, write: false })));
  await rm('dist', { recursive: true, force: true });
  await copyFiles();
  for (const { path, contents } of built.flatMap(({ outputFiles }) => outputFiles)) {
    // Executable: the package's `bin` files, whose sources begin with #!, are started by the shell.
    await writeFile(path, contents, { mode: 0o755 });
  }
}
