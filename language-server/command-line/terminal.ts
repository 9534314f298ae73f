/** The only place of `check` that writes to the terminal: whatever is printed is printable. */
import { printable } from '../../protocol/wire/printable';

export const writeOut = (text: string): void => void process.stdout.write(printable(text));

export const writeErr = (text: string): void => void process.stderr.write(printable(text));

export const onOutputError = (act: (error: NodeJS.ErrnoException) => void): void =>
  void process.stdout.on('error', act);
