import { createContext, runInContext } from 'node:vm';

/** Milliseconds of computing that a pattern of a file may take: nested repeats can go on for years. */
const longest = 250;
/** The clock of a script runs on while its process waits for a processor: it is tried so often, each time for twice as long. */
const mostTries = 4;

/**
 * The names that a pattern as Python's re writes it matches from end to end; `unknown` of what JavaScript does not read. The engine
 * of regular expressions has no limit of its own, but a script in node:vm is stopped even inside of one.
 */
export function matchedNames(pattern: string, names: readonly string[]): readonly string[] | 'too-long' | 'unknown' {
  let whole: RegExp;
  try {
    whole = new RegExp(`^(?:${pattern.replace(/\(\?P</g, '(?<')})$`);
  } catch {
    return 'unknown';
  }
  const found: string[] = [];
  const test = (name: string): void => {
    if (whole.test(name)) found.push(name);
  };
  const context = createContext({ test, names });
  for (let tries = 1; ; tries += 1) {
    const before = process.cpuUsage();
    try {
      runInContext('for (const name of names) test(name)', context, { timeout: longest * 2 ** (tries - 1) });
      return found;
    } catch (error) {
      // A pattern that overflows the engine's stack is no better.
      if (error instanceof RangeError) return 'too-long';
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      const { user, system } = process.cpuUsage(before);
      if (tries === mostTries || (user + system) / 1000 >= longest / 2) return 'too-long';
      found.length = 0;
    }
  }
}

/** Whether such a pattern matches one of the names. */
export function matchesSome(pattern: string, names: readonly string[]): 'yes' | 'no' | 'too-long' | 'unknown' {
  const found = matchedNames(pattern, names);
  return typeof found === 'string' ? found : found.length > 0 ? 'yes' : 'no';
}
