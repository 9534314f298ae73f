/** The families that Headscope runs, by name, so that a search finds every use. */
import type { ModelDescription } from '../formats/model-description';
import { mainPart } from '../formats/model-description';
import type { Architecture } from './architecture';
import { bert } from './bert';
import { gemma, gemma2, gemma3 } from './gemma';
import { gpt2 } from './gpt2';
import { gptNeox } from './gpt-neox';
import { llama } from './llama';
import { opt } from './opt';
import { phi3 } from './phi3';
import { qwen2 } from './qwen2';
import { qwen3 } from './qwen3';

export const architectures: readonly Architecture[] = [
  llama,
  qwen2,
  qwen3,
  gemma,
  gemma2,
  gemma3,
  phi3,
  gpt2,
  gptNeox,
  opt,
  bert,
];

export const architectureOf = (family: string): Architecture | undefined =>
  architectures.find((architecture) => architecture.families.includes(family));

/** True when the compute server can run a model of this description, else one sentence that says why not. */
export function runnable(model: ModelDescription): true | string {
  const part = mainPart(model);
  if (!part) return 'The config describes no model part that could be run.';
  if (!architectureOf(part.family)) {
    const known = architectures.flatMap((architecture) => architecture.families).join(', ');
    return `Headscope does not run the family "${part.family}" yet; it runs ${known}.`;
  }
  const [, second] = model.parts;
  if (second) {
    return `Headscope does not run models of several parts yet: this one has ${model.parts.length} (${model.parts.map(({ name, role }) => name || role).join(', ')}).`;
  }
  if (model.quantisation) {
    return `The weights are quantised (${model.quantisation.method}); Headscope runs float32, float16 and bfloat16 weights: use the unquantised checkpoint.`;
  }
  if (part.layers.some((layer) => layer.feedForward.kind === 'experts')) {
    return 'Headscope does not run routed experts yet.';
  }
  return true;
}
