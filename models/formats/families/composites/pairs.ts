/** An encoder of pictures or sound and a decoder of text, each with the config of its own family, tied by cross-attention. */
import type { ConfigReader } from '../../config/config-reader';
import type { ModelPart } from '../../model-description';
import type { PartRow } from './composite';
import { compositeFamily } from './composite';
import { bart } from '../encoders/encoder-decoder';
import { t5 } from '../encoders/t5';
import { crossOf } from '../towers/vision-towers';

/** Pairs of which the decoder alone is used, under the names of that half. */
const halves: Readonly<Record<string, string>> = { mbart: 'mbart_decoder', bart: 'bart_decoder', trocr: 'trocr' };

const decoderType = (reader: ConfigReader): string => {
  const written = reader.child('decoder')?.object['model_type'];
  if (typeof written !== 'string') return 'trocr';
  return Object.hasOwn(halves, written) ? (halves[written] ?? written) : written;
};

const decoder: PartRow = {
  at: [['decoder']],
  type: decoderType,
  named: ['mbart', 'bart'],
  names: 'decoder.',
};
/** Modules of the encoder's own family that the pair has not. */
const encoderNames = (name: string): string =>
  `encoder.${name.replace(/^(vit|deit|swin|donut|wavlm|wav2vec2|hubert)\./, '')}`;

/** Every layer of the decoder reads what the encoder gives. */
function tie(text: ModelPart, tower: ModelPart | undefined): readonly ModelPart[] {
  if (tower === undefined) return [text];
  const layers = text.layers.map((layer) => ({ ...layer, crossAttention: crossOf(text, tower.image?.tokens) }));
  return [{ ...text, layers }, tower];
}

/** Families whose decoders have layers of cross-attention. */
const crossing: ReadonlySet<string> = new Set(['bart_decoder', 'gpt2', 'bert', 'roberta']);

const pair = (id: string, title: string, architectures: RegExp, encoder: string) =>
  compositeFamily({
    id,
    title,
    architectures,
    tied: false,
    tiedIn: 'text',
    text: decoder,
    towers: [{ at: [['encoder']], type: encoder, names: encoderNames }],
    join: ({ text, towers: [tower] }, reader) => {
      // A decoder that cannot read beside its text is given speech or pictures as if they were text.
      const crosses = crossing.has(text.family) && reader.child('decoder')?.object['add_cross_attention'] !== false;
      return crosses ? tie(text, tower) : [text, ...(tower === undefined ? [] : [tower])];
    },
    // A projection stands between halves of different widths whose decoder does not take the other width in; layers of other
    // decoders have names of their own for cross-attention.
    known: ({ text, towers: [tower] }) =>
      (text.family === 'bart_decoder' || text.family === 'gpt2') &&
      (tower?.hiddenSize === text.hiddenSize ||
        text.fields['cross_attention_hidden_size']?.value === tower?.hiddenSize) &&
      tower?.family === 'vit',
    tensors: (_writer, { text }, _model, table) => {
      if (text.family !== 'gpt2') return;
      const hidden = text.hiddenSize;
      for (const layer of text.layers) {
        // Stored [input, output], as everything in GPT-2.
        const own = table.writer(text).layer(layer.index, 'decoder.transformer.h.{layer}.');
        for (const [name, size] of [
          ['c_attn', 2 * hidden],
          ['q_attn', hidden],
          ['c_proj', hidden],
        ] as const) {
          own.add('attention', `crossattention.${name}.weight`, [hidden, size]);
          own.add('attention', `crossattention.${name}.bias`, [size]);
        }
        own.norm('ln_cross_attn', hidden, true);
      }
    },
  });

const visionEncoderDecoder = pair('vision-encoder-decoder', 'Vision encoder-decoder', /^VisionEncoderDecoder/, 'vit');
const speechEncoderDecoder = pair(
  'speech-encoder-decoder',
  'Speech encoder-decoder',
  /^SpeechEncoderDecoder/,
  'wav2vec2',
);

/** Patches of a tower of four stages, as text of a BART; the prompt says what is to be done. */
const florence2 = compositeFamily({
  id: 'florence2',
  title: 'Florence-2',
  architectures: /^Florence2For/,
  tied: true,
  task: 'sequence-to-sequence',
  textAlone: true,
  text: {
    at: [['text_config']],
    type: 'bart_decoder',
    names: 'language_model.',
    pairs: { florence2_language: bart, bart, t5 },
  },
  towers: [{ at: [['vision_config']], type: 'davit', named: ['florence_vision', 'florence2_vision'] }],
  projector: ({ text, towers: [tower] }) => ({
    kind: 'positions, a linear map and a norm',
    inputSize: tower?.hiddenSize ?? 0,
    outputSize: text.hiddenSize,
  }),
});

/** Pages of text: RADIO reads them, a few convolutions join its patches, and half of an mBART writes without positions of its own. */
const nemotronParse = compositeFamily({
  id: 'nemotron_parse',
  title: 'Nemotron Parse',
  architectures: /^NemotronParse/,
  tied: false,
  task: 'sequence-to-sequence',
  text: { at: [['decoder']], type: 'mbart_decoder', named: ['nemotron_parse_text', 'mbart'] },
  towers: [{ at: [['encoder']], type: 'radio', named: [''] }],
  join: ({ text, towers: [tower] }) => {
    const { contextLength: _unread, ...decoder } = text;
    return tie({ ...decoder, positions: 'none' }, tower);
  },
});

export const pairs = [visionEncoderDecoder, speechEncoderDecoder, florence2, nemotronParse];
