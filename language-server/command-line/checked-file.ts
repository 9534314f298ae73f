import type { Finding } from '../service/finding';
import type { Range } from '../service/json-document';

/** A finding as `headscope check --format json` prints it; lines and characters count from 0. */
export interface CheckedFinding extends Pick<Finding, 'code' | 'severity' | 'message'> {
  readonly range: Range;
  readonly related?: readonly { readonly message: string; readonly path: string; readonly range?: Range }[];
  /** The same as long as code, place in the JSON and message are. */
  readonly fingerprint: string;
}

export interface CheckedFile {
  /** As given on the command line, or below what was given. */
  readonly path: string;
  /** False of what could not be looked at; the one finding, file-not-read, says why. */
  readonly checked: boolean;
  readonly findings: readonly CheckedFinding[];
}

export const startOfFile: Range = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
