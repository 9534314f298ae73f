import type { CompositeRow } from './composite';
import { compositeFamily } from './composite';
import { amount } from '../shared/family';

interface QwenVlRow {
  readonly id: string;
  readonly title: string;
  /** Values of model_type, when they are not the id. */
  readonly types?: readonly string[];
  readonly architectures: RegExp;
  readonly textType: string;
  readonly visionType: string;
  readonly names: { readonly text: (name: string) => string; readonly vision: string };
}

/** The positions that are merged, side by side, go through two layers to the width of the language model. */
export const patchMerger: NonNullable<CompositeRow['projector']> = ({ text, towers: [tower] }) =>
  tower === undefined
    ? undefined
    : {
        kind: 'patch merger',
        inputSize: tower.hiddenSize * (amount(tower, 'spatial_merge_size') ?? 2) ** 2,
        outputSize: amount(tower, 'out_hidden_size') ?? text.hiddenSize,
      };

const qwenVl = (row: QwenVlRow) =>
  compositeFamily({
    ...row,
    textAlone: true,
    // Published files of Qwen2-VL and Qwen2.5-VL keep the fields of the text model flat, beside vision_config.
    text: { at: [['text_config'], []], type: row.textType, named: ['qwen2', 'qwen3'], names: row.names.text },
    towers: [{ at: [['vision_config']], type: row.visionType, names: row.names.vision }],
    projector: patchMerger,
    // The merger stands in the tower.
    tensors: () => undefined,
  });
const flat = { text: (name: string): string => name, vision: 'visual.' };
const nested = {
  text: (name: string): string => name.replace(/^model\./, 'model.language_model.'),
  vision: 'model.visual.',
};

export const qwen2Vl = qwenVl({
  id: 'qwen2_vl',
  title: 'Qwen2-VL',
  architectures: /^Qwen2VLFor/,
  textType: 'qwen2_vl_text',
  visionType: 'qwen2_vl_vision',
  names: flat,
});
export const qwen25Vl = qwenVl({
  id: 'qwen2_5_vl',
  title: 'Qwen2.5-VL',
  architectures: /^Qwen2_5_VLFor/,
  textType: 'qwen2_5_vl_text',
  visionType: 'qwen2_5_vl_vision',
  names: flat,
});
export const qwen3Vl = qwenVl({
  id: 'qwen3_vl',
  title: 'Qwen3-VL',
  architectures: /^Qwen3VLFor/,
  textType: 'qwen3_vl_text',
  visionType: 'qwen3_vl_vision',
  names: nested,
});
export const qwen3VlMoe = qwenVl({
  id: 'qwen3_vl_moe',
  title: 'Qwen3-VL MoE',
  architectures: /^Qwen3VLMoeFor/,
  textType: 'qwen3_vl_moe_text',
  visionType: 'qwen3_vl_moe_vision',
  names: nested,
});

/** The same tower without taps of its middle layers, over a text model with delta nets. */
export const qwen35Vl = qwenVl({
  id: 'qwen3_5_multimodal',
  title: 'Qwen3.5',
  types: ['qwen3_5'],
  architectures: /^Qwen3_5ForConditional/,
  textType: 'qwen3_5_text',
  visionType: 'qwen3_5_vision',
  names: nested,
});
export const qwen35VlMoe = qwenVl({
  id: 'qwen3_5_moe_multimodal',
  title: 'Qwen3.5 MoE',
  types: ['qwen3_5_moe'],
  architectures: /^Qwen3_5MoeForConditional/,
  textType: 'qwen3_5_moe_text',
  visionType: 'qwen3_5_moe_vision',
  names: nested,
});
