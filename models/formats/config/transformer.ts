import type {
  Attention,
  AttentionKind,
  FeedForward,
  JsonPath,
  Latent,
  Layer,
  ModelPart,
  PartRole,
  PositionKind,
  Rope,
} from '../model-description';
import type { ConfigReader } from './config-reader';
import { isObject } from './config-reader';
import { mixtureKey } from './head-mixture';
import { readFeedForward } from './feed-forward';
import type { LayerKind } from './layer-kinds';
import { layerCountFromLists, readLayerKinds } from './layer-kinds';
import { stateElements } from './recurrent-state';
import type { RopeChoice } from './rope';
import { readRope } from './rope';

/** More layers than this are taken for a slip: the deepest published model has 126. */
export const mostLayers = 2048;

/** What a family knows about its stack beyond what the keys of the file say. */
export interface TransformerChoice {
  readonly family: string;
  readonly role: PartRole;
  readonly name?: string;
  readonly path?: JsonPath;
  readonly causal?: boolean;
  readonly positions?: PositionKind;
  readonly gated?: boolean;
  readonly norm?: 'layer' | 'rms';
  readonly hiddenSize?: number;
  readonly layers?: number;
  readonly heads?: number;
  /** Key/value heads where the family decides them otherwise than by `num_key_value_heads`. */
  readonly kvHeads?: number;
  readonly headDim?: number;
  readonly valueDim?: number;
  readonly intermediateSize?: number;
  readonly contextLength?: number;
  readonly rope?: RopeChoice;
  /** The rotary embedding of window layers, when it differs. */
  readonly windowRope?: RopeChoice;
  /** Layers without rotation (NoPE); the kind is that of the file, also where a window is as long as the context. */
  readonly unrotated?: (index: number, kind: AttentionKind) => boolean;
  readonly layerKinds?: (count: number) => readonly LayerKind[];
  /** Which layers have the window, when the file has one and no per-layer notation; all by default. */
  readonly windowed?: (index: number) => boolean;
  readonly window?: number;
  /** What the attention of single layers has that the keys of the file do not say by themselves: sizes, an indexer, compression. */
  readonly layerAttention?: (index: number, kind: AttentionKind) => Partial<Attention>;
  /** Width of the network that every token uses beside the experts, where the family gives it without a key. */
  readonly sharedSize?: number;
  /** The network of a layer where the file writes it in keys of its own; undefined: it is read as usual. */
  readonly feedForward?: (index: number) => FeedForward | undefined;
  readonly crossAttention?: boolean;
  /** Elements that a recurrent layer keeps of a sequence, where the keys of its family say it otherwise than most. */
  readonly stateElements?: number;
  readonly image?: ModelPart['image'];
  /** Keys that decide biases, norms and other tensors; read so that `fields` holds their effective values. */
  readonly record?: readonly string[];
}

const defined = <T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };

function readLatent(reader: ConfigReader, hiddenSize: number, heads: number): Latent | undefined {
  if (reader.has('use_mla') && reader.boolean('use_mla') === false) return undefined;
  const kvRank = reader.integer('kv_lora_rank', 1);
  if (kvRank === undefined) return undefined;
  const queryRank = reader.integer('q_lora_rank', 1);
  return {
    kvRank,
    ...(queryRank === undefined ? {} : { queryRank }),
    nopeDim: reader.integer('qk_nope_head_dim') ?? 0,
    ropeDim: reader.integer('qk_rope_head_dim') ?? 0,
    // MiniCPM3 gives no key for it.
    valueDim: reader.integer('v_head_dim') ?? (heads > 0 ? Math.floor(hiddenSize / heads) : 0),
  };
}

/** The ranks of one layer, where the file gives them layer by layer (X-EcoMLA's `layer_rank_list`). */
function latentOfLayer(reader: ConfigReader, latent: Latent | undefined, index: number): Latent | undefined {
  const ranks: unknown = reader.object['layer_rank_list'];
  const own = isObject(ranks) ? ranks[String(index)] : undefined;
  if (latent === undefined || !isObject(own)) return latent;
  const rank = (key: string): number | undefined => {
    const value = own[key];
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value;
    reader.report(
      [...reader.path, 'layer_rank_list', String(index), key],
      'out-of-range',
      `${key} is ${JSON.stringify(value)}; a rank is a whole number above 0.`,
    );
    return undefined;
  };
  const [kvRank, queryRank] = [rank('kv_rank') ?? latent.kvRank, rank('q_rank') ?? latent.queryRank];
  return { ...latent, kvRank, ...(queryRank === undefined ? {} : { queryRank }) };
}

