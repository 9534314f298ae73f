/**
 * A chart with its title, its table twin, its exports and one line that holds the value under the keyboard or the pin. The
 * height is fixed by the style sheet, so that data coming in moves nothing.
 */
import { html, LitElement, nothing, type PropertyValues } from 'lit';
import { announce } from '../ui/announce';
import { button } from '../ui/controls';
import { icon } from '../ui/icons';
import '../ui/menu';
import type { MenuItem } from '../ui/menu';
import { table, type Sort } from '../ui/table';
import { samePoint, type Chart, type Point, type PointKey, type Series } from './chart';
import { ChartView } from './chart-view';
import { properties } from '../ui/properties';

export type ChartExport = 'png' | 'svg' | 'markdown' | 'csv';

/** Events: `pin` ({ detail: PointKey | undefined }), `as-table` ({ detail: boolean }), `chart-export` ({ detail: ChartExport }). */
export class ChartCard extends LitElement {
  static override properties = properties(['chart', 'pinned', 'emphasised', 'asTable'], ['sort', 'readout']);
  declare chart: Chart | undefined;
  declare pinned: PointKey | undefined;
  declare emphasised: string | undefined;
  declare asTable: boolean;
  declare sort: Sort | undefined;
  declare readout: string | undefined;
  private view: ChartView | undefined;

  constructor() {
    super();
    this.asTable = false;
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.view?.dispose();
    this.view = undefined;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.requestUpdate();
  }

  protected override updated(_changed: PropertyValues): void {
    const plot = this.querySelector<HTMLElement>('.plot');
    if (!plot || !this.chart) {
      this.view?.dispose();
      this.view = undefined;
      return;
    }
    this.view ??= new ChartView(plot, {
      pin: (key) => this.emit('pin', key),
      focus: (point, series) => this.onFocusPoint(point, series),
    });
    this.view.update(this.chart, this.pinned, this.emphasised);
  }

  /** See `ChartView.option`. */
  get option(): unknown {
    return this.view?.option;
  }

  private emit(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }

  private onFocusPoint(point: Point | undefined, series: Series | undefined): void {
    this.readout = point && series && this.chart ? describe(this.chart, series, point) : undefined;
    if (this.readout) announce(this.readout);
  }

  private menu(): readonly MenuItem[] {
    const item = (label: string, format: ChartExport, name: MenuItem['icon']): MenuItem => ({
      label,
      icon: name ?? 'export',
      run: () => this.emit('chart-export', format),
    });
    return [
      item('Copy as Markdown', 'markdown', 'copy'),
      item('Copy as CSV', 'csv', 'copy'),
      item('Save as PNG', 'png', 'file-media'),
      item('Save as SVG', 'svg', 'file-media'),
    ];
  }

  override render() {
    const { chart } = this;
    if (!chart) return nothing;
    const titleId = `${chart.id}-title`;
    const hasData = chart.series.some(({ points }) => points.length > 0);
    return html`<figure class="chart-card" aria-labelledby=${titleId}>
      <figcaption>
        <h2 id=${titleId} title=${chart.description}>${chart.title}</h2>
        <div class="toolbar" role="group" aria-label="${chart.title}: view and export">
          ${button({
            label: this.asTable ? 'Show the chart' : 'Show the numbers as a table',
            icon: this.asTable ? 'graph-line' : 'table',
            appearance: 'icon',
            disabled: !hasData,
            onClick: () => this.emit('as-table', !this.asTable),
          })}
          <hs-menu
            .label=${`Export ${chart.title}`}
            .icon=${'export'}
            .iconOnly=${true}
            .items=${this.menu()}
            .disabled=${!hasData}
          ></hs-menu>
        </div>
      </figcaption>
      <div class="chart-area">
        ${
          !hasData
            ? html`<div class="chart-empty">${chart.empty}</div>`
            : this.asTable
              ? this.twin(chart)
              : html`<div
                  class="plot"
                  tabindex="0"
                  role="application"
                  aria-roledescription="chart"
                  aria-label="${chart.title}. ${chart.description} Arrow keys walk the points, Enter pins one, Escape leaves."
                ></div>`
        }
      </div>
      ${this.readoutLine(chart)}
    </figure>`;
  }

  private twin(chart: Chart) {
    return table({
      caption: `${chart.title}: ${chart.description}`,
      columns: chart.twin.columns,
      rows: chart.twin.rows,
      key: (row) => JSON.stringify(row),
      sort: this.sort,
      onSort: (sort) => (this.sort = sort),
    });
  }

  private readoutLine(chart: Chart) {
    if (this.readout) return html`<div class="readout">${this.readout}</div>`;
    const pinned = chart.series
      .filter(({ role }) => role === 'measured')
      .flatMap((series) => series.points.map((point) => ({ series, point })))
      .find(({ point }) => samePoint(point.key, this.pinned));
    // One line, so that nothing jumps: where a key does not fit, the pointer shows the whole.
    return html`<div class="readout" title=${pinned ? nothing : (chart.key ?? nothing)}>
      ${pinned ? html`${icon('pinned')} ${describe(chart, pinned.series, pinned.point)}` : (chart.key ?? nothing)}
    </div>`;
  }
}

const describe = (chart: Chart, series: Series, point: Point): string =>
  `${series.title} at ${chart.hover === 'x' ? `${chart.x.format(point.x)} ${chart.x.unit ?? ''}` : `${point.key.at.toLocaleString('en-US')} tokens`}: ${point.text}`;

customElements.define('hs-chart-card', ChartCard);
