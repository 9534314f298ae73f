/**
 * A panel open in Chromium with a played host: `acquireVsCodeApi` as in VS Code (state survives a reload), theme variables on
 * the page, and every message both ways at hand. Policy violations, console errors and requests elsewhere are collected.
 */
import type { BrowserContext, Page } from 'playwright-core';
import { fromWorkbench } from '../../../protocol/panels/workbench-schema';
import { fromKernelsPanel, type FromKernelsPanel } from '../../../protocol/panels/kernels-schema';
import { fromModelPanel } from '../../../protocol/panels/model-schema';
import { fromModulePanel } from '../../../protocol/panels/module-schema';
import { fromPlanPanel } from '../../../protocol/panels/plan-schema';
import { fromSweepPanel } from '../../../protocol/panels/sweep-schema';
import { messagesOf } from '../../../extension/panels/page-messages';
import { check, type Schema } from '../../../protocol/schema/check';
import { anything } from '../../../protocol/schema/fields';
import type { ToKernelsPanel } from '../../../protocol/panels/kernels';
import { launchBrowser } from '../../support/host/browser';
import { shared } from '../../support/shared';
import { servePanels, type PageServer } from './page-server';
import { bodyClass, themes, type ThemeName } from './themes';
import { patience } from '../../support/patience';

/** Messages of the panel under test; the kernels panel's unless named. */
interface Message {
  readonly kind: string;
}

export interface OpenOptions<To extends Message = ToKernelsPanel, From extends Message = FromKernelsPanel> {
  readonly place?: 'full' | 'side' | 'file';
  readonly theme?: ThemeName;
  readonly width?: number;
  readonly height?: number;
  /** What the host answers to each message of the panel. */
  readonly host: (message: From) => readonly To[];
}

export interface PanelPage<To extends Message = ToKernelsPanel, From extends Message = FromKernelsPanel> {
  readonly page: Page;
  /** Messages of the panel so far. */
  readonly posted: readonly From[];
  /** Console errors, page errors, refused styles and scripts, requests that leave the server. */
  readonly complaints: readonly string[];
  send(...messages: readonly To[]): Promise<void>;
  /** The first message of a kind that is or gets posted from `after` on. */
  posts<K extends From['kind']>(kind: K, after?: number): Promise<Extract<From, { kind: K }>>;
  setTheme(theme: ThemeName): Promise<void>;
  close(): Promise<void>;
}

/** One browser and one server of pages for all files of a run; one context in one process, so that a panel is compiled once. */
const everyPanel = shared(
  async () => {
    const [server, browser] = await Promise.all([servePanels(), launchBrowser(['--process-per-site'])]);
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
    // The process ends with the last of its pages: this one stays.
    await (await context.newPage()).goto(server.resting);
    return { server, browser, context };
  },
  async ({ server, browser }) => {
    await browser.close();
    await server.close();
  },
);

/** What the extension understands of each panel. */
const schemas: Readonly<Record<string, Schema<unknown>>> = {
  workbench: fromWorkbench,
  kernels: fromKernelsPanel,
  model: fromModelPanel,
  module: fromModulePanel,
  plan: fromPlanPanel,
  sweep: fromSweepPanel,
};

export class PanelBrowser<To extends Message = ToKernelsPanel, From extends Message = FromKernelsPanel> {
  private constructor(
    private readonly panel: string,
    private readonly server: PageServer,
    private readonly context: BrowserContext,
  ) {}

  static async start<To extends Message = ToKernelsPanel, From extends Message = FromKernelsPanel>(
    panel: string,
  ): Promise<PanelBrowser<To, From>> {
    const { server, context } = await everyPanel.take();
    return new PanelBrowser<To, From>(panel, server, context);
  }

  stop(): Promise<void> {
    return everyPanel.release();
  }

