import { cp, readFile, writeFile } from 'node:fs/promises';
import Module from 'node:module';
import path from 'node:path';
import { Script } from 'node:vm';
import { build } from 'esbuild';
import type { BuildOptions, Plugin } from 'esbuild';

const root = path.resolve(__dirname, '../../../..');

export interface BundledServer {
  readonly serverScript: string;
  readonly cliScript: string;
}

/** Where `bundleServer(name)` puts its bundles: inside the repository, so that they find onnxruntime-node. */
export function bundledServer(name: string): BundledServer {
  const folder = path.join(root, 'out', name);
  return { serverScript: path.join(folder, 'compute-server.js'), cliScript: path.join(folder, 'cli.js') };
}

/** Runs the bundle beside it as Node runs a file: with the same names, and code that another V8 made compiled again. */
const starter = `const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');
const filename = __filename.replace(/js$/, 'body.js');
new Script(readFileSync(filename, 'utf8'), { filename, cachedData: readFileSync(filename + '.code') })
  .runInThisContext()(exports, require, module, __filename, __dirname);
`;

/** Compiling seven megabytes is half of the start of a process, and tests start hundreds: V8 keeps what it made. */
async function compileOnce(script: string): Promise<void> {
  const source = Module.wrap((await readFile(script, 'utf8')).replace(/^#!.*/, ''));
  const body = script.replace(/js$/, 'body.js');
  await writeFile(body, source);
  await writeFile(`${body}.code`, new Script(source, { filename: body }).createCachedData());
  await writeFile(script, starter);
}

/** import() as require(), as in the shipped command line: code that V8 kept cannot import. */
const withoutImport: BuildOptions['supported'] = { 'dynamic-import': false };

/** As build/bundle.mjs bundles for node. */
const forNode = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  mainFields: ['module', 'main'],
  logLevel: 'error',
  define: { 'process.env.HEADSCOPE_VERSION': '"0.0.0-test"' },
} satisfies BuildOptions;

/** Bundles the compute server and the command line beside the shipped ones; they start from code that V8 kept. */
export async function bundleServer(name: string, plugins: Plugin[] = []): Promise<BundledServer> {
  const scripts = await bundleShipped(name, plugins, withoutImport);
  await compileOnce(scripts.serverScript);
  await compileOnce(scripts.cliScript);
  return scripts;
}

/** Each in one file, as build/bundle.mjs bundles it. */
export async function bundleShipped(
  name: string,
  plugins: Plugin[] = [],
  supported: BuildOptions['supported'] = {},
): Promise<BundledServer> {
  // What is forked takes over the options of this process. Bundles need no loader of TypeScript, which takes longer than their start.
  process.execArgv = process.execArgv.filter((option) => option !== '--import=tsx');
  await build({
    ...forNode,
    entryPoints: {
      'compute-server': path.join(root, 'compute-server/main.ts'),
      'picture-decoder': path.join(root, 'compute-server/images/decoder.ts'),
      'piece-worker': path.join(root, 'compute-server/model/weights/piece-worker.ts'),
      'text-worker': path.join(root, 'compute-server/model/text/text-worker.ts'),
      cli: path.join(root, 'compute-server/cli/main.ts'),
    },
    outdir: path.join(root, 'out', name),
    alias: { highs: path.join(root, 'node_modules/highs/build/highs.js') },
    external: ['onnxruntime-node', './kubernetes-client', './agent-protocol'],
    supported,
    plugins,
  });
  for (const file of [
    '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm',
    '@jsquash/png/codec/pkg/squoosh_png_bg.wasm',
    'highs/build/highs.wasm',
  ]) {
    await cp(path.join(root, 'node_modules', file), path.join(root, 'out', name, path.basename(file)));
  }
  return bundledServer(name);
}

/** What runs kernel files, beside the bundles of `bundleServer(name)`. */
export async function bundleKernelProcess(name: string): Promise<void> {
  const outdir = path.join(root, 'out', name);
  const shared: BuildOptions = { bundle: true, target: 'node20', mainFields: ['module', 'main'], logLevel: 'error' };
  await build({
    ...shared,
    entryPoints: {
      'kernel-thread': path.join(root, 'compute-server/own-kernels/kernel-thread.ts'),
      'kernel-process': path.join(root, 'compute-server/own-kernels/kernel-process.ts'),
    },
    outdir,
    platform: 'node',
    format: 'cjs',
  });
  await build({
    ...shared,
    entryPoints: {
      'kernel-library': path.join(root, 'kernels/own/library.ts'),
      'analysis-library': path.join(root, 'diagnostics/own/library.ts'),
    },
    outdir,
    platform: 'neutral',
    format: 'iife',
    globalName: 'headscopeLibrary',
  });
  await cp(path.join(root, 'node_modules/amaro/dist/index.js'), path.join(outdir, 'amaro.js'));
}

let plain: Promise<BundledServer> | undefined;

/** Nothing replaced, once per run of the tests; where its bundles are is known before. */
export const plainServer = bundledServer('test-plain');
export const buildPlainServer = (): Promise<BundledServer> => (plain ??= bundleServer('test-plain'));

let languageServer: Promise<string> | undefined;

/** The language server as it is shipped, bundled once per run of the tests. */
export const bundleLanguageServer = (): Promise<string> =>
  (languageServer ??= (async () => {
    const script = path.join(root, 'out/test-language/language-server.js');
    const entryPoints = [path.join(root, 'language-server/main.ts')];
    await build({ ...forNode, entryPoints, outfile: script, supported: withoutImport });
    await compileOnce(script);
    return script;
  })());
