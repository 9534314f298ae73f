/** The shipped processes with the catalogue of tests in the place of the product's: what a new analysis gets without further code. */
import { join } from 'node:path';
import { runCli, type Outcome } from '../../compute/support/run-cli';
import { bundledServer, bundleServer } from '../../compute/support/bundle';

const name = 'test-analyses';
export const { serverScript, cliScript } = bundledServer(name);

const testCatalogue = join(__dirname, '../../../support/analyses/catalogue.ts');

let built: Promise<unknown> | undefined;

/** Once per run of the tests. */
export const buildServer = (): Promise<unknown> =>
  (built ??= bundleServer(name, [
    {
      name: 'catalogue-of-tests',
      setup(bundle) {
        bundle.onResolve({ filter: /diagnostics\/catalogue$/ }, () => ({ path: testCatalogue }));
      },
    },
  ]));

export const headscope = (
  words: readonly string[],
  cache: string,
  onStart?: (interrupt: () => void) => void,
): Promise<Outcome> =>
  runCli(cliScript, words, { ...process.env, HEADSCOPE_CACHE_DIR: cache, HEADSCOPE_THREADS: '1' }, onStart);
