/**
 * The one normalised description of a model, whatever its family calls things. The language server, `headscope inspect`
 * and the model runner read this and no config file.
 *
 * Sizes are plain numbers. A size that neither the file nor its family gives is 0, never a guess; lengths and sizes that
 * a model may lack altogether are optional. The untouched values, with where each comes from, are in `ModelPart.fields`.
 */

import type { OwnFamily } from './workspace-family';

export type JsonPath = readonly (string | number)[];
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** Where an effective value comes from. */
export type ValueSource =
  | { readonly kind: 'file'; readonly path: JsonPath }
  /** Absent in the file; `from` names the class and version whose default fills it, e.g. `transformers 4.57.6 LlamaConfig`. */
  | { readonly kind: 'default'; readonly from: string }
  /** Follows from other fields; `rule` is the formula in the names of the file, e.g. `hidden_size / num_attention_heads`. */
  | { readonly kind: 'derived'; readonly rule: string };

/** One effective value under the name the family's config class gives it. */
export interface Field {
  readonly value: JsonValue;
  readonly source: ValueSource;
}

export type PartRole = 'decoder' | 'encoder' | 'vision' | 'audio';

/** A rotary embedding. Frequencies: theta^(-2i / dimensions), i = 0 .. dimensions/2 - 1, then changed as `scaling` says. */
export interface Rope {
  readonly theta: number;
  /** Width of the rotated part of a head; at most headDim (partial rotary), under MLA the rope part of the key. */
  readonly dimensions: number;
  /** `interleaved` rotates neighbours (2i, 2i+1), `half` rotates (i, i + dimensions/2). */
  readonly layout: 'half' | 'interleaved';
  /** Turned by the negative of each angle (nanochat). */
  readonly backwards?: true;
  readonly scaling: RopeScaling;
  /** The object that gives the form (`rope_scaling` or `rope_parameters`, perhaps one entry of it); absent: no such object. */
  readonly path?: JsonPath;
  readonly source: ValueSource;
}

/** The known forms; `unknown` keeps the name as written. Absent numbers were absent in the file. */
export type RopeScaling =
  | { readonly kind: 'none' }
  | { readonly kind: 'linear'; readonly factor?: number }
  | { readonly kind: 'dynamic'; readonly factor?: number; readonly alpha?: number }
  | {
      readonly kind: 'yarn';
      readonly factor?: number;
      readonly originalLength?: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly attentionFactor?: number;
      readonly mscale?: number;
      readonly mscaleAllDim?: number;
      /** The bounds of the ramp stay where they fall, between two dimensions (gpt-oss); absent: they are rounded outwards. */
      readonly truncate?: false;
    }
  | {
      readonly kind: 'longrope';
      readonly factor?: number;
      readonly shortFactor: readonly number[];
      readonly longFactor: readonly number[];
      readonly originalLength?: number;
      readonly attentionFactor?: number;
    }
  | {
      readonly kind: 'llama3';
      readonly factor?: number;
      readonly lowFreqFactor?: number;
      readonly highFreqFactor?: number;
      readonly originalLength?: number;
    }
  /** Sections of dimensions/2 for time, height, width. */
  | { readonly kind: 'mrope'; readonly sections: readonly number[] }
  | { readonly kind: 'proportional'; readonly partialRotaryFactor?: number }
  | { readonly kind: 'unknown'; readonly name: string };

/** Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434, section 2.1). */
export interface Latent {
  /** Width of the compressed key/value latent that the cache holds. */
  readonly kvRank: number;
  /** Width of the compressed query latent; absent: the query is projected directly. */
  readonly queryRank?: number;
  /** Width of a query/key head without position. */
  readonly nopeDim: number;
  /** Width of the rotary part, whose key is shared by all heads. */
  readonly ropeDim: number;
  readonly valueDim: number;
}

/**
 * - `full`: every earlier position (or every position, when not causal)
 * - `window`: the last `window` positions, own position included
 * - `chunked`: earlier positions of the same chunk of `window` positions
 * - `linear`: a recurrent state instead of a cache (linear attention, delta rule, RWKV)
 * - `mamba`: a state-space layer
 * - `none`: no mixing of positions at all, or a convolution (`note` says which)
 */
