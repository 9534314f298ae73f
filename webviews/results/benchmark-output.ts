/** A benchmark drawn as in the Kernels panel: its legend, charts and table, under its finding. */
import { html, type TemplateResult } from 'lit';
import type { BenchmarkResult } from '../../protocol/results/benchmark-schema';
import { writeFile } from '../charts/leaving';
import type { ResultPart } from '../panels/kernels/actions';
import { chartText, exportName, exportSource, leavingOf, provenanceLines } from '../panels/kernels/exports';
import { circumstances, finding } from '../panels/kernels/finding';
import { identitiesOf, titleOf } from '../panels/kernels/pictures';
import { measuredResult } from '../panels/kernels/result';
import { initialState, pin, type State } from '../panels/kernels/state';
import { dotted } from '../ui/dotted';
import { readTheme } from '../ui/theme';
import { DrawnOutput } from './drawn-output';

export class BenchmarkOutput extends DrawnOutput {
  private state: State;
  private emphasised: string | undefined;

  /** `titles`: of the mechanisms of the catalogue, in its order, by which they are coloured; none where it is not at hand. */
  constructor(place: HTMLElement, result: BenchmarkResult, titles: State['titles'] = []) {
    super(place);
    const { plan: measuredSetup, rows } = result;
    this.state = { ...initialState('file'), opened: true, titles, result, measuredSetup, rows };
  }

  protected override page(): TemplateResult {
    const { state } = this;
    const title = titleOf(state);
    return html`<main class="notebook panel ${this.compact ? 'compact' : 'wide'}">
      <h1>${finding(state, title)}</h1>
      <p class="circumstances">${dotted(circumstances(state, title))}</p>
      ${this.problem === '' ? '' : html`<p role="alert">${this.problem}</p>`}
      <div class="results">${measuredResult(this.part(), identitiesOf(state), this.emphasised)}</div>
      ${provenanceLines(state).map((line) => html`<p class="made">${line}</p>`)}
    </main>`;
  }

  private part(): ResultPart {
    return { state: this.state, dark: readTheme().dark, compact: this.compact, actions: this.actions };
  }

  private change(view: Partial<State['view']>): void {
    this.state = { ...this.state, view: { ...this.state.view, ...view } };
    this.draw();
  }

  private readonly actions: ResultPart['actions'] = {
    view: (change) => this.change(change),
    toggle: (name, open) => this.change({ open: { ...this.state.view.open, [name]: open } }),
    copy: this.copy,
    pin: (key) => {
      this.state = { ...this.state, view: pin(this.state.view, key) };
      this.draw();
    },
    emphasise: (mechanism) => {
      this.emphasised = mechanism;
      this.draw();
    },
    exportChart: (id, format) => {
      const source = exportSource(this.part(), format);
      const chart = source.charts.find((one) => one.id === id);
      if (!chart) return;
      if (format === 'markdown' || format === 'csv') return this.copy(chartText(chart, format));
      const data = Promise.resolve().then(() => writeFile(leavingOf({ ...source, charts: [chart] }), format));
      void this.save(exportName(this.state, format, id), data);
    },
  };
}
