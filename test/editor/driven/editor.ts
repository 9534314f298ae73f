/**
 * One hosted VS Code and one browser for all files of a run. A window of it is as good as new: nothing that an earlier one kept,
 * on the server or in the browser, and no process of it is there when the next one opens.
 */
import { mkdtempSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { BrowserContext, Page } from 'playwright-core';
import { calmContext, launchBrowser, watchOutsideRequests } from '../../support/host/browser';
import { startHost, writeSettings } from '../../support/host/server';
import type { Host, HostOptions } from '../../support/host/server';
import { repositoryRoot } from '../../support/host/versions';
import { Workbench } from '../../support/host/workbench';
import { patience } from '../../support/patience';
import { shared } from '../../support/shared';
import { processesOf } from './compute-processes';

export type WindowSettings = Pick<Partial<HostOptions>, 'settings' | 'workspaceTrust'>;

export interface EditorWindow {
  readonly bench: Workbench;
  readonly host: Host;
  /** Requests that left the machine. */
  readonly outside: readonly string[];
  readonly close: () => Promise<void>;
}

const editor = shared(
  async () => {
    const nothing = mkdtempSync(join(tmpdir(), 'headscope-nothing-'));
    // Whether a window asks for trust is a matter of its settings: the server must not switch it off for all.
    const environment = { HEADSCOPE_KERNEL_SECONDS: '3' };
    const host = await startHost({ workspace: nothing, extension: repositoryRoot, workspaceTrust: true, environment });
    const browser = await launchBrowser();
    // One context, so that the code of VS Code is fetched and compiled once.
    const context = await calmContext(browser, { width: 1400, height: 900 });
    return { nothing, host, browser, context };
  },
  async ({ nothing, host, browser }) => {
    await browser.close();
    await host.stop();
    await rm(nothing, { recursive: true });
  },
);

/** What VS Code keeps in the browser: layout, open editors, state of extensions, trusted folders. */
async function forget(page: Page, address: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('Storage.clearDataForOrigin', {
    origin: new URL(address).origin,
    storageTypes: 'cookies,file_systems,indexeddb,local_storage,websql',
  });
  await session.detach();
}

/** What it and the extension keep in the profile: results, state of workspaces, histories, measured roofs, finished layers. */
async function empty(profile: string): Promise<void> {
  const user = join(profile, 'data/User');
  const kept = ['globalStorage/headscope.headscope', 'workspaceStorage', 'History'].map((name) => join(user, name));
  for (const folder of [...kept, join(profile, 'cache')]) await rm(folder, { recursive: true, force: true });
  await mkdir(join(profile, 'cache'), { recursive: true });
}

/**
 * What lies over what a test clicks: the hover of the row under a resting pointer covers the rows below it until the pointer moves, and the
 * lines that an editor keeps at its top cover those below them where it is low.
 */
const nothingOnTop = {
  'workbench.hover.delay': 3_600_000,
  'workbench.hover.reducedDelay': 3_600_000,
  'editor.stickyScroll.enabled': false,
};

export async function openWindow(folder: string, settings: WindowSettings): Promise<EditorWindow> {
  const { host, context } = await editor.take();
  await empty(host.profile);
  await writeSettings(host.profile, { ...settings, settings: { ...nothingOnTop, ...settings.settings } });
  const page = await context.newPage();
  page.setDefaultTimeout(patience(30_000));
  await forget(page, host.url);
  const outside = watchOutsideRequests(page);
  const window: Host = { ...host, url: host.windowOn(folder) };
  const close = async (): Promise<void> => {
    await leave(page, context);
    await endOf(host.profile);
    await editor.release();
  };
  try {
    return { bench: await Workbench.attach(page, window), host: window, outside, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A page that is left tells the server so, which then ends its extension host; one that is only closed is expected back. */
async function leave(page: Page, context: BrowserContext): Promise<void> {
  // Editors that were not saved ask; nobody is there who would answer no.
  page.on('dialog', (dialog) => void dialog.accept().catch(() => undefined));
  await page.goto('about:blank').catch(() => undefined);
  await page.close();
  for (const other of context.pages()) await other.close();
}

/** The extension host of the window and what it started have ended: by themselves, or by force. */
async function endOf(profile: string): Promise<void> {
  const running = (): number[] => [
    ...processesOf(profile, '--type=extensionHost'),
    ...processesOf(profile, 'compute-server.js'),
    ...processesOf(profile, 'language-server.js'),
  ];
  const deadline = performance.now() + patience(5000);
  while (running().length > 0) {
    const late = performance.now() > deadline;
    for (const pid of late ? running() : []) process.kill(pid, 'SIGKILL');
    await setTimeout(50);
  }
}
