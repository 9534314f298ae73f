import { adaptedModules } from '../../models/formats/adapter/adapter-tensors';
import { describeModel } from '../../models/formats/describe-model';
import type { JsonValue } from '../../models/formats/model-description';
import { expectedTensors } from '../../models/formats/expected-tensors';
import type { FolderFacts } from './folder-facts';
import { isObject } from './json-document';

/** Last names of the modules that linear adapters can be put on, over the families described. */
export const moduleNames = new Set([
  'q_proj',
  'k_proj',
  'v_proj',
  'o_proj',
  'out_proj',
  'qkv_proj',
  'gate_proj',
  'up_proj',
  'down_proj',
  'gate_up_proj',
  'query',
  'key',
  'value',
  'query_key_value',
  'dense',
  'dense_h_to_4h',
  'dense_4h_to_h',
  'c_attn',
  'c_proj',
  'c_fc',
  'fc1',
  'fc2',
  'fc_in',
  'fc_out',
  'Wqkv',
  'Wi',
  'Wo',
  'Wq',
  'Wk',
  'Wv',
  'w1',
  'w2',
  'w3',
  'q',
  'k',
  'v',
  'o',
  'wi',
  'wo',
  'wi_0',
  'wi_1',
  'q_lin',
  'k_lin',
  'v_lin',
  'out_lin',
  'lin1',
  'lin2',
  'lm_head',
  'embed_tokens',
  'wte',
  'score',
  'classifier',
  'in_proj',
  'x_proj',
  'dt_proj',
  'q_a_proj',
  'q_b_proj',
  'kv_a_proj_with_mqa',
  'kv_b_proj',
  'up_proj',
  'attn',
  'proj',
  'qkv',
  'linear',
  'experts',
  'router',
  // Transformers and U-Nets of diffusers.
  'to_q',
  'to_k',
  'to_v',
  'to_add_out',
  'add_q_proj',
  'add_k_proj',
  'add_v_proj',
  'proj_mlp',
  'proj_in',
  'proj_out',
  // Bark, MiniMind, NeoBERT, SpeechT5, ConvNeXt.
  'att_proj',
  'wq',
  'wk',
  'wv',
  'w12',
  'intermediate_dense',
  'output_dense',
  'pwconv1',
  'pwconv2',
]);

export interface KnownModules {
  /** Full names without `.weight`. */
  readonly names: readonly string[];
  readonly file: string;
}

/** Modules of the base model, when its config or weights are beside it, or the ones the adapter's own weights are for. */
export const modulesOf = (facts: FolderFacts): KnownModules | undefined => {
  const adapter = facts.shards.get('adapter_model.safetensors');
  if (adapter !== undefined && adapter.problem === undefined && !adapter.pointer && adapter.tensors.length > 0) {
    return { names: adaptedModules(adapter.tensors).map(({ module }) => module), file: adapter.file };
  }
  const index = facts.companions['model.safetensors.index.json'];
  const map = isObject(index) ? index['weight_map'] : undefined;
  const names = isObject(map)
    ? Object.keys(map)
    : [...facts.shards.values()].flatMap(({ tensors }) => tensors.map(({ name }) => name));
  if (names.length === 0) return undefined;
  return {
    names: names.map((name) => name.replace(/\.(weight|bias|qweight)$/, '')),
    file: isObject(map) ? 'model.safetensors.index.json' : ([...facts.shards.keys()][0] ?? ''),
  };
};

/** Modules beside those of the layers: heads of tasks, and embeddings that are tied and so not in the weights. */
export const endModules: ReadonlySet<string> = new Set(
  'lm_head embed_tokens embed_out embed_in wte wpe word_embeddings shared proj_out score classifier pooler qa_outputs'.split(
    ' ',
  ),
);

export interface ConfigModules {
  /** Last names of all modules of the layers. */
  readonly names: ReadonlySet<string>;
  /** Those of matrices, which an adapter can be put on. */
  readonly linear: readonly string[];
}

const known = new WeakMap<object, ConfigModules | null>();

/** Modules of the model that a config describes; undefined where its family's tensors are not known in full. */
export const modulesOfConfig = (config: JsonValue | undefined): ConfigModules | undefined => {
  if (!isObject(config)) return undefined;
  const before = known.get(config);
  if (before !== undefined) return before ?? undefined;
  const tensors = expectedTensors(describeModel(config));
  const names = new Set<string>();
  const linear = new Set<string>();
  for (const { pattern, shape, layers, group } of tensors ?? []) {
    const steps = pattern.replace(/\.(weight|bias)$/, '').split('.');
    const last = steps.at(-1) ?? '';
    names.add(last);
    if (layers !== undefined && shape.length === 2 && group !== 'norms' && pattern.endsWith('.weight'))
      linear.add(last);
    // Expert matrices are modules in one version of transformers, and parts of one stacked parameter in the next.
    if (group === 'experts') for (const name of expertModules) names.add(name);
  }
  const found = tensors === undefined ? undefined : { names, linear: [...linear] };
  known.set(config, found ?? null);
  return found;
};

const expertModules = [
  'experts',
  'gate',
  'router',
  'w1',
  'w2',
  'w3',
  'gate_proj',
  'up_proj',
  'down_proj',
  'gate_up_proj',
];
