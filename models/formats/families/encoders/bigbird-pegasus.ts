/** BigBird Pegasus: Pegasus' layers, whose encoder reads all of a text up to a length and blocks of longer ones. */
import type { ModelPart } from '../../model-description';
import { bartEncoderKeys, bartKeys, bartStack } from '../shared/bart-layout';
import { amount, flag, type CompositeFamily, type StackRow } from '../shared/family';
import { recordedKeys } from '../shared/family-row';
import { writeHalves } from '../shared/halves';
import { honoured, only, type RunKeys } from '../shared/run-keys';
import { isDecoderAlone, readFlat } from './encoder-decoder';

const run: RunKeys = {
  ...bartKeys,
  ...bartEncoderKeys,
  ...honoured('use_bias', 'block_size', 'num_random_blocks'),
  ...only(['block_sparse', 'original_full'], 'attention_type'),
};

const half = (root: string): StackRow => {
  const { layout, computes } = bartStack(root, {
    offset: 0,
    // The name is that of a norm of the embedding; the class norms what leaves the stack.
    finalNorm: 'layernorm_embedding',
    words: () => 'shared',
    ownHead: true,
  });
  const biased = (part: ModelPart): boolean => flag(part, 'use_bias');
  const attention = { ...layout.attention, inputBias: biased, outputBias: biased };
  return { layout: { ...layout, attention }, computes };
};

const decoder = half('model.decoder.');
const plain = half('model.encoder.');

const encoder: StackRow = {
  layout: {
    ...plain.layout,
    attention: {
      ...plain.layout.attention,
      projections: ['self.query', 'self.key', 'self.value'],
      output: 'output',
    },
  },
  computes: {
    ...plain.computes,
    // Longer texts are read in blocks, some of which are drawn at random.
    longest: (part) =>
      part.fields['attention_type']?.value === 'original_full'
        ? undefined
        : (5 + 2 * (amount(part, 'num_random_blocks') ?? 3)) * (amount(part, 'block_size') ?? 64),
  },
};

const halves = { decoder, encoder };

export const bigBirdPegasus: CompositeFamily = {
  kind: 'composite',
  id: 'bigbird_pegasus',
  title: 'BigBird-Pegasus',
  modelTypes: ['bigbird_pegasus'],
  architectures: /^BigBirdPegasus/,
  tied: true,
  task: 'sequence-to-sequence',
  run,
  ...halves,
  read: (reader) => {
    const parts = readFlat(reader, {
      family: 'bigbird_pegasus',
      positions: 'learned',
      encoderLength: 'max_position_embeddings',
      decoderLength: 'max_position_embeddings',
      encoderRole: 'encoder',
      record: recordedKeys({ run }),
    });
    return { parts: isDecoderAlone(reader) ? parts.slice(0, 1) : parts, exact: true };
  },
  tensors: (model, table) => writeHalves(halves, model, table),
};
