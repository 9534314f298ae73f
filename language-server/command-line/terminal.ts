/** The only place of `check` that writes to the terminal: whatever is printed is printable. */
import { printable } from '../../protocol/wire/printable';

/** The ends of lines of other systems, in a diff of a file that has them: before a line feed a carriage return moves nothing. */
const lines = (text: string): string => text.split('\r\n').map(printable).join('\r\n');

export const writeOut = (text: string): void => void process.stdout.write(lines(text));

export const writeErr = (text: string): void => void process.stderr.write(printable(text));

export const onOutputError = (act: (error: NodeJS.ErrnoException) => void): void =>
  void process.stdout.on('error', act);
