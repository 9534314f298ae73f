/** The context menu of an entry of a list or a tree, which is drawn in the page as the window is a browser's. */
import type { Locator } from 'playwright-core';

/** By the keyboard: a menu takes no mouse button for a moment after it has opened; the action under the pointer has the focus. */
export async function chooseFromMenu(entry: Locator, action: string): Promise<void> {
  const page = entry.page();
  await entry.click({ button: 'right' });
  const item = page.locator('.monaco-menu .action-item', { hasText: action }).first();
  await item.hover();
  await page.locator('.monaco-menu .action-item.focused', { hasText: action }).waitFor();
  await page.keyboard.press('Enter');
  await item.waitFor({ state: 'detached' });
}
