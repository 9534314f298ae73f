/** The effect of removing each head: the analysis `ablation`, run for the Heads panel. */
import type { AnalysisProgress } from '../../../protocol/analysis/analysis';
import type { AnalysisRequest } from '../../../protocol/analysis/schema';
import type { HeadEffects, ToHeadsPanel } from '../../../protocol/panels/heads';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import type { Section } from '../../../protocol/sections/section';
import type { Compute } from '../../platform/compute';
import { defined } from '../../platform/defined';
import { Sentence } from '../questions';

type Standing = Omit<Extract<ToHeadsPanel, { readonly kind: 'headEffects' }>, 'kind' | 'request'>;

/** On the tokens of a result, under its interventions: outputs set to zero, loss of the tokens that follow each. */
function requestOf({ model, ids, image, interventions, seed }: HeadsResult): AnalysisRequest {
  if (image) {
    throw new Sentence(
      'The prompt of this result has a picture, and the effect of heads is measured here on text. Run the analysis "Ablation of heads and MLPs" on it.',
    );
  }
  return {
    analysis: 'ablation',
    folder: model.folder,
    input: { kind: 'prompt', prompt: { kind: 'ids', ids } },
    parameters: {},
    interventions,
    seed,
  };
}

export async function measureEffects(
  server: Pick<Compute, 'analysis'>,
  result: HeadsResult,
  device: string | undefined,
  signal: AbortSignal,
  say: (standing: Standing) => void,
): Promise<void> {
  let stage: Standing = { sentence: 'Starting', share: 0 };
  const onProgress = (progress: AnalysisProgress): void => {
    if (progress.kind === 'stage') {
      const { sentence, share, secondsLeft } = progress;
      stage = { sentence, share, ...defined({ secondsLeft }) };
      say(stage);
    } else say({ ...stage, ...defined({ effects: effectsIn(progress.sections) }) });
  };
  const { sections, finding } = await server.analysis(
    { ...requestOf(result), ...defined({ device }) },
    signal,
    onProgress,
  );
  say({ sentence: 'Done', share: 1, finding, ...defined({ effects: effectsIn(sections) }) });
}

function effectsIn(sections: readonly Section[]): HeadEffects | undefined {
  for (const section of sections) if (section.kind === 'heads') return section.numbers[0];
  return undefined;
}
