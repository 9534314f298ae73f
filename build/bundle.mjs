// Bundles every process of Headscope with esbuild: one file per process, one folder per panel.
import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir, rm } from 'node:fs/promises';
import { build, context } from 'esbuild';

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
  entryPoints: [entry],
  outfile: out,
  external,
});

const panels = existsSync('webviews/panels')
  ? readdirSync('webviews/panels', { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && existsSync(`webviews/panels/${entry.name}/main.ts`))
      .map((entry) => ({
        ...shared,
        platform: 'browser',
        target: 'es2023',
        format: 'iife',
        entryPoints: [`webviews/panels/${entry.name}/main.ts`],
        outfile: `dist/webviews/${entry.name}.js`,
        loader: { '.css': 'text' },
      }))
  : [];

const bundles = [
  node('extension/extension.ts', 'dist/extension.js', ['vscode']),
  node('language-server/main.ts', 'dist/language-server.js'),
  node('compute-server/main.ts', 'dist/compute-server.js', ['onnxruntime-node']),
  node('compute-server/cli/main.ts', 'dist/cli.js', ['onnxruntime-node']),
  ...panels,
].filter((options) => existsSync(options.entryPoints[0]));

if (!watch) await rm('dist', { recursive: true, force: true });
await mkdir('dist/webviews', { recursive: true });
await cp('node_modules/@vscode/codicons/dist/codicon.css', 'dist/webviews/codicon.css');
await cp('node_modules/@vscode/codicons/dist/codicon.ttf', 'dist/webviews/codicon.ttf');

if (watch) {
  for (const options of bundles) await (await context(options)).watch();
  console.log('watching');
} else {
  await Promise.all(bundles.map((options) => build(options)));
}
