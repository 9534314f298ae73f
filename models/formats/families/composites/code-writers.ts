/** Models that write codes: DALL-E mini of pictures, MOSS of speech. */
import { ConfigReader, isObject } from '../../config/config-reader';
import { readTransformer } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import { compositeFamily } from './composite';
import { readFlat } from '../encoders/encoder-decoder';
import type { CompositeFamily } from '../shared/family';

/** Reads a text and writes codes of a picture: each half has a vocabulary and a length of its own. */
const dalleBart: CompositeFamily = {
  kind: 'composite',
  id: 'dallebart',
  title: 'DALL-E mini',
  modelTypes: ['dallebart'],
  tied: false,
  task: 'sequence-to-sequence',
  read: (reader) => {
    const parts = readFlat(reader, {
      family: 'dallebart',
      positions: 'learned',
      encoderLength: 'max_text_length',
      decoderLength: 'image_length',
      encoderRole: 'encoder',
      record: ['use_glu', 'use_bias', 'ln_positions'],
    });
    const gated = reader.boolean('use_glu') === true;
    const own = (part: ModelPart): ModelPart => {
      const vocabulary = reader.integer(part.role === 'decoder' ? 'image_vocab_size' : 'encoder_vocab_size', 1);
      const layers = part.layers.map((layer) => ({ ...layer, feedForward: { ...layer.feedForward, gated } }));
      return { ...part, layers, ...(vocabulary === undefined ? {} : { vocabularySize: vocabulary }) };
    };
    return { parts: parts.map(own), exact: false };
  },
};

/** A GPT-2, with rotation in place of learned positions where it says so; a small one beside it writes the codes of a moment. */
const mossTts = compositeFamily({
  id: 'moss_tts_nano',
  title: 'MOSS-TTS Nano',
  architectures: /^MossTTSNanoFor/,
  tied: true,
  text: { at: [['gpt2_config']], type: 'moss_gpt2', named: ['gpt2'] },
  towers: [],
});

const mostStages = 64;

/** The stages of one half, one behind the other; between them the length shrinks or grows, and no part attends. */
function readStages(reader: ConfigReader, key: 'encoder_kwargs' | 'decoder_kwargs'): readonly ModelPart[] {
  const stages = (reader.list(key) ?? []).slice(0, mostStages).flatMap((stage, index) => {
    if (!isObject(stage) || stage['module_type'] !== 'Transformer') return [];
    const own = new ConfigReader(stage, [...reader.path, key, index], reader.problems);
    const gated = own.string('gating') !== 'none';
    const size = own.integer('dim_feedforward', 1) ?? 0;
    const causal = own.boolean('causal') === true;
    return [
      readTransformer(own, {
        family: 'moss-audio-tokenizer',
        role: 'audio',
        name: key,
        causal,
        gated,
        norm: 'layer',
        positions: own.string('positional_embedding') === 'rope' ? 'rope' : 'none',
        intermediateSize: size,
        rope: { thetaKey: 'max_period' },
      }),
    ];
  });
  const [first] = stages;
  if (first === undefined) return [];
  const layers = stages.flatMap((stage) => stage.layers).map((layer, index) => ({ ...layer, index }));
  return [{ ...first, path: [...reader.path, key], layers }];
}

/** Sound to codes and back, by stages of a few layers each. */
const mossTokenizer: CompositeFamily = {
  kind: 'composite',
  id: 'moss-audio-tokenizer',
  title: 'MOSS audio tokenizer',
  modelTypes: ['moss-audio-tokenizer'],
  architectures: /^MossAudioTokenizer/,
  tied: false,
  task: 'base',
  read: (reader) => ({
    parts: [...readStages(reader, 'encoder_kwargs'), ...readStages(reader, 'decoder_kwargs')],
    exact: false,
  }),
};

export const codeWriters = [dalleBart, mossTts, mossTokenizer];
