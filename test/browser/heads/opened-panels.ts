/** Heads panels in one Chromium for the tests of a `describe`, none of which may leave a complaint. */
import assert from 'node:assert/strict';
import { after, afterEach, before } from 'mocha';
import type { FromHeadsPanel } from '../../../protocol/panels/heads-schema';
import type { ToHeadsPanel } from '../../../protocol/panels/heads';
import { PanelBrowser, type OpenOptions, type PanelPage } from '../support/panel-page';
import { answering, finishedMessage } from './heads-host';

export type Panel = PanelPage<ToHeadsPanel, FromHeadsPanel>;
type Options = OpenOptions<ToHeadsPanel, FromHeadsPanel>;

/** Both frames after which the panel has drawn what it was told. */
export const settle = (panel: Panel): Promise<void> =>
  panel.page.evaluate(
    () => new Promise<void>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))),
  );

/** Pictures on the page. */
export const pictures = {
  grid: 'hs-section-picture.grid',
  strip: '.tokens hs-section-picture',
  matrix: '.head-drawing hs-section-picture',
  typed: '.typed-tokens hs-section-picture',
};

interface Drawing {
  readonly scene: {
    readonly marks: readonly { readonly kind: string; readonly text?: string }[];
    box(cursor: string): { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  };
}

/** Where the middle of a cell of a picture is on the page. */
export const middleOf = (panel: Panel, picture: string, cursor: string): Promise<{ x: number; y: number }> =>
  panel.page.$eval(
    picture,
    (element, at) => {
      const { x, y, width, height } = (element as unknown as Drawing).scene.box(at);
      const frame = element.getBoundingClientRect();
      return { x: frame.x + x + width / 2, y: frame.y + y + height / 2 };
    },
    cursor,
  );

export async function clickCell(
  panel: Panel,
  picture: string,
  cursor: string,
  modifiers: readonly ('Control' | 'Shift' | 'Alt')[] = [],
): Promise<void> {
  await panel.page.locator(picture).scrollIntoViewIfNeeded();
  const { x, y } = await middleOf(panel, picture, cursor);
  for (const key of modifiers) await panel.page.keyboard.down(key);
  await panel.page.mouse.click(x, y);
  for (const key of modifiers) await panel.page.keyboard.up(key);
  await settle(panel);
}

export async function hoverCell(panel: Panel, picture: string, cursor: string): Promise<void> {
  await panel.page.locator(picture).scrollIntoViewIfNeeded();
  const { x, y } = await middleOf(panel, picture, cursor);
  await panel.page.mouse.move(x, y);
  await settle(panel);
}

/** Cells of a picture that are chosen. */
export const chosenIn = (panel: Panel, picture: string): Promise<readonly string[]> =>
  panel.page.$eval(picture, (element) => (element as unknown as { readonly chosen: readonly string[] }).chosen);

export const textsIn = (panel: Panel, picture: string): Promise<readonly string[]> =>
  panel.page.$eval(picture, (element) =>
    (element as unknown as Drawing).scene.marks.flatMap((mark) => (mark.kind === 'text' ? [mark.text ?? ''] : [])),
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
    const complaints = open.flatMap((panel) => panel.complaints);
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
    await panel.page.waitForSelector(`${pictures.grid} canvas`);
    return panel;
  };
  return { start, finished };
}
