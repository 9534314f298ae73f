/** The editor of a saved run of a module: holds what is shown, draws it, and does what its parts ask for. */
import { render } from 'lit';
import type { FromModulePanel } from '../../../protocol/panels/module-schema';
import type { ToModulePanel } from '../../../protocol/panels/module';
import type { ModuleResult } from '../../../protocol/results/module-schema';
import type { Section } from '../../../protocol/sections/section';
import { writeFile } from '../../charts/leaving';
import { leavingModule, moduleFileName } from '../../modules/module-exports';
import type { SectionFormat, SectionView } from '../../sections/section-kind';
import { announce } from '../../ui/announce';
import { Arrangement } from '../../ui/arrangement';
import { acquireHost, type Host } from '../../ui/host';
import { Redraw } from '../../ui/redraw';
import { onThemeChange, readTheme, themeForFile } from '../../ui/theme';
import { modulePage, type ModulePage, type Views } from './page';

const isViews = (kept: unknown): kept is Views => typeof kept === 'object' && kept !== null && !Array.isArray(kept);

export class ModulePanel {
  private readonly host: Host<ToModulePanel, FromModulePanel, Views>;
  private readonly redraw: Redraw;
  private readonly arrangement: Arrangement;
  private opened: ToModulePanel | undefined;
  private views: Views;

  constructor(root: HTMLElement) {
    this.host = acquireHost((kept) => (isViews(kept) ? kept : undefined));
    this.views = this.host.restore() ?? {};
    this.redraw = new Redraw(root, () => render(modulePage(this.part()), root));
    this.arrangement = new Arrangement(root, false, () => this.redraw.request());
    onThemeChange(() => this.redraw.request());
  }

  start(): void {
    this.redraw.now();
    this.host.connect((message) => this.onMessage(message), { kind: 'ready' });
  }

  private onMessage(message: ToModulePanel): void {
    this.opened = message;
    announce(message.problem ?? message.result?.finding ?? message.name);
    this.redraw.request();
  }

  private part(): ModulePage {
    return {
      opened: this.opened,
      views: this.views,
      dark: readTheme().dark,
      compact: this.arrangement.compact,
      actions: {
        view: (id, change) => this.view(id, change),
        copy: (text, what) => {
          this.host.post({ kind: 'copy', text });
          announce(`Copied ${what}`);
        },
        save: (...saved) => void this.save(...saved),
        compare: () => this.host.post({ kind: 'compare' }),
        stopComparing: () => this.stopComparing(),
      },
    };
  }

  private view(id: string, change: Partial<SectionView>): void {
    this.views = { ...this.views, [id]: { ...this.views[id], ...change } };
    this.host.keep(this.views);
    this.redraw.request();
  }

  private stopComparing(): void {
    if (!this.opened) return;
    const { compareWith: _other, ...alone } = this.opened;
    this.opened = alone;
    this.host.post({ kind: 'stopComparing' });
    this.redraw.request();
  }

  private async save(result: ModuleResult, section: Section, view: SectionView, format: SectionFormat): Promise<void> {
    try {
      const data = await writeFile(leavingModule(result, section, view, themeForFile(format)), format);
      this.host.post({ kind: 'export', format, name: moduleFileName(result, format, section.id), data });
    } catch (error) {
      announce(error instanceof Error ? error.message : 'The export failed. Try SVG.');
    }
  }
}
