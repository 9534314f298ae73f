/** What a person does in the VS Code window, as steps that wait for their effect. */
import type { Browser, FrameLocator, Locator, Page } from 'playwright-core';
import type { Host } from './server';
import { eventually, patience } from '../patience';

interface SmokeTestDriver {
  whenWorkbenchRestored(): Promise<void>;
}

export interface WindowSize {
  readonly width: number;
  readonly height: number;
}

/** The palette names commands by `Category: Title`. */
const paletteInput = '.quick-input-widget:not([style*="display: none"]) input';
const paletteRow = '.quick-input-widget:not([style*="display: none"]) .quick-input-list .monaco-list-row';

export class Workbench {
  private constructor(readonly page: Page) {}

  static async open(browser: Browser, host: Host, size: WindowSize = { width: 1280, height: 800 }): Promise<Workbench> {
    return Workbench.attach(await browser.newPage({ viewport: size }), host);
  }

  /** Opens the window in a page that already has its listeners. */
  static async attach(page: Page, host: Host): Promise<Workbench> {
    const workbench = new Workbench(page);
    await page.goto(host.url);
    await workbench.restored();
    return workbench;
  }

  async restored(): Promise<void> {
    await this.page.waitForFunction(() => 'driver' in window, undefined, { timeout: patience(60_000) });
    await this.page.evaluate(() => (window as unknown as { driver: SmokeTestDriver }).driver.whenWorkbenchRestored());
  }

  /** Waits until the palette offers a command by its full title. */
  async offers(title: string): Promise<void> {
    const deadline = Date.now() + patience(30_000);
    // The palette lists what was known when it opened; an extension that is still starting adds to the next one.
    while (!(await this.commandsMatching(title)).includes(title)) {
      if (Date.now() > deadline) throw new Error(`The palette does not offer "${title}".`);
      await this.page.waitForTimeout(250);
    }
  }

  async runCommand(title: string): Promise<void> {
    await this.offers(title);
    await this.typeInPalette('F1', `>${title}`);
    await this.pick(title);
  }

