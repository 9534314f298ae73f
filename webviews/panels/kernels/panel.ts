/** Holds the state, draws it, and does what its parts ask for. */
import { html, nothing, render, type TemplateResult } from 'lit';
import type { FromKernelsPanel, KernelsPlace, ToKernelsPanel } from '../../../protocol/panels/kernels';
import { unreachable } from '../../../protocol/unreachable';
import type { ChartExport } from '../../charts/chart-card';
import { toPng } from '../../charts/image';
import { announce } from '../../ui/announce';
import { Arrangement } from '../../ui/arrangement';
import { disclosure } from '../../ui/controls';
import { dotted } from '../../ui/dotted';
import { acquireHost, type Host } from '../../ui/host';
import { seconds } from '../../ui/numbers';
import { toCsv } from '../../ui/csv';
import { toMarkdown } from '../../ui/table';
import { PlanTelling } from '../../ui/plan-telling';
import { Redraw } from '../../ui/redraw';
import { measuredHow } from '../../ui/run-status';
import { onThemeChange, readTheme } from '../../ui/theme';
import { isOpen } from '../../ui/disclosures';
import type { Actions, ExportFormat, Part } from './actions';
import { controlsStrip, stripOpen, stripSummary } from './controls-strip';
import { exportData, exportName, figureOf, provenanceLines, type ExportSource } from './exports';
import { circumstances, finding } from './finding';
import { takeShape, toForm, type Form } from './form';
import { canonical } from '../../ui/canonical';
import { mechanismCard, viewRequest } from './mechanism-card';
import { readNeighborhood, typedNeighborhood } from './neighborhood-form';
import { chartCards, chartsOf, identitiesOf, legend, measuredOf } from './pictures';
import { cabPlan } from './cab-plan';
import { cabSection } from './cab-table';
import { templateTable } from './template-table';
import { resultColumns, resultsTable, tableRows } from './results-table';
import { banners, emptyState, runBar } from './status';
import {
  canResume,
  initialState,
  keep,
  parseKept,
  pin,
  planOf,
  progressOf,
  receive,
  restore,
  startRun,
  type Kept,
  withCard,
  type CardChoice,
  type State,
  type View,
} from './state';
import { continues } from '../../ui/kept-form';

export class KernelsPanel implements Actions {
  private state: State;
  private readonly host: Host<ToKernelsPanel, FromKernelsPanel, Kept>;
  private readonly kept: Kept | undefined;
  private readonly plans: PlanTelling<NonNullable<ReturnType<typeof planOf>>>;
  private readonly redraw: Redraw;
  private readonly arrangement: Arrangement;
  /** The questions last asked for the card of a mechanism, by kind. */
  private readonly asked = new Map<string, string>();
  private emphasised: string | undefined;
  private announced = '';

  constructor(
    private readonly root: HTMLElement,
    place: KernelsPlace,
  ) {
    this.host = acquireHost(parseKept);
    this.redraw = new Redraw(root, () => this.drawNow());
    this.kept = this.host.restore();
    this.state = restore(initialState(place), this.kept?.place === place ? this.kept : undefined);
    this.plans = new PlanTelling(this.kept?.basis ?? [], {
      plan: () => (this.state.opened ? planOf(this.state) : undefined),
      tell: (plan) => this.host.post({ kind: 'planned', plan }),
      keep: () => this.keepState(),
      tellsOpened: true,
    });
    this.arrangement = new Arrangement(root, place === 'side', () => this.draw());
    onThemeChange(() => this.draw());
    document.addEventListener('keydown', (event) => this.onKey(event));
    this.redraw.now();
    this.host.connect((message) => this.onMessage(message), { kind: 'ready' });
  }

  private onMessage(message: ToKernelsPanel): void {
    if (message.kind === 'open') {
      if (!continues(keep(this.state, this.plans.basis), message.plan)) this.state = { ...this.state, form: undefined };
      this.plans.opened(message.plan);
    }
    this.change(receive(this.state, message));
    this.tell(message);
  }

  /** Says the steps of a run to those who do not see them; a point each would be too much. */
  private tell(message: ToKernelsPanel): void {
    switch (message.kind) {
      case 'result':
        announce(finding(this.state, this.title));
        break;
      case 'failed':
      case 'overdue':
        announce(message.sentence);
        break;
      case 'stage': {
        const tenth = message.total > 0 ? Math.floor((10 * message.done) / message.total) : 0;
        const said = `${tenth * 10} % measured`;
        if (said === this.announced) return;
        this.announced = said;
        announce(message.secondsLeft === undefined ? said : `${said}, about ${seconds(message.secondsLeft)} left`);
        break;
      }
      case 'open':
      case 'devices':
      case 'shapes':
      case 'supports':
      case 'mechanismView':
      case 'neighborhoodBound':
      case 'row':
        break;
      default:
        unreachable(message);
    }
  }

