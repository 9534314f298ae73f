#!/usr/bin/env node
import { runCheck } from './command-line/check-command';
import { startServer } from './handlers/server';

/** `check PATH…` looks at files once and ends; everything else is LSP, over node IPC or `--stdio`. */
const [, , word, ...rest] = process.argv;
if (word === 'check') {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader such as head that has read enough closes the pipe: it misses nothing, so nothing is said.
    if (error.code === 'EPIPE') return;
    process.exitCode = 3;
    process.stderr.write(`Standard output could not be written (${error.message}). Send it to another place.\n`);
  });
  runCheck(
    rest,
    (text) => process.stdout.write(text),
    (text) => process.stderr.write(text),
  ).then(
    (status) => {
      process.exitCode ??= status;
    },
    (error: unknown) => {
      process.stderr.write(`The check failed: ${error instanceof Error ? error.message : String(error)}.\n`);
      process.exitCode = 3;
    },
  );
} else startServer();
