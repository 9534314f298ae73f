/** Text parts of models with pictures or sound for which there is no folder: a text model under the names of the whole. */
import { referenceModels } from './reference-models';
import { renamed, tensorOf, type Tensors, type Variant } from './variant-tensors';

/** Experts as in published Qwen3-VL MoE, stored by input, from the pieces that transformers 5.2.0.dev0 saves. */
function joinedExperts(tensors: Tensors): void {
  for (const [name, { shape }] of [...tensors]) {
    const [, layer] = /^(.*mlp\.)gate\.weight$/.exec(name) ?? [];
    if (layer === undefined) continue;
    const join = (parts: readonly string[], to: string): void => {
      const own = Array.from({ length: shape[0] ?? 0 }, (_, expert) =>
        parts.map((part) => tensorOf(tensors, `${layer}experts.${expert}.${part}.weight`)),
      );
      const [rows = 0, columns = 0] = own[0]?.[0]?.shape ?? [];
      const data = Float32Array.from(own.flat().flatMap((each) => [...each.data]));
      tensors.set(`${layer}experts.${to}`, { shape: [own.length, rows * parts.length, columns], data });
    };
    join(['gate_proj', 'up_proj'], 'gate_up_proj');
    join(['down_proj'], 'down_proj');
  }
  for (const name of [...tensors.keys()]) if (/experts\.\d+\./.test(name)) tensors.delete(name);
}

/** The config of a whole whose text part is the model of a folder. */
function wholeOf(
  folder: string,
  { text, ...whole }: { readonly model_type: string; readonly architectures: readonly [string]; readonly text: string },
): Variant['config'] {
  const own = referenceModels.find(({ name }) => name === folder)?.config ?? {};
  const absent = Object.fromEntries(Object.keys(own).map((key) => [key, undefined]));
  const tied = own['tie_word_embeddings'];
  return { ...absent, ...whole, tie_word_embeddings: tied, text_config: { ...own, model_type: text } };
}

/** The decoder of a BART without a source, with no padding rows before its positions. */
function asGit(tensors: Tensors): void {
  const words = tensorOf(tensors, 'model.decoder.embed_tokens.weight');
  const positions = tensorOf(tensors, 'model.decoder.embed_positions.weight');
  const [rows = 0, width = 0] = positions.shape;
  tensors.set('model.decoder.embed_positions.weight', {
    shape: [rows - 2, width],
    data: positions.data.slice(2 * width),
  });
  renamed(
    [/^model\.decoder\.embed_tokens/, 'git.embeddings.word_embeddings'],
    [/^model\.decoder\.embed_positions/, 'git.embeddings.position_embeddings'],
    [/^model\.decoder\.layernorm_embedding/, 'git.embeddings.LayerNorm'],
    [/^model\.decoder\.layers/, 'git.encoder.layer'],
    [/self_attn\.(q)_proj/, 'attention.self.query'],
    [/self_attn\.(k)_proj/, 'attention.self.key'],
    [/self_attn\.(v)_proj/, 'attention.self.value'],
    [/self_attn\.out_proj/, 'attention.output.dense'],
    [/self_attn_layer_norm/, 'attention.output.LayerNorm'],
    [/\.fc1\./, '.intermediate.dense.'],
    [/\.fc2\./, '.output.dense.'],
    [/final_layer_norm/, 'output.LayerNorm'],
  )(tensors);
  for (const name of [...tensors.keys()]) if (name.includes('encoder_attn')) tensors.delete(name);
  tensors.set('output.weight', words);
  tensors.set('output.bias', { shape: [words.shape[0] ?? 0], data: new Float32Array(words.shape[0] ?? 0) });
}

