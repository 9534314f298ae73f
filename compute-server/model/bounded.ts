/**
 * Work that a file of the model folder steers (a chat template with nested loops, a pattern of the tokenizer that backtracks
 * without end) gets a time limit: V8 stops it in the middle, as it does with a script that runs too long.
 */
import { runInNewContext } from 'node:vm';

export class TookTooLong extends Error {
  override readonly name = 'TookTooLong';
}

/** What `act` gives; throws TookTooLong when it has not ended after `milliseconds`. `act` must not wait for anything. */
export function within<T>(milliseconds: number, act: () => T): T {
  try {
    // A function called by the script counts as its running, wherever the function comes from.
    return runInNewContext('act()', { act }, { timeout: milliseconds }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') {
      throw new TookTooLong(`It was stopped after ${milliseconds / 1000} s.`);
    }
    throw error;
  }
}
