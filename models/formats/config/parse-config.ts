export type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string };

/** Deeper files are no configuration; JSON.parse would end the process's stack long before it said so. */
const deepest = 500;

/**
 * JSON as Python's `json` writes it: the numbers NaN, Infinity and -Infinity stand bare in published configs (Nemotron-H's
 * `time_step_limit`), and some files start with a byte order mark.
 */
export function parseConfig(text: string): Parsed {
  const plain = text.startsWith('\uFEFF') ? text.slice(1) : text;
  if (nestingOf(plain) > deepest) return { ok: false, message: `The file nests deeper than ${deepest} levels.` };
  try {
    return { ok: true, value: JSON.parse(plain) as unknown };
  } catch (error) {
    const relaxed = withoutBareNumbers(plain);
    if (relaxed !== plain) {
      try {
        return { ok: true, value: JSON.parse(relaxed) as unknown };
      } catch {
        // The first message names the place in the file as it is.
      }
    }
    return { ok: false, message: `The file is not valid JSON: ${(error as Error).message}.` };
  }
}

/** Deepest nesting of brackets outside strings. */
export function nestingOf(text: string): number {
  let depth = 0;
  let most = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 92) index++;
      else if (code === 34) inString = false;
    } else if (code === 34) inString = true;
    else if (code === 123 || code === 91) {
      depth++;
      if (depth > most) most = depth;
    } else if (code === 125 || code === 93) depth--;
  }
  return most;
}

/** 1e999 is read as Infinity by every JSON parser; NaN has no number and becomes null. */
function withoutBareNumbers(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (token) => {
    if (token.startsWith('"')) return token;
    if (token === 'NaN') return 'null';
    return token.startsWith('-') ? '-1e999' : '1e999';
  });
}