function readWindow(reader: ConfigReader): number | undefined {
  if (reader.has('use_sliding_window') || reader.fields['use_sliding_window'] !== undefined) {
    if (reader.boolean('use_sliding_window') !== true) return undefined;
  }
  for (const key of ['sliding_window', 'sliding_window_size', 'local_attention', 'attention_window_size']) {
    const window = reader.integer(key, 1);
    if (window !== undefined) return window;
  }
  // Longformer: one window for all layers or one a layer.
  if (reader.has('attention_window')) return positive(reader.integerAt('attention_window', 0));
  // `window_size` is a window of attention only beside these; SAM's is the side of a square.
  if (reader.has('attention_layers') || reader.has('attention_types')) return reader.integer('window_size', 1);
  const side = reader.has('global_attn_indexes') ? reader.integer('window_size', 1) : undefined;
  return side === undefined ? undefined : side * side;
}

const positive = (value: number | undefined): number | undefined => (value === 0 ? undefined : value);

interface HeadSizes {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly valueDim: number;
}

/** Heads of a layer; window layers may have sizes of their own (MiMo-V2). */
function headSizes(reader: ConfigReader, base: HeadSizes, kind: AttentionKind): HeadSizes {
  if (kind === 'window') {
    return {
      heads: reader.integer('swa_num_attention_heads', 1) ?? base.heads,
      kvHeads: reader.integer('swa_num_key_value_heads', 1) ?? base.kvHeads,
      headDim: reader.integer('swa_head_dim', 1) ?? base.headDim,
      valueDim: reader.integer('swa_v_head_dim', 1) ?? reader.integer('swa_head_dim', 1) ?? base.valueDim,
    };
  }
  return base;
}

/** One stack of layers, from whatever names the file uses, with what its family knows. */
export function readTransformer(reader: ConfigReader, choice: TransformerChoice): ModelPart {
  for (const key of choice.record ?? []) reader.raw(key);
  // A mixture of heads is Headscope's own (docs/conversions.md): any family that is computed in the llama layout may have it.
  reader.raw(mixtureKey);
  const modelType = typeof reader.object['model_type'] === 'string' ? reader.object['model_type'] : undefined;
  const hiddenSize = choice.hiddenSize ?? reader.integer('hidden_size') ?? 0;
  let count = choice.layers ?? reader.integer('num_hidden_layers', 1) ?? layerCountFromLists(reader) ?? 0;
  if (count > mostLayers) {
    const key = reader.nameOf('num_hidden_layers') ?? 'num_hidden_layers';
    reader.report(
      [...reader.path, key],
      'out-of-range',
      `${key} is ${count}; more than ${mostLayers} layers are not read.`,
    );
    count = 0;
  }

  const heads = choice.heads ?? reader.integerAt('num_attention_heads', 0) ?? 0;
  const kvHeads = choice.kvHeads ?? kvHeadsOf(reader, heads);
  const latent = readLatent(reader, hiddenSize, heads);
  const headDim = latent === undefined ? headDimOf(reader, choice, hiddenSize, heads) : latent.nopeDim + latent.ropeDim;
  const valueDim = latent?.valueDim ?? choice.valueDim ?? positive(reader.integer('v_head_dim')) ?? headDim;
  const base: HeadSizes = { heads, kvHeads: latent === undefined ? kvHeads : heads, headDim, valueDim };

  const window = choice.window ?? readWindow(reader);
  const chunk = reader.integer('attention_chunk_size', 1);
  const contextLength = choice.contextLength ?? reader.integer('max_position_embeddings', 1);
  const positions = choice.positions ?? (choice.role === 'decoder' ? 'rope' : 'learned');
  const windowed = choice.windowed ?? (() => true);
  const kinds =
    choice.layerKinds?.(count) ?? readLayerKinds(reader, count, (index) => window !== undefined && windowed(index));

  const ropes: Rope[] = [];
  let fullRope: number | undefined;
  let windowRope: number | undefined;
  if (positions === 'rope') {
    const dimensions = latent === undefined ? {} : { dimensions: latent.ropeDim };
    fullRope = ropes.push(readRope(reader, headDim, { ...dimensions, ...choice.rope })) - 1;
    windowRope = fullRope;
    if (choice.windowRope !== undefined && kinds.some(({ kind }) => kind === 'window')) {
      windowRope = ropes.push(readRope(reader, headDim, choice.windowRope)) - 1;
    }
  }

  const causal = choice.causal ?? choice.role === 'decoder';
  const noRope = reader.has('no_rope_layers') ? reader.numbers('no_rope_layers') : undefined;
  const shared = reader.integer('num_kv_shared_layers') ?? 0;
  const firstShared = shared > 0 && shared < count ? count - shared : count;
  const gated = choice.gated ?? choice.role === 'decoder';

  const layers: Layer[] = kinds.map((layerKind, index) => {
    let { kind, note } = layerKind;
    const width = kind === 'window' ? window : kind === 'chunked' ? (chunk ?? window) : undefined;
    if ((kind === 'window' || kind === 'chunked') && width === undefined) kind = 'full';
    if (kind === 'window' && width !== undefined && contextLength !== undefined && width >= contextLength) {
      kind = 'full';
      note = `its window of ${width} is no shorter than the context`;
    }
    const reads = kind === 'full' || kind === 'window' || kind === 'chunked';
    const sizes = reads ? headSizes(reader, base, layerKind.kind) : base;
    const rotated = reads && noRope?.[index] !== 0 && choice.unrotated?.(index, layerKind.kind) !== true;
    const rope = rotated ? (layerKind.kind === 'window' ? windowRope : fullRope) : undefined;
    const state =
      kind === 'linear' || kind === 'mamba' || layerKind.mixer === true
        ? (choice.stateElements ?? stateElements(reader, kind === 'linear' ? 'linear' : 'mamba', hiddenSize))
        : undefined;
    const sharesKvOf = index >= firstShared ? lastOfKind(kinds, firstShared, layerKind.kind) : undefined;
    const attention: Attention = defined({
      kind,
      window: kind === 'window' || kind === 'chunked' ? width : undefined,
      causal,
      ...sizes,
      latent: reads ? latentOfLayer(reader, latent, index) : undefined,
      rope,
      sharesKvOf,
      stateElements: state,
      note,
      ...(reads ? choice.layerAttention?.(index, kind) : {}),
    });
    const size = choice.intermediateSize;
    return defined({
      index,
      attention,
      crossAttention: choice.crossAttention === true ? crossAttentionOf(base) : undefined,
      feedForward:
        choice.feedForward?.(index) ??
        readFeedForward(reader, index, count, {
          gated,
          ...(size === undefined ? {} : { size }),
          ...(choice.sharedSize === undefined ? {} : { sharedSize: choice.sharedSize }),
          ...(layerKind.feedForward === undefined ? {} : { kind: layerKind.feedForward }),
        }),
    });
  });

  const attends = layers.some(({ attention }) => attention.kind !== 'none' && attention.kind !== 'mamba');
  const dense = layers.find(({ feedForward }) => feedForward.kind === 'dense');
  const scores = reader.positive('attn_logit_softcapping');
  const logits = reader.positive('final_logit_softcapping');
  return defined({
    name: choice.name ?? reader.path.join('.'),
    path: choice.path ?? reader.path,
    role: choice.role,
    modelType,
    family: choice.family,
    hiddenSize,
    layers,
    attention: attends ? attentionWord(base, latent) : 'none',
    ...base,
    ropes,
    positions,
    contextLength,
    intermediateSize: dense?.feedForward.size ?? undefined,
    activation: reader.string('hidden_act'),
    norm: defined({
      kind: choice.norm ?? (reader.nameOf('norm_epsilon') === 'rms_norm_eps' || positions === 'rope' ? 'rms' : 'layer'),
      epsilon: reader.positive('norm_epsilon', true),
    }),
    vocabularySize: reader.integer('vocab_size', 1),
    softcap: scores === undefined && logits === undefined ? undefined : defined({ scores, logits }),
    image: choice.image,
    fields: reader.fields,
  });
}

