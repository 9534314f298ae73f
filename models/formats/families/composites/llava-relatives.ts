/** Vision-language models of transformers of which the parts are known, and not every tensor of what joins them. */
import type { CompositeRow, PartRow } from './composite';
import { compositeFamily } from './composite';
import { clipLarge } from './multimodal';
import { siglipSo400m } from '../towers/siglip-sizes';

const visionConfig = [['vision_config']];

interface Row extends Pick<CompositeRow, 'id' | 'title' | 'architectures' | 'tied' | 'textAlone'> {
  /** The types that the parts are read as when they name none. */
  readonly text: string;
  readonly tower: Pick<PartRow, 'type' | 'whole' | 'optional'>;
  readonly joined: string;
}

const relative = ({ text, tower, joined, ...row }: Row) =>
  compositeFamily({
    textAlone: true,
    ...row,
    text: { at: [['text_config']], type: text },
    towers: [{ ...tower, at: visionConfig }],
    projector: ({ text: { hiddenSize }, towers: [own] }) => ({
      kind: joined,
      inputSize: own?.hiddenSize ?? 0,
      outputSize: hiddenSize,
    }),
  });

const clip = { type: 'clip_vision_model', whole: clipLarge };
const siglip = { type: 'siglip_vision_model' };

export const llavaRelatives = [
  relative({
    ...{ id: 'vipllava', title: 'ViP-LLaVA', architectures: /^VipLlavaFor/ },
    ...{ text: 'llama', tower: clip, joined: 'a norm of several layers side by side and two linear layers' },
  }),
  // Two towers of one config: for pictures, and for films.
  relative({
    ...{ id: 'video_llava', title: 'Video-LLaVA', architectures: /^VideoLlavaFor/ },
    ...{ text: 'llama', tower: { ...clip, whole: { ...clipLarge, image_size: 224 } }, joined: 'two linear layers' },
  }),
  relative({
    ...{ id: 'llava_next_video', title: 'LLaVA-NeXT-Video', architectures: /^LlavaNextVideoFor/ },
    ...{ text: 'llama', tower: clip, joined: 'two linear layers, and average pooling of films' },
  }),
  relative({
    ...{ id: 'aya_vision', title: 'Aya Vision', architectures: /^AyaVisionFor/, tied: true },
    textAlone: { plainLogits: true },
    ...{
      text: 'cohere2',
      tower: { ...siglip, whole: { ...siglipSo400m, image_size: 384, num_attention_heads: 14, num_hidden_layers: 26 } },
      joined: 'pixel shuffle, a norm and two gated linear layers',
    },
  }),
  relative({
    ...{ id: 'cohere2_vision', title: 'Cohere 2 Vision', architectures: /^Cohere2VisionFor/, tied: true },
    textAlone: { plainLogits: true },
    ...{
      text: 'cohere2',
      tower: { ...siglip, whole: { hidden_size: 1152, image_size: 512, num_hidden_layers: 27 } },
      joined: 'pixel shuffle and two gated linear layers',
    },
  }),
  relative({
    ...{ id: 'deepseek_vl', title: 'DeepSeek-VL', architectures: /^DeepseekVLFor/, tied: true },
    ...{ text: 'llama', tower: siglip, joined: 'two linear layers' },
  }),
  // A patch becomes a mixture of the rows of a table of visual words.
  relative({
    ...{ id: 'ovis2', title: 'Ovis2', architectures: /^Ovis2For/, tied: true },
    ...{ text: 'qwen2', tower: { type: 'ovis2_vision', optional: true }, joined: 'a table of visual words' },
  }),
  relative({
    ...{ id: 'video_llama_3', title: 'VideoLLaMA 3', architectures: /^VideoLlama3For/ },
    ...{ text: 'qwen2', tower: { type: 'video_llama_3_vision', optional: true }, joined: 'two linear layers' },
  }),
];
