/**
 * The extension as it would be with one analysis more and no other change: the built files, with the catalogue of tests in the
 * place of the product's in the compute server, the list of analyses and the manifest.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withTables } from '../../build/manifest.mjs';
import { infoOf } from '../../diagnostics/analysis-info';
import { taskInfo } from '../../diagnostics/tasks/task';
import { tasks } from '../../diagnostics/tasks/catalogue';
import { bundleShipped } from '../process/compute/support/bundle';
import { analyses } from '../support/analyses/catalogue';
import { repositoryRoot } from '../support/host/versions';

/** Inside the repository, so that the compute server finds onnxruntime-node. */
const folder = join(repositoryRoot, 'out/toy-extension');
const testCatalogue = join(repositoryRoot, 'test/support/analyses/catalogue.ts');

export async function makeToyExtension(): Promise<string> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of ['extension', 'docs', 'examples', 'schemas', 'README.md']) {
    symlinkSync(join(repositoryRoot, name), join(folder, name));
  }
  cpSync(join(repositoryRoot, 'dist'), join(folder, 'dist'), { recursive: true });
  const { serverScript } = await bundleShipped('toy-server', [
    {
      name: 'catalogue-of-tests',
      setup(bundle) {
        bundle.onResolve({ filter: /diagnostics\/catalogue$/ }, () => ({ path: testCatalogue }));
      },
    },
  ]);
  cpSync(serverScript, join(folder, 'dist/compute-server.js'));
  writeFileSync(
    join(folder, 'dist/analyses.json'),
    JSON.stringify({ analyses: analyses.map(infoOf), tasks: tasks.map(taskInfo) }),
  );
  const manifest = readFileSync(join(repositoryRoot, 'package.json'), 'utf8');
  writeFileSync(join(folder, 'package.json'), withTables(manifest, analyses));
  return folder;
}
