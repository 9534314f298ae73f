import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readsText, runnable, unreadParts } from '../../../../models/architectures/catalogue';
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

  it('heads that tokens choose are refused where keys are not those of heads', () => {
    const mixture = { routing: 'query-norm', shared_heads: [[0], [0]], active_heads: [1, 1] };
    assert.equal(verdict({ ...text, mixture_of_heads: mixture }), true);
    for (const type of ['deepseek_v2', 'deepseek_v3', 'x_ecomla', 'longcat_flash', 'jetmoe'])
      assert.match(
        String(verdict({ ...text, model_type: type, mixture_of_heads: mixture })),
        /^mixture_of_heads is /,
        type,
      );
  });

  it('an unknown family is named, whatever else its keys leave out', () => {
    assert.match(String(verdict({ model_type: 'spiralnet' })), /^Headscope does not run the family "spiralnet" yet; /);
  });

  it('classes that compute something else than attention over a text are refused with the reason', () => {
    for (const [config, sentence] of [
      [
        { model_type: 'deepseek_v4' },
        /^A model of the type "deepseek_v4" carries several streams, .*: choose a DeepSeek-V3\.$/,
      ],
      [{ model_type: 'llava_llama' }, /keeps its text model in the folder llm, .*: choose that folder\.$/],
      [
        { ...text, architectures: ['LlamaForCausalLMEagle3'] },
        /^LlamaForCausalLMEagle3 drafts for a larger model .*: choose the larger model\.$/,
      ],
      [{ model_type: 'yoso' }, /^A model of the type "yoso" weighs tokens by how often their hashes collide/],
    ] as const)
      assert.match(String(verdict(config)), sentence);
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
      String(verdict({ model_type: 'owlvit' })),
      /does not run the family "owlvit" of 2 parts yet .*; of several parts it runs llava, llava_next, paligemma, idefics3, smolvlm\./,
    );
    assert.match(
      String(verdict({ model_type: 'llava', text_config: { ...text, model_type: 'yuan' }, vision_config: vision })),
      /^Headscope does not run the family "yuan" yet; docs\/families\.md lists/,
    );
    assert.match(
      String(
        verdict({
          model_type: 'llava',
          text_config: text,
          vision_config: vision,
          quantization_config: { quant_method: 'aqlm' },
        }),
      ),
      /quantised \(aqlm\) in a form that Headscope does not read/,
    );
  });

  it('runs the text part of a model whose pictures or sound it does not read, and says what is not read', () => {
    const swin = { model_type: 'swin', hidden_size: 8 };
    const cases: readonly (readonly [object, string | undefined])[] = [
      [
        { model_type: 'qwen2_5_vl', architectures: ['Qwen2_5_VLForConditionalGeneration'] },
        'Pictures are not read: Headscope does not run the vision encoder "qwen2_5_vl_vision" yet.',
      ],
      [
        { model_type: 'gemma3', text_config: { model_type: 'gemma3_text' }, vision_config: {} },
        'Pictures are not read: Headscope does not run what joins the pictures of "gemma3_multimodal" to the text yet.',
      ],
      [
        { model_type: 'qwen2_audio' },
        'Sound is not read: Headscope does not run the audio encoder "whisper_encoder" yet.',
      ],
      // Both halves of an encoder-decoder, and an encoder.
      [
        { model_type: 'florence2', text_config: { model_type: 'bart' }, vision_config: {} },
        'Pictures are not read: Headscope does not run the vision encoder "davit" yet.',
      ],
      [{ model_type: 'clap' }, 'Sound is not read: Headscope does not run the audio encoder "clap_audio" yet.'],
      // What a tower that is not run is lacking refuses nothing.
      [
        { model_type: 'llava', text_config: text, vision_config: { ...swin, depths: 'four' } },
        'Pictures are not read: Headscope does not run the vision encoder "swin" yet.',
      ],
      [{ model_type: 'llava', text_config: text, vision_config: vision }, undefined],
      [
        { model_type: 'vibevoice', decoder_config: { ...text, model_type: 'qwen2' } },
        'Sound is not read: Headscope does not run what joins the sound of "vibevoice" to the text yet.',
      ],
      [
        { model_type: 'flamingo', text_config: text, vision_config: { model_type: 'swin', hidden_size: 8 } },
        'Pictures are not read: Headscope does not run the vision encoder "swin" yet. The layers that read them, between those of the text model, are left out.',
      ],
    ];
    for (const [config, unread] of cases) {
      const model = describeModel(config);
      assert.equal(unreadParts(model), unread);
      assert.equal(runnable(model), true);
    }
    const noted = verdict({ model_type: 'llava', text_config: { ...text, is_causal: false }, vision_config: swin });
    assert.match(String(noted), /^text_config\.is_causal is false, and /);
    const bart = { model_type: 'bart', activation_function: 'tanh' };
    const other = verdict({ model_type: 'florence2', text_config: bart, vision_config: {} });
    assert.match(String(other), /^text_config\.activation_function is "tanh", and /);
  });

  it('a decoder that reads pictures or sound in its layers does not run without them', () => {
    for (const [config, sentence] of [
      [{ model_type: 'whisper' }, /^The decoder of Whisper reads encoded sound in its layers, and /],
      [{ model_type: 'blip' }, /^The decoder of BLIP reads encoded pictures in its layers, and /],
    ] as const)
      assert.match(String(verdict(config)), sentence);
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