export type AttentionKind = 'full' | 'window' | 'chunked' | 'linear' | 'mamba' | 'none';

export interface Attention {
  readonly kind: AttentionKind;
  /** Positions, for `window` and `chunked`. */
  readonly window?: number;
  readonly causal: boolean;
  readonly heads: number;
  /** Equal to `heads` for MHA, 1 for MQA. Under MLA equal to `heads`. */
  readonly kvHeads: number;
  /** Width of a query or key head; under MLA nopeDim + ropeDim. */
  readonly headDim: number;
  readonly valueDim: number;
  readonly latent?: Latent;
  /** Index into `ModelPart.ropes`; absent: no rotation in this layer. */
  readonly rope?: number;
  /** Layer whose keys and values this layer reads instead of its own (KV sharing); then it adds nothing to the cache. */
  readonly sharesKvOf?: number;
  /**
   * Elements that the layer keeps of a sequence however long it is, for `linear` and `mamba` and for attention with such a
   * mixer beside it, where known: the recurrent state and the inputs that a short convolution looks back to
   * (config/recurrent-state.ts has the formulas).
   */
  readonly stateElements?: number;
  /** Key and value of a position are one vector, kept once (DeepSeek-V4). */
  readonly keyIsValue?: true;
  /** Beyond the last `window` positions one key stands for `ratio` positions (DeepSeek-V4); both are kept in the cache. */
  readonly compressed?: { readonly ratio: number; readonly window: number };
  /** A small scorer chooses `topK` positions for each query; it keeps a key of `headDim` for each (DeepSeek-V3.2). */
  readonly indexer?: { readonly heads: number; readonly headDim: number; readonly topK: number };
  /**
   * Positions of what is read, where the file fixes them and they are not the positions of the layer: tiles and patches in
   * cross-attention (Llama 3.2 Vision), keys and values that were made fewer before they are read (SegFormer).
   */
  readonly sourcePositions?: number;
  readonly note?: string;
}

export interface FeedForward {
  /** `dense` one network; `experts` routed experts (perhaps beside shared ones); `none` the layer has none. */
  readonly kind: 'dense' | 'experts' | 'none';
  /** Width of the dense network, or of one routed expert. */
  readonly size: number;
  /** Two projections in, one of them through the activation, and one out (SwiGLU, GeGLU) instead of one in and one out. */
  readonly gated: boolean;
  readonly experts?: {
    readonly count: number;
    /** Routed experts that each token uses. */
    readonly perToken: number;
    /** Total width of the experts that every token uses; 0 when there are none. */
    readonly sharedSize: number;
    /** The shared network has a gate of its own (one vector of hiddenSize). */
    readonly sharedGate: boolean;
    /**
     * Width that the routed experts read and write, where it is not that of the stream: one projection leads there before
     * them all, one back behind them (Nemotron 3 Ultra, Kimi K3).
     */
    readonly latentSize?: number;
    /** Further experts that return what they read (LongCat-Flash): a row of the router each, and no weights of their own. */
    readonly identity?: number;
  };
}

export interface Layer {
  readonly index: number;
  /** Width of the stream in this layer, where stages have widths of their own (Swin, SegFormer); absent: `ModelPart.hiddenSize`. */
  readonly hiddenSize?: number;
  /** Positions of the stream in this layer, where the file fixes them and stages differ in them (Swin, SegFormer). */
  readonly positions?: number;
  readonly attention: Attention;
  /** Attention to another part or to the image; such a layer may have no attention of its own (kind `none`). */
  readonly crossAttention?: Attention;
  readonly feedForward: FeedForward;
}

export type PositionKind = 'rope' | 'learned' | 'sinusoidal' | 'alibi' | 'relative' | 'none' | 'unknown';

