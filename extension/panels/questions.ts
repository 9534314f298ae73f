/** What a panel asks of the compute server, and what a person is told when there is no answer. Pure of VS Code. */
import { FailureError } from '../../protocol/wire/failures';
import { wordsOf } from '../platform/compute';

/**
 * A question changes nothing: one whose process was ended (by a cancelled run that did not stop, say) is asked once more, of the
 * process that takes its place.
 */
export async function again<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof FailureError && error.failure.code === 'compute-restarted') return act();
    throw error;
  }
}

/** What a person did too early: told as it is, without a failure's words around it. */
export class Sentence extends Error {}

export const sentenceOfError = (error: unknown): { readonly sentence: string; readonly details?: string } =>
  error instanceof Sentence ? { sentence: error.message } : wordsOf(error);
