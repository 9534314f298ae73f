/** The `headscope` program with all its commands, one file per command in `commands/`, ready to parse. */
import { Command } from 'commander';
import { headscopeVersion } from '../version';
import { analyses } from './commands/analyses';
import { bench } from './commands/bench';
import { cab } from './commands/cab';
import { captions } from './commands/captions';
import { chair } from './commands/chair';
import { checkCommand } from './commands/check';
import { convert } from './commands/convert';
import { devices } from './commands/devices';
import { distributed } from './commands/distributed';
import { generate } from './commands/generate';
import { heads } from './commands/heads';
import { jobs } from './commands/jobs';
import { kernel } from './commands/kernel';
import { inspect } from './commands/inspect';
import { map } from './commands/map';
import { mcp } from './commands/mcp';
import { mechanisms } from './commands/mechanisms';
import { moduleCommand, modules } from './commands/modules';
import { plan } from './commands/plan';
import { pope } from './commands/pope';
import { results } from './commands/results';
import { run } from './commands/run';
import { setup } from './commands/setup';
import { steer } from './commands/steer';
import { sweep } from './commands/sweep';
import { task } from './commands/task';
import { vhd } from './commands/vhd';
import { forceOption } from './output-options';
import type { Registration } from './registration';
import type { CommandSession } from './session';

const commands: readonly Registration[] = [
  devices,
  setup,
  mechanisms,
  modules,
  moduleCommand,
  inspect,
  bench,
  kernel,
  cab,
  distributed,
  generate,
  heads,
  map,
  analyses,
  run,
  results,
  jobs,
  convert,
  steer,
  task,
  plan,
  sweep,
  vhd,
  captions,
  chair,
  pope,
  (program) => program.addCommand(checkCommand()),
  (program, session) => mcp(headscopeProgram)(program, session),
];

export function headscopeProgram(session: CommandSession): Command {
  const output = {
    writeOut: (text: string) => session.terminal.writeOut(text),
    writeErr: (text: string) => session.terminal.writeErr(text),
  };
  const program = new Command('headscope')
    .description(
      'Benchmark attention kernels on this machine, inspect model configs, and show what the heads of a model do.',
    )
    .version(headscopeVersion)
    .addOption(forceOption())
    .showHelpAfterError('Run it with --help to see what it takes.')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput(output)
    .exitOverride();
  for (const register of commands) register(program, session);
  // Subcommands that were made apart do not inherit these.
  for (const command of program.commands)
    command.configureOutput(output).exitOverride().showHelpAfterError('Run it with --help to see what it takes.');
  return program;
}
