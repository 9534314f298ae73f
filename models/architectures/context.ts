/** How many positions a model is defined for, which its rotary form may stretch beyond max_position_embeddings. */
import type { Rope } from '../formats/model-description';
import { withAttention } from './block-heads';
import type { ModelSpec } from './model-spec';

/**
 * Positions that a rotary form is defined for. The documentation of `transformers` says of linear and dynamic scaling that a
 * factor of x reaches x times the trained length and that max_position_embeddings stays the trained length; of yarn the same
 * where the config gives no original length, else x times that length. The other forms write the extended length as
 * max_position_embeddings.
 */
function reachOf({ scaling }: Rope, contextLength: number): number {
  switch (scaling.kind) {
    case 'linear':
      return Math.floor(contextLength * (scaling.factor ?? 1));
    case 'dynamic':
      // With alpha (Hunyuan) the base is stretched once and for all, and the length is that of the config.
      return scaling.alpha === undefined ? Math.floor(contextLength * (scaling.factor ?? 1)) : contextLength;
    case 'yarn':
      return Math.floor((scaling.originalLength ?? contextLength) * (scaling.factor ?? 1));
    case 'none':
    case 'mrope':
    case 'longrope':
    case 'llama3':
    case 'proportional':
    case 'unknown':
      return contextLength;
  }
}

/** Positions that a prompt and its continuation may take together; undefined where the config gives no length. */
export function usableContext({ family, blocks, ropes, contextLength }: ModelSpec): number | undefined {
  // Gemma 3 scales its full layers linearly and already writes the 131,072 positions that this gives (arXiv:2503.19786).
  if (contextLength === undefined || family === 'gemma3') return contextLength;
  const attending = withAttention(blocks);
  if (attending.length === 0) return contextLength;
  const full = attending.filter(({ attention }) => attention.window === undefined);
  const reaches = (full.length > 0 ? full : attending).map(({ attention: { rope } }) => {
    const used = rope === undefined ? undefined : ropes[rope];
    return used ? reachOf(used, contextLength) : contextLength;
  });
  return Math.max(contextLength, Math.min(...reaches));
}
