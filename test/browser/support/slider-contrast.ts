/** Whether the thumb of a slider can be seen: read off the pixels that the browser drew. */
import type { Page } from 'playwright-core';
import { PNG } from 'pngjs';

const linear = (channel: number): number =>
  channel <= 0.04045 * 255 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4;

/** Relative luminance of WCAG 2.2, of a colour without transparency. */
const luminance = ([red = 0, green = 0, blue = 0]: readonly number[]): number =>
  0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);

/** Contrast ratio (WCAG 2.2) of the middle of the thumb, which stands at the left end, to the ground above it. */
export async function contrastOfThumb(page: Page, selector: string): Promise<number> {
  const slider = page.locator(selector);
  await slider.blur();
  const { width, height, data } = PNG.sync.read(await slider.screenshot());
  const at = (x: number, y: number): readonly number[] => [
    ...data.subarray((y * width + x) * 4, (y * width + x) * 4 + 3),
  ];
  const [light, dark] = [at(7, Math.floor(height / 2)), at(width - 3, 3)].map(luminance).sort((a, b) => b - a);
  return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
}
