/** The chart of a section on the page: one canvas of the chart library, walked by the arrow keys. */
import { html, LitElement, type PropertyValues } from 'lit';
import type { Chart, Point, PointKey, Series } from '../../charts/chart';
import { ChartView } from '../../charts/chart-view';
import { announce } from '../../ui/announce';

/** Events: `pin` ({ detail: PointKey, or null for none }) and `ask` ({ detail: PointKey }). */
export class SectionChart extends LitElement {
  static override properties = {
    chart: { attribute: false },
    pinned: { attribute: false },
    label: { attribute: false },
  };
  declare chart: Chart | undefined;
  declare pinned: PointKey | undefined;
  declare label: string;
  private view: ChartView | undefined;
  private focused: PointKey | undefined;

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.view?.dispose();
    this.view = undefined;
  }

  /** The option as drawn, for tests. */
  get option(): unknown {
    return this.view?.option;
  }

  protected override updated(_changed: PropertyValues): void {
    const plot = this.querySelector<HTMLElement>('.plot');
    if (!plot || !this.chart) return;
    this.view ??= new ChartView(plot, {
      pin: (key) => this.dispatchEvent(new CustomEvent('pin', { detail: key, bubbles: true })),
      focus: (point, series) => this.onFocusPoint(point, series),
    });
    this.view.update(this.chart, this.pinned, undefined);
  }

  private onFocusPoint(point: Point | undefined, series: Series | undefined): void {
    this.focused = point?.key;
    if (point && series && this.chart)
      announce(
        `${series.title}${this.chart.hover === 'x' ? ` at ${this.chart.x.format(point.x)} ${this.chart.x.unit ?? ''}` : ''}: ${point.text}`,
      );
  }

  /** Before the chart itself, for which Enter only pins. */
  private readonly onKey = {
    capture: true,
    handleEvent: (event: KeyboardEvent): void => {
      if (event.key !== 'Enter' || !this.focused) return;
      event.preventDefault();
      event.stopPropagation();
      this.dispatchEvent(new CustomEvent('ask', { detail: this.focused, bubbles: true }));
    },
  };

  override render() {
    return html`<div class="chart-area" @keydown=${this.onKey}>
      <div class="plot" tabindex="0" role="application" aria-roledescription="chart" aria-label=${this.label}></div>
    </div>`;
  }
}

customElements.define('hs-section-chart', SectionChart);
