/** Heads panels in one Chromium for the tests of a `describe`, none of which may leave a complaint. */
import assert from 'node:assert/strict';
import { after, afterEach, before } from 'mocha';
import type { FromHeadsPanel } from '../../../protocol/panels/heads-schema';
import type { ToHeadsPanel } from '../../../protocol/panels/heads';
import { PanelBrowser, type OpenOptions, type PanelPage } from '../support/panel-page';
import { answering, finishedMessage } from './heads-host';

export type Panel = PanelPage<ToHeadsPanel, FromHeadsPanel>;
type Options = OpenOptions<ToHeadsPanel, FromHeadsPanel>;

/** Chromium without a graphics card warns that reading WebGL pixels back is slow; the panel has no part in that. */
const ofSoftwareDrawing = /GL Driver Message/;

/** Both frames after which the panel has drawn what it was told. */
export const settle = (panel: Panel): Promise<void> =>
  panel.page.evaluate(
    () => new Promise<void>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))),
  );

/** To be called in a `describe`. */
export function headsPanels() {
  let browser: PanelBrowser<ToHeadsPanel, FromHeadsPanel>;
  let open: Panel[] = [];
  before(async () => {
    browser = await PanelBrowser.start('heads');
  });
  after(() => browser.stop());
  // Whatever a test does: no refused style or script, no error on the console, no request elsewhere.
  afterEach(async () => {
    const complaints = open.flatMap((panel) => panel.complaints).filter((text) => !ofSoftwareDrawing.test(text));
    await Promise.all(open.map((panel) => panel.close()));
    open = [];
    assert.deepEqual(complaints, []);
  });
  const start = async (options: Partial<Options> = {}): Promise<Panel> => {
    const panel = await browser.open({ host: answering(), ...options });
    open.push(panel);
    await panel.posts('ready');
    await panel.page.waitForSelector('.run-bar');
    return panel;
  };
  const finished = async (options: Partial<Options> = {}): Promise<Panel> => {
    const panel = await start({ host: answering(finishedMessage({ place: options.place ?? 'full' })), ...options });
    await panel.page.waitForSelector('hs-head-grid canvas.cells');
    return panel;
  };
  return { start, finished };
}
