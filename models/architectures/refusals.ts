/** Models that are described but not run, each with its reason: their classes compute more than attention over the tokens of a text, or less. */
import type { ModelDescription } from '../formats/model-description';

interface Refusal {
  readonly types: readonly string[];
  /** Absent: every class of these types. */
  readonly classes?: RegExp;
  /** Why, as the rest of a sentence that begins with the model's name. */
  readonly why: string;
}

const refusals: readonly Refusal[] = [
  {
    types: ['yoso'],
    why: 'weighs tokens by how often their hashes collide, so its rows are no probabilities: choose a model whose attention is a softmax',
  },
  {
    types: ['clvp_encoder'],
    why: 'rotates values as well as queries and keys, which Headscope does not compute: choose a model of text alone',
  },
  {
    types: ['bros'],
    why: 'reads where each word stands on a page, which a prompt does not say: choose a model of text alone',
  },
  {
    types: ['lilt'],
    why: 'adds scores for the places of words on a page in every layer, which Headscope does not compute: choose a model of text alone',
  },
  {
    types: ['pegasus_x'],
    why: 'has global tokens beside those of the source, which read all of it and are read by every block, and which Headscope does not show: choose a Pegasus or LED',
  },
  {
    types: ['cpmant'],
    why: 'puts a learned prompt in front of each text that every token reads, so attention over the text alone does not sum to 1: choose another decoder, such as a Llama',
  },
  {
    types: ['llava_llama'],
    why: 'keeps its text model in the folder llm, with its own config.json and weights: choose that folder',
  },
  {
    types: ['deepseek_v4', 'deepseek_ref'],
    why: 'carries several streams, keeps one key for several positions, and in its first layers chooses experts by token id, which Headscope does not compute: choose a DeepSeek-V3',
  },
  {
    types: ['kimi_k3', 'kimi_linear'],
    why: 'has Kimi Delta Attention in most of its layers, a recurrence that Headscope does not compute: choose a Kimi K2',
  },
  {
    types: ['step3p5', 'step3p7'],
    why: 'gates each head and clamps the activations of some networks, which Headscope does not compute: choose a Qwen3',
  },
  {
    types: ['yuan'],
    why: 'computes queries and keys from neighbouring tokens by a convolution, which Headscope does not compute: choose a Llama',
  },
  {
    types: ['phi3small'],
    why: 'skips blocks of keys in a pattern of its own for each head, which Headscope does not compute: choose a Phi-3 mini',
  },
  {
    types: ['ultravox'],
    why: 'holds only the part that listens; text_model_id names its text model: choose the checkpoint of that model',
  },
  {
    types: ['llama', 'phi3', 'qwen2', 'qwen3'],
    classes: /^LlamaForCausalLMEagle3$|^D(Flash|Spark)DraftModel$/,
    why: 'drafts for a larger model and reads the outputs of its layers, which this folder does not hold: choose the larger model',
  },
  {
    types: ['xgenmm'],
    why: 'stores the embeddings and output rows of some tokens in tensors of their own, which Headscope does not join: choose a Phi-3',
  },
  {
    types: ['locateanything'],
    why: 'generates several tokens at once that attend to one another, while Headscope generates them one by one: choose a Qwen2',
  },
];

/** One sentence, or undefined if the type and the class of a model are not refused. */
export function refusalOf({ modelType, architectures: [className] }: ModelDescription): string | undefined {
  const found = refusals.find(
    ({ types, classes }) =>
      modelType !== undefined && types.includes(modelType) && (classes?.test(className ?? '') ?? true),
  );
  return found && `${className ?? `A model of the type "${modelType}"`} ${found.why}.`;
}