export interface ModelPart {
  /** `` for the model itself, else the path in the file (`text_config`), `encoder` / `decoder` where one object holds both. */
  readonly name: string;
  readonly path: JsonPath;
  readonly role: PartRole;
  readonly modelType?: string;
  /** Id of the family that read this part; `generic` when none knows it. */
  readonly family: string;
  readonly hiddenSize: number;
  readonly layers: readonly Layer[];
  /** As written for the part; single layers may differ (`layers`). */
  readonly attention: 'mha' | 'mqa' | 'gqa' | 'mla' | 'none';
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly valueDim: number;
  readonly ropes: readonly Rope[];
  readonly positions: PositionKind;
  /** Longest sequence the file promises (`max_position_embeddings` and its other names); for vision parts the patch count. */
  readonly contextLength?: number;
  /** Width of the dense feed-forward network; absent where every layer has experts only, or none. */
  readonly intermediateSize?: number;
  readonly activation?: string;
  readonly norm: { readonly kind: 'layer' | 'rms'; readonly epsilon?: number };
  readonly vocabularySize?: number;
  /** Logits are capped at +-this by tanh (`final_logit_softcapping`), scores likewise (`attn_logit_softcapping`). */
  readonly softcap?: { readonly scores?: number; readonly logits?: number };
  readonly image?: {
    readonly size?: number;
    readonly patch?: number;
    readonly channels: number;
    /** Positions the vision part attends over, class token included. */
    readonly tokens?: number;
    /** Positions the language model sees, after merging or pooling. */
    readonly outputTokens?: number;
  };
  /** Effective values by the key names of the family's config class: what the file says, else the default with its source. */
  readonly fields: Readonly<Record<string, Field>>;
}

/** `quantization_config` and what stands in for it, as far as the weights' size depends on it. */
export interface Quantisation {
  /** As written (`gptq`, `awq`, `fp8`, `mxfp4`, `compressed-tensors`, `bitsandbytes`, `modelopt`, …); if it has no name, `modelopt` or `mlx` by its keys, else `unknown`. */
  readonly method: string;
  /** Bits of a quantised weight without its scales. */
  readonly bits?: number;
  /** The format within the method, as written in `quant_algo` or `format` (`NVFP4`, `mxfp4-pack-quantized`). */
  readonly algorithm?: string;
  /** Weights that share a scale along the input; -1 for one per channel. */
  readonly groupSize?: number;
  readonly blockSize?: readonly number[];
  readonly symmetric?: boolean;
  /** GPTQ or AWQ with scales [groups, outputs]; Marlin and GEMV kernels have their own order. */
  readonly plainScales: boolean;
  /** Modules that stay in `dtype`, as written. */
  readonly excluded: readonly string[];
  /** Bits of routed experts, where they differ from `bits` (`expert_dtype`, `moe_quant_algo`). */
  readonly expertBits?: number;
  /** Bits of the KV cache that the checkpoint was calibrated for (`kv_cache_scheme`, `kv_cache_quant_algo`). */
  readonly cacheBits?: number;
  /** One scale for each matrix. */
  readonly whole?: boolean;
  /** Groups follow the order of the inputs that the quantiser chose (act-order). */
  readonly ordered?: boolean;
  /** Scales are quantised themselves (bitsandbytes). */
  readonly nestedScales?: boolean;
  /** Inputs of a quantised layer are quantised too, by programs that support it. */
  readonly inputScale?: boolean;
  /** For mixed precision: how many modules with a name have which bits. Numbers in the names are `*`. */
  readonly modules?: readonly ModuleBits[];
  /** The same for each module, as MLX writes it. */
  readonly own?: readonly {
    readonly module: string;
    readonly bits: number;
    readonly groupSize?: number;
    /** MLX: `affine`, `mxfp4`, `nvfp4` or `mxfp8`; absent: as all. */
    readonly mode?: string;
  }[];
  /** Some modules have other bits or groups, by patterns; the tensors of a module show its own. */
  readonly mixed?: boolean;
  /** Several groups of modules, each with a format of its own (compressed-tensors): a name, `re:` and a pattern, or a class. */
  readonly groups?: readonly (GroupFormat & { readonly targets: readonly string[] })[];
  /** How the numbers of GPTQ (`checkpoint_format`) or AWQ (`version`) are laid out, as written. */
  readonly form?: string;
  /** Modules that are not listed have `bits` (MLX), or are not quantised (modelopt). */
  readonly otherModules?: 'quantised' | 'plain';
  readonly path: JsonPath;
}

