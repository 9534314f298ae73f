/** The context menu of an entry of a tree, which is drawn in the page as the window is a browser's. */
import type { Locator } from 'playwright-core';

export async function chooseFromMenu(entry: Locator, action: string): Promise<void> {
  const page = entry.page();
  await entry.click({ button: 'right' });
  await page.locator('.monaco-menu .action-item', { hasText: action }).first().hover();
  // A menu takes no mouse button for a moment after it has opened; the entry under the pointer has the focus.
  await page.keyboard.press('Enter');
}
