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
  /** Of a part with ALiBi, by query head: its slope, and tokens behind which no key can have a weight above 0.1 % (models/formats/estimates/alibi-scope.ts). */
  readonly alibi?: readonly { readonly slope: number; readonly scope: number }[];
}

export interface ModelFacts {
  /** URI of the config file. */
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
  /** Number format in which the cache is counted, and what the figures assume, a clause each. */
  readonly cache?: { readonly dtype: string; readonly assumptions: readonly string[] };
  /** KV cache of one token over all layers. */
  readonly kvBytesPerToken?: number;
  /** KV cache at a context length, batch 1; windows and MLA taken into account. */
  readonly kvBytes?: readonly { readonly length: number; readonly bytes: number }[];
  readonly flopsPerToken?: number;
  /** True when the compute server can run it, else the sentence that says why not. */
  readonly supported: true | string;
  readonly errors: number;
  readonly warnings: number;
}

/** Sent by the extension when it shows a model in a tree, a view or a panel. */
export const describeModel = 'headscope/describeModel';
export interface DescribeModelParams {
  readonly uri: string;
}
export type DescribeModelResult = ModelFacts | null;

/** Sent by the extension to fill the Models tree: which of these files are model configs (by content). */
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
}[];

/**
 * Sent by the extension whenever the .onnx files in its tabs change, the whole list each time. They are no text documents,
 * so the editor opens and closes none; what is wrong with them is reported on their addresses while they are in a tab.
 */
export const showGraphs = 'headscope/showGraphs';
export interface ShowGraphsParams {
  readonly uris: readonly string[];
}
