/** LED: a decoder of BART's kind behind an encoder of Longformer's, whose positions read a window and, where they are marked, everything. */
import { bartEncoderKeys, bartKeys, bartStack } from '../shared/bart-layout';
import type { CompositeFamily, StackRow } from '../shared/family';
import { recordedKeys } from '../shared/family-row';
import { writeHalves } from '../shared/halves';
import { firstMarkKey, marksOf, readMarks } from '../shared/marks';
import { honoured, idle, type RunKeys } from '../shared/run-keys';
import { isDecoderAlone, readFlat } from './encoder-decoder';

const run: RunKeys = {
  ...bartKeys,
  ...bartEncoderKeys,
  ...honoured('attention_window', 'max_encoder_position_embeddings', 'max_decoder_position_embeddings'),
  ...firstMarkKey,
  ...idle('each half has a length of its own', 'max_position_embeddings'),
};

const form = { offset: 0, embeddingNorm: 'whole', words: () => 'shared' } as const;
const bartEncoder = bartStack('led.encoder.', form);

const encoder: StackRow = {
  layout: {
    ...bartEncoder.layout,
    attention: {
      prefix: 'self_attn.',
      projections: ['query', 'key', 'value'].map((name) => `longformer_self_attn.${name}`) as [string, string, string],
      output: 'output',
      inputBias: true,
      outputBias: true,
      marked: [
        'longformer_self_attn.query_global',
        'longformer_self_attn.key_global',
        'longformer_self_attn.value_global',
      ],
    },
  },
  // Half of the window on either side, and the position itself.
  computes: {
    ...bartEncoder.computes,
    around: (_, { attention }) => Math.floor((attention.window ?? 0) / 2) + 1,
    marks: marksOf,
  },
};

const halves = { decoder: bartStack('led.decoder.', form), encoder };

export const led: CompositeFamily = {
  kind: 'composite',
  id: 'led',
  title: 'LED',
  modelTypes: ['led'],
  architectures: /^LED/,
  tied: true,
  task: 'sequence-to-sequence',
  run,
  ...halves,
  read: (reader) => {
    readMarks(reader);
    const windowOf = (layer: number): number | undefined => reader.integerAt('attention_window', layer);
    const parts = readFlat(reader, {
      family: 'led',
      positions: 'learned',
      encoderLength: 'max_encoder_position_embeddings',
      decoderLength: 'max_decoder_position_embeddings',
      encoderRole: 'encoder',
      record: recordedKeys({ run }),
      choice: (name) =>
        name === 'decoder'
          ? { layerKinds: (count) => Array.from({ length: count }, () => ({ kind: 'full' })) }
          : {
              window: windowOf(0) ?? 512,
              layerKinds: (count) =>
                Array.from({ length: count }, () => ({
                  kind: 'window',
                  note: 'marked positions see all and are seen by all',
                })),
              layerAttention: (index, kind) => {
                const window = windowOf(index);
                return kind === 'window' && window !== undefined ? { window } : {};
              },
            },
    });
    return { parts: isDecoderAlone(reader) ? parts.slice(0, 1) : parts, exact: true };
  },
  tensors: (model, table) => writeHalves(halves, model, table),
};
