import { encoderFamily } from '../shared/encoder-family';
import { firstArchitecture, flag } from '../shared/family';

/** Two thirds of what the file says, up to a multiple of 8: the gated network has three matrices in place of two. */
const inner = (size: number): number => 8 * Math.floor((Math.floor((2 * size) / 3) + 7) / 8);

/** BERT's task with the parts of later decoders: rotation, RMS norms in front, a gated network (arXiv:2502.19587). */
export const neoBert = encoderFamily({
  id: 'neobert',
  title: 'NeoBERT',
  types: ['neobert'],
  architectures: /^NeoBERT/,
  choice: (reader) => {
    const contextLength = reader.integer('max_length', 1);
    return {
      norm: 'rms',
      gated: true,
      positions: 'rope',
      rope: { layout: 'interleaved' },
      intermediateSize: inner(reader.integer('intermediate_size') ?? 0),
      ...(contextLength === undefined ? {} : { contextLength }),
    };
  },
  finish: (part, reader) => {
    if (firstArchitecture(reader) === 'NeoBERTLMHead') reader.derive('language_head', true, 'architectures');
    return part;
  },
  heads: /^NeoBERT(LMHead)?$/,
  tensors: (part, writer) => {
    const headed = flag(part, 'language_head');
    const hidden = part.hiddenSize;
    const vocabulary = part.vocabularySize ?? 0;
    const root = writer.under(headed ? 'model.' : '');
    root.add('embedding', 'encoder.weight', [vocabulary, hidden]);
    for (const layer of part.layers) {
      const own = root.layer(layer.index, 'transformer_encoder.{layer}.');
      own.norm('attention_norm', hidden, false);
      own.linear('attention', 'qkv', hidden, 3 * hidden, false);
      own.linear('attention', 'wo', hidden, hidden, false);
      own.norm('ffn_norm', hidden, false);
      own.linear('mlp', 'ffn.w12', hidden, 2 * layer.feedForward.size, false);
      own.linear('mlp', 'ffn.w3', layer.feedForward.size, hidden, false);
    }
    root.norm('layer_norm', hidden, false);
    if (headed) writer.linear('head', 'decoder', hidden, vocabulary, true);
  },
});
