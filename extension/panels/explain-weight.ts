/** From one attention weight on the screen to the analysis that takes it apart. */
import type { AnalysisResult, AnalysisSetup } from '../../protocol/analysis/schema';
import type { AttentionCell } from '../../protocol/sections/map';
import { Sentence } from './questions';

const analysis = 'attention-attribution';

const parametersOf = ({ layer, head, query, key }: AttentionCell): AnalysisSetup['parameters'] => ({
  layer,
  head,
  query,
  key,
});

/** The analysis that explains a weight of the prompt that an analysis read. */
export function setupOfWeight(
  { model, input, interventions, seed }: AnalysisResult,
  cell: AttentionCell,
): AnalysisSetup {
  if (!('prompt' in input) || input.kind === 'image-set') {
    throw new Sentence('A weight is explained on the prompt of an analysis, and this one read none.');
  }
  const { prompt } = input;
  const { folder, adapter } = model;
  const put = adapter === undefined ? {} : { adapter };
  const common = { analysis, folder, ...put, parameters: parametersOf(cell), interventions, seed };
  return { ...common, input: { kind: 'prompt', prompt } };
}
