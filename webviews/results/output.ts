/** What a text says, drawn; where it says nothing that can be drawn, the reason. */
import type { CSSResult } from 'lit';
import { chartStyles } from '../charts/styles';
import { panelStyles } from '../panels/kernels/styles';
import type { State } from '../panels/kernels/state';
import { sectionStyles } from '../sections/styles';
import { contentStyles } from '../ui/content-styles';
import { controlStyles } from '../ui/control-styles';
import { panelFrameStyles } from '../ui/panel-styles';
import { BenchmarkOutput } from './benchmark-output';
import type { DrawnOutput } from './drawn-output';
import { readOutput } from './read-output';
import { SectionsOutput } from './sections-output';

/** Beside those of the page, or of the element that stands for it. */
export const outputStyles: readonly CSSResult[] = [
  controlStyles,
  contentStyles,
  panelFrameStyles,
  chartStyles,
  sectionStyles,
  panelStyles,
];

/** `titles`: see `BenchmarkOutput`. */
export function drawOutput(
  place: HTMLElement,
  text: string,
  titles?: State['titles'],
): DrawnOutput | { readonly why: string } {
  const read = readOutput(text);
  if (!read.ok) return { why: read.why };
  const { result } = read;
  const output =
    result.kind === 'headscope-bench' ? new BenchmarkOutput(place, result, titles) : new SectionsOutput(place, result);
  return output.start();
}
