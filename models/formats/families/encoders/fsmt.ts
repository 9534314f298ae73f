/** FSMT: fairseq's translation models of WMT19, BART's layers with a vocabulary for each language and waves for positions. */
import type { ModelPart } from '../../model-description';
import { bartEncoderKeys, bartKeys, bartStack, paddingOffset } from '../shared/bart-layout';
import type { CompositeFamily, StackRow } from '../shared/family';
import { recordedKeys } from '../shared/family-row';
import { writeHalves } from '../shared/halves';
import { honoured, idle, type RunKeys } from '../shared/run-keys';
import { readFlat } from './encoder-decoder';

const run: RunKeys = {
  ...bartKeys,
  ...bartEncoderKeys,
  ...honoured('src_vocab_size', 'tgt_vocab_size'),
  ...idle('names of the languages', 'langs'),
  ...idle('how texts are searched for', 'num_beams', 'length_penalty', 'early_stopping', 'max_length'),
};

const half = (root: string): StackRow => {
  const { layout, computes } = bartStack(root, {
    waves: ({ hiddenSize }) => ({ span: hiddenSize / 2 - 1, offset: paddingOffset }),
    head: 'model.decoder.output_projection',
  });
  const { positions: _, ...own } = layout;
  return { layout: own, computes };
};

const halves = { decoder: half('model.decoder.'), encoder: half('model.encoder.') };

export const fsmt: CompositeFamily = {
  kind: 'composite',
  id: 'fsmt',
  title: 'FSMT',
  modelTypes: ['fsmt'],
  architectures: /^FSMT/,
  tied: false,
  task: 'sequence-to-sequence',
  run,
  ...halves,
  read: (reader) => {
    const [decoder, encoder] = readFlat(reader, {
      family: 'fsmt',
      positions: 'sinusoidal',
      encoderLength: 'max_position_embeddings',
      decoderLength: 'max_position_embeddings',
      encoderRole: 'encoder',
      record: recordedKeys({ run }),
    });
    const withWords = (part: ModelPart | undefined, key: string): readonly ModelPart[] => {
      const words = reader.integer(key, 1);
      return part ? [words === undefined ? part : { ...part, vocabularySize: words }] : [];
    };
    return {
      parts: [...withWords(decoder, 'tgt_vocab_size'), ...withWords(encoder, 'src_vocab_size')],
      exact: true,
    };
  },
  tensors: (model, table) => writeHalves(halves, model, table),
};
