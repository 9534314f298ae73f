/** What runs that have no whole result had found, a file each, so that it outlasts the window. The tab of the run names the file. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeProven } from '../../../files/remove';
import { writeInOneStep } from '../../../files/write-file';
import type { KeptTab } from '../../../protocol/panels/workbench-tabs';
import { check, type Output } from '../../../protocol/schema/check';
import { exactly, fieldsIn, object, optional, text, whole } from '../../../protocol/schema/fields';
import { parseJsonText } from '../../../protocol/wire/json-text';
import { sections } from '../../../protocol/sections/section';

const file = object({
  kind: exactly('headscope-stopped'),
  finding: text,
  sections,
  /** Steps that the server had kept by then, where there were some. */
  steps: optional(whole),
});
export type Known = Omit<Output<typeof file>, 'kind'>;

/** Ids of tabs are used again by the next window, where the tab was not kept. */
const nameOf = ({ id, created }: Pick<KeptTab, 'id' | 'created'>): string =>
  `${id}-${created.replaceAll(/\D/g, '')}.json`.replaceAll(/[^\w.-]/g, '');

const isOurs = (content: string): boolean => {
  const json = parseJsonText(content);
  return json.ok && fieldsIn(json.value)['kind'] === 'headscope-stopped';
};

export class StoppedRuns {
  private readonly folder: string;
  /** One after another, so that a file is not written and removed at once. */
  private writing: Promise<unknown> = Promise.resolve();

  constructor(folder: string) {
    this.folder = folder;
  }

  keep(tab: KeptTab, { finding, sections: shown, steps }: Known): Promise<void> {
    return this.inTurn(async () => {
      await mkdir(this.folder, { recursive: true });
      const content = JSON.stringify({ kind: 'headscope-stopped', finding, sections: shown, steps });
      await writeInOneStep(join(this.folder, nameOf(tab)), content, { isCache: true });
    });
  }

  /** Undefined: it had found nothing, or the file cannot be read. */
  async read(tab: KeptTab): Promise<Known | undefined> {
    const content = await readFile(join(this.folder, nameOf(tab)), 'utf8').catch(() => undefined);
    const json = content === undefined ? undefined : parseJsonText(content);
    const read = json?.ok ? check(file, json.value) : undefined;
    if (!read?.ok) return undefined;
    const { kind: _, ...known } = read.result;
    return known;
  }

  drop(tab: KeptTab): Promise<void> {
    return this.inTurn(() =>
      removeProven(join(this.folder, nameOf(tab)), (content) => isOurs(content.toString('utf8'))),
    );
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.writing.then(work);
    this.writing = done.catch(() => undefined);
    return done;
  }
}
