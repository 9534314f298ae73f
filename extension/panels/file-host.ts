/** What the extension's halves of editors of saved files share: messages of the page, a second file to compare with, failures in words. */
import type { Schema } from '../../protocol/schema/check';
import { Owner } from '../platform/owner';
import { Mailbox } from './mailbox';
import { understood } from './messages';

export interface FileHostServices {
  report(sentence: string, details?: string): void;
}

export abstract class FileHost<ToPage, FromPage, Other> extends Owner {
  protected readonly mail: Mailbox<ToPage>;
  protected other: Other | undefined;

  constructor(
    private readonly messages: Schema<FromPage>,
    private readonly reports: FileHostServices,
    send: (message: ToPage) => void,
  ) {
    super();
    this.mail = new Mailbox(send);
  }

  /** Sends the file as it is now. */
  protected abstract open(): void;
  protected abstract act(message: FromPage): Promise<void>;

  /** The file was edited, or the workspace is trusted now. */
  refresh(): Promise<void> {
    if (this.mail.isOpen) this.open();
    return Promise.resolve();
  }

  /** A second file beside this one. */
  compareWith(other: Other): Promise<void> {
    this.other = other;
    return this.refresh();
  }

  /** VS Code has taken the page away; it says `ready` when it is shown again. */
  hide(): void {
    this.mail.hide();
  }

  async receive(message: unknown): Promise<void> {
    try {
      await this.act(understood(this.messages, message));
    } catch (error) {
      if (this.disposed) return;
      const [sentence, details] = error instanceof Error ? [error.message, error.stack] : [String(error)];
      this.reports.report(sentence, details);
    }
  }
}
