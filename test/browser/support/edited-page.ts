/** An editor of a file on its page, with the extension's own host. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import type { EditedFile } from '../../support/edited-file';
import type { PanelBrowser, PanelPage } from './panel-page';
import type { ThemeName } from './themes';

interface Message {
  readonly kind: string;
}

interface Host {
  receive(message: unknown): Promise<void>;
  refresh(): Promise<void>;
}

export interface EditedPage<Saved, To extends Message, From extends Message> extends PanelPage<To, From> {
  readonly file: EditedFile<Saved>;
}

export async function openEdited<Saved, To extends Message, From extends Message>(
  browser: PanelBrowser<To, From>,
  file: EditedFile<Saved>,
  make: (send: (message: To) => void) => Host,
  look: { readonly theme?: ThemeName; readonly width?: number } = {},
): Promise<EditedPage<Saved, To, From>> {
  let sending: Promise<void> = Promise.resolve();
  const host = file.shownBy(
    make((message) => {
      sending = sending.then(async () => (await opening).send(message));
    }),
  );
  const opening: Promise<PanelPage<To, From>> = browser.open({
    place: 'file',
    ...look,
    host: (message) => {
      void host.receive(message);
      return [];
    },
  });
  const panel = await opening;
  await panel.page.waitForSelector('#finding:not(:empty)');
  return { ...panel, file };
}

/** A picture of the page, where the environment names a folder for them. */
export async function shoot({ page }: { readonly page: Page }, name: string): Promise<void> {
  const pictures = process.env['HEADSCOPE_PICTURES'];
  if (pictures === undefined) return;
  mkdirSync(pictures, { recursive: true });
  await page.waitForTimeout(400);
  await page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true });
}
