/** SigLIP's text tower: bidirectional over texts filled up to one length, of which the last row is the embedding. */
import { amount } from '../formats/families/shared/family';
import type { Architecture } from './architecture';
import { textTower } from './clip-text';

export const siglipText: Architecture = {
  families: ['siglip_text'],
  specify: (input) =>
    textTower(input, false, (names, hidden, epsilon) => ({
      norm: names.layerNorm('final_layer_norm', hidden, epsilon),
      ...(names.has('head.weight')
        ? { project: names.linear('head', hidden, amount(input.part, 'projection_size') ?? hidden) }
        : {}),
      pooled: {
        kind: 'last',
        padding: amount(input.part, 'pad_token_id') ?? 1,
        length: input.part.contextLength ?? 64,
      },
    })),
};
