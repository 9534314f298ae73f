/** Look: the question that the workbench asks of a model and a prompt before any other. Which analysis answers it is said here alone. */
import type { ModelSummary } from '../schema/parts';
import type { InputKind } from './analysis';
import type { AnalysisInput } from './schema';

export interface LookRequest {
  /** Undefined while it is not known. */
  readonly model: Pick<ModelSummary, 'name' | 'vision' | 'unread' | 'vocabulary'> | undefined;
  readonly input: InputKind;
  /** What stands in the prompt: text or token ids, the same with a picture, or a picture alone. */
  readonly prompt: 'text' | 'text-with-picture' | 'picture';
}

/** The analysis that Look asks, or the sentence that says why it asks none, with a next step. */
export type Look = { readonly analysis: LookAnalysis } | { readonly why: string };

/** The heads of a prompt or, of a picture alone, of the vision encoder; or which of them look at the picture of a prompt. */
export type LookAnalysis = 'heads' | 'divergence';

export function lookOf({ model, input, prompt }: LookRequest): Look {
  if (input !== 'prompt')
    return { why: 'Look reads one prompt. Choose “Prompt” as the input, or ask another question.' };
  const asked = prompt === 'text-with-picture' ? 'divergence' : 'heads';
  if (model === undefined) return { analysis: asked };
  const { name, vision, unread = `${name} reads no pictures.`, vocabulary } = model;
  if (prompt === 'text') {
    return vocabulary > 0
      ? { analysis: asked }
      : { why: `${name} reads pictures and no text. Choose “Picture” as what the prompt is.` };
  }
  if (vision === undefined) return { why: `${unread} Choose a model that reads them, or a prompt of text.` };
  // An encoder that stands beside text, or alone, has no place for a picture in a prompt.
  return asked === 'heads' || vision.imageToken !== undefined
    ? { analysis: asked }
    : { why: `${name} reads a picture alone, not within a text. Choose “Picture” as what the prompt is.` };
}

/** What `lookOf` needs of an input. */
export function lookedAt(input: AnalysisInput): Pick<LookRequest, 'input' | 'prompt'> {
  const { kind } = input;
  if (!('prompt' in input)) return { input: kind, prompt: 'text' };
  const { prompt } = input;
  if (prompt.kind === 'image') return { input: kind, prompt: 'picture' };
  return { input: kind, prompt: prompt.image === undefined ? 'text' : 'text-with-picture' };
}
