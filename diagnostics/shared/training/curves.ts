/** Curves of a training, as they are stored in a result and shown while it runs. */
import type { Output } from '../../../protocol/schema/check';
import { figure, list, number, object, record, whole } from '../../../protocol/schema/fields';
import type { ChartSection } from '../../../protocol/sections/chart';
import type { Training } from './train';
import { mean } from '../../../kernels/tensors/vectors';
import * as build from '../../../protocol/sections/builders';

export const curvesSchema = object({
  /** Training loss: the mean over neighbouring steps up to `step`, with the smallest and the largest of their batches. */
  loss: list(object({ step: whole, mean: number, low: number, high: number })),
  /** By measure: its value at each checkpoint. */
  measures: record(list(object({ step: whole, value: figure }))),
});
export type Curves = Output<typeof curvesSchema>;

/** More points than that are not told apart in a chart. */
const mostPoints = 200;

export function curvesOf({ steps, points, checkpoints }: Training): Curves {
  const width = Math.max(1, Math.ceil(steps / mostPoints));
  const loss = [];
  for (let first = 0; first < points.length; first += width) {
    const losses = points.slice(first, first + width).map((point) => point.loss);
    const step = points[Math.min(points.length, first + width) - 1]?.step ?? 0;
    loss.push({ step, mean: mean(losses), low: Math.min(...losses), high: Math.max(...losses) });
  }
  const names = [...new Set(checkpoints.flatMap(({ measures }) => Object.keys(measures)))];
  const measures = names.map((name) => {
    const values = checkpoints.map(({ step, measures: of }) => ({ step, value: of[name] ?? Number.NaN }));
    return [name, values] as const;
  });
  return { loss, measures: Object.fromEntries(measures) };
}

interface ChartWords {
  readonly id: string;
  readonly title: string;
  readonly caption?: string;
  /** The y axis of the chart. */
  readonly y: ChartSection['y'];
  /** The training loss is drawn too. */
  readonly loss?: boolean;
  /** Titles of the measures that are drawn, by name. */
  readonly measures?: Readonly<Record<string, string>>;
}

export function curveChart({ loss, measures }: Curves, words: ChartWords) {
  const { id, title, caption, y, loss: withLoss = false, measures: titles = {} } = words;
  const trained = loss.map(({ step, mean: value, low, high }) => ({ x: step, y: value, low, high }));
  const measured = Object.entries(titles).map(([name, words]) =>
    build.line(
      name,
      words,
      (measures[name] ?? []).map(({ step, value }) => ({ x: step, y: value })),
    ),
  );
  return build.chart(
    id,
    title,
    caption,
    build.axis('step', '', { min: 0 }),
    y,
    [withLoss && build.line('training', 'training', trained), ...measured],
    { interval: withLoss ? 'smallest and largest loss of the batches of one point' : undefined },
  );
}
