/** The extension's half of the editor of a saved run of a module. It only reads, so it works in an untrusted workspace. */
import type { FromModulePanel, ToModulePanel } from '../../../protocol/panels/module';
import { fromModulePanel } from '../../../protocol/panels/module-schema';
import type { ModuleResult } from '../../../protocol/results/module';
import { unreachable } from '../../../protocol/unreachable';
import { defined } from '../../platform/defined';
import { Owner } from '../../platform/owner';
import type { ComparedOf } from '../../results/result-kinds';
import { Mailbox } from '../mailbox';
import { understood } from '../messages';
import type { ExportRequest, ShownFile } from '../panel-types';

type Other = ComparedOf<'module'>;

export interface ModuleFileServices {
  /** Lets the person choose a run to compare with; undefined when they thought better of it. */
  chooseOther(shown: ModuleResult | undefined): Promise<Other | undefined>;
  export(request: ExportRequest): Promise<void>;
  copy(text: string): Promise<void>;
  report(sentence: string, details?: string): void;
}

export class ModuleFileHost extends Owner {
  readonly #file: ShownFile<ModuleResult>;
  readonly #services: ModuleFileServices;
  readonly #mail: Mailbox<ToModulePanel>;
  #other: Other | undefined;

  constructor(file: ShownFile<ModuleResult>, services: ModuleFileServices, send: (message: ToModulePanel) => void) {
    super();
    this.#file = file;
    this.#services = services;
    this.#mail = new Mailbox(send);
  }

  /** The file was edited. */
  refresh(): Promise<void> {
    if (this.#mail.isOpen) this.#open();
    return Promise.resolve();
  }

  /** A second run beside that of the file. */
  compareWith(other: Other): Promise<void> {
    this.#other = other;
    return this.refresh();
  }

  /** VS Code has taken the page away; it says `ready` when it is shown again. */
  hide(): void {
    this.#mail.hide();
  }

  async receive(message: unknown): Promise<void> {
    try {
      await this.#receive(understood(fromModulePanel, message));
    } catch (error) {
      if (this.disposed) return;
      const [sentence, details] = error instanceof Error ? [error.message, error.stack] : [String(error)];
      this.#services.report(sentence, details);
    }
  }

  async #receive(message: FromModulePanel): Promise<void> {
    switch (message.kind) {
      case 'ready':
        this.#mail.renew();
        return this.#open();
      case 'compare': {
        const file = this.#file.read();
        const other = await this.#services.chooseOther(file.ok ? file.result : undefined);
        return other === undefined ? undefined : this.compareWith(other);
      }
      case 'stopComparing':
        this.#other = undefined;
        return;
      case 'export':
        return this.#services.export(message);
      case 'copy':
        return this.#services.copy(message.text);
      default:
        return unreachable(message);
    }
  }

  #open(): void {
    const { name } = this.#file;
    const file = this.#file.read();
    this.#mail.open([
      file.ok
        ? { kind: 'open', name, result: file.result, ...defined({ compareWith: this.#other }) }
        : { kind: 'open', name, problem: `${name} cannot be shown. ${file.why}` },
    ]);
  }
}
