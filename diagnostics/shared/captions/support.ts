import { FailureError } from '../../../protocol/wire/failures';
import type { Support } from '../../analysis';
import type { ModelFacts } from '../../model-runner/model-runner';

/** Whether a model writes text and has what the parameters name. */
export function generatesWith({ predicts, readout, summary }: ModelFacts, readParameters: () => unknown): Support {
  if (!predicts) {
    const why = readout
      ? `The model gives ${readout.labels ? 'labels' : 'embeddings'} and predicts no tokens. Choose one that generates text.`
      : summary.causal
        ? 'The model has no language head, so it predicts no tokens. Choose one that generates text.'
        : 'The model reads in both directions and predicts masked tokens, not the next one. Choose one that generates text.';
    return { ok: false, why };
  }
  try {
    readParameters();
    return { ok: true };
  } catch (error) {
    if (!(error instanceof FailureError) || error.failure.code !== 'bad-request') throw error;
    return { ok: false, why: error.failure.detail, byParameters: true };
  }
}
