/**
 * Apache ECharts, only the parts that are drawn: logarithmic axes, custom series for bands, a canvas on the screen and SVG as
 * text for export come with it, its core works under a policy without eval or inline styles, and it is tree-shaken.
 */
import { CustomChart, LineChart, type CustomSeriesOption, type LineSeriesOption } from 'echarts/charts';
import {
  GridComponent,
  TooltipComponent,
  type GridComponentOption,
  type TooltipComponentOption,
} from 'echarts/components';
import { init, use, type ComposeOption, type EChartsType } from 'echarts/core';
import { CanvasRenderer, SVGRenderer } from 'echarts/renderers';

use([LineChart, CustomChart, GridComponent, TooltipComponent, CanvasRenderer, SVGRenderer]);

export type Option = ComposeOption<
  LineSeriesOption | CustomSeriesOption | GridComponentOption | TooltipComponentOption
>;
export type SeriesOption = LineSeriesOption | CustomSeriesOption;
export type { CustomSeriesOption, EChartsType, LineSeriesOption };

/** On the screen: a canvas, because the SVG renderer sets style attributes, which the panel's policy refuses. */
export const openCanvas = (element: HTMLElement): EChartsType => init(element, null, { renderer: 'canvas' });

/** For export: SVG as text, without a page. */
export function renderSvg(option: Option, width: number, height: number): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption(option);
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}