function kvHeadsOf(reader: ConfigReader, heads: number): number {
  const written = reader.integerAt('num_key_value_heads', 0);
  if (written !== undefined) return written;
  const inner = reader.child('attn_config')?.integer('kv_n_heads', 1);
  if (inner !== undefined) return inner;
  const groups = reader.has('multi_query_group_num') ? reader.integer('multi_query_group_num') : undefined;
  if (groups !== undefined && reader.boolean('multi_query_attention') !== false) return groups;
  if (reader.has('multi_query') && reader.boolean('multi_query') === true) return 1;
  reader.derive('num_key_value_heads', heads, 'num_attention_heads');
  return heads;
}

function headDimOf(reader: ConfigReader, choice: TransformerChoice, hiddenSize: number, heads: number): number {
  if (choice.headDim !== undefined) return choice.headDim;
  const written = reader.integer('head_dim', 1);
  if (written !== undefined) return written;
  const value = heads > 0 ? Math.floor(hiddenSize / heads) : 0;
  reader.derive('head_dim', value, 'hidden_size / num_attention_heads');
  return value;
}

function attentionWord({ heads, kvHeads }: HeadSizes, latent: Latent | undefined): ModelPart['attention'] {
  if (latent !== undefined) return 'mla';
  if (heads === 0) return 'none';
  if (kvHeads === heads) return 'mha';
  return kvHeads === 1 ? 'mqa' : 'gqa';
}

function lastOfKind(kinds: readonly LayerKind[], before: number, kind: AttentionKind): number | undefined {
  for (let index = before - 1; index >= 0; index--) if (kinds[index]?.kind === kind) return index;
  return undefined;
}

const crossAttentionOf = (sizes: HeadSizes): Attention => ({ kind: 'full', causal: false, ...sizes });