  async open(options: OpenOptions<To, From>): Promise<PanelPage<To, From>> {
    const { place = 'full', theme = 'dark', width = 1280, height = 900 } = options;
    const page = await this.context.newPage();
    await page.setViewportSize({ width, height });
    const posted: From[] = [];
    const complaints: string[] = [];
    const waiting = new Set<() => void>();
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    const url = this.server.url(this.panel, place);
    page.on('request', (request) => {
      if (!/^(http:\/\/127\.0\.0\.1:|data:|blob:)/.test(request.url())) complaints.push(`request to ${request.url()}`);
    });
    const send = async (...messages: readonly To[]): Promise<void> => {
      for (const message of messages) {
        await page.evaluate((data) => window.dispatchEvent(new MessageEvent('message', { data })), message);
      }
    };
    const heard = messagesOf('the page');
    await page.exposeFunction('headscopePost', async (json: string) => {
      // The extension hears nothing of a page that does not say its name.
      const message = heard(revive(json)) as From | undefined;
      if (message === undefined) return;
      const understood = check<unknown>(schemas[this.panel] ?? anything, message, 'The message');
      if (!understood.ok) complaints.push(`posted what the extension refuses: ${understood.why} ${json.slice(0, 500)}`);
      posted.push(message);
      for (const wake of [...waiting]) wake();
      await send(...options.host(message));
    });
    await page.exposeFunction('headscopeComplain', (text: string) => complaints.push(text));
    // esbuild (through tsx) names functions by a helper that the page does not have.
    await page.addInitScript({ content: 'globalThis.__name ??= (value) => value;' });
    await page.addInitScript(playVsCode, { variables: themes[theme], className: bodyClass[theme] });
    await page.goto(url);
    return {
      page,
      posted,
      complaints,
      send,
      posts: async (kind, after = 0) => {
        for (;;) {
          const found = posted.slice(after).find((message) => message.kind === kind);
          if (found) return found as Extract<From, { kind: typeof kind }>;
          await new Promise<void>((resolve, reject) => {
            const timer = setTimeout(
              () => reject(new Error(`the panel posted no "${kind}" in 10 s`)),
              patience(10_000),
            );
            const wake = (): void => {
              clearTimeout(timer);
              waiting.delete(wake);
              resolve();
            };
            waiting.add(wake);
          });
        }
      },
      setTheme: (name) => page.evaluate(applyTheme, { variables: themes[name], className: bodyClass[name] }),
      close: () => page.close(),
    };
  }
}

/** Bytes travel as base64 between the page and here. */
function revive(json: string): unknown {
  return JSON.parse(json, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && 'base64' in value && typeof value.base64 === 'string'
      ? new Uint8Array(Buffer.from(value.base64, 'base64'))
      : value,
  );
}

interface Applied {
  readonly variables: Readonly<Record<string, string>>;
  readonly className: string;
}

/** Runs in the page. */
function applyTheme({ variables, className }: Applied): void {
  const { style } = document.documentElement;
  for (const name of [...style]) if (name.startsWith('--vscode-')) style.removeProperty(name);
  for (const [name, value] of Object.entries(variables)) style.setProperty(`--vscode-${name}`, value);
  style.setProperty('background-color', 'var(--vscode-editor-background)');
  document.body.className = className;
}

/** Runs in the page before its scripts. */
function playVsCode({ variables, className }: Applied): void {
  const outside = window as unknown as {
    headscopePost(json: string): Promise<void>;
    headscopeComplain(text: string): Promise<void>;
    acquireVsCodeApi: unknown;
  };
  const set = (): void => {
    for (const [name, value] of Object.entries(variables)) {
      document.documentElement.style.setProperty(`--vscode-${name}`, value);
    }
    const place = document.getElementById('root')?.dataset['place'];
    document.documentElement.style.setProperty(
      'background-color',
      `var(--vscode-${place === 'side' ? 'sideBar' : 'editor'}-background)`,
    );
    document.body.className = className;
  };
  new MutationObserver((_records, observer) => {
    if (!document.getElementById('root')) return;
    observer.disconnect();
    set();
  }).observe(document, { childList: true, subtree: true });
  document.addEventListener('securitypolicyviolation', (event) => {
    void outside.headscopeComplain(
      `policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample} ${event.sourceFile}:${event.lineNumber}`,
    );
  });
  const encode = (_key: string, value: unknown): unknown => {
    if (!(value instanceof Uint8Array)) return value;
    let text = '';
    for (const byte of value) text += String.fromCharCode(byte);
    return { base64: btoa(text) };
  };
  outside.acquireVsCodeApi = () => ({
    postMessage: (message: unknown) => void outside.headscopePost(JSON.stringify(message, encode)),
    getState: (): unknown => JSON.parse(sessionStorage.getItem('state') ?? 'null') ?? undefined,
    setState: (state: unknown) => sessionStorage.setItem('state', JSON.stringify(state)),
  });
}
