import type { JsonObject } from '../config/config-reader';
import { transformers } from './decoder-family';
import type { CompositeFamily, CompositeReading } from './family';
import { amount } from './family';
import { textOf, visionOf, writePart } from './multimodal';
import type { QwenVision } from './qwen-vision';
import { qwen2Vision, qwen25Vision, qwen3Vision } from './qwen-vision';
import { readStack, stackFamily } from './stacks';

interface QwenVlRow {
  readonly id: string;
  readonly title: string;
  /** Values of model_type, when they are not the id. */
  readonly types?: readonly string[];
  readonly architectures: RegExp;
  readonly textType: string;
  readonly vision: QwenVision;
  readonly names: { readonly text: (name: string) => string; readonly vision: string };
  readonly values: JsonObject;
}

function qwenVl(row: QwenVlRow): CompositeFamily {
  return {
    kind: 'composite',
    id: row.id,
    title: row.title,
    modelTypes: row.types ?? [row.id],
    architectures: row.architectures,
    tied: false,
    task: 'causal-lm',
    defaults: () => ({ from: `${transformers} ${row.title.replace(/[-.]/g, '_')}Config`, values: row.values }),
    read: (reader): CompositeReading => {
      // Published files of Qwen2-VL and Qwen2.5-VL keep the fields of the text model flat, beside vision_config.
      const nested = reader.child('text_config');
      const family = stackFamily(row.textType);
      const source = nested ?? reader;
      const text =
        family === undefined
          ? readStack(source, row.textType).part
          : { ...family.read(source.withDefaults(family.defaults(row.textType))), modelType: row.textType };
      const tower = reader.childOrEmpty('vision_config').withDefaults(row.vision.defaults);
      const vision = row.vision.read(tower);
      return {
        parts: [text, vision],
        projector: {
          kind: 'patch merger',
          inputSize: vision.hiddenSize * (amount(vision, 'spatial_merge_size') ?? 2) ** 2,
          outputSize: amount(vision, 'out_hidden_size') ?? text.hiddenSize,
        },
        exact: family?.tensors !== undefined,
      };
    },
    tensors: (model, table) => {
      writePart(model, table, textOf(model), row.names.text);
      const vision = visionOf(model);
      if (vision !== undefined)
        row.vision.write(
          vision,
          table.writer(vision, (name) => row.names.vision + name),
        );
    },
  };
}

const qwenTokens: JsonObject = {
  image_token_id: 151655,
  video_token_id: 151656,
  vision_start_token_id: 151652,
  vision_end_token_id: 151653,
};

export const qwen2Vl = qwenVl({
  id: 'qwen2_vl',
  title: 'Qwen2-VL',
  architectures: /^Qwen2VLFor/,
  textType: 'qwen2_vl_text',
  vision: qwen2Vision,
  names: { text: (name) => name, vision: 'visual.' },
  values: qwenTokens,
});
export const qwen25Vl = qwenVl({
  id: 'qwen2_5_vl',
  title: 'Qwen2.5-VL',
  architectures: /^Qwen2_5_VLFor/,
  textType: 'qwen2_5_vl_text',
  vision: qwen25Vision,
  names: { text: (name) => name, vision: 'visual.' },
  values: qwenTokens,
});
export const qwen3Vl = qwenVl({
  id: 'qwen3_vl',
  title: 'Qwen3-VL',
  architectures: /^Qwen3VLFor/,
  textType: 'qwen3_vl_text',
  vision: qwen3Vision,
  names: { text: (name) => name.replace(/^model\./, 'model.language_model.'), vision: 'model.visual.' },
  values: qwenTokens,
});

/** The same tower without taps of its middle layers, over a text model with delta nets. */
export const qwen35Vl = qwenVl({
  id: 'qwen3_5_multimodal',
  title: 'Qwen3.5',
  types: ['qwen3_5'],
  architectures: /^Qwen3_5ForConditional/,
  textType: 'qwen3_5_text',
  vision: {
    ...qwen3Vision,
    defaults: { ...qwen3Vision.defaults, values: { ...qwen3Vision.defaults.values, deepstack_visual_indexes: [] } },
  },
  names: { text: (name) => name.replace(/^model\./, 'model.language_model.'), vision: 'model.visual.' },
  values: {},
});
