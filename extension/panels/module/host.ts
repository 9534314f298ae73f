/** The extension's half of the editor of a saved run of a module. It only reads, so it works in an untrusted workspace. */
import { type FromModulePanel, fromModulePanel } from '../../../protocol/panels/module-schema';
import type { ToModulePanel } from '../../../protocol/panels/module';
import type { ModuleResult } from '../../../protocol/results/module-schema';
import { unreachable } from '../../../protocol/unreachable';
import { defined } from '../../platform/defined';
import type { ComparedOf } from '../../results/result-kinds';
import { FileHost, type FileHostServices } from '../file-host';
import type { ExportRequest, ShownFile } from '../panel-types';

type Other = ComparedOf<'module'>;

export interface ModuleFileServices extends FileHostServices {
  /** Lets the person choose a run to compare with; undefined when they cancel. */
  chooseOther(shown: ModuleResult | undefined): Promise<Other | undefined>;
  export(request: ExportRequest): Promise<void>;
  copy(text: string): Promise<void>;
}

export class ModuleFileHost extends FileHost<ToModulePanel, FromModulePanel, Other> {
  constructor(
    private readonly file: ShownFile<ModuleResult>,
    private readonly services: ModuleFileServices,
    send: (message: ToModulePanel) => void,
  ) {
    super(fromModulePanel, services, send);
  }

  protected async act(message: FromModulePanel): Promise<void> {
    switch (message.kind) {
      case 'ready':
        this.mail.renew();
        return this.open();
      case 'compare': {
        const file = this.file.read();
        const other = await this.services.chooseOther(file.ok ? file.result : undefined);
        return other === undefined ? undefined : this.compareWith(other);
      }
      case 'stopComparing':
        this.other = undefined;
        return;
      case 'export':
        return this.services.export(message);
      case 'copy':
        return this.services.copy(message.text);
      default:
        return unreachable(message);
    }
  }

  protected open(): void {
    const { name } = this.file;
    const file = this.file.read();
    this.mail.open([
      file.ok
        ? { kind: 'open', name, result: file.result, ...defined({ compareWith: this.other }) }
        : { kind: 'open', name, problem: `${name} cannot be shown. ${file.why}` },
    ]);
  }
}
