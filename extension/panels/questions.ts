/** What a panel asks of the compute server, and what is said when there is no answer. */
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

/** What a person did too early: said as it is, without the words of a failure around it. */
export class Sentence extends Error {}

export const sentenceOfError = (error: unknown): { readonly sentence: string; readonly details?: string } =>
  error instanceof Sentence ? { sentence: error.message } : wordsOf(error);
