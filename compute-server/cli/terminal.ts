/** The only place of the command line that writes to the terminal: whatever is printed is printable. */
import { printable, printableLine } from '../../protocol/wire/printable';

/** Result of a command. */
const writeOut = (text: string): void => void process.stdout.write(printable(text));

/** Words beside it. */
export const writeErr = (text: string): void => void process.stderr.write(printable(text));

/** Where the words of a command go. */
export interface Terminal {
  readonly writeOut: (text: string) => void;
  readonly writeErr: (text: string) => void;
  /** How far a command is; `share` of 1 where it is known. */
  readonly progress: (line: string, share?: number) => void;
}

const startOfLine = '\r\x1b[2K';

/** A line on stderr that replaces the one before; nothing where stderr is no terminal. */
function replaceLine(line: string): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(startOfLine + printableLine(line).slice(0, (process.stderr.columns || 80) - 1));
}

export function onOutputErrors(out: (error: NodeJS.ErrnoException) => void, err: () => void): void {
  process.stdout.on('error', out);
  process.stderr.on('error', err);
}

export const ownTerminal: Terminal = { writeOut, writeErr, progress: (line) => replaceLine(line) };
