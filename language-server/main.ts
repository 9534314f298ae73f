#!/usr/bin/env node
import { runCheck } from './command-line/check-command';
import { usage } from './command-line/order';
import { onOutputError, writeErr, writeOut } from './command-line/terminal';
import { startServer } from './handlers/server';

/** `check PATH…` looks at files once and ends; options alone are LSP, over node IPC or `--stdio`. */
const [, , word, ...rest] = process.argv;

const check = (words: readonly string[]): void => {
  onOutputError((error) => {
    // A reader such as head that has read enough closes the pipe: it misses nothing, so nothing is reported.
    if (error.code === 'EPIPE') return;
    process.exitCode = 3;
    writeErr(`Standard output could not be written (${error.message}). Send it to another place.\n`);
  });
  runCheck(words, writeOut, writeErr).then(
    (status) => {
      process.exitCode ??= status;
    },
    (error: unknown) => {
      writeErr(`The check failed: ${error instanceof Error ? error.message : String(error)}.\n`);
      process.exitCode = 3;
    },
  );
};

if (word === 'check') check(rest);
else if (word === '--version') writeOut(`${process.env['HEADSCOPE_VERSION'] ?? '0.0.0'}\n`);
else if (word === '--help' || word === '-h') writeOut(`${usage}\nWith --stdio it is a language server.\n`);
else if (word?.startsWith('-') === true || (word === undefined && !process.stdin.isTTY)) startServer();
else {
  const what = word === undefined ? 'No command was given' : `${word} is no command of this program`;
  writeErr(`${what}: it knows check, and --stdio for editors. All others are in the extension and the repository.\n`);
  process.exitCode = 2;
}
