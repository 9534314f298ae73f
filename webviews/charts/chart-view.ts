/** One drawn chart: follows size and theme, answers hover, click and keys. The element around it is the card's affair. */
import { onThemeChange, readTheme, type Theme } from '../ui/theme';
import { samePoint, type Chart, type Point, type PointKey, type Series } from './chart';
import { draw } from './draw';
import { openCanvas, type EChartsType } from './echarts';
import { colourOf, shapes } from './palette';

export interface ChartViewEvents {
  /** A click on a point, or Enter on the focused one; undefined: released. */
  readonly pin: (key: PointKey | undefined) => void;
  /** The point the keyboard stands on, to be said and written. */
  readonly focus: (point: Point | undefined, series: Series | undefined) => void;
}

interface Drawn {
  readonly chart: Chart;
  readonly pinned: PointKey | undefined;
  readonly emphasised: string | undefined;
}

export class ChartView {
  private echarts: EChartsType | undefined;
  private drawn: Drawn | undefined;
  private theme: Theme = readTheme();
  private focused: { readonly series: number; readonly point: number } | undefined;
  private readonly resize: ResizeObserver;
  private readonly stopTheme: () => void;

  constructor(
    private readonly element: HTMLElement,
    private readonly events: ChartViewEvents,
  ) {
    this.resize = new ResizeObserver(() => this.redraw());
    this.resize.observe(element);
    this.stopTheme = onThemeChange(() => {
      this.theme = readTheme();
      this.redraw();
    });
    element.addEventListener('click', (event) => this.onClick(event));
    element.addEventListener('keydown', (event) => this.onKey(event));
    element.addEventListener('blur', () => this.leave());
  }

  update(chart: Chart, pinned: PointKey | undefined, emphasised: string | undefined): void {
    this.drawn = { chart, pinned, emphasised };
    this.redraw();
  }

  /** The option as drawn, for tests and for whoever wants the numbers behind the picture. */
  get option(): unknown {
    return this.echarts?.getOption();
  }

  dispose(): void {
    this.resize.disconnect();
    this.stopTheme();
    this.echarts?.dispose();
    this.echarts = undefined;
  }

