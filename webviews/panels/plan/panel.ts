/** The editor of a cache plan: holds what is shown, draws it, and does what its parts ask for. */
import { render } from 'lit';
import type { FromPlanPanel } from '../../../protocol/panels/plan-schema';
import type { ToPlanPanel } from '../../../protocol/panels/plan';
import { printDo } from '../../../protocol/interventions/do-form';
import { planIntervention } from '../../../protocol/interventions/plan';
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
import { finding } from './finding';
import { planPage } from './page';
import type { PlanPage } from './part';
import type { Selection } from './selection';
import {
  budgeted,
  changesBetween,
  headsOf,
  kept,
  received,
  restored,
  strokeOf,
  type Arranged,
  type State,
} from './state';

const exportWidth = 760;

export class PlanPanel {
  private readonly host: Host<ToPlanPanel, FromPlanPanel, Arranged>;
  private readonly redraw: Redraw;
  private readonly arrangement: Arrangement;
  private state: State;

  constructor(root: HTMLElement) {
    this.host = acquireHost((before) => before as Arranged);
    this.state = restored(this.host.restore());
    this.redraw = new Redraw(root, () => render(planPage(this.page()), root));
    this.arrangement = new Arrangement(root, false, () => this.redraw.request());
    onThemeChange(() => this.redraw.request());
  }

  start(): void {
    this.redraw.now();
    this.host.connect((message) => this.onMessage(message), { kind: 'ready' });
  }

  private onMessage(message: ToPlanPanel): void {
    const before = this.state.opened;
    this.set(received(this.state, message));
    if (message.problem !== before?.problem && message.problem) announce(message.problem);
    else if (message.plan) announce(finding(this.state, message.plan));
  }

  private set(state: State): void {
    this.state = state;
    this.redraw.request();
  }

  private page(): PlanPage {
    return {
      state: this.state,
      dark: readTheme().dark,
      compact: this.arrangement.compact,
      actions: {
        post: (message) => this.host.post(message),
        arrange: (change) => this.arrange(change),
        choose: (selection) => this.set({ ...this.state, selection }),
        paint: (selection) => this.paint(selection),
        preview: (share) => this.set({ ...this.state, asked: share, preview: budgeted(this.state, share) }),
        budget: (share) => this.budget(share),
        view: (id, change) =>
          this.arrange({ views: { ...this.state.views, [id]: { ...this.state.views[id], ...change } } }),
        copy: (text, what) => this.copy(text, what),
        copyDo: () => this.copyDo(),
        save: (...saved) => void this.save(...saved),
      },
    };
  }

  private arrange(change: Partial<Arranged>): void {
    this.set({ ...this.state, ...change, asked: undefined });
    this.host.keep(kept(this.state));
  }

  private paint(selection: Selection): void {
    const heads = strokeOf(this.state, selection);
    if (heads === undefined) announce('The brush cannot be read. Correct its numbers.');
    else if (heads.length > 0) this.host.post({ kind: 'paint', heads });
  }

  private budget(share: number): void {
    const before = this.state.opened?.plan?.heads;
    const after = budgeted(this.state, share);
    const heads = before && after ? changesBetween(before, after) : [];
    if (heads.length === 0) return this.set({ ...this.state, asked: share, preview: undefined });
    this.set({ ...this.state, asked: share, preview: after });
    this.host.post({ kind: 'paint', heads });
  }

  private copy(text: string, what: string): void {
    this.host.post({ kind: 'copy', text });
    announce(`Copied ${what}`);
  }

  private copyDo(): void {
    this.copy(`--do '${printDo(planIntervention(headsOf(this.state)))}'`, 'the plan as --do');
  }

  private async save(section: Section, view: SectionView, format: SectionFormat): Promise<void> {
    const { plan, name = 'plan' } = this.state.opened ?? {};
    if (!plan) return;
    const { heads: _heads, ...provenance } = plan;
    try {
      const data = await writeFile(
        {
          theme: themeForFile(format),
          width: exportWidth,
          sentence: finding(this.state, plan),
          caption: [`${plan.title}, ${plan.model.name}`, `By ${plan.origin.method}, ${plan.origin.created}`],
          provenance,
          headscope: plan.origin.headscope,
          draw: (sheet) => drawSections(sheet, new Map(), [{ section, view }]),
          csv: () => sectionCsv(section),
          json: () => section,
          numbers: () => exportedSections([section]),
          tables: () => [],
        },
        format,
      );
      this.host.post({ kind: 'export', format, name: `${name}-${section.id}.${format}`, data });
    } catch (error) {
      announce(error instanceof Error ? error.message : 'The export failed. Try SVG.');
    }
  }
}