/** What groups of modules of one checkpoint may differ in. */
type GroupFormat = Pick<
  Quantisation,
  'bits' | 'algorithm' | 'groupSize' | 'blockSize' | 'symmetric' | 'whole' | 'ordered' | 'inputScale'
>;

export interface ModuleBits {
  /** Name of a module with `*` for each number, e.g. `model.layers.*.mlp.up_proj`. */
  readonly pattern: string;
  readonly bits: number;
  readonly groupSize?: number;
  readonly count: number;
}

export interface TokenId {
  /** Key in the file, e.g. `eos_token_id`. */
  readonly key: string;
  readonly ids: readonly number[];
  readonly path: JsonPath;
}

/** What the checkpoint's class puts on top (`architectures[0]`). */
export interface Task {
  readonly kind:
    | 'causal-lm'
    | 'masked-lm'
    | 'sequence-to-sequence'
    | 'sequence-classification'
    | 'token-classification'
    | 'question-answering'
    | 'image-classification'
    | 'pretraining'
    | 'base';
  /** Number of classes; 2 where the file names none. */
  readonly labels: number;
  /** Their names in `id2label`, by number. */
  readonly names?: readonly string[];
}

export interface Projector {
  /** In words: `two linear layers`, `one linear layer`, `patch merger`, … */
  readonly kind: string;
  readonly inputSize: number;
  readonly outputSize: number;
}

/** What could not be read as it stands. Never an exception: a half-typed file still gives a description. */
export interface DescriptionProblem {
  readonly path: JsonPath;
  readonly code: 'not-an-object' | 'wrong-type' | 'out-of-range' | 'missing' | 'unknown-family' | 'unknown-value';
  readonly message: string;
}

/** One key of a file that a run would not follow as the model's class does. */
export interface Departure {
  readonly path: JsonPath;
  /** One sentence on the key and its value, and a next step. */
  readonly message: string;
}

export interface ModelDescription {
  /** The description in a `.headscope.json` that this was read by, where `family` is not known here. */
  readonly ownFamily?: OwnFamily;
  /** Family id, e.g. `llama`; `generic` for unknown ones, where only what the keys themselves say is filled in. */
  readonly family: string;
  readonly title: string;
  /** True when the family's layout is known in full, so that `expectedTensors` and parameter counts are exact. */
  readonly exact: boolean;
  readonly modelType?: string;
  readonly architectures: readonly string[];
  readonly task: Task;
  /** The part that generates or embeds text comes first. */
  readonly parts: readonly ModelPart[];
  readonly projector?: Projector;
  /** Effective values at the top of a file whose parts are nested (`projection_dim`, `vision_feature_layer`, …). */
  readonly fields: Readonly<Record<string, Field>>;
  /** `bfloat16`, `float16`, `float32` …, as written in `dtype` or `torch_dtype` of the model or of its text part. */
  readonly dtype?: string;
  /** Where `dtype` comes from when no such key says it, as a clause: `bf16 is true`, `the weights are quantised to fp8`. */
  readonly dtypeFrom?: string;
  readonly quantisation?: Quantisation;
  readonly tiedEmbeddings: { readonly value: boolean; readonly source: ValueSource };
  readonly tokenIds: readonly TokenId[];
  readonly transformersVersion?: string;
  readonly problems: readonly DescriptionProblem[];
  /** Why a run would be of another model than the file describes; empty where it would not, or where the family does not run. */
  readonly departures: readonly Departure[];
}

/** The text part if there is one, else the first part. */
export const mainPart = (model: ModelDescription): ModelPart | undefined => model.parts[0];
