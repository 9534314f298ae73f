import type { Command } from 'commander';
import type { CommandSession } from './session';

/** Adds one command to the program; its action works with the session and may set `session.exitCode`. */
export type Registration = (program: Command, session: CommandSession) => void;
