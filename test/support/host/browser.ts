/** The system's Chromium under playwright-core; nothing is downloaded. */
import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, Page, ViewportSize } from 'playwright-core';
import { ensureSystem, findBrowser } from './system';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function launchBrowser(more: readonly string[] = []): Promise<Browser> {
  ensureSystem(['browser'], console.error);
  const executablePath = findBrowser();
  if (executablePath === undefined) throw new Error('No browser was found: install Chromium.');
  return chromium.launch({ executablePath, args: [...flags, ...more] });
}

/** In the document and, as a sheet is of one document and a webview writes its own, in every shadow tree by itself. */
const playOnce = `{
  const once = (tree) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync('*, ::before, ::after { animation-iteration-count: 1 !important; }');
    tree.adoptedStyleSheets.push(sheet);
    return tree;
  };
  once(document);
  const { attachShadow } = Element.prototype;
  Element.prototype.attachShadow = function (options) {
    return once(attachShadow.call(this, options));
  };
}`;

/**
 * A context whose pages play each animation once. One without end is drawn sixty times a second: without a graphics card, an
 * icon that turns in the status bar keeps most of a core busy for as long as something runs.
 */
export async function calmContext(browser: Browser, viewport: ViewportSize): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport, reducedMotion: 'reduce' });
  await context.addInitScript({ content: playOnce });
  return context;
}

/** Hosts that a page may ask: the server itself, and the name that VS Code's own service worker answers for. */
const inside =
  /^(data|blob|about|devtools|chrome-extension):|^(https?|wss?):\/\/(127\.0\.0\.1|localhost)[:/]|^https:\/\/[^/]+\.vscode-resource\.vscode-cdn\.net\//;

/** Collects every request that leaves the machine; a test asserts that the list is empty. */
export function watchOutsideRequests(page: Page): readonly string[] {
  const outside: string[] = [];
  page.context().on('request', (request) => {
    if (!inside.test(request.url())) outside.push(request.url());
  });
  return outside;
}