  private redraw(): void {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!this.drawn || width < 40 || height < 40) return;
    this.echarts ??= openCanvas(this.element);
    if (this.echarts.getWidth() !== width || this.echarts.getHeight() !== height)
      this.echarts.resize({ width, height });
    const { chart, pinned, emphasised } = this.drawn;
    const option = draw(chart, { theme: this.theme, width, height, pinned, emphasised });
    this.echarts.setOption(
      { ...option, tooltip: this.tooltip(chart) },
      { replaceMerge: ['series', 'xAxis', 'yAxis', 'grid'] },
    );
  }

  private tooltip(chart: Chart) {
    const { theme } = this;
    return {
      // An element and no text: text would be parsed as HTML with inline styles.
      formatter: (params: unknown) => this.hoverContent(chart, params),
      trigger: chart.hover === 'x' ? ('axis' as const) : ('item' as const),
      axisPointer: {
        type: 'line' as const,
        lineStyle: { color: theme.muted, type: 'solid' as const, width: 1, opacity: 0.5 },
      },
      confine: true,
      transitionDuration: 0,
      className: 'chart-hover',
      backgroundColor: theme.hoverBackground,
      borderColor: theme.hoverBorder,
      borderWidth: 1,
      padding: [4, 8],
      textStyle: { color: theme.hoverForeground, fontFamily: theme.font, fontSize: theme.fontSize - 1 },
      extraCssText: 'border-radius: 3px; box-shadow: 0 2px 8px var(--vscode-widget-shadow);',
    };
  }

  private hoverContent(chart: Chart, params: unknown): HTMLElement {
    const hits = (Array.isArray(params) ? params : [params]) as { seriesId?: string; dataIndex?: number }[];
    const rows = hits.flatMap(({ seriesId, dataIndex }) => {
      const series = chart.series.find(({ id }) => id === seriesId);
      const point = series?.points[dataIndex ?? -1];
      return series && point ? [{ series, point }] : [];
    });
    rows.sort((a, b) => b.point.y - a.point.y);
    const content = document.createElement('div');
    const first = rows[0];
    if (!first) return content;
    if (chart.hover === 'x')
      content.append(text('div', 'chart-hover-head', `${chart.x.format(first.point.x)} ${chart.x.unit ?? ''}`));
    const grid = document.createElement('div');
    grid.className = 'chart-hover-rows';
    for (const { series, point } of rows) {
      grid.append(
        symbolElement(series, this.theme),
        text('span', '', series.title),
        text('span', 'chart-hover-value', point.text),
      );
    }
    content.append(grid);
    return content;
  }

  private onClick(event: MouseEvent): void {
    const box = this.element.getBoundingClientRect();
    const near = this.nearest(event.clientX - box.left, event.clientY - box.top);
    this.events.pin(near && !samePoint(near.key, this.drawn?.pinned) ? near.key : undefined);
  }

  private nearest(x: number, y: number): Point | undefined {
    let best: { readonly point: Point; readonly distance: number } | undefined;
    for (const series of this.navigable()) {
      for (const point of series.points) {
        const at = this.echarts?.convertToPixel({ gridIndex: 0 }, [point.x, point.y]);
        const distance = Math.hypot((at?.[0] ?? Infinity) - x, (at?.[1] ?? Infinity) - y);
        if (distance < 24 && distance < (best?.distance ?? Infinity)) best = { point, distance };
      }
    }
    return best?.point;
  }

  private navigable(): readonly Series[] {
    return this.drawn?.chart.series.filter(({ role, points }) => role === 'measured' && points.length > 0) ?? [];
  }

  private onKey(event: KeyboardEvent): void {
    const all = this.navigable();
    if (all.length === 0) return;
    const at = this.focused ?? { series: 0, point: -1 };
    const series = all[Math.min(at.series, all.length - 1)];
    if (!series) return;
    const clamp = (value: number, length: number): number => Math.min(Math.max(value, 0), length - 1);
    const point = series.points[at.point];
    switch (event.key) {
      case 'ArrowRight':
      case 'ArrowLeft':
        this.move({
          series: at.series,
          point: clamp(at.point + (event.key === 'ArrowRight' ? 1 : -1), series.points.length),
        });
        break;
      case 'ArrowUp':
      case 'ArrowDown': {
        const to = (at.series + (event.key === 'ArrowDown' ? 1 : all.length - 1)) % all.length;
        const same = all[to]?.points.findIndex(({ x }) => x === point?.x) ?? -1;
        this.move({ series: to, point: same >= 0 ? same : clamp(at.point, all[to]?.points.length ?? 1) });
        break;
      }
      case 'Enter':
      case ' ':
        if (point) this.events.pin(samePoint(point.key, this.drawn?.pinned) ? undefined : point.key);
        break;
      case 'Escape':
        if (!this.focused && !this.drawn?.pinned) return;
        if (this.focused) this.leave();
        else this.events.pin(undefined);
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  private move(to: { readonly series: number; readonly point: number }): void {
    const series = this.navigable()[to.series];
    const point = series?.points[to.point];
    if (!series || !point) return;
    this.focused = to;
    const pixel = this.echarts?.convertToPixel({ gridIndex: 0 }, [point.x, point.y]);
    if (pixel) this.echarts?.dispatchAction({ type: 'showTip', x: pixel[0], y: pixel[1] });
    this.events.focus(point, series);
  }

  private leave(): void {
    this.focused = undefined;
    this.echarts?.dispatchAction({ type: 'hideTip' });
    this.events.focus(undefined, undefined);
  }
}

function text(tag: 'div' | 'span', className: string, content: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = content;
  return element;
}

function symbolElement(series: Series, theme: Theme): Element {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('width', '9');
  svg.setAttribute('height', '9');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', shapes[series.identity.shape]);
  path.setAttribute('fill', series.role === 'measured' ? colourOf(series.identity, theme.dark) : 'none');
  path.setAttribute('stroke', colourOf(series.identity, theme.dark));
  svg.append(path);
  return svg;
}
