#!/usr/bin/env node
/** The `headscope` command: what the panels do, without an editor. */
import { CommanderError } from 'commander';
import { commandErrorOf, exitCodes } from './exit-codes';
import { lookAtOutputs } from './output-options';
import { headscopeProgram } from './program';
import { CommandSession } from './session';
import { onSshConnectionEnd } from './ssh-connection';

// A command that a process of Headscope started, a cell of a sweep, ends with it.
if (process.send) {
  process.on('disconnect', () => process.exit(exitCodes.cancelled));
  process.channel?.unref();
} else {
  // As by Ctrl+C in a terminal.
  onSshConnectionEnd(() => process.kill(process.pid, 'SIGINT'));
}

async function main(): Promise<number> {
  const session = new CommandSession().ofProcess();
  try {
    await lookAtOutputs(headscopeProgram(session), session).parseAsync();
    return session.exitCode;
  } catch (error) {
    // commander has printed its own sentence; help and version are no error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUsage;
    const failure = commandErrorOf(error, session.signal.aborted);
    session.note(failure.message);
    return failure.exitCode;
  } finally {
    session.close();
  }
}

void main().then((code) => {
  // A command that hands on another program's status has set it.
  process.exitCode ??= code;
});
