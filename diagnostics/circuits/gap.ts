/** What shares are taken of has to be more than nothing. */
import type { TaskMetric } from '../../protocol/analysis/tasks';
import { metricWords } from '../effects/metric';
import { refusal } from '../effects/subjects';
import { threeDigits } from '../words';

/** Below this a difference is float32's rounding. */
const rounding = 1e-6;

/** `gap`: the metric of the whole model less that of one in which every part is taken away. Fails with a sentence. */
export function requireGap(gap: number, least: number, metric: TaskMetric): void {
  if (Math.abs(gap) >= Math.max(least, rounding)) return;
  const { name, unit } = metricWords[metric];
  throw refusal(
    `Without any of its parts the model has a ${name} that differs by ${threeDigits(Math.abs(gap))}${unit === '' ? '' : ` ${unit}`} from that of the whole, and what parts do are shares of it: less than ${least} says nothing. Choose another ablation or metric, or a model that does the task.`,
  );
}
