import type { Companions } from '../../models/formats/companions/companions';
import type { TokenizerVocabulary } from '../../models/formats/companions/tokenizer-vocabulary';
import type { ModelPart } from '../../models/formats/model-description';
import type { OnnxDescription } from '../../models/formats/onnx/read-onnx';
import type { StageRun } from '../../models/formats/stage-runs';
import type { OtherModel } from '../../models/formats/other-model';

/** What `headscope inspect --json` writes beside the provenance; names are fixed, more may be added. */
export interface Inspection {
  readonly model: string;
  readonly family: string;
  readonly modelType: string | null;
  /** Layers of the main part; 0 where the file and its family do not say. */
  readonly layers: number;
  /** Layers of the main part by what they do: full, window, chunked, linear, mamba, cross (to another part alone), none. */
  readonly layerKinds: Readonly<Record<string, number>>;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly valueDim: number;
  readonly hiddenSize: number;
  /** The stages of a tower that has them (Swin, SegFormer); absent for all others. */
  readonly stages?: readonly StageRun[];
  readonly vocabularySize: number | null;
  readonly contextLength: number | null;
  /**
   * Elements of all learned tensors: counted in the safetensors headers where the weights are there unquantised, else from
   * the config when the family's layout is known in full, else null.
   */
  readonly parameters: number | null;
  readonly parametersFrom: 'header' | 'config' | null;
  readonly activeParameters: number | null;
  readonly parameterSplit: readonly { readonly name: string; readonly count: number; readonly active: number }[];
  /** Bytes of the tensors in the safetensors files; from the config where there are none. */
  readonly bytes: number | null;
  readonly bytesFrom: 'header' | 'config' | null;
  /** Bytes by dtype of the safetensors headers; from the config, its dtype alone. */
  readonly dtypes: Readonly<Record<string, number>>;
  readonly attention: ModelPart['attention'];
  /** Positions of the window, where layers have one. */
  readonly window?: number;
  readonly windowLayers: number;
  /** With ALiBi, by query head: slope, and tokens behind which no key has a weight above 0.1 % where queries prefer none. */
  readonly alibi?: readonly { readonly slope: number; readonly scope: number }[];
  /** Bytes that one token adds to the KV cache over all layers, in the model's dtype; 0 for encoders. */
  readonly kvBytesPerToken: number;
  /** Under MLA, the same where keys and values of every head are kept instead of the latent. */
  readonly kvBytesPerTokenExpanded?: number;
  /** KV cache of one sequence at these lengths, windows and latents taken into account. */
  readonly kvBytes: Readonly<Record<string, number>>;
  /** Operations of one token with nothing before it; a multiply-add is two. Null, and none at lengths, of a tower in stages. */
  readonly flopsPerToken: number | null;
  readonly flopsPerTokenAt: Readonly<Record<string, number>>;
  readonly prefillFlops: Readonly<Record<string, number>>;
  readonly quantisation: { readonly method: string; readonly bits: number | null } | null;
  readonly supported: true | string;
  /** What of pictures and sound is not read, where the text part runs alone. */
  readonly unread?: string;
  readonly parts: readonly {
    readonly name: string;
    readonly role: ModelPart['role'];
    readonly family: string;
    readonly layers: number;
    readonly heads: number;
    readonly kvHeads: number;
    readonly headDim: number;
    readonly hiddenSize: number;
  }[];
  readonly formulas: Readonly<Record<string, { readonly formula: string; readonly assumptions: readonly string[] }>>;
  /** What generation, tokenizer, processor, adapter and genai files beside the config say. */
  readonly companions: Companions;
  /** Entries and ids of the `tokenizer.json` beside the config. */
  readonly tokenizer: TokenizerVocabulary | null;
  /** The .onnx files of the folder and of its `onnx` folder. */
  readonly onnx: readonly (Pick<OnnxDescription, 'inputs' | 'outputs' | 'attention' | 'elements' | 'opsets'> & {
    readonly file: string;
  })[];
  /** What could not be read, and where weights and config disagree. */
  readonly notes: readonly string[];
  readonly headerBytesRead: number;
  /** What a GGUF file, a graph without a config.json or an adapter says beside this; absent for a config. */
  readonly file?: Pick<OtherModel, 'kind' | 'title' | 'bitsPerWeight' | 'formats' | 'details'> & {
    readonly path: string;
  };
}
