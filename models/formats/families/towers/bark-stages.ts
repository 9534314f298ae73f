/** The three GPTs of Bark: from text to meanings, to coarse and to fine codes of sound. */
import { readTransformer } from '../../config/transformer';
import type { DecoderLayout } from '../shared/decoder-layout';
import { writeDecoder } from '../shared/layout-tensors';
import { recordedKeys } from '../shared/family-row';
import { honoured, idle, idleOfText, type RunKeys } from '../shared/run-keys';
import type { StackFamily } from '../shared/family';
import { amount, flag } from '../shared/family';
const gptLayout = (embedding: string): DecoderLayout => ({
  root: '',
  embedding,
  positions: { name: 'position_embeds_layer' },
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
  outputs: (part) => amount(part, 'output_vocab_size') ?? 0,
});
const [one, fine] = [gptLayout('input_embeds_layer'), gptLayout('input_embeds_layers.0')];

const run: RunKeys = {
  ...idleOfText,
  ...honoured('hidden_size', 'num_layers', 'num_heads', 'block_size', 'input_vocab_size', 'output_vocab_size', 'bias'),
  ...idle('the class does not read it', 'tie_word_embeddings'),
};

const stages = (id: string, names: Pick<StackFamily, 'title' | 'modelTypes' | 'architectures'>): StackFamily => ({
  kind: 'stack',
  id,
  ...names,
  role: 'decoder',
  tied: false,
  task: 'base',
  read: (reader) => {
    const contextLength = reader.integer('block_size', 1);
    const vocabularySize = reader.integer('input_vocab_size', 1);
    // The last one fills codes in: it reads all positions, and has a table and a head for each book of codes.
    const fine = reader.integer('n_codes_total', 1) !== undefined;
    const part = readTransformer(reader, {
      family: id,
      role: 'decoder',
      causal: !fine,
      gated: false,
      norm: 'layer',
      positions: 'learned',
      intermediateSize: 4 * (reader.integer('hidden_size') ?? 0),
      record: [...recordedKeys({ run }), 'n_codes_total', 'n_codes_given'],
      ...(contextLength === undefined ? {} : { contextLength }),
    });
    return { ...part, ...(vocabularySize === undefined ? {} : { vocabularySize }) };
  },
  tensors: (part, writer) => {
    const bare = { task: { kind: 'base' as const, labels: 2 }, tied: true };
    if (part.modelType !== 'fine_acoustics') {
      writeDecoder(one)(part, writer, bare);
      writer.linear('head', 'lm_head', part.hiddenSize, amount(part, 'output_vocab_size') ?? 0, false);
      return;
    }
    writeDecoder(fine)(part, writer, bare);
    // The heads are the tables themselves.
    const books = Math.min(amount(part, 'n_codes_total') ?? 0, 64);
    for (let index = 1; index < books; index++)
      writer.add('embedding', `input_embeds_layers.${index}.weight`, [part.vocabularySize ?? 0, part.hiddenSize]);
  },
});

export const barkStages: StackFamily = {
  ...stages('bark_gpt', {
    title: 'Bark (one stage)',
    modelTypes: ['semantic', 'coarse_acoustics'],
    architectures: /^Bark(Semantic|Coarse)Model/,
  }),
  run,
  stack: { layout: one, computes: { activation: () => 'gelu' } },
};

export const barkFine = stages('bark_fine', {
  title: 'Bark (last stage)',
  modelTypes: ['fine_acoustics'],
  architectures: /^BarkFineModel/,
});
