/**
 * The extension's halves of editors of files: what all of them answer, what those answer beside which a second file is shown, and
 * what those answer that change the file.
 */
import type { Compared, EditedFile, OpenedFile } from '../../protocol/panels/opened-file';
import type { Checked, Schema } from '../../protocol/schema/check';
import { defined } from '../platform/defined';
import { Owner } from '../platform/owner';
import { Mailbox } from './mailbox';
import { understood } from './messages';
import type { DocumentFile, ExportRequest, ShownFile } from './panel-types';

export interface FileHostServices {
  export(request: ExportRequest): Promise<void>;
  copy(text: string): Promise<void>;
  report(sentence: string, details?: string): void;
}

interface Message {
  readonly kind: string;
}

/** What each message of the page does. */
export type Acts<M extends Message> = {
  readonly [K in M['kind']]: (message: Extract<M, { readonly kind: K }>) => Promise<void>;
};

type FileMessage =
  | { readonly kind: 'ready' }
  | ({ readonly kind: 'export' } & ExportRequest)
  | { readonly kind: 'copy'; readonly text: string };

export abstract class FileHost<ToPage> extends Owner {
  protected readonly mail: Mailbox<ToPage>;

  constructor(
    private readonly common: FileHostServices,
    send: (message: ToPage) => void,
  ) {
    super();
    this.mail = new Mailbox(send);
  }

  /** Sends the file as it is now. */
  protected abstract open(): void;
  /** Of its page; `acts` has a row for each. */
  protected abstract readonly messages: Schema<Message>;

  protected acts(): Acts<FileMessage> {
    return {
      ready: () => {
        this.mail.renew();
        this.open();
        return Promise.resolve();
      },
      export: (message) => this.common.export(message),
      copy: ({ text }) => this.common.copy(text),
    };
  }

  /** The file was edited, or the workspace is trusted now. */
  refresh(): Promise<void> {
    if (this.mail.isOpen) this.open();
    return Promise.resolve();
  }

  /** VS Code has taken the page away; it says `ready` when it is shown again. */
  hide(): void {
    this.mail.hide();
  }

  async receive(given: unknown): Promise<void> {
    try {
      const message = understood(this.messages, given);
      const acts: Readonly<Record<string, (message: never) => Promise<void>>> = this.acts();
      await acts[message.kind]?.(message as never);
    } catch (error) {
      if (this.disposed) return;
      const [sentence, details] = error instanceof Error ? [error.message, error.stack] : [String(error)];
      this.common.report(sentence, details);
    }
  }
}

export interface ShownFileServices<Saved> extends FileHostServices {
  /** Lets the person choose a second file; undefined when they cancel. */
  chooseOther(shown: Saved | undefined): Promise<Compared<Saved> | undefined>;
}

type ShownMessage = FileMessage | { readonly kind: 'compare' } | { readonly kind: 'stopComparing' };

/** A file beside which a second one may be shown. */
export abstract class ShownFileHost<Saved, ToPage> extends FileHost<ToPage> {
  private other: Compared<Saved> | undefined;

  constructor(
    protected readonly file: ShownFile<Saved>,
    private readonly asks: ShownFileServices<Saved>,
    send: (message: ToPage) => void,
  ) {
    super(asks, send);
  }

  /** The message that opens it. */
  protected abstract opening(opened: OpenedFile<Saved>): ToPage;

  protected open(): void {
    const { name } = this.file;
    const file = this.file.read();
    const opened = file.ok
      ? { result: file.result, ...defined({ compareWith: this.other }) }
      : { problem: `${name} cannot be shown. ${file.why}` };
    this.mail.open([this.opening({ kind: 'open', name, ...opened })]);
  }

  /** A second file beside this one; undefined: none any more. */
  compareWith(other: Compared<Saved> | undefined): Promise<void> {
    this.other = other;
    return this.refresh();
  }

  protected override acts(): Acts<ShownMessage> {
    return {
      ...super.acts(),
      compare: async () => {
        const file = this.file.read();
        const other = await this.asks.chooseOther(file.ok ? file.result : undefined);
        if (other !== undefined) await this.compareWith(other);
      },
      stopComparing: () => this.compareWith(undefined),
    };
  }
}

export interface EditedFileServices<Saved> extends ShownFileServices<Saved> {
  /** True, or why no model runs here. */
  mayRun(): true | string;
  /** One step back or forth in the file. */
  undo(): Promise<void>;
  redo(): Promise<void>;
  openText(): Promise<void>;
}

type EditedMessage =
  | ShownMessage
  | { readonly kind: 'retitle'; readonly title: string }
  | { readonly kind: 'undo' }
  | { readonly kind: 'redo' }
  | { readonly kind: 'openText' };

/** Every change goes into the text of the file, which the page then draws. */
export abstract class EditedFileHost<
  Saved extends { readonly title: string },
  ToPage extends EditedFile<Saved>,
> extends ShownFileHost<Saved, ToPage> {
  constructor(
    protected override readonly file: DocumentFile<Saved>,
    private readonly edits: EditedFileServices<Saved>,
    send: (message: ToPage) => void,
  ) {
    super(file, edits, send);
  }

  /** What such a file is, in a sentence. */
  protected abstract readonly what: string;
  protected abstract readonly text: (saved: Saved) => string;
  protected abstract edited(opened: EditedFile<Saved>): ToPage;

  protected override opening(opened: OpenedFile<Saved>): ToPage {
    return this.edited({ ...opened, canRun: this.edits.mayRun() });
  }

  /** What it holds; fails with the sentence that the page shows, too. */
  protected saved(): Saved {
    const file: Checked<Saved> = this.file.read();
    if (file.ok) return file.result;
    throw new Error(`${this.file.name} cannot be read as a ${this.what}. ${file.why}`);
  }

  protected async edit(change: (saved: Saved) => Saved): Promise<void> {
    const before = this.saved();
    const after = change(before);
    if (after !== before) await this.file.write(this.text(after));
    // Where nothing changed the page still shows what it asked for.
    else this.open();
  }

  protected override acts(): Acts<EditedMessage> {
    return {
      ...super.acts(),
      retitle: ({ title }) => this.edit((saved) => (saved.title === title ? saved : { ...saved, title })),
      undo: () => this.edits.undo(),
      redo: () => this.edits.redo(),
      openText: () => this.edits.openText(),
    };
  }
}
