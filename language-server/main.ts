#!/usr/bin/env node
import { runCheck } from './command-line/check-command';
import { onOutputError, writeErr, writeOut } from './command-line/terminal';
import { startServer } from './handlers/server';

/** `check PATH…` looks at files once and ends; everything else is LSP, over node IPC or `--stdio`. */
const [, , word, ...rest] = process.argv;
if (word === 'check') {
  onOutputError((error) => {
    // A reader such as head that has read enough closes the pipe: it misses nothing, so nothing is reported.
    if (error.code === 'EPIPE') return;
    process.exitCode = 3;
    writeErr(`Standard output could not be written (${error.message}). Send it to another place.\n`);
  });
  runCheck(rest, writeOut, writeErr).then(
    (status) => {
      process.exitCode ??= status;
    },
    (error: unknown) => {
      writeErr(`The check failed: ${error instanceof Error ? error.message : String(error)}.\n`);
      process.exitCode = 3;
    },
  );
} else startServer();
