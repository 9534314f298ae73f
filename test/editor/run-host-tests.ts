/** Bundles test/editor/host, runs it inside the extension host of the hosted VS Code, and reads what it wrote. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { launchBrowser } from '../support/host/browser';
import { startHost } from '../support/host/server';
import type { Host } from '../support/host/server';
import { repositoryRoot } from '../support/host/versions';
import type { TierResult } from '../support/tier-result';
import { copyOfExamples } from './workspace';
import { patience } from '../support/patience';

export interface HostResult extends TierResult {
  /** Mocha's own text. */
  readonly output: string;
}

const sources = join(__dirname, 'host');
const outFolder = join(repositoryRoot, 'out/editor-tests');
/** Far above the half minute that the tests need: it only ends a window that hangs. */
const patienceMs = patience(240_000);

async function bundle(): Promise<void> {
  rmSync(outFolder, { recursive: true, force: true });
  await build({
    entryPoints: readdirSync(sources)
      .filter((name) => name.endsWith('.test.ts') || name === 'index.ts')
      .map((name) => join(sources, name)),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    outdir: outFolder,
    external: ['vscode', 'mocha'],
    sourcemap: 'inline',
    logLevel: 'warning',
  });
}

/** Opens the window whose payload starts the tests, and waits until VS Code says that they ended. */
async function openTestWindow(host: Host): Promise<string> {
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    const logs: string[] = [];
    const ended = new Promise<void>((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`The test window did not end in ${patienceMs} ms.`)), patienceMs);
      void page.exposeFunction('codeAutomationLog', (_type: string, args: string[]) => logs.push(args.join(' ')));
      void page.exposeFunction('codeAutomationExit', () => {
        clearTimeout(timer);
        done();
      });
    });
    await page.goto(host.url);
    await ended;
    return logs.join('\n');
  } finally {
    await browser.close();
  }
}

export async function runHostTests(): Promise<TierResult> {
  await bundle();
  const results = mkdtempSync(join(tmpdir(), 'headscope-editor-'));
  const file = join(results, 'result.json');
  const workspace = copyOfExamples();
  let logs = '';
  try {
    const host = await startHost({
      workspace: workspace.folder,
      extension: repositoryRoot,
      tests: join(outFolder, 'index.js'),
      environment: { HEADSCOPE_EDITOR_RESULT: file },
    });
    try {
      logs = await openTestWindow(host);
    } finally {
      await host.stop();
    }
    // The window reports success even when its extension host died, so only the written result counts.
    if (!existsSync(file)) throw new Error(`The extension host wrote no result. Its log:\n${logs}`);
    const result = JSON.parse(readFileSync(file, 'utf8')) as HostResult;
    console.log(result.output);
    if (result.passed + result.failed === 0) throw new Error('No test ran in the extension host.');
    return result;
  } catch (error) {
    console.error(error);
    const why = error instanceof Error ? error.message : String(error);
    const failures = [{ file: 'test/editor/host', title: 'the tests in the extension host', error: why }];
    return { passed: 0, failed: 1, skipped: 0, failures, retried: [], passes: {} };
  } finally {
    workspace.remove();
    rmSync(results, { recursive: true, force: true });
  }
}
