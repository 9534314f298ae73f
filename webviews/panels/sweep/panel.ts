/** The Sweeps panel: holds what is shown, draws it, and does what its parts ask for. */
import { render } from 'lit';
import type { FromSweepPanel } from '../../../protocol/panels/sweep-schema';
import type { ToSweepPanel } from '../../../protocol/panels/sweep';
import type { Section } from '../../../protocol/sections/section';
import { exportedSections } from '../../../protocol/exports/section-tables';
import { writeFile } from '../../charts/leaving';
import { sectionCsv } from '../../sections/section-file';
import type { SectionFormat, SectionView } from '../../sections/section-kind';
import { drawSections } from '../../sections/section-sheet';
import { announce } from '../../ui/announce';
import { Arrangement } from '../../ui/arrangement';
import { acquireHost, type Host } from '../../ui/host';
import { Redraw } from '../../ui/redraw';
import { onThemeChange, readTheme, themeForFile } from '../../ui/theme';
import { sweepPage } from './page';
import type { SweepPage } from './part';
import { looking, received, restored, type Arranged, type State } from './state';
import { finding } from './words';

const exportWidth = 760;

export class SweepPanel {
  private readonly host: Host<ToSweepPanel, FromSweepPanel, Arranged>;
  private readonly redraw: Redraw;
  private readonly arrangement: Arrangement;
  private state: State;
  /** The last sentence that was said of the sweep: progress is said once for each change. */
  private announced = '';

  constructor(root: HTMLElement) {
    this.host = acquireHost((before) => before as Arranged);
    this.state = restored(this.host.restore());
    this.redraw = new Redraw(root, () => render(sweepPage(this.page()), root));
    this.arrangement = new Arrangement(root, false, () => this.redraw.request());
    onThemeChange(() => this.redraw.request());
  }

  start(): void {
    this.redraw.now();
    this.host.connect((message) => this.onMessage(message), { kind: 'ready' });
    if (Object.keys(this.state.look).length > 0) this.host.post({ kind: 'look', look: this.state.look });
  }

  private onMessage(message: ToSweepPanel): void {
    this.set(received(this.state, message));
    const { picture } = this.state;
    if (message.kind === 'done' || message.kind === 'failed') announce(message.sentence);
    if (message.kind === 'mistakes') announce('The file has mistakes.');
    // The time left changes with every look; it is not said again.
    const words = picture ? finding({ ...picture, secondsLeft: undefined }) : '';
    if (message.kind === 'picture' && words !== this.announced) announce((this.announced = words));
  }

  private set(state: State): void {
    this.state = state;
    this.redraw.request();
  }

  private arrange(change: Partial<Arranged>): void {
    this.set({ ...this.state, ...change });
    const { look, views } = this.state;
    this.host.keep({ look, views });
  }

  private page(): SweepPage {
    return {
      state: this.state,
      dark: readTheme().dark,
      compact: this.arrangement.compact,
      actions: {
        post: (message) => this.host.post(message),
        look: (change) => {
          const look = looking(this.state.look, change);
          this.arrange({ look });
          this.host.post({ kind: 'look', look });
        },
        compareWith: (compared) => this.set({ ...this.state, compared }),
        dismiss: () => this.set({ ...this.state, said: undefined }),
        view: (id, change) =>
          this.arrange({ views: { ...this.state.views, [id]: { ...this.state.views[id], ...change } } }),
        copy: (text, what) => {
          this.host.post({ kind: 'copy', text });
          announce(`Copied ${what}`);
        },
        save: (...saved) => void this.save(...saved),
      },
    };
  }

  private async save(section: Section, view: SectionView, format: SectionFormat): Promise<void> {
    const { picture, opened } = this.state;
    if (!picture) return;
    const { title, run, look } = picture;
    const only = Object.entries(look.only ?? {}).map(([name, value]) => `${name} ${value}`);
    try {
      const data = await writeFile(
        {
          theme: themeForFile(format),
          width: exportWidth,
          sentence: section.title,
          caption: [
            `Sweep ${title} (${run})`,
            finding(picture),
            ...(only.length > 0 ? [`Only ${only.join(', ')}`] : []),
          ],
          provenance: { sweep: title, run, done: picture.states.done, cells: picture.total, look },
          headscope: undefined,
          draw: (sheet) => drawSections(sheet, new Map(), [{ section, view }]),
          csv: () => sectionCsv(section),
          json: () => section,
          numbers: () => exportedSections([section]),
          tables: () => [],
        },
        format,
      );
      this.host.post({ kind: 'export', format, name: `${opened?.name ?? 'sweep'}-${section.id}.${format}`, data });
    } catch (error) {
      announce(error instanceof Error ? error.message : 'The export failed. Try SVG.');
    }
  }
}
