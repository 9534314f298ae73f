import type { Theme } from '../ui/theme';
import type { PointKey, Series } from './chart';

/** How a chart is drawn, beside what it says. */
export interface DrawOptions {
  readonly theme: Theme;
  readonly width: number;
  readonly height: number;
  readonly pinned?: PointKey | undefined;
  /** Series put in front of the others, which fade. */
  readonly emphasised?: string | undefined;
}

/** Series of another kind than measured are fainter, and all that are not emphasised while one is. */
export function opacityOf(series: Series, { emphasised }: DrawOptions): number {
  const faint = series.role === 'other' ? 0.55 : series.role === 'prediction' ? 0.7 : 1;
  return emphasised !== undefined && emphasised !== series.identity.id ? faint * 0.25 : faint;
}
