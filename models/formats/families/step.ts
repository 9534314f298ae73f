import { decoderFamily, remoteCode } from './decoder-family';

/** Sizes only: its published file differs from the code of Step 3.5, and no list of its tensors was found (2026-11-28). */
export const step3p7 = decoderFamily({
  id: 'step3p7',
  title: 'Step 3.7',
  release: remoteCode,
  types: { step3p7: ['Step3p7Config', { hidden_act: 'silu', rope_theta: 10000, tie_word_embeddings: false }] },
  architectures: /^Step3p7/,
  choice: (reader) => {
    const shared = reader.integer('share_expert_dim', 1);
    return { norm: 'rms', ...(shared === undefined ? {} : { sharedSize: shared }) };
  },
});
