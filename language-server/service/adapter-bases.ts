/** A family of base models that adapters name, with the last names of the modules in its layers. */
export interface BaseFamily {
  readonly title: string;
  readonly modules: readonly string[];
}

const gated = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];
const bert = ['query', 'key', 'value', 'dense'];
const fused = ['query_key_value', 'dense', 'dense_h_to_4h', 'dense_4h_to_h'];
const biased = ['q_proj', 'k_proj', 'v_proj', 'out_proj', 'fc1', 'fc2'];

/**
 * Names of published base models whose code, of transformers (4.57) or their own, has had one set of module names throughout.
 * Absent are models that changed theirs, as phi-2 did when it came over from remote code, and those with a vision part.
 */
const bases: readonly (readonly [name: RegExp, family: BaseFamily])[] = [
  [/^(meta-llama|NousResearch|unsloth)\/(Meta-)?Llama-(2|3|3\.[13])-\d+b(-|$)/i, { title: 'Llama', modules: gated }],
  [/^(meta-llama|unsloth)\/Llama-3\.2-[13]B(-|$)/i, { title: 'Llama', modules: gated }],
  [
    /^(huggyllama\/llama-\d+b$|codellama\/CodeLlama-\d+b-|lmsys\/(vicuna|longchat)-|01-ai\/Yi-(1\.5-)?\d+B(-|$)|deepseek-ai\/deepseek-(llm-\d+b|coder-[\d.]+b)-)/,
    { title: 'Llama', modules: gated },
  ],
  [/^(TinyLlama\/TinyLlama-1\.1B|HuggingFaceTB\/SmolLM2?-\d+)/, { title: 'Llama', modules: gated }],
  [/^((mistralai|unsloth)\/mistral-7b-|HuggingFaceH4\/(zephyr|mistral)-7b-)/i, { title: 'Mistral', modules: gated }],
  [
    /^(Qwen|unsloth)\/Qwen(1\.5|2|2\.5|3)-[\d.]+B(-(Instruct|Chat|Base))?(-bnb-4bit)?$/,
    { title: 'Qwen', modules: gated },
  ],
  [/^(google|unsloth)\/gemma-(2-)?\d+b(-it)?(-bnb-4bit)?$/, { title: 'Gemma', modules: gated }],
  [
    /^mistralai\/Mixtral-8x(7|22)B-/,
    {
      title: 'Mixtral',
      modules: [
        'q_proj',
        'k_proj',
        'v_proj',
        'o_proj',
        'gate',
        'w1',
        'w2',
        'w3',
        'experts',
        'gate_up_proj',
        'down_proj',
      ],
    },
  ],
  [
    /^microsoft\/(Phi-3-(mini|medium)-|Phi-3\.5-mini-|phi-4$)/,
    { title: 'Phi-3', modules: ['qkv_proj', 'o_proj', 'gate_up_proj', 'down_proj'] },
  ],
  [
    /^((openai-community\/)?gpt2(-medium|-large|-xl)?|(distilbert\/)?distilgpt2)$/,
    { title: 'GPT-2', modules: ['c_attn', 'c_proj', 'c_fc'] },
  ],
  [/^bigcode\/(starcoder|starcoderbase)$/, { title: 'GPT-BigCode', modules: ['c_attn', 'c_proj', 'c_fc'] }],
  [
    /^bigcode\/starcoder2-/,
    { title: 'StarCoder2', modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'c_fc', 'c_proj'] },
  ],
  [/^THUDM\/chatglm[23]?-6b(-|$)/, { title: 'ChatGLM', modules: fused }],
  [/^internlm\/internlm2(_5)?-/, { title: 'InternLM2', modules: ['wqkv', 'wo', 'w1', 'w2', 'w3'] }],
  [/^EleutherAI\/(pythia-|gpt-neox-20b)/, { title: 'GPT-NeoX', modules: fused }],
  [
    /^EleutherAI\/gpt-j-6b$/i,
    { title: 'GPT-J', modules: ['q_proj', 'k_proj', 'v_proj', 'out_proj', 'fc_in', 'fc_out'] },
  ],
  [
    /^EleutherAI\/gpt-neo-/,
    { title: 'GPT-Neo', modules: ['q_proj', 'k_proj', 'v_proj', 'out_proj', 'c_fc', 'c_proj'] },
  ],
  [/^bigscience\/bloomz?(-|$)/, { title: 'BLOOM', modules: fused }],
  [/^tiiuae\/falcon-(7b|40b|180B|rw-)/, { title: 'Falcon', modules: fused }],
  [/^facebook\/opt-/, { title: 'OPT', modules: [...biased, 'project_in', 'project_out'] }],
  [/^openai\/whisper-/, { title: 'Whisper', modules: [...biased, 'proj_out'] }],
  [/^(google-bert\/)?bert-(base|large)-/, { title: 'BERT', modules: bert }],
  [/^(FacebookAI\/)?(xlm-)?roberta-(base|large)$/, { title: 'RoBERTa', modules: [...bert, 'out_proj'] }],
  [/^(google-t5\/)?t5-(small|base|large|3b|11b)$/, { title: 'T5', modules: ['q', 'k', 'v', 'o', 'wi', 'wo'] }],
  [
    /^facebook\/dinov3-vit/,
    { title: 'DINOv3', modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] },
  ],
  [
    /^facebook\/sam-vit-/,
    {
      title: 'Segment Anything',
      modules: ['qkv', 'proj', 'lin1', 'lin2', 'q_proj', 'k_proj', 'v_proj', 'out_proj', 'proj_in', 'proj_out'],
    },
  ],
  [/^google\/flan-t5-/, { title: 'T5', modules: ['q', 'k', 'v', 'o', 'wi_0', 'wi_1', 'wo'] }],
];

/** The family of a base model by its name on the hub; undefined of any other, and of local paths. */
export const baseFamily = (name: string): BaseFamily | undefined =>
  name.length > 200 ? undefined : bases.find(([pattern]) => pattern.test(name))?.[1];
