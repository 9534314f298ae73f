// npm run manifest: what a sweep can run and what each of these takes, from the commands of the command line and the tables of analyses
// and tasks, for the language server, which has neither.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { formatted } from './formatted.mjs';
import { root } from './setup.mjs';

const load = createRequire(import.meta.url);
const { headscopeProgram } = load('../compute-server/cli/program.ts');
const { sweepCatalogue } = load('../compute-server/cli/sweep-program.ts');

export const sweepCatalogueFile = join(root, 'language-server/service/sweeps/catalogue.json');

export async function sweepCatalogueText() {
  // Commands are registered with a session and work with it when they run.
  const catalogue = sweepCatalogue(headscopeProgram({}));
  return formatted(sweepCatalogueFile, JSON.stringify(catalogue));
}

export async function writeSweepCatalogue() {
  writeFileSync(sweepCatalogueFile, await sweepCatalogueText());
}
