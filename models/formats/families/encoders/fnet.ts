/** FNet (arXiv:2105.03824): BERT whose layers have a Fourier transform of positions and channels instead of attention. */
import { bertLayout, encoderFamily } from '../shared/encoder-family';
import { bertPredictions, pooledHeads } from '../shared/encoder-heads';
import { encoderKeys, idle, only } from '../shared/run-keys';

export const fnet = encoderFamily({
  id: 'fnet',
  title: 'FNet',
  types: ['fnet'],
  architectures: /^FNet(Model|For)/,
  run: {
    ...encoderKeys,
    ...only([false, null], 'is_decoder'),
    ...only([false], 'use_tpu_fourier_optimizations'),
    ...idle('of a transform that is made for one length', 'tpu_short_seq_length'),
  },
  choice: () => ({
    ...{ heads: 0, kvHeads: 0, headDim: 0 },
    layerKinds: (count) => Array.from({ length: count }, () => ({ kind: 'none', note: 'a Fourier transform' })),
  }),
  heads: /(Model|For(MaskedLM|SequenceClassification|TokenClassification|QuestionAnswering))$/,
  computes: { fourier: true },
  layout: {
    ...bertLayout,
    root: 'fnet.',
    widenedEmbedding: {
      size: (part) => part.hiddenSize,
      projection: 'embeddings.projection',
      bias: true,
      always: true,
    },
    norms: ['fourier.output.LayerNorm', 'output.LayerNorm'],
    heads: { ...pooledHeads('fnet.pooler.dense'), predictions: bertPredictions },
  },
});
