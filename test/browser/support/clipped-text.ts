/** Words of an exported picture that the picture cuts off. */
import type { Page } from 'playwright-core';

/** Draws the SVG at its own size, in a page of its own beside the given one, and gives each line of text that leaves it. */
export async function clippedText(beside: Page, svg: string): Promise<readonly string[]> {
  const page = await beside.context().newPage();
  try {
    await page.setContent(svg);
    return await page.evaluate(() => {
      const drawn = document.querySelector('svg');
      if (!drawn) throw new Error('There is no picture.');
      const { right, bottom } = drawn.getBoundingClientRect();
      const cut = [...drawn.querySelectorAll('text')].filter((line) => {
        const box = line.getBoundingClientRect();
        return box.right > right || box.bottom > bottom;
      });
      return cut.map((line) => line.textContent);
    });
  } finally {
    await page.close();
  }
}
