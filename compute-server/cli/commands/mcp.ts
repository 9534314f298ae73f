/** headscope mcp: the commands as tools for an agent. */
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { wrongUsage } from '../exit-codes';
import { collect } from '../options';
import { serveAgent } from '../mcp/server';
import type { Registration } from '../registration';
import type { CommandSession } from '../session';

interface McpOptions {
  readonly root?: readonly string[];
  readonly inspectOnly?: boolean;
}

/** `all`: the program that this command belongs to, for another session. */
export const mcp =
  (all: (session: CommandSession) => Command): Registration =>
  (program) => {
    program
      .command('mcp')
      .description(
        'Serve checks, inspections, benchmarks and analyses to an agent (Model Context Protocol over stdio).',
      )
      .option(
        '--root <folder>',
        'a folder that files may lie in; may be given several times (default: those of the client, else this folder)',
        collect,
      )
      .option('--inspect-only', 'run and write nothing: for folders that are not trusted')
      .action(async ({ root = [], inspectOnly = false }: McpOptions) => {
        for (const folder of root) {
          if (!(await stat(folder).catch(() => undefined))?.isDirectory()) {
            throw wrongUsage(`${folder} (--root) is not a folder. Name one that is there.`);
          }
        }
        await serveAgent({ program: all, roots: root, inspectOnly });
      });
  };
