/** A file that an editor shows and changes, without VS Code: each text that is written is one step of Undo. */
import type { EditedFileServices } from '../../extension/panels/file-host';
import type { DocumentFile } from '../../extension/panels/panel-types';
import type { Checked } from '../../protocol/schema/check';

interface Editor {
  refresh(): Promise<void>;
}

export class EditedFile<Saved> {
  /** All that were written and not taken back; the last is the file's. */
  readonly texts: string[];
  /** What was asked of VS Code, and what was reported. */
  readonly said: string[] = [];
  readonly file: DocumentFile<Saved>;
  readonly services: EditedFileServices<Saved>;
  private host: Editor | undefined;

  constructor(
    name: string,
    private readonly parse: (text: string) => Checked<Saved>,
    text: string,
    /** What it is compared with. */
    other: Saved,
  ) {
    this.texts = [text];
    this.file = { name, uri: `file:///${name}`, read: () => parse(this.text), write: (written) => this.edit(written) };
    this.services = {
      mayRun: () => true,
      undo: async () => {
        this.said.push('undo');
        if (this.texts.length > 1) this.texts.pop();
        await this.host?.refresh();
      },
      redo: this.note('redo'),
      openText: this.note('text'),
      chooseOther: () => Promise.resolve({ name: 'other', result: other }),
      export: this.note('export'),
      copy: this.note('copy'),
      report: (sentence) => void this.said.push(sentence),
    };
  }

  get text(): string {
    return this.texts.at(-1) ?? '';
  }

  get saved(): Saved {
    const read = this.parse(this.text);
    if (!read.ok) throw new Error(read.why);
    return read.result;
  }

  note = (what: string) => (): Promise<void> => {
    this.said.push(what);
    return Promise.resolve();
  };

  async edit(text: string): Promise<void> {
    this.texts.push(text);
    await this.host?.refresh();
  }

  /** The host whose page follows it. */
  shownBy<Host extends Editor>(host: Host): Host {
    this.host = host;
    return host;
  }
}
