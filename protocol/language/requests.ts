/**
 * Custom requests of the language server, sent by the extension over LSP beside the standard ones.
 * Method names are `headscope/verbNoun`.
 */

/** What the attention of one layer reads. */
export interface LayerFacts {
  readonly kind: 'full' | 'window' | 'chunked' | 'linear' | 'none';
  /** Tokens, for `window` and `chunked`. */
  readonly window?: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** It attends to an image or another part, beside its own attention or, with kind `none`, in its place. */
  readonly cross?: true;
  /** Width of the stream in this layer, where stages have widths of their own (Swin, SegFormer). */
  readonly hiddenSize?: number;
}

/** The facts of one model config, or of one part of it (`text_config`, `vision_config`, encoder, decoder). */
export interface ModelPartFacts {
  /** `` for the model itself, else the path of the part in the file, e.g. `text_config`. */
  readonly path: string;
  readonly role: 'decoder' | 'encoder' | 'vision' | 'audio';
  readonly attention: 'mha' | 'mqa' | 'gqa' | 'mla' | 'none';
  readonly layers: readonly LayerFacts[];
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly valueDim: number;
  readonly hiddenSize: number;
  readonly contextLength?: number;
  /** The rotary embedding of its layers, that of full attention where window layers have another; `scaling`: `llama3 x 8`. */
  readonly rope?: { readonly theta: number; readonly dimensions: number; readonly scaling: string };
  /**
   * Where a part has ALiBi, by query head: its slope, and the distance in tokens beyond which no key can have a weight above
   * 0.1 % (models/formats/estimates/alibi-scope.ts).
   */
  readonly alibi?: readonly { readonly slope: number; readonly scope: number }[];
}

/** What a GGUF file, a graph without a config.json or an adapter says of itself. */
export interface OtherFileFacts {
  readonly kind: 'gguf' | 'onnx' | 'adapter';
  /** `GGUF Q4_K_M`, `ONNX float16`, `LoRA r=16 of Llama-3.1-8B`. */
  readonly title: string;
  readonly details: readonly { readonly title: string; readonly text: string }[];
  /** Sentences: what could not be read, and what cannot be true. */
  readonly notes: readonly string[];
  /** The base model of an adapter, where it is among the models that are known; URI of its config. */
  readonly base?: { readonly name: string; readonly uri: string };
  /** URI of the config beside a GGUF file, if the file holds the same model as the weights of that config. */
  readonly formOf?: string;
}

export interface ModelFacts {
  /** URI of the config file, or of the file that `file` speaks of. */
  readonly uri: string;
  /** Name of the folder. */
  readonly name: string;
  readonly family: string;
  readonly modelType?: string;
  /** One sentence: "32 layers of grouped-query attention, 32 query heads on 8 key/value heads of 128". */
  readonly sentence: string;
  readonly parts: readonly ModelPartFacts[];
  readonly vocabularySize?: number;
  readonly dtype?: string;
  /** Where `dtype` comes from when no key of that name says it, as a clause. */
  readonly dtypeFrom?: string;
  /** Exact when the family is known, else absent. */
  readonly parameters?: {
    readonly total: number;
    readonly active: number;
    readonly parts: readonly { readonly name: string; readonly count: number }[];
  };
  /** Bytes of weights on disk, when they lie beside the config. */
  readonly weightBytes?: number;
  /** Weights and bytes by number format, from the headers of the weights; the one with most bytes first. */
  readonly formats?: readonly { readonly name: string; readonly weights: number; readonly bytes: number }[];
  /** 8 x bytes of all tensors / weights, scales included. */
  readonly bitsPerWeight?: number;
  /** Absent: a config. */
  readonly file?: OtherFileFacts;
  /** Number format in which the cache is counted, and what the figures assume, a clause each. */
  readonly cache?: { readonly dtype: string; readonly assumptions: readonly string[] };
  /** KV cache of one token over all layers. */
  readonly kvBytesPerToken?: number;
  /** KV cache at a context length, batch 1; windows and MLA taken into account. */
  readonly kvBytes?: readonly { readonly length: number; readonly bytes: number }[];
  readonly flopsPerToken?: number;
  /** True when the compute server can run it, else the sentence that says why not. */
  readonly supported: true | string;
  /** What of pictures and sound is not read, where the text part runs alone. */
  readonly unread?: string;
  readonly errors: number;
  readonly warnings: number;
}

/** Sent by the extension when it shows a model in a tree, a view or a panel. */
export const describeModel = 'headscope/describeModel';
export interface DescribeModelParams {
  readonly uri: string;
}
export type DescribeModelResult = ModelFacts | null;

/**
 * Sent by the extension to fill the Models tree: which of these files are model configs (by content), GGUF files, graphs
 * or adapters. The configs are the models in which the base of an adapter is looked for from then on.
 */
export const recogniseModels = 'headscope/recogniseModels';
export interface RecogniseModelsParams {
  readonly uris: readonly string[];
}
export type RecogniseModelsResult = readonly {
  readonly uri: string;
  readonly family: string;
  readonly sentence: string;
  /** It sees: a part of it reads pictures, and another one text. */
  readonly vision: boolean;
  /** What a file is that is no config, in short (`GGUF Q4_K_M`). */
  readonly other?: Pick<OtherFileFacts, 'kind' | 'title'>;
}[];

/**
 * Sent by the extension whenever the .onnx files in its tabs change, the whole list each time. They are no text documents,
 * so the editor opens and closes none; what is wrong with them is reported on their addresses while they are in a tab.
 */
export const showGraphs = 'headscope/showGraphs';
export interface ShowGraphsParams {
  readonly uris: readonly string[];
}
