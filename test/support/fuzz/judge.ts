/** What counts as an answer: a value that says something, or one clear sentence. */
import type { Outcome } from './subject';

/** Why an outcome is none, or undefined. */
export function faultOf(outcome: Outcome): string | undefined {
  if (typeof outcome !== 'object' || outcome === null)
    return `gave neither a value nor a sentence, but ${String(outcome)}`;
  if ('refusal' in outcome) return faultOfSentence(outcome.refusal);
  return saysNothing(outcome.value) ? `answered nothing: ${JSON.stringify(outcome.value) ?? 'undefined'}` : undefined;
}

const saysNothing = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  (Array.isArray(value) && value.length === 0) ||
  (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype && Object.keys(value).length === 0);

/** What an interpreter or a library says of itself, by which a person learns nothing about the file. */
const inside =
  /^\s*at .+:\d+|\b(?:Type|Range|Reference|Syntax|Eval|Internal|Assertion)?Error:|Cannot (?:read|set|convert|destructure|mix|use)|is not (?:a function|iterable|a constructor|defined|extensible)|Maximum call stack|Invalid (?:array|string|typed array) length|Array buffer allocation|\[object |\bundefined\b|\bNaN\b(?! or inf)|ERR_[A-Z]|out of bounds|unreachable executed|node:internal|node_modules/m;

/** Longer is no sentence; names from a file are cut where they are put into one. */
const longestSentence = 1000;

export function faultOfSentence(sentence: unknown): string | undefined {
  if (typeof sentence !== 'string' || sentence.trim() === '')
    return `refused without a word: ${JSON.stringify(sentence)}`;
  if (sentence.length > longestSentence)
    return `refused with ${sentence.length} characters: ${sentence.slice(0, 200)}…`;
  const found = inside.exec(sentence);
  if (found) return `refused with the inside of the program ("${found[0]}"): ${sentence}`;
  if (/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(sentence)) {
    return `refused with characters that steer a terminal: ${JSON.stringify(sentence)}`;
  }
  if (!/[.!?)]$/.test(sentence)) return `refused with what is no sentence: ${sentence}`;
  return undefined;
}
