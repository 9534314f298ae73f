/** Audio-language models: an audio tower, a projector and a text model; some see, and some speak. */
import type { JsonObject } from '../../config/config-reader';
import { compositeFamily } from './composite';
import { amount } from '../shared/family';
import { writeTwoLayers } from './multimodal';

export const qwen2Audio = compositeFamily({
  id: 'qwen2_audio',
  title: 'Qwen2-Audio',
  textAlone: true,
  architectures: /^Qwen2AudioFor/,
  text: { at: [['text_config']], type: 'qwen2', names: 'language_model.' },
  towers: [{ at: [['audio_config']], type: 'qwen2_audio_encoder', names: 'audio_tower.' }],
  projector: ({ text, towers: [tower] }) => ({
    kind: 'average of two positions and one linear layer',
    inputSize: tower?.hiddenSize ?? 0,
    outputSize: text.hiddenSize,
  }),
  tensors: (writer, _parts, { projector }) => {
    if (projector === undefined) return;
    writer.linear('projector', 'multi_modal_projector.linear', projector.inputSize, projector.outputSize, true);
  },
});

export const voxtral = compositeFamily({
  id: 'voxtral',
  title: 'Voxtral',
  textAlone: true,
  architectures: /^VoxtralFor/,
  record: ['audio_token_id'],
  text: {
    at: [['text_config']],
    type: 'llama',
    names: 'language_model.',
    whole: {
      vocab_size: 131072,
      hidden_size: 3072,
      intermediate_size: 8192,
      num_hidden_layers: 30,
      num_key_value_heads: 8,
      max_position_embeddings: 131072,
      rms_norm_eps: 1e-5,
      rope_theta: 1e8,
      head_dim: 128,
    },
  },
  towers: [{ at: [['audio_config']], type: 'voxtral_encoder', names: 'audio_tower.' }],
  projector: ({ text, towers: [tower] }) => ({
    // As wide as the network of a layer of the tower: four positions side by side.
    kind: 'four positions side by side and two linear layers',
    inputSize: tower?.intermediateSize ?? 0,
    outputSize: text.hiddenSize,
  }),
  tensors: (writer, _parts, { projector }) => {
    writeTwoLayers(writer, projector, false);
  },
});

/** Qwen2_5OmniTextConfig and Qwen2_5OmniTalkerConfig: the classes of Qwen2.5-VL with other sizes. */
const omniText: JsonObject = {
  hidden_size: 3584,
  intermediate_size: 18944,
  num_hidden_layers: 28,
  num_attention_heads: 28,
  num_key_value_heads: 4,
  rms_norm_eps: 1e-6,
  max_window_layers: 28,
};

/** The thinker reads, hears and sees; the talker, which speaks, comes after it. */
export const qwen25Omni = compositeFamily({
  id: 'qwen2_5_omni',
  title: 'Qwen2.5-Omni',
  textAlone: true,
  types: ['qwen2_5_omni', 'qwen2_5_omni_thinker'],
  architectures: /^Qwen2_5OmniFor/,
  text: {
    at: [['thinker_config', 'text_config'], ['text_config']],
    type: 'qwen2_5_vl_text',
    named: ['qwen2_5_omni_text'],
    values: omniText,
    names: 'thinker.',
  },
  towers: [
    {
      at: [['thinker_config', 'vision_config'], ['vision_config']],
      type: 'qwen2_5_omni_vision_encoder',
      names: 'thinker.visual.',
    },
    {
      at: [['thinker_config', 'audio_config'], ['audio_config']],
      type: 'qwen2_5_omni_audio_encoder',
      names: 'thinker.audio_tower.',
    },
    {
      at: [['talker_config']],
      type: 'qwen2_5_vl_text',
      named: ['qwen2_5_omni_talker'],
      values: { ...omniText, head_dim: 128, vocab_size: 8448 },
      optional: true,
    },
    { at: [['token2wav_config', 'dit_config']], type: 'qwen2_5_omni_dit', optional: true },
  ],
});

/** The published forms nest everything in the thinker, since no talker was published. */
export const qwen3Asr = compositeFamily({
  id: 'qwen3_asr',
  title: 'Qwen3-ASR',
  textAlone: true,
  architectures: /^Qwen3ASRFor/,
  text: {
    at: [['thinker_config', 'text_config'], ['text_config']],
    type: 'qwen3',
    named: ['qwen3_asr_text'],
    names: 'thinker.',
  },
  towers: [{ at: [['thinker_config', 'audio_config'], ['audio_config']], type: 'qwen3_asr_audio_encoder' }],
});

/**
 * A Llama that also writes codes of sound: layers of `audio_dual_ffn_layers` have a second network, with norms of its own,
 * for positions of sound. The tower for sound that is read is left out of published checkpoints (`skip_audio_tower`).
 */
export const higgsAudio = compositeFamily({
  id: 'higgs_audio',
  title: 'Higgs Audio',
  textAlone: { reads: 'audio' },
  architectures: /^HiggsAudio/,
  record: ['audio_dual_ffn_layers'],
  text: {
    at: [['text_config']],
    type: 'llama',
    names: (name) => name.replace(/^model\./, '').replace(/^lm_head\./, 'audio_decoder_proj.text_lm_head.'),
  },
  towers: [{ at: [['audio_encoder_config']], type: 'higgs_audio_encoder' }],
  join: ({ text, towers: [tower] }, reader) =>
    reader.boolean('skip_audio_tower') === true || tower === undefined ? [text] : [text, tower],
  known: (_parts, reader) =>
    reader.boolean('skip_audio_tower') === true &&
    reader.string('audio_adapter_type') === 'dual_ffn_fast_forward' &&
    reader.list('audio_dual_ffn_layers') !== undefined,
  tensors: (_writer, { text }, model, table) => {
    const writer = table.writer(text);
    const hidden = text.hiddenSize;
    const size = amount(model, 'audio_ffn_intermediate_size') ?? 0;
    // Two further codes begin and end a stream.
    const codes = (amount(model, 'audio_num_codebooks') ?? 0) * ((amount(model, 'audio_codebook_size') ?? 0) + 2);
    const written = model.fields['audio_dual_ffn_layers']?.value;
    const layers = new Set<unknown>(Array.isArray(written) ? written : []);
    for (const layer of text.layers) {
      if (!layers.has(layer.index)) continue;
      const own = writer.layer(layer.index, 'layers.{layer}.');
      own.norm('audio_input_layernorm', hidden, false);
      own.norm('audio_post_attention_layernorm', hidden, false);
      for (const name of ['gate_proj', 'up_proj']) own.linear('mlp', `audio_mlp.${name}`, hidden, size, false);
      own.linear('mlp', 'audio_mlp.down_proj', size, hidden, false);
    }
    writer.add('embedding', 'audio_codebook_embeddings.weight', [codes, hidden]);
    writer.linear('head', 'audio_decoder_proj.text_lm_head', hidden, text.vocabularySize ?? 0, false);
    writer.linear('head', 'audio_decoder_proj.audio_lm_head', hidden, codes, false);
  },
});

/** Convolutions bring sound to positions and back, and a small network takes away noise: none of them attends. */
export const vibeVoice = compositeFamily({
  id: 'vibevoice',
  title: 'VibeVoice',
  textAlone: { reads: 'audio' },
  architectures: /^VibeVoiceFor/,
  text: { at: [['decoder_config']], type: 'qwen2', names: (name) => name.replace(/^model\./, 'model.language_model.') },
  towers: [],
});
