/** Cells of the pictures of a page, as a person points at them. */
import type { Page } from 'playwright-core';

/** Both frames after which the panel has drawn what it was told. */
export const settle = (page: Page): Promise<void> =>
  page.evaluate(
    () => new Promise<void>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))),
  );

interface Drawing {
  readonly scene: {
    readonly marks: readonly { readonly kind: string; readonly text?: string }[];
    box(cursor: string): { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  };
}

/** Where the middle of a cell of a picture is on the page. */
const middleOf = (page: Page, picture: string, cursor: string): Promise<{ x: number; y: number }> =>
  page.$eval(
    picture,
    (element, at) => {
      const { x, y, width, height } = (element as unknown as Drawing).scene.box(at);
      const frame = element.getBoundingClientRect();
      return { x: frame.x + x + width / 2, y: frame.y + y + height / 2 };
    },
    cursor,
  );

export async function clickCell(
  page: Page,
  picture: string,
  cursor: string,
  modifiers: readonly ('Control' | 'Shift' | 'Alt')[] = [],
): Promise<void> {
  await page.locator(picture).scrollIntoViewIfNeeded();
  const { x, y } = await middleOf(page, picture, cursor);
  for (const key of modifiers) await page.keyboard.down(key);
  await page.mouse.click(x, y);
  for (const key of modifiers) await page.keyboard.up(key);
  await settle(page);
}

export async function hoverCell(page: Page, picture: string, cursor: string): Promise<void> {
  await page.locator(picture).scrollIntoViewIfNeeded();
  const { x, y } = await middleOf(page, picture, cursor);
  await page.mouse.move(x, y);
  await settle(page);
}

/** Cells of a picture that are chosen. */
export const chosenIn = (page: Page, picture: string): Promise<readonly string[]> =>
  page.$eval(picture, (element) => (element as unknown as { readonly chosen: readonly string[] }).chosen);

export const textsIn = (page: Page, picture: string): Promise<readonly string[]> =>
  page.$eval(picture, (element) =>
    (element as unknown as Drawing).scene.marks.flatMap((mark) => (mark.kind === 'text' ? [mark.text ?? ''] : [])),
  );
