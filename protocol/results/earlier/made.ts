/** How a result was made, which files of earlier versions say in the words of today. */
import type { AnalysisResult } from '../../analysis/schema';

type Made = Pick<AnalysisResult, 'headscope' | 'created' | 'device' | 'weights' | 'seed' | 'model' | 'seconds'>;

export const madeOf = ({ headscope, created, device, weights, seed, model, seconds }: Made) =>
  ({
    headscope,
    created,
    device,
    ...(weights ? { weights } : {}),
    seed,
    kind: 'headscope-analysis',
    version: 1,
    model,
    seconds,
  }) as const;