  private change(state: State): void {
    this.state = state;
    this.keepState();
    if (state.place !== 'file') this.plans.schedule();
    this.askView();
    this.draw();
  }

  private keepState(): void {
    this.host.keep(keep(this.state, this.plans.basis));
  }

  /** Asks for the card's picture when its question is another than the last; the answer to an earlier one is overwritten. */
  private askView(): void {
    const { opened, canRun, view } = this.state;
    if (!opened || canRun !== true) return;
    const request = viewRequest(this.state);
    if (request) this.ask({ kind: 'mechanismView', request });
    if (view.card?.mechanism !== 'gna') return;
    const reading = readNeighborhood(typedNeighborhood(view.neighborhood));
    if (reading.ok) this.ask({ kind: 'neighborhoodBound', request: reading.request });
  }

  private ask(question: Extract<FromKernelsPanel, { readonly request: unknown }>): void {
    const written = canonical(question.request);
    if (this.asked.get(question.kind) === written) return;
    this.asked.set(question.kind, written);
    this.host.post(question);
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.run(canResume(this.state));
    } else if (event.key === 'Escape' && this.state.view.pinned) {
      this.pin(undefined);
    }
  }

  // What the parts ask for.

  edit(change: Partial<Form>): void {
    if (this.state.form) this.change({ ...this.state, form: { ...this.state.form, ...change } });
  }

  setParameter(mechanism: string, name: string, value: string | boolean): void {
    const { form } = this.state;
    if (!form) return;
    this.edit({ parameters: { ...form.parameters, [mechanism]: { ...form.parameters[mechanism], [name]: value } } });
  }

  takeShape(uri: string): void {
    const { form, shapes, mechanisms } = this.state;
    const choice = shapes.find((one) => one.uri === uri);
    if (!form) return;
    this.change({
      ...this.state,
      form: choice ? takeShape(form, choice, mechanisms) : { ...form, shapeUri: '', origin: '' },
    });
  }

  view(change: Partial<View>): void {
    this.change({ ...this.state, view: { ...this.state.view, ...change } });
  }

  toggle(name: string, open: boolean): void {
    this.view({ open: { ...this.state.view.open, [name]: open } });
  }

  pin(key: View['pinned']): void {
    this.change({ ...this.state, view: pin(this.state.view, key) });
  }

  openCard(mechanism: string): void {
    this.showCard({ show: 'pattern', length: 'fitting', ...this.state.view.card, mechanism });
    this.redraw.now();
    // Scrolls as well.
    this.root.querySelector<HTMLElement>('.mechanism-card')?.focus();
  }

  showCard(card: CardChoice | undefined): void {
    this.change({ ...this.state, view: withCard(this.state.view, card) });
  }

  emphasise(mechanism: string | undefined): void {
    this.emphasised = mechanism;
    this.draw();
  }

  run(resume: boolean): void {
    this.begin(startRun(this.state, resume), resume ? 'Resumed' : 'Started');
  }

  runCab(): void {
    const plan = cabPlan(this.state);
    if (typeof plan !== 'string') this.begin(startRun(this.state, false, plan), 'Started in all patterns');
  }

  private begin(started: ReturnType<typeof startRun>, said: string): void {
    if (!started) return;
    this.announced = '';
    this.change(started.state);
    this.host.post({ kind: 'run', plan: started.plan });
    announce(said);
  }

  cancel(): void {
    const { phase } = this.state;
    if (phase.kind !== 'running' || phase.cancelling) return;
    this.host.post({ kind: 'cancel' });
    this.change({ ...this.state, phase: { ...phase, cancelling: true } });
    announce('Stopping after the call in flight');
  }

  backToMeasured(): void {
    const { measuredPlan, shapes } = this.state;
    if (measuredPlan) this.change({ ...this.state, form: toForm(measuredPlan, shapes) });
  }

  dropComparison(): void {
    this.change({ ...this.state, compareWith: undefined });
  }

  post(message: FromKernelsPanel): void {
    if (message.kind === 'refreshDevices') this.change({ ...this.state, devicesAsked: true });
    this.host.post(message);
  }

  copy(text: string, what: string): void {
    this.host.post({ kind: 'copy', text });
    announce(`${what} is copied`);
  }

  exportAll(format: ExportFormat): void {
    const name = exportName(this.state, format);
    exportData(this.exportSource(), format).then(
      (data) => this.host.post({ kind: 'export', format, name, data }),
      (error: unknown) => this.cannotExport(error),
    );
  }

  exportChart(id: string, format: ChartExport): void {
    const source = this.exportSource();
    const chart = source.charts.find((one) => one.id === id);
    if (!chart) return;
    switch (format) {
      case 'markdown':
        return this.copy(toMarkdown(chart.twin.columns, chart.twin.rows), `${chart.title} as Markdown`);
      case 'csv':
        return this.copy(toCsv(chart.twin.columns, chart.twin.rows), `${chart.title} as CSV`);
      case 'svg':
        return this.host.post({
          kind: 'export',
          format,
          name: exportName(this.state, format, id),
          data: figureOf(source, [chart]).svg,
        });
      case 'png':
        toPng(figureOf(source, [chart]), source.state.result ?? {}).then(
          (data) => this.host.post({ kind: 'export', format, name: exportName(this.state, format, id), data }),
          (error: unknown) => this.cannotExport(error),
        );
    }
  }

  private cannotExport(error: unknown): void {
    const sentence = error instanceof Error ? error.message : 'The export failed. Try SVG or CSV.';
    this.change({ ...this.state, phase: { kind: 'failed', sentence } });
    announce(sentence);
  }

  private exportSource(): ExportSource {
    const identities = identitiesOf(this.state);
    return {
      state: this.state,
      identities,
      charts: chartsOf(measuredOf(this.state, identities)),
      sentence: finding(this.state, this.title),
      theme: readTheme(),
      columns: resultColumns(this.part(), identities, 'all'),
      rows: tableRows(this.state, 'all'),
    };
  }

  // Drawing.

  private readonly title = (id: string): string => identitiesOf(this.state).get(id)?.title ?? id;

  private part(): Part {
    const { compact, beside } = this.arrangement;
    return { state: this.state, actions: this, dark: readTheme().dark, compact, beside };
  }

  private draw(): void {
    this.redraw.request();
  }

  private drawNow(): void {
    render(this.page(), this.root);
  }

  private page(): TemplateResult {
    const part = this.part();
    const { state, compact } = part;
    const identities = identitiesOf(state);
    const strip = state.place === 'file' ? nothing : this.strip(part, identities);
    return html`<main
      class="panel ${state.place} ${compact ? 'compact' : 'wide'} ${stripOpen(part) ? 'strip-open' : ''}"
    >
      <header>
        <h1 id="finding">${finding(state, this.title)}</h1>
        <p class="circumstances">${dotted(circumstances(state, this.title))}</p>
        ${runBar(part)} ${banners(part)}
      </header>
      <div class="body">
        ${compact ? nothing : strip}
        <div class="results">
          ${mechanismCard(part)} ${this.results(part, identities)} ${compact ? strip : nothing} ${cabSection(part)}
          ${templateTable(part)} ${this.provenance(part)}
        </div>
      </div>
    </main>`;
  }

  private strip(part: Part, identities: ReturnType<typeof identitiesOf>): TemplateResult {
    const open = stripOpen(part);
    const summary = stripSummary(part.state.form, this.title);
    return html`<aside class="strip" aria-label="Settings">
      ${disclosure({
        title: html`<strong>Settings</strong>${open ? nothing : html`<span class="muted summary">${summary}</span>`}`,
        open,
        id: 'settings',
        onToggle: (now) => this.toggle('settings', now),
        body: () => controlsStrip(part, identities),
      })}
    </aside>`;
  }

  private results(part: Part, identities: ReturnType<typeof identitiesOf>): TemplateResult {
    const { state, compact } = part;
    if (!state.opened && state.rows.length === 0) return html``;
    if (state.rows.length === 0 && state.phase.kind !== 'running') return emptyState();
    const charts = chartsOf(measuredOf(state, identities));
    const first = compact ? charts.slice(0, 1) : charts;
    return html`${compact ? nothing : legend(part, identities)}
      <div class="charts">${chartCards(part, first, this.emphasised)}</div>
      ${
        compact
          ? html`${legend(part, identities)}
            ${disclosure({
              title: 'Measurements',
              open: isOpen(state, 'table', false),
              id: 'measurements',
              onToggle: (open) => this.toggle('table', open),
              body: () => resultsTable(part, identities),
            })}
            ${disclosure({
              title: 'Ratio, memory, roofline, error',
              open: isOpen(state, 'pictures', false),
              id: 'more-pictures',
              onToggle: (open) => this.toggle('pictures', open),
              body: () => html`<div class="charts">${chartCards(part, charts.slice(1), this.emphasised)}</div>`,
            })}`
          : html`<section class="measurements" aria-label="Measurements">${resultsTable(part, identities)}</section>`
      }`;
  }

  private provenance({ state }: Part): TemplateResult | typeof nothing {
    const lines = provenanceLines(state);
    if (lines.length === 0 || progressOf(state).done === 0) return nothing;
    return measuredHow(lines, isOpen(state, 'provenance', false), (open) => this.toggle('provenance', open));
  }
}
