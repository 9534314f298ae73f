/** An untrusted workspace is inspected, and nothing in it makes anything run. */
import assert from 'node:assert/strict';
import { kernelsPanel } from './panels';
import { useWindow } from './window';

describe('an untrusted workspace in VS Code', function () {
  this.timeout(90_000);
  const window = useWindow({ workspaceTrust: true, settings: { 'security.workspace.trust.startupPrompt': 'never' } });

  it('is still inspected', async () => {
    const { bench } = window();
    await bench.page.locator('.statusbar-item', { hasText: 'Restricted Mode' }).waitFor();
    await bench.openFile('faulty/config.json');
    await bench.squiggles('error').nth(1).waitFor();
  });

  it('shows a saved result, runs no kernel and says why', async () => {
    const { bench } = window();
    await bench.runCommand('Headscope: Benchmark Attention Kernels');
    const panel = await kernelsPanel(bench, 'full');
    await panel.getByText(/trust/i).first().waitFor();
    assert.equal(await panel.locator('#run:not([disabled])').count(), 0);
    await bench.openFile('attention-on-this-laptop.headscope-bench.json');
    const saved = await kernelsPanel(bench, 'file');
    await saved.locator('.measurements tbody tr').first().waitFor();
  });
});
