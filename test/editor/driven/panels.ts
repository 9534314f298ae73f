/** Finds the panels of the extension among the webviews of a window. */
import type { FrameLocator, Locator } from 'playwright-core';
import type { Workbench } from '../../support/host/workbench';

/** The kernels panel as it stands in the editor area (`full`), the side bar (`side`) or a saved file's editor. */
export const kernelsPanel = (bench: Workbench, place: 'full' | 'side' | 'file'): Promise<FrameLocator> =>
  bench.webviewWith(`#root[data-panel='kernels'][data-place='${place}'] #finding`);

/** The model view, likewise. */
export const modelPanel = (bench: Workbench, place: 'side' | 'full'): Promise<FrameLocator> =>
  bench.webviewWith(`#root[data-panel='model'][data-place='${place}'] #model-sentence`);

/** The workbench, likewise. */
export const workbenchPanel = (bench: Workbench, place: 'full' | 'side' | 'file'): Promise<FrameLocator> =>
  bench.webviewWith(`#root[data-panel='workbench'][data-place='${place}'] .run-bar`);

/** The rows of saved results at the end of the Models view, which this opens. */
export async function savedResults(bench: Workbench): Promise<(name: string) => Locator> {
  await bench.openContainer('Headscope');
  const row = (name: string | RegExp): Locator =>
    bench.page.locator('.sidebar [role=treeitem]', { hasText: name }).first();
  const all = row(/^Saved results/);
  await all.waitFor();
  if ((await all.getAttribute('aria-expanded')) === 'false') await all.click();
  return row;
}

/** Shows a panel in the live view by hand. */
export const showInLiveView = (bench: Workbench, name: 'Model' | 'Kernels' | 'Workbench'): Promise<void> =>
  bench
    .runCommand('Headscope: Focus on Live View')
    .then(() => bench.runCommand(`Headscope: Show ${name} in Live View`));
