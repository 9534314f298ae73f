/** A VS Code window with the extension on a private copy of the example workspace, for the length of one suite. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { launchBrowser, watchOutsideRequests } from '../../support/host/browser';
import { startHost } from '../../support/host/server';
import type { Host, HostOptions } from '../../support/host/server';
import { repositoryRoot } from '../../support/host/versions';
import { Workbench } from '../../support/host/workbench';
import { copyOfExamples } from '../workspace';
import type { WorkspaceCopy } from '../workspace';
import { patience } from '../../support/patience';

export interface DrivenWindow {
  readonly bench: Workbench;
  readonly host: Host;
  /** Folder of the private copy of the example workspace. */
  readonly workspace: string;
  /** Requests that left the machine. */
  readonly outside: readonly string[];
}

export interface WindowOptions extends Partial<HostOptions> {
  /** Let the example workspace greet as it does a newcomer. */
  readonly welcome?: boolean;
  /** Adds files to the private workspace before the window opens. */
  readonly prepare?: (workspace: string) => void;
}

/** Where the window as it was is kept when a test fails. */
const failures = join(repositoryRoot, 'out/editor-failures');

/** Registers the hooks that open the window before the suite and close all of it after; call it inside `describe`. */
export function useWindow(options: WindowOptions = {}): () => DrivenWindow {
  const { welcome = false, prepare, ...hostOptions } = options;
  let workspace: WorkspaceCopy | undefined;
  let host: Host | undefined;
  let browser: Browser | undefined;
  let driven: DrivenWindow | undefined;

  before(async function () {
    this.timeout(90_000);
    workspace = copyOfExamples({ welcome });
    prepare?.(workspace.folder);
    host = await startHost({ extension: repositoryRoot, ...hostOptions, workspace: workspace.folder });
    browser = await launchBrowser();
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.setDefaultTimeout(patience(30_000));
    const outside = watchOutsideRequests(page);
    driven = { bench: await Workbench.attach(page, host), host, workspace: workspace.folder, outside };
  });

  afterEach(async function () {
    if (this.currentTest?.state !== 'failed' || driven === undefined) return;
    mkdirSync(failures, { recursive: true });
    const file = join(failures, `${this.currentTest.fullTitle().replaceAll(/\W+/g, '-')}.png`);
    await driven.bench.screenshot(file);
    console.log(`the window as it was: ${file}`);
  });

  after(async function () {
    this.timeout(30_000);
    await browser?.close();
    await host?.stop();
    workspace?.remove();
  });

  return () => {
    if (driven === undefined) throw new Error('The window is open only while a test of its suite runs.');
    return driven;
  };
}
