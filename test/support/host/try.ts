/**
 * Opens a workspace with the built extension in the hosted VS Code, takes steps like a person, and keeps pictures.
 *
 *   node --import tsx test/support/host/try.ts container:Headscope shot:views command:"Headscope: Show Log" shot:log
 *
 * Steps: open:FILE  command:TITLE  pick:LABEL  key:KEYS  type:TEXT  container:LABEL  problems  side-bar:WIDTH
 *        wait:SELECTOR  click:SELECTOR  (in the window)   frame-wait:SELECTOR  frame-click:SELECTOR  (in a webview)
 *        frame-text:SELECTOR (printed)  frame-fill:SELECTOR=TEXT  ms:N  shot:NAME
 */
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { launchBrowser, watchOutsideRequests } from './browser';
import { startHost, themes } from './server';
import type { Host, Theme } from './server';
import { repositoryRoot } from './versions';
import { Workbench } from './workbench';

interface Options {
  readonly workspace: string;
  readonly theme: Theme;
  readonly size: string;
  readonly out: string;
  readonly settings: string;
  readonly vsix?: string;
  readonly trust?: boolean;
  readonly logs?: boolean;
}

/** Cuts `name:value` at the first colon. */
const cut = (step: string): [string, string] => {
  const colon = step.indexOf(':');
  return colon < 0 ? [step, ''] : [step.slice(0, colon), step.slice(colon + 1)];
};

async function take(step: string, bench: Workbench, out: string): Promise<void> {
  const [name, value] = cut(step);
  const { page } = bench;
  const framed = async (selector: string) => (await bench.webviewWith(selector)).locator(selector).first();
  switch (name) {
    case 'open':
      return bench.openFile(value);
    case 'command':
      return bench.runCommand(value);
    case 'pick':
      return bench.pick(value);
    case 'key':
      return page.keyboard.press(value);
    case 'type':
      return page.keyboard.type(value);
    case 'container':
      return bench.openContainer(value);
    case 'problems':
      for (const text of await (await bench.problems()).allTextContents()) console.log(`problem: ${text}`);
      return;
    case 'side-bar':
      return bench.sideBarWidth(Number(value));
    case 'wait':
      return page.locator(value).first().waitFor();
    case 'click':
      return page.locator(value).first().click();
    case 'frame-wait':
      await framed(value);
      return;
    case 'frame-click':
      return (await framed(value)).click();
    case 'frame-text':
      console.log(await (await framed(value)).innerText());
      return;
    case 'frame-fill': {
      const equals = value.lastIndexOf('=');
      return (await framed(value.slice(0, equals))).fill(value.slice(equals + 1));
    }
    case 'ms':
      return page.waitForTimeout(Number(value));
    case 'shot':
      await bench.screenshot(join(out, `${value}.png`));
      console.log(join(out, `${value}.png`));
      return;
    default:
      throw new Error(`Unknown step ${step}: see the head of test/support/host/try.ts.`);
  }
}

/** The logs that say why an extension did not start. */
function printLogs(host: Host): void {
  const logs = join(host.profile, 'data/logs');
  if (!existsSync(logs)) return;
  for (const file of readdirSync(logs, { recursive: true, encoding: 'utf8' })) {
    if (!/exthost|headscope/i.test(file) || !file.endsWith('.log')) continue;
    console.log(`--- ${file}\n${readFileSync(join(logs, file), 'utf8').trimEnd()}`);
  }
}

async function main(steps: readonly string[], options: Options): Promise<void> {
  const host = await startHost({
    workspace: options.workspace,
    theme: options.theme,
    settings: JSON.parse(options.settings) as Record<string, unknown>,
    workspaceTrust: options.trust === true,
    ...(options.vsix === undefined ? { extension: repositoryRoot } : { vsix: options.vsix }),
  });
  mkdirSync(options.out, { recursive: true });
  const browser = await launchBrowser();
  try {
    const [width = 1280, height = 800] = options.size.split('x').map(Number);
    const bench = await Workbench.open(browser, host, { width, height });
    bench.page.setDefaultTimeout(20_000);
    const outside = watchOutsideRequests(bench.page);
    bench.page.on('console', (message) => {
      if (message.type() === 'error') console.log(`console error: ${message.text()} (${message.location().url})`);
    });
    try {
      for (const step of steps) await take(step, bench, options.out);
    } catch (error) {
      await bench.screenshot(join(options.out, 'failed.png'));
      console.error(`the window as it was: ${join(options.out, 'failed.png')}`);
      printLogs(host);
      throw error;
    } finally {
      for (const text of await bench.notifications().catch(() => [])) console.log(`notification: ${text}`);
      for (const url of outside) console.log(`request that left the machine: ${url}`);
    }
    if (options.logs === true) printLogs(host);
  } finally {
    await browser.close();
    await host.stop();
  }
}

const program = new Command('try')
  .argument('[steps...]')
  .option('--workspace <folder>', 'folder to open', join(repositoryRoot, 'examples/workspace'))
  .addOption(new Option('--theme <name>').choices(Object.keys(themes)).default('dark'))
  .option('--size <WxH>', 'size of the window', '1280x800')
  .option('--out <folder>', 'where pictures go', '/tmp/headscope-try')
  .option('--settings <json>', 'user settings', '{}')
  .option('--vsix <file>', 'install this package instead of running from the source folder')
  .option('--trust', 'ask for workspace trust, as the desktop does')
  .option('--logs', 'print the logs of the extension host at the end');
program.parse();
main(program.args, program.opts<Options>()).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
