/** The run of an analysis that looks at one layer after the other, each a step that is kept. */
import type { AnalysisJob, Step } from '../../analysis';

export async function* overLayers<T, R>(
  layers: number,
  step: AnalysisJob<Record<never, never>>['step'],
  look: (layer: number) => Promise<T>,
  /** Makes a result of what is known so far, one part for each layer that was looked at. */
  resultOf: (looked: readonly T[]) => R,
): AsyncGenerator<Step<R>, R> {
  const looked: T[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const partial = layer > 0 ? { partial: resultOf(looked) as Partial<R> } : {};
    yield { sentence: `Layer ${layer} of ${layers}`, done: layer, total: layers, ...partial };
    looked.push(await step(`layer ${layer}`, () => look(layer)));
  }
  return resultOf(looked);
}
