/** From one attention weight on the screen to the analysis that takes it apart. */
import type { AnalysisResult, AnalysisSetup } from '../../protocol/analysis/schema';
import type { HeadsResult } from '../../protocol/results/heads-schema';
import type { AttentionCell } from '../../protocol/sections/map';
import { Sentence } from './questions';

const analysis = 'attention-attribution';

const parametersOf = ({ layer, head, query, key }: AttentionCell): AnalysisSetup['parameters'] => ({
  layer,
  head,
  query,
  key,
});

/** The analysis that explains a weight of the prompt that the Heads panel shows. */
export function setupOfHeads(
  { model, ids, image, interventions, seed }: HeadsResult,
  cell: AttentionCell,
): AnalysisSetup {
  if (image) {
    throw new Sentence(
      'The prompt of this result has a picture, and a weight is explained here on text. Run the analysis "Attention attribution" on it.',
    );
  }
  const input = { kind: 'prompt', prompt: { kind: 'ids', ids } } as const;
  return { analysis, folder: model.folder, input, parameters: parametersOf(cell), interventions, seed };
}

/** The analysis that explains a weight of the prompt that another analysis read. */
export function setupOfWeight(
  { model, input, interventions, seed }: AnalysisResult,
  cell: AttentionCell,
): AnalysisSetup {
  if (!('prompt' in input) || input.kind === 'image-set') {
    throw new Sentence('A weight is explained on the prompt of an analysis, and this one read none.');
  }
  const { prompt } = input;
  const common = { analysis, folder: model.folder, parameters: parametersOf(cell), interventions, seed };
  return { ...common, input: { kind: 'prompt', prompt } };
}
