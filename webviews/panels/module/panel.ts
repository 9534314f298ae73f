/** The editor of a saved run of a module. */
import type { FromModulePanel } from '../../../protocol/panels/module-schema';
import type { ToModulePanel } from '../../../protocol/panels/module';
import { leavingModule, moduleFileName } from '../../modules/module-exports';
import { announce } from '../../ui/announce';
import { fieldsIn } from '../../ui/host';
import { themeForFile } from '../../ui/theme';
import { FilePanel } from '../file-panel';
import { modulePage, type Arranged, type State } from './page';

export class ModulePanel extends FilePanel<ToModulePanel, FromModulePanel, State, Arranged> {
  constructor(root: HTMLElement) {
    super(root, (kept) => ({ opened: undefined, views: fieldsIn(fieldsIn(kept)['views']) as Arranged['views'] }));
  }

  protected override onMessage(message: ToModulePanel): void {
    this.set({ ...this.state, opened: message });
    announce(message.problem ?? message.result?.finding ?? message.name);
  }

  protected override kept({ views }: State): Arranged {
    return { views };
  }

  protected override about(): undefined {
    return undefined;
  }

  protected override draw() {
    const { page } = this;
    return modulePage({
      ...page,
      actions: {
        ...page.actions,
        save: (result, section, view, format) => {
          const name = moduleFileName(result, format, section.id);
          void this.leave(name, format, leavingModule(result, section, view, themeForFile(format)));
        },
      },
    });
  }
}