  /** A window that is still being filled takes the focus for itself, which closes the palette: it is opened again. */
  private async typeInPalette(key: 'F1' | 'Control+p', text: string): Promise<void> {
    const deadline = Date.now() + patience(30_000);
    for (;;) {
      await this.page.keyboard.press(key);
      try {
        await this.page.locator(paletteInput).fill(text, { timeout: patience(5000) });
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
  }

  /** The titles that the palette offers for what is typed. */
  async commandsMatching(text: string): Promise<string[]> {
    await this.typeInPalette('F1', `>${text}`);
    const input = this.page.locator(paletteInput);
    const rows = this.page.locator(paletteRow);
    await rows.first().waitFor();
    const titles = await rows.locator('.label-name').allTextContents();
    await this.page.keyboard.press('Escape');
    await input.waitFor({ state: 'hidden' });
    return titles;
  }

  /** Picks a row of the open quick pick by the text of its label, and waits until that pick is gone. */
  async pick(label: string): Promise<void> {
    const rows = this.page.locator(paletteRow);
    const exact = rows.filter({ has: this.page.locator('.label-name', { hasText: exactly(label) }) }).first();
    try {
      await exact.click({ timeout: patience(5000) });
    } catch {
      // A list that is laid out while it is clicked may leave a row out of view: typing lays it out again.
      const input = this.page.locator(paletteInput);
      await input.fill(`${(await input.inputValue()).startsWith('>') ? '>' : ''}${label}`);
      await exact.click();
    }
    await exact.waitFor({ state: 'hidden' });
  }

  /** Picks a row of the quick pick with this title by its place, and waits until that pick is gone. */
  async pickNth(title: string, place: number): Promise<void> {
    const heading = this.page.locator('.quick-input-widget .quick-input-title', { hasText: title });
    await heading.waitFor();
    await this.page.locator(paletteRow).nth(place).click();
    await heading.waitFor({ state: 'hidden' });
  }

  /** Answers the file dialog with this title; in a window in the browser it is a quick input that takes a path. */
  async answerFileDialog(title: string, path: string): Promise<void> {
    const heading = this.page.locator('.quick-input-widget .quick-input-title', { hasText: title });
    await heading.waitFor();
    const input = this.page.locator(paletteInput);
    // It starts with the folder it was given and fills it in late: a path typed before would be overwritten.
    await this.page.locator(paletteRow).first().waitFor();
    await input.fill(path);
    await input.press('Enter');
    await heading.waitFor({ state: 'hidden' });
  }

  /** Opens a file of the workspace by its path in the quick open list, and waits until it is the editor in front. */
  async openFile(path: string): Promise<void> {
    const parts = path.split('/');
    // The list shows recent files until the search answers: take the row that names every part of the path.
    let row = this.page.locator(paletteRow);
    for (const part of parts) row = row.filter({ hasText: part });
    const name = parts.at(-1) ?? path;
    const tab = this.page.locator(`.editor-group-container.active .tab.active[data-resource-name="${name}"]`);
    // The answer may also take the row away from under the pointer: then another file opens, or none.
    await eventually(async () => {
      await this.typeInPalette('Control+p', path);
      await row.first().click({ timeout: patience(5000) });
      await tab.waitFor({ timeout: patience(5000) });
    });
    for (const folder of parts.slice(0, -1)) {
      await this.page.locator('.editor-group-container.active .monaco-breadcrumb-item', { hasText: folder }).waitFor();
    }
  }

  squiggles(severity: 'error' | 'warning' | 'info'): Locator {
    return this.page.locator(`.monaco-editor .squiggly-${severity}`);
  }

  /** Rows of the Problems panel, opened. */
  async problems(): Promise<Locator> {
    const rows = this.page.locator('.markers-panel .monaco-list-row');
    if (!(await this.page.locator('.markers-panel').isVisible())) await this.page.keyboard.press('Control+Shift+M');
    await this.page.locator('.markers-panel').waitFor();
    return rows;
  }

  /** Lines of the editor in front, as text (only those on screen). */
  async editorText(): Promise<string> {
    await this.page.locator('.monaco-editor .view-line', { hasText: /\S/ }).first().waitFor();
    const lines = await this.page.locator('.monaco-editor .view-line').allTextContents();
    return lines.join('\n').replaceAll('\u00a0', ' ');
  }

  /** Shows a view container by the label of its icon in the activity bar. */
  async openContainer(label: string): Promise<void> {
    const item = this.page.locator('.activitybar .action-item', { has: this.page.locator(`[aria-label^="${label}"]`) });
    if ((await item.getAttribute('aria-selected')) !== 'true') await item.first().click();
    await this.page.locator('.sidebar .composite.title', { hasText: exactly(label, 'i') }).waitFor();
  }

  /** Folds a view of the side bar up to its title. */
  async collapseView(title: string): Promise<void> {
    const header = this.page.locator('.sidebar .pane-header', {
      has: this.page.locator('h3.title', { hasText: exactly(title, 'i') }),
    });
    await header.waitFor();
    if ((await header.getAttribute('aria-expanded')) === 'true') await header.locator('h3.title').click();
    await header.and(this.page.locator('[aria-expanded=false]')).waitFor();
  }

  /** The first webview whose document contains `selector`, once there is one. */
  async webviewWith(selector: string, timeoutMs = 30_000): Promise<FrameLocator> {
    const deadline = Date.now() + patience(timeoutMs);
    const ready = this.page.locator('iframe.webview.ready');
    for (;;) {
      // By name and not by place: others come and go, and the order changes with them.
      for (const name of await ready.evaluateAll((frames) => frames.map((frame) => frame.getAttribute('name')))) {
        const frame = this.page
          .locator(`iframe.webview.ready[name="${name}"]`)
          .contentFrame()
          .frameLocator('#active-frame');
        if ((await frame.locator(selector).count()) > 0) return frame;
      }
      if (Date.now() > deadline) throw new Error(`No webview with ${selector} appeared in ${timeoutMs} ms.`);
      await this.page.waitForTimeout(100);
    }
  }

  /** What VS Code has to say: it shows no toasts while it is driven, so their list is opened. */
  async notifications(): Promise<readonly string[]> {
    await this.runCommand('Notifications: Show Notifications');
    const list = this.page.locator('.notifications-center.visible');
    await list.waitFor();
    const said = await list.locator('.notification-list-item-message').allTextContents();
    await list.locator('.codicon-notifications-hide').click();
    await list.waitFor({ state: 'hidden' });
    return said;
  }

  async closeNotifications(): Promise<void> {
    await this.runCommand('Notifications: Clear All Notifications');
  }

  /** Drags the border between side bar and editor until the side bar has the given width. */
  async sideBarWidth(width: number): Promise<void> {
    const bar = await this.page.locator('.part.sidebar').boundingBox();
    if (bar === null) throw new Error('The side bar is hidden.');
    const edge = bar.x + bar.width;
    const middle = bar.y + bar.height / 2;
    await this.page.mouse.move(edge, middle);
    await this.page.mouse.down();
    await this.page.mouse.move(bar.x + width, middle, { steps: 4 });
    await this.page.mouse.up();
  }

  async screenshot(file: string): Promise<void> {
    await this.page.screenshot({ path: file, animations: 'disabled' });
  }
}

const exactly = (text: string, flags = ''): RegExp =>
  new RegExp(`^\\s*${text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\s*$`, flags);
