/** The texts on which two models are compared: a prompt, documents of a corpus, or prompts of a task. */
import { random, seedFor } from '../../../kernels/tensors/random';
import * as field from '../../../kernels/parameters';
import { refusal } from '../../../protocol/wire/failures';
import type { ParameterValues } from '../../../protocol/schema/parts';
import type { AnalysisJob, ReadInput } from '../../analysis';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { shuffled } from '../../tasks/draft';
import { idsOf, readingOf } from '../corpus/reading';

export const textParameters = {
  texts: field.integer('Texts', 'The most documents of a corpus, or prompts of a task, on which heads are compared.', {
    min: 1,
    max: 256,
    default: 8,
  }),
  tokens: field.integer('Tokens of a document', 'The most tokens of a document that are read.', {
    min: 8,
    max: 8192,
    default: 256,
  }),
};

export type TextParameters = { readonly texts: number; readonly tokens: number };

interface NamedText {
  readonly name: string;
  readonly prompt: Pick<Prompt, 'ids'> & Partial<Prompt>;
}

export async function textsOf(
  model: ModelRunner,
  { input, seed }: Pick<AnalysisJob<ParameterValues>, 'input' | 'seed'>,
  { texts, tokens }: TextParameters,
): Promise<readonly NamedText[]> {
  const { prompts, corpus, task } = input;
  if (task) {
    const samples = task.samples.slice(0, texts);
    if (samples.length === 0) throw refusal('The task has no prompt that this model can read. Choose another task.');
    return samples.map(({ prompt }, at) => ({ name: `prompt ${at + 1} of the task`, prompt: { ids: prompt.ids } }));
  }
  if (corpus) {
    const { shape } = await readingOf(model, tokens);
    const order = shuffled(
      random(seedFor(seed, 'texts')),
      Array.from({ length: corpus.documents.length }, (_, at) => at),
    );
    const found = order.slice(0, texts).sort((a, b) => a - b);
    const read = found.map((index) => ({
      name: corpus.documents[index]?.id ?? `document ${index + 1}`,
      prompt: { ids: [...shape.lead, ...idsOf(model, corpus, index)].slice(0, Math.max(2, shape.size)) },
    }));
    const kept = read.filter(({ prompt }) => prompt.ids.length > 1);
    if (kept.length === 0) throw refusal('The corpus has no document of at least two tokens. Choose another corpus.');
    return kept;
  }
  const [prompt] = prompts;
  if (!prompt) throw new RangeError('the analysis reads a prompt');
  return [{ name: 'prompt', prompt }];
}

/** How many texts there will be, and the tokens of the longest. */
export function textsAhead(
  { prompts: [prompt], corpus, task }: ReadInput,
  { texts, tokens }: TextParameters,
): { readonly count: number; readonly rows: number } {
  if (task) {
    const some = task.samples.slice(0, texts);
    return { count: Math.max(1, some.length), rows: Math.max(0, ...some.map(({ prompt: { ids } }) => ids.length)) };
  }
  if (corpus) return { count: Math.min(texts, Math.max(1, corpus.documents.length)), rows: tokens };
  return { count: 1, rows: prompt?.ids.length ?? 0 };
}
