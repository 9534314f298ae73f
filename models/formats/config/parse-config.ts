import { jsonFault } from './json-fault';

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
  } catch {
    const relaxed = withoutBareNumbers(plain);
    if (relaxed !== plain) {
      try {
        return { ok: true, value: JSON.parse(relaxed) as unknown };
      } catch {
        // What is wrong is something else.
      }
    }
    return { ok: false, message: `The file is not valid JSON: ${jsonFault(sameLength(plain))}.` };
  }
}

/** Deepest nesting of brackets outside strings. */
function nestingOf(text: string): number {
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

/**
 * The numbers that Python's json writes bare and JSON has no word for, outside strings, each replaced. A scan by hand: a
 * regular expression that steps over strings overflows its stack on one of some megabytes.
 */
export function replaceBareNumbers(text: string, put: (word: string) => string): string {
  const pieces: string[] = [];
  let kept = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 34) {
      for (index++; index < text.length && text.charCodeAt(index) !== 34; index++)
        if (text.charCodeAt(index) === 92) index++;
    } else if (code === 78 || code === 73 || code === 45) {
      const word = ['NaN', 'Infinity', '-Infinity'].find((one) => text.startsWith(one, index));
      if (word === undefined || isWordPart(text, index - 1) || isWordPart(text, index + word.length)) continue;
      pieces.push(text.slice(kept, index), put(word));
      kept = index + word.length;
      index = kept - 1;
    }
  }
  return kept === 0 ? text : pieces.join('') + text.slice(kept);
}

const isWordPart = (text: string, index: number): boolean => /[\w$]/.test(text.charAt(index));

/** As many characters as before, so that the place of a fault stays. */
const sameLength = (text: string): string => replaceBareNumbers(text, (word) => '1'.repeat(word.length));

/** 1e999 is read as Infinity by every JSON parser; NaN has no number and becomes null. */
const withoutBareNumbers = (text: string): string =>
  replaceBareNumbers(text, (word) => (word === 'NaN' ? 'null' : word.startsWith('-') ? '-1e999' : '1e999'));
