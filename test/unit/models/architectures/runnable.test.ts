import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readsText, runnable } from '../../../../models/architectures/catalogue';
import { describeModel } from '../../../../models/formats/describe-model';
import { tinyVlms } from '../../../support/checkpoints/tiny-vision';
import { corpus } from '../../../support/corpus';

const text = { model_type: 'llama', hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4, vocab_size: 99 };
const vision = {
  model_type: 'clip_vision_model',
  hidden_size: 64,
  num_attention_heads: 4,
  image_size: 28,
  patch_size: 14,
};
const verdict = (config: object): true | string => runnable(describeModel(config));

describe('which models of images run', () => {
  for (const { name, config } of tinyVlms) {
    it(`${name} runs, and reads text`, () => {
      const model = describeModel(config);
      assert.equal(runnable(model), true);
      assert.equal(readsText(model), true);
    });
  }

  it('vision encoders run and read no text; a pair of encoders reads both', () => {
    for (const [reads, config] of [
      [false, { ...vision, architectures: ['CLIPVisionModel'] }],
      [false, { model_type: 'vit', hidden_size: 64, num_attention_heads: 4 }],
      [false, { model_type: 'dinov2', hidden_size: 64, num_attention_heads: 4 }],
      [true, { model_type: 'clip', text_config: {}, vision_config: vision }],
      [true, { model_type: 'siglip', text_config: {}, vision_config: { model_type: 'siglip_vision_model' } }],
      [true, { model_type: 'clip_text_model', architectures: ['CLIPTextModel'] }],
    ] as const) {
      const model = describeModel(config);
      assert.equal(runnable(model), true, JSON.stringify(config));
      assert.equal(readsText(model), reads, JSON.stringify(config));
    }
  });

  it('what the config says wrongly is refused in the words of the finding', () => {
    for (const [fields, sentence] of [
      [{ num_hidden_layers: 1e9 }, /^num_hidden_layers is 1000000000; more than 2048 layers are not read\./],
      [{ num_hidden_layers: 0 }, /^num_hidden_layers should be a whole number from 1, and is 0\./],
      [{ num_hidden_layers: '2' }, /^num_hidden_layers should be a number, and is the string "2"\./],
      [{ hidden_size: 0 }, /^hidden_size is 0; it must be a whole number above 0\./],
      [{ num_key_value_heads: 0 }, /^num_key_value_heads is 0; it must be a whole number above 0\./],
      [{ layer_types: ['full_attention', 'spiral_attention'] }, /^"spiral_attention" is not a layer type known here\./],
    ] as const) {
      assert.match(String(verdict({ ...text, ...fields })), sentence);
    }
    assert.equal(verdict({ ...text, num_key_value_heads: null }), true);
  });

  it('a family that is not known is called by its model_type', () => {
    assert.equal(
      verdict({ ...text, model_type: 'perceptron9', architectures: ['Perceptron9'] }),
      'Headscope does not run the family "perceptron9" yet; docs/families.md lists those that it runs.',
    );
    assert.equal(
      verdict({ ...text, model_type: undefined }),
      'The config names no model_type, so its family is not known; docs/families.md lists those that it runs.',
    );
  });

  it('says what is missing of the others', () => {
    assert.match(
      String(verdict({ model_type: 'qwen2_5_vl', architectures: ['Qwen2_5_VLForConditionalGeneration'] })),
      /does not run the family "qwen2_5_vl" of 2 parts yet .*; of several parts it runs llava, llava_next, paligemma, idefics3, smolvlm\./,
    );
    assert.match(
      String(verdict({ model_type: 'llava', text_config: { ...text, model_type: 'mamba' }, vision_config: vision })),
      /^Headscope does not run the family "mamba" yet; docs\/families\.md lists/,
    );
    assert.match(
      String(
        verdict({ model_type: 'llava', text_config: text, vision_config: { model_type: 'swin', hidden_size: 8 } }),
      ),
      /does not run the vision encoder/,
    );
    assert.match(
      String(
        verdict({
          model_type: 'llava',
          text_config: text,
          vision_config: vision,
          quantization_config: { quant_method: 'awq', bits: 4 },
        }),
      ),
      /quantised \(awq\)/,
    );
  });

  it('does not take the text part alone for the whole', () => {
    assert.match(
      String(verdict({ model_type: 'vibevoice', decoder_config: { ...text, model_type: 'qwen2' } })),
      /^Headscope does not run the family "vibevoice" yet \(decoder_config\); of several parts it runs llava/,
    );
    assert.match(
      String(verdict({ ...text, model_type: 'llava', mm_vision_tower: 'openai/clip-vit-large-patch14-336' })),
      /^Headscope does not run the family "llava_original" of 2 parts yet/,
    );
  });

  for (const name of [
    'llava--llava-1.5-7b-hf',
    'paligemma--paligemma-3b-pt-224',
    'vit--vit-base-patch16-224',
    'dinov2--dinov2-base-ft',
    'clip--clip-vit-large-patch14',
  ]) {
    const file = join(corpus, name, 'config.json');
    if (!existsSync(file)) continue;
    it(`${name} as published runs`, () => {
      assert.equal(verdict(JSON.parse(readFileSync(file, 'utf8')) as object), true);
    });
  }
});
