import type { ModelPart } from '../model-description';
import { namesOf } from './config-reader';

/** The sentence on a size or count that is not a whole number above 0. */
export const countSentence = (key: string, value: number): string =>
  `${key} is ${value}; it must be a whole number above 0.`;

const sizes = [
  ['hidden_size', 'hiddenSize'],
  ['num_attention_heads', 'heads'],
  ['num_key_value_heads', 'kvHeads'],
  ['head_dim', 'headDim'],
] as const;

/** One sentence where a stack has no layers, or layers of no size. */
export function sizeProblem(part: ModelPart): string | undefined {
  const what = part.name === '' ? 'the model' : part.name;
  if (part.layers.length === 0) return `The config gives ${what} no layers. Write their number as num_hidden_layers.`;
  // A stack of recurrences alone counts no heads of attention (Mamba-2 calls its own heads so, and RWKV-4 has none).
  const attends = part.layers.some(({ attention: { kind } }) => ['full', 'window', 'chunked'].includes(kind));
  for (const [key, size] of sizes) {
    if (part[size] > 0 || (!attends && size !== 'hiddenSize')) continue;
    const name = namesOf(key).find((each) => part.fields[each] !== undefined) ?? key;
    const written = part.fields[name]?.value;
    return typeof written === 'number'
      ? countSentence(name, written)
      : `The config gives ${what} no ${key}. Write it as the checkpoint has it.`;
  }
  return undefined;
}
