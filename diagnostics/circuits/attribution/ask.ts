/** One head or MLP patched at one position or role at a time. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { AnalysisJob } from '../../analysis';
import { metricWords } from '../../shared/effects/metric';
import { partName } from '../../shared/effects/parts';
import type { ModelRunner } from '../../model-runner/model-runner';
import { meanInterval } from '../../shared/statistics/proportion';
import type { Cell } from './cells';
import { exactly } from './exact';
import type { AttributionParameters } from './parameters';
import { attributionOf } from './prompts';
import { ranked } from './ranking';
import type { AttributionResult } from './result';
import * as build from '../../../protocol/sections/builders';

export async function ask(
  model: ModelRunner,
  job: AnalysisJob<AttributionParameters>,
  result: AttributionResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  const part = place.kind === 'head' ? place : place.kind === 'row' ? ranked(result)[place.row] : undefined;
  const { prompts, metric, columns } = await attributionOf(model, job);
  if (!part || columns.length === 0) throw new RangeError(`nothing is known of this place of ${section}`);
  const { layer, head } = part;
  const cells = columns.map((_, column): Cell =>
    head === undefined
      ? { site: 'mlp', layer, slot: 0, column }
      : { site: section === 'cross' ? 'cross-head' : 'head', layer, slot: head, column },
  );
  const settings = { metric, columns, variant: job.variant, steps: 0 };
  const found: (readonly number[])[] = [];
  for (const prompt of prompts) found.push(await exactly(model, prompt, cells, settings));
  const { name, unit } = metricWords[metric];
  const several = prompts.length > 1;
  const points = columns.map(({ label }, x): ChartSection['series'][number]['points'][number] => {
    const { mean, low, high } = meanInterval(found.map((values) => values[x] ?? Number.NaN));
    return { x, y: mean, ...(several ? { low, high } : {}), label };
  });
  return build.chart(
    `${section}-${partName({ layer, ...(head === undefined ? {} : { head }) })}`,
    `${head === undefined ? `MLP of layer ${layer}` : `L${layer}H${head}`} by position`,
    `Exact change of the ${name} when the output there alone becomes that on the counterpart, over ${prompts.length} ${several ? 'prompts' : 'prompt'}.`,
    build.categoryAxis(
      'position',
      columns.map(({ label }) => label),
    ),
    build.axis('exact effect', unit),
    [build.bars('exact', 'exact effect', points)],
    { interval: several ? "95 % interval over prompts (Student's t)" : undefined },
  );
}
