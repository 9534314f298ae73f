/** A saved run of a module as an editor, alone and beside a second one. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { FromModulePanel } from '../../protocol/panels/module-schema';
import type { ToModulePanel } from '../../protocol/panels/module';
import { savedModule } from '../../protocol/results/module-schema';
import { parseJson } from '../../protocol/schema/check';
import { PanelBrowser } from './support/panel-page';

const pictures = process.env['HEADSCOPE_PICTURES'];
const saved = parseJson(savedModule, readFileSync('test/fixtures/results/summary.headscope-module.json', 'utf8'));
assert.ok(saved.ok);
const { result } = saved;

describe('a saved run of a module', () => {
  it('is drawn with its pictures, which leave as files, and stands beside a second one', async () => {
    const browser = await PanelBrowser.start<ToModulePanel, FromModulePanel>('module');
    const name = '2026-11-27-175223-module-selector-summary';
    const second = { name: 'the second run', result: { ...result, seed: 3, created: '2026-11-28T08:00:00.000Z' } };
    const panel = await browser.open({
      place: 'file',
      host: (message) => {
        if (message.kind === 'ready') return [{ kind: 'open', name, result }];
        if (message.kind === 'stopComparing') return [{ kind: 'open', name, result }];
        return message.kind === 'compare' ? [{ kind: 'open', name, result, compareWith: second }] : [];
      },
    });
    try {
      const { page } = panel;
      await page.waitForSelector('#finding:has-text("equals its float64 reference")');
      await page.waitForSelector('[data-section="attention"] canvas');
      assert.equal(await page.locator('[data-section]').count(), result.sections.length);
      await page.getByRole('button', { name: 'Export Cost and time' }).click();
      await page.getByRole('menuitem', { name: 'Save as CSV' }).click();
      const file = await panel.posts('export');
      assert.match(file.name, /^module-selector-summary-.*cost.*\.csv$/);
      assert.match(String(file.data), /Selector summary \(MULTI-LANE\),24,/);

      await page.click('text=Compare with');
      await page.waitForSelector('.banner:has-text("Compared with the second run. Not the same: seed (0, there 3)")');
      await page.waitForSelector('[data-section="compared"] table');
      assert.equal(await page.locator('[data-section="attention"] canvas').count(), 2);
      if (pictures !== undefined) {
        mkdirSync(pictures, { recursive: true });
        await page.screenshot({ path: path.join(pictures, 'module-file.png'), fullPage: true });
      }
      await page.click('text=Stop comparing');
      await page.waitForSelector('[data-section="compared"]', { state: 'detached' });
      await panel.posts('stopComparing');
      await panel.send({ kind: 'open', name, problem: `${name} cannot be shown. It is empty.` });
      await page.waitForSelector('[role="alert"]:has-text("cannot be shown. It is empty.")');
      assert.deepEqual(panel.complaints, []);
    } finally {
      await panel.close();
      await browser.stop();
    }
  });
});
