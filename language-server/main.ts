#!/usr/bin/env node
import { runCheck } from './command-line/check-command';
import { startServer } from './handlers/server';

/** `check PATH…` looks at files once and ends; everything else is LSP, over node IPC or `--stdio`. */
const [, , word, ...rest] = process.argv;
if (word === 'check') {
  runCheck(
    rest,
    (text) => process.stdout.write(text),
    (text) => process.stderr.write(text),
  ).then(
    (status) => {
      process.exitCode = status;
    },
    (error: unknown) => {
      process.stderr.write(`The check failed: ${error instanceof Error ? error.message : String(error)}.\n`);
      process.exitCode = 3;
    },
  );
} else startServer();
