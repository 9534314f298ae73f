/**
 * Funnel-Transformer (arXiv:2006.03236): between blocks of layers neighbouring rows are joined, and in classes that answer for each token
 * a decoder spreads the last of them and adds the stream of the first block.
 */
import type { ModelPart } from '../../model-description';
import { encoderFamily } from '../shared/encoder-family';
import { amounts, firstArchitecture, word } from '../shared/family';
import { activations, honoured, idle, idleOfText, only } from '../shared/run-keys';

/** Classes that read the joined rows alone. */
const withoutDecoder = /^Funnel(BaseModel|ForSequenceClassification|ForMultipleChoice)$/;

const wholes = (numbers: readonly number[]): readonly number[] =>
  numbers.map((each) => (Number.isInteger(each) && each > 0 ? each : 0));

const sizesIn = (part: ModelPart): readonly number[] => wholes(amounts(part, 'block_sizes'));

/** How often each layer of a block is run, one time directly after the other. */
const repeatsIn = (part: ModelPart): readonly number[] => wholes(amounts(part, 'block_repeats'));

interface Place {
  readonly block: number;
  readonly layer: number;
  /** Whether it is the first run of a block. */
  readonly first: boolean;
}

/** Where a run of a layer stands; undefined in the decoder, whose layers follow. */
function placeOf(index: number, part: ModelPart): Place | undefined {
  const repeats = repeatsIn(part);
  let at = index;
  for (const [block, size] of sizesIn(part).entries()) {
    const times = repeats[block] ?? 1;
    if (at < size * times) return { block, layer: Math.floor(at / times), first: at === 0 };
    at -= size * times;
  }
  return undefined;
}

const runsOf = (sizes: readonly number[], repeats: readonly number[]): number =>
  sizes.reduce((sum, size, block) => sum + size * (repeats[block] ?? 1), 0);

export const funnel = encoderFamily({
  id: 'funnel',
  title: 'Funnel',
  types: ['funnel'],
  architectures: /^Funnel(Base)?(Model|For)/,
  record: ['block_sizes', 'block_repeats', 'num_decoder_layers'],
  run: {
    ...idleOfText,
    ...honoured('vocab_size', 'block_sizes', 'block_repeats', 'num_decoder_layers', 'd_model', 'n_head', 'd_head'),
    ...honoured('d_inner', 'layer_norm_eps', 'hidden_size', 'num_attention_heads', 'max_position_embeddings'),
    ...honoured('tie_word_embeddings'),
    ...only(activations, 'hidden_act'),
    ...only(['mean'], 'pooling_type'),
    ...only([true], 'separate_cls', 'truncate_seq', 'pool_q_only'),
    ...idle('two ways to compute the same scores', 'attention_type'),
    ...idle('first values of weights that are stored', 'initializer_std'),
    ...idle('the class has no table of kinds of tokens', 'type_vocab_size'),
  },
  choice: (reader) => {
    const headDim = reader.integer('d_head', 1);
    const sizes = wholes(reader.numbers('block_sizes') ?? []);
    const repeats = wholes(reader.numbers('block_repeats') ?? []);
    const runs = runsOf(sizes, repeats);
    const named = firstArchitecture(reader) ?? '';
    const decoder = withoutDecoder.test(named) ? 0 : reader.integer('num_decoder_layers');
    const report = (key: string, message: string): void =>
      reader.report([...reader.path, key], 'out-of-range', message);
    for (const [key, numbers] of Object.entries({ block_sizes: sizes, block_repeats: repeats }))
      if (numbers.includes(0)) report(key, `${key} has an entry that is no whole number above 0.`);
    if (repeats.length > 0 && repeats.length !== sizes.length)
      report('block_repeats', `block_repeats has ${repeats.length} entries, and block_sizes has ${sizes.length}.`);
    // Without layers it would still add the stream of the first block.
    if (decoder === 0 && !withoutDecoder.test(named))
      report('num_decoder_layers', `num_decoder_layers is 0, and ${named || 'the class'} reads a decoder.`);
    reader.derive('stored_below', named === 'FunnelBaseModel' ? '' : 'funnel.', 'architectures');
    return {
      positions: 'relative',
      layers: runs + (decoder ?? 0),
      intermediateSize: reader.integer('d_inner') ?? 0,
      ...(headDim === undefined ? {} : { headDim }),
    };
  },
  // ForPreTraining tells which tokens were replaced.
  heads: /^Funnel((Base)?Model|ForMaskedLM)$/,
  computes: {
    ownParts: true,
    groups: (part, { index }) => {
      const place = placeOf(index, part);
      if (place) return { from: place.block - (place.first && place.block > 0 ? 1 : 0), level: place.block };
      const sizes = sizesIn(part);
      if (index > runsOf(sizes, repeatsIn(part))) return { from: 0, level: 0 };
      // The class counts the runs of layers, also where those of the first block are repeated.
      return { from: 0, level: 0, spread: sizes.length - 1, kept: (sizes[0] ?? 1) - 1 };
    },
  },
  layout: {
    root: (part) => word(part, 'stored_below') ?? 'funnel.',
    embedding: 'embeddings.word_embeddings',
    embeddingNorm: 'embeddings.layer_norm',
    layer: (index, part) => {
      const place = placeOf(index, part);
      if (place) return `encoder.blocks.${place.block}.${place.layer}.`;
      return `decoder.layers.${index - runsOf(sizesIn(part), repeatsIn(part))}.`;
    },
    attention: {
      prefix: 'attention.',
      projections: ['q_head', 'k_head', 'v_head'],
      output: 'post_proj',
      outputBias: true,
      waves: {
        map: 'r_kernel',
        content: 'r_w_bias',
        position: 'r_r_bias',
        segment: { query: 'r_s_bias', table: 'seg_embed' },
      },
      more: (own, { attention: { heads, headDim } }) => {
        for (const name of ['k_head', 'v_head']) own.add('attention', `${name}.bias`, [heads * headDim]);
      },
    },
    mlp: { prefix: 'ffn.', inputs: ['linear_1'], output: 'linear_2', bias: true },
    norms: ['attention.layer_norm', 'ffn.layer_norm'],
    normBias: true,
    heads: { predictions: { vocabulary: 'lm_head' } },
  },
});
