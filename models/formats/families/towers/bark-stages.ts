/** The three GPTs of Bark: from text to meanings, to coarse and to fine codes of sound. */
import { readTransformer } from '../../config/transformer';
import { writeDecoder } from '../shared/decoder-layout';
import type { StackFamily } from '../shared/family';
import { amount, flag } from '../shared/family';
const writeGpt = (embedding: string) =>
  writeDecoder({
    root: '',
    embedding,
    layer: 'layers.{layer}.',
    attention: {
      prefix: 'attn.',
      projections: ['att_proj'],
      output: 'out_proj',
      inputBias: (part) => flag(part, 'bias'),
      outputBias: (part) => flag(part, 'bias'),
    },
    mlp: { prefix: 'mlp.', inputs: ['in_proj'], output: 'out_proj', bias: (part) => flag(part, 'bias') },
    norms: ['layernorm_1', 'layernorm_2'],
    normBias: (part) => part.modelType === 'fine_acoustics' || flag(part, 'bias'),
    finalNorm: 'layernorm_final',
    extra: (writer, part) => {
      writer.add('embedding', 'position_embeds_layer.weight', [part.contextLength ?? 0, part.hiddenSize]);
    },
  });
const [writeOne, writeFine] = [writeGpt('input_embeds_layer'), writeGpt('input_embeds_layers.0')];

export const barkStages: StackFamily = {
  kind: 'stack',
  id: 'bark_gpt',
  title: 'Bark (one stage)',
  modelTypes: ['semantic', 'coarse_acoustics', 'fine_acoustics'],
  architectures: /^Bark(Semantic|Coarse|Fine)Model/,
  role: 'decoder',
  tied: false,
  task: 'base',
  read: (reader) => {
    const contextLength = reader.integer('block_size', 1);
    const vocabularySize = reader.integer('input_vocab_size', 1);
    // The last one fills codes in: it reads all positions, and has a table and a head for each book of codes.
    const fine = reader.integer('n_codes_total', 1) !== undefined;
    const part = readTransformer(reader, {
      family: 'bark_gpt',
      role: 'decoder',
      causal: !fine,
      gated: false,
      norm: 'layer',
      positions: 'learned',
      intermediateSize: 4 * (reader.integer('hidden_size') ?? 0),
      record: ['bias', 'output_vocab_size', 'n_codes_total', 'n_codes_given'],
      ...(contextLength === undefined ? {} : { contextLength }),
    });
    return { ...part, ...(vocabularySize === undefined ? {} : { vocabularySize }) };
  },
  tensors: (part, writer) => {
    const bare = { task: { kind: 'base' as const, labels: 2 }, tied: true };
    if (part.modelType !== 'fine_acoustics') {
      writeOne(part, writer, bare);
      writer.linear('head', 'lm_head', part.hiddenSize, amount(part, 'output_vocab_size') ?? 0, false);
      return;
    }
    writeFine(part, writer, bare);
    // The heads are the tables themselves.
    const books = Math.min(amount(part, 'n_codes_total') ?? 0, 64);
    for (let index = 1; index < books; index++)
      writer.add('embedding', `input_embeds_layers.${index}.weight`, [part.vocabularySize ?? 0, part.hiddenSize]);
  },
};
