/** Models of several parts that speak. */
import type { ConfigReader } from '../../config/config-reader';
import type { ModelPart } from '../../model-description';
import type { PartRow } from './composite';
import { compositeFamily } from './composite';

/** Beside the three stands a network of convolutions and LSTMs that makes sound of the codes; it does not attend. */
export const bark = compositeFamily({
  id: 'bark',
  title: 'Bark',
  architectures: /^BarkModel/,
  task: 'base',
  text: { at: [['semantic_config']], type: 'semantic', names: 'semantic.' },
  towers: [
    { at: [['coarse_acoustics_config']], type: 'coarse_acoustics', names: 'coarse_acoustics.' },
    { at: [['fine_acoustics_config']], type: 'fine_acoustics', names: 'fine_acoustics.' },
  ],
});

const thinker = (key: string, type: string, more: Partial<PartRow> = {}): PartRow => ({
  at: [['thinker_config', key], [key]],
  type,
  ...more,
});

/** A thinker alone has no talker; the class of the whole makes one where the file has none. */
const speaks = (reader: ConfigReader): boolean => reader.object['model_type'] !== 'qwen3_omni_moe_thinker';

/** The thinker hears, sees and writes; the talker speaks what it wrote, a frame of codes at a time. */
export const qwen3Omni = compositeFamily({
  id: 'qwen3_omni_moe',
  title: 'Qwen3-Omni',
  textAlone: true,
  types: ['qwen3_omni_moe', 'qwen3_omni_moe_thinker'],
  architectures: /^Qwen3OmniMoe/,
  text: thinker('text_config', 'qwen3_omni_moe_text', { names: 'thinker.' }),
  towers: [
    thinker('vision_config', 'qwen3_vl_moe_vision', { named: ['qwen3_omni_moe_vision_encoder'] }),
    thinker('audio_config', 'qwen3_omni_moe_audio_encoder'),
    { at: [['talker_config', 'text_config']], type: 'qwen3_omni_moe_talker_text', when: speaks },
    {
      at: [['talker_config', 'code_predictor_config']],
      type: 'qwen3_omni_moe_talker_code_predictor',
      when: speaks,
    },
    { at: [['code2wav_config']], type: 'qwen3_omni_moe_code2wav', named: [''], when: speaks },
  ],
});

/** Key/value heads and the width of a head are those of the text model. */
function like(text: ModelPart, part: ModelPart | undefined): readonly ModelPart[] {
  if (part === undefined) return [];
  const { kvHeads } = text;
  const layers = part.layers.map((layer) => ({ ...layer, attention: { ...layer.attention, kvHeads } }));
  return [{ ...part, kvHeads, attention: part.heads === kvHeads ? 'mha' : 'gqa', layers }];
}

/** A text model and what speaks for it, all of them of MiniCPM's layers (arXiv:2509.24650). */
export const voxCpm = compositeFamily({
  id: 'voxcpm',
  title: 'VoxCPM',
  textAlone: { reads: 'audio' },
  text: { at: [['lm_config']], type: 'minicpm', names: (name) => name.replace(/^model\./, 'base_lm.') },
  towers: [
    { at: [['encoder_config']], type: 'voxcpm_local' },
    { at: [['dit_config']], type: 'voxcpm_local' },
  ],
  join: ({ text, towers }, reader) => {
    // A second text model of the same sizes and fewer layers adds what the first left out.
    const layers = text.layers.slice(0, reader.integer('residual_lm_num_layers') ?? 0);
    return [text, { ...text, name: 'residual_lm', layers }, ...towers.flatMap((tower) => like(text, tower))];
  },
});
