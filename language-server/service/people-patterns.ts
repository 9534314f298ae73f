import { createContext, runInContext } from 'node:vm';

/** Milliseconds that a pattern of a file may take: nested repeats can go on for years. */
const longest = 250;

/**
 * Whether a pattern as Python's re writes it matches one of the names from end to end; `unknown` of what JavaScript does not
 * read. The engine of regular expressions has no limit of its own, but a script in node:vm is stopped even inside of one.
 */
export const matchesSome = (pattern: string, names: readonly string[]): 'yes' | 'no' | 'too-long' | 'unknown' => {
  let whole: RegExp;
  try {
    whole = new RegExp(`^(?:${pattern.replace(/\(\?P</g, '(?<')})$`);
  } catch {
    return 'unknown';
  }
  const context = createContext({ found: false, test: (name: string) => whole.test(name), names });
  try {
    runInContext('found = names.some(test)', context, { timeout: longest });
    return context['found'] === true ? 'yes' : 'no';
  } catch (error) {
    // A pattern that overflows the engine's stack is no better.
    if (error instanceof RangeError || (error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
      return 'too-long';
    throw error;
  }
};