export const inWholes: readonly Variant[] = [
  {
    of: 'qwen3_vl_moe--Qwen3VLMoeForConditionalGeneration',
    what: 'experts as published',
    config: {},
    tensors: joinedExperts,
  },
  {
    // Published files keep the fields of the text model flat, beside vision_config.
    of: 'qwen2--Qwen2ForCausalLM--hard',
    what: 'as the text of Qwen2-VL',
    config: {
      ...{ model_type: 'qwen2_vl', architectures: ['Qwen2VLForConditionalGeneration'], vision_config: {} },
      rope_parameters: undefined,
      ...{ rope_theta: 10_000, rope_scaling: { type: 'mrope', mrope_section: [2, 2, 2] } },
    },
  },
  {
    of: 'glm4--Glm4ForCausalLM--hard',
    what: 'as the text of GLM-4V',
    config: {
      ...wholeOf('glm4--Glm4ForCausalLM--hard', {
        ...{ model_type: 'glm4v', architectures: ['Glm4vForConditionalGeneration'], text: 'glm4v_text' },
      }),
      vision_config: {},
    },
    tensors: renamed([/^model\./, 'model.language_model.']),
  },
  {
    of: 'mistral--MistralForCausalLM--hard',
    what: 'as the text of Mistral 3',
    config: {
      ...wholeOf('mistral--MistralForCausalLM--hard', {
        ...{ model_type: 'mistral3', architectures: ['Mistral3ForConditionalGeneration'], text: 'mistral' },
      }),
      vision_config: {},
    },
    tensors: renamed([/^/, 'language_model.']),
  },
  {
    of: 'opt--OPTForCausalLM',
    what: 'as the text of BLIP-2',
    config: {
      ...wholeOf('opt--OPTForCausalLM', {
        ...{ model_type: 'blip-2', architectures: ['Blip2ForConditionalGeneration'], text: 'opt' },
      }),
      ...{ vision_config: {}, qformer_config: {} },
    },
    tensors: renamed([/^/, 'language_model.']),
  },
  {
    of: 't5-gated--T5ForConditionalGeneration--hard',
    what: 'as the text of BLIP-2',
    config: {
      ...wholeOf('t5-gated--T5ForConditionalGeneration--hard', {
        ...{ model_type: 'blip-2', architectures: ['Blip2ForConditionalGeneration'], text: 't5' },
      }),
      ...{ vision_config: {}, qformer_config: {} },
    },
    tensors: renamed([/^/, 'language_model.']),
  },
  {
    of: 'bart--BartForConditionalGeneration',
    what: 'as the text of Florence-2, as published',
    config: {
      ...wholeOf('bart--BartForConditionalGeneration', {
        ...{
          model_type: 'florence2',
          architectures: ['Florence2ForConditionalGeneration'],
          text: 'florence2_language',
        },
      }),
      vision_config: { model_type: 'davit' },
    },
    tensors: renamed([/^/, 'language_model.']),
  },
  {
    of: 'clap--ClapTextModel',
    what: 'as the text of CLAP',
    config: {
      ...wholeOf('clap--ClapTextModel', {
        ...{ model_type: 'clap', architectures: ['ClapModel'], text: 'clap_text_model' },
      }),
      audio_config: {},
    },
    tensors: renamed([/^/, 'text_model.']),
  },
  {
    of: 'metaclip_2--MetaClip2TextModel',
    what: 'as the text of MetaCLIP 2',
    config: {
      ...wholeOf('metaclip_2--MetaClip2TextModel', {
        ...{ model_type: 'metaclip_2', architectures: ['MetaClip2Model'], text: 'metaclip_2_text_model' },
      }),
      vision_config: {},
    },
  },
  {
    of: 'bart--BartForCausalLM',
    what: 'as the text of GIT',
    config: {
      ...{ model_type: 'git', architectures: ['GitForCausalLM'], vision_config: {}, tie_word_embeddings: false },
      ...{ hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 4, intermediate_size: 32 },
      ...{ hidden_act: 'gelu', layer_norm_eps: 1e-5, max_position_embeddings: 50 },
    },
    tensors: asGit,
  },
  {
    of: 'qwen2--Qwen2ForCausalLM--hard',
    what: 'as the text of Qwen2-Audio',
    config: {
      ...wholeOf('qwen2--Qwen2ForCausalLM--hard', {
        ...{ model_type: 'qwen2_audio', architectures: ['Qwen2AudioForConditionalGeneration'], text: 'qwen2' },
      }),
      audio_config: {},
    },
    tensors: renamed([/^/, 'language_model.']),
  },
  {
    of: 'persimmon--PersimmonForCausalLM',
    what: 'as the text of Fuyu',
    config: { model_type: 'fuyu', architectures: ['FuyuForCausalLM'] },
    tensors: renamed([/^/, 'language_model.']),
  },
];
