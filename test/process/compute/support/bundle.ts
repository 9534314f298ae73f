import { cp } from 'node:fs/promises';
import path from 'node:path';
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

/** Bundles the compute server and the command line as build/bundle.mjs does, beside the shipped ones. */
export async function bundleServer(name: string, plugins: Plugin[] = []): Promise<BundledServer> {
  // What is forked takes over the options of this process. Bundles need no loader of TypeScript, which takes longer than their start.
  process.execArgv = process.execArgv.filter((option) => option !== '--import=tsx');
  await build({
    entryPoints: {
      'compute-server': path.join(root, 'compute-server/main.ts'),
      'picture-decoder': path.join(root, 'compute-server/images/decoder.ts'),
      'piece-worker': path.join(root, 'compute-server/model/weights/piece-worker.ts'),
      'text-worker': path.join(root, 'compute-server/model/text/text-worker.ts'),
      cli: path.join(root, 'compute-server/cli/main.ts'),
    },
    outdir: path.join(root, 'out', name),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    mainFields: ['module', 'main'],
    alias: { highs: path.join(root, 'node_modules/highs/build/highs.js') },
    external: ['onnxruntime-node', './kubernetes-client', './agent-protocol'],
    logLevel: 'error',
    define: { 'process.env.HEADSCOPE_VERSION': '"0.0.0-test"' },
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
    entryPoints: { 'kernel-library': path.join(root, 'kernels/own/library.ts') },
    outdir,
    platform: 'neutral',
    format: 'iife',
    globalName: 'headscopeLibrary',
  });
  await cp(path.join(root, 'node_modules/amaro/dist/index.js'), path.join(outdir, 'amaro.js'));
}
