import type { JsonObject } from '../config/config-reader';
import { isObject } from '../config/config-reader';
import { given, number, string } from '../config/json-values';

/** `adapter_config.json` of PEFT. LoRA (arXiv:2106.09685): each target gains two matrices, [rank, input] and [output, rank]. */
export interface AdapterConfig {
  /** `peft_type` as written: LORA, IA3, PREFIX_TUNING and others. */
  readonly kind: string;
  /** Absent in kinds that have none. */
  readonly rank?: number;
  readonly alpha?: number;
  /** Names of modules or, as one string, a pattern. */
  readonly targets: readonly string[] | string;
  readonly baseModel?: string;
  /** What is added is scaled by alpha / sqrt(rank) instead of alpha / rank (rsLoRA, arXiv:2312.03732). */
  readonly rootScaling?: true;
  /** The length of each column is learned apart (DoRA, arXiv:2402.09353). */
  readonly magnitudes?: true;
  /** Some modules have a rank or an alpha of their own. */
  readonly patterned?: true;
  /** Modules with an alpha of their own: a pattern of Python's re that matches a whole name, or what follows one of its points. */
  readonly alphas?: readonly { readonly pattern: string; readonly alpha: number }[];
  /** A setting that changes what the matrices are added to, or when, so that the files do not hold the whole adapter. */
  readonly unread?: string;
  /** Tokens whose embeddings were learned: `target` is the end of the name of the table. */
  readonly tokens?: readonly { readonly target: string; readonly ids: readonly number[] }[];
  /** Modules that are kept whole beside the adapter. */
  readonly saved: readonly string[];
  /** Only these layers have it. */
  readonly layers?: readonly number[];
  /** Positions that prefix and prompt tuning add. */
  readonly virtualTokens?: number;
}

const titles: Readonly<Record<string, string>> = {
  LORA: 'LoRA',
  ADALORA: 'AdaLoRA',
  IA3: 'IA3',
  LOHA: 'LoHa',
  LOKR: 'LoKr',
  VERA: 'VeRA',
  XLORA: 'X-LoRA',
  PREFIX_TUNING: 'prefix tuning',
  PROMPT_TUNING: 'prompt tuning',
  MULTITASK_PROMPT_TUNING: 'multitask prompt tuning',
  P_TUNING: 'P-tuning',
  ADAPTION_PROMPT: 'LLaMA-Adapter',
  LN_TUNING: 'norm tuning',
  TRAINABLE_TOKENS: 'trainable tokens',
};

export const adapterTitle = (kind: string): string =>
  (Object.hasOwn(titles, kind) ? titles[kind] : undefined) ?? kind.slice(0, 40);

const strings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];

/** Without a last name, or with one that is a way through folders, it names no model. */
const baseOf = (name: string | undefined): string | undefined =>
  /^\.{0,2}$/.test(name?.split(/[\\/]/).findLast((part) => part !== '') ?? '') ? undefined : name;

/** Initialisations that leave the base model as it is; others (PiSSA, OLoRA, LoftQ) subtract from it what they put into the adapter. */
const plainBeginnings: ReadonlySet<unknown> = new Set([
  ...[undefined, null, true, false],
  ...['gaussian', 'eva', 'orthogonal', 'mica'],
]);

/** Settings of LoraConfig (PEFT of August 2026) that change what is computed and that no run follows. */
const unreadKeys = [
  ...['layer_replication', 'alora_invocation_tokens', 'use_qalora', 'lora_bias', 'target_parameters'],
  ...['use_bdlora', 'arrow_config', 'kasa_config', 'monteclora_config'],
];

function unreadSetting(object: JsonObject): string | undefined {
  const beginning = object['init_lora_weights'];
  if (!plainBeginnings.has(beginning)) return `init_lora_weights ${JSON.stringify(beginning)}`;
  return unreadKeys.find((key) => {
    const value = object[key] ?? false;
    return Array.isArray(value) ? value.length > 0 : value !== false;
  });
}

/** Undefined for an object that describes no adapter. */
export function readAdapterConfig(object: JsonObject): AdapterConfig | undefined {
  const rank = number(object, 'r');
  const kind = string(object, 'peft_type');
  if (rank === undefined && kind === undefined) return undefined;
  const targets = object['target_modules'];
  const layers = object['layers_to_transform'];
  const numbers = (Array.isArray(layers) ? layers : [layers]).filter(
    (layer): layer is number => typeof layer === 'number',
  );
  const ofModules = object['alpha_pattern'];
  const alphas = Object.entries(isObject(ofModules) ? ofModules : {}).flatMap(([pattern, alpha]) =>
    typeof alpha === 'number' ? [{ pattern, alpha }] : [],
  );
  const unread = unreadSetting(object);
  const learned = object['trainable_token_indices'];
  // A list is of the embedding, by whatever name.
  const tokens = Object.entries(isObject(learned) ? learned : { '': learned }).flatMap(([target, ids]) =>
    Array.isArray(ids) ? [{ target, ids: ids.filter((id): id is number => typeof id === 'number') }] : [],
  );
  const hasKeys = (value: unknown): boolean => isObject(value) && Object.keys(value).length > 0;
  return {
    ...given({
      kind: kind ?? 'LORA',
      rank,
      alpha: number(object, 'lora_alpha') ?? number(object, 'alpha'),
      targets: typeof targets === 'string' ? targets : strings(targets),
      baseModel: baseOf(string(object, 'base_model_name_or_path')),
      layers: numbers.length === 0 ? undefined : numbers,
      virtualTokens: number(object, 'num_virtual_tokens'),
    }),
    ...(object['use_rslora'] === true ? { rootScaling: true } : {}),
    ...(object['use_dora'] === true ? { magnitudes: true } : {}),
    ...(hasKeys(object['rank_pattern']) || hasKeys(object['alpha_pattern']) ? { patterned: true } : {}),
    ...(alphas.length === 0 ? {} : { alphas }),
    ...(unread === undefined ? {} : { unread }),
    ...(tokens.length === 0 ? {} : { tokens }),
    saved: strings(object['modules_to_save']),
  };
}

/** The next step that is always possible. */
export const mergeIt = 'Merge it into its base with PEFT, and open the merged model.';

/** Why an adapter is not run, as a sentence; undefined where it is. */
export const unreadAdapter = ({ kind, unread }: AdapterConfig): string | undefined =>
  kind === 'LORA'
    ? unread && `The adapter has ${unread}, which Headscope does not follow. ${mergeIt}`
    : `The adapter is of the kind ${adapterTitle(kind)}; Headscope runs LoRA, rsLoRA and DoRA. ${mergeIt}`;

/** What LoRA's product is multiplied by; undefined where the file gives no alpha or no rank. */
export function scalingOf({ alpha, rank, rootScaling }: AdapterConfig): number | undefined {
  if (alpha === undefined || rank === undefined || rank <= 0) return undefined;
  return alpha / (rootScaling === true ? Math.sqrt(rank) : rank);
}
