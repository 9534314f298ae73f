/** What a newcomer sees of the example workspace without a click, in a window of 900 pixels. */
import { useWindow } from './window';

describe('the first start in VS Code', function () {
  this.timeout(90_000);
  const window = useWindow({ welcome: true });

  it('shows the attention and the benchmark above the faulty config, beside the walkthrough and left of the minimap', async () => {
    const { page } = window().bench;
    await page.setViewportSize({ width: 900, height: 700 });
    // As wide as a window that opens at this width makes it.
    await window().bench.sideBarWidth(227);
    const lenses = page.locator('.codelens-decoration');
    await lenses.filter({ hasText: /GQA 32:6/ }).waitFor();
    await page.locator('.gettingStartedContainer').first().waitFor();
    // Lenses are drawn anew after each change of width.
    await page.waitForFunction(() => {
      const lenses = [...document.querySelectorAll('.codelens-decoration a')];
      const benchmark = lenses.find(({ textContent }) => textContent?.includes('Benchmark'))?.getBoundingClientRect();
      const minimap = document.querySelector('.minimap')?.getBoundingClientRect();
      return benchmark !== undefined && minimap !== undefined && benchmark.width > 0 && benchmark.right <= minimap.left;
    });
  });
});
