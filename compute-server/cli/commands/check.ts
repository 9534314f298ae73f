import { spawn } from 'node:child_process';
import path from 'node:path';
import { Command } from 'commander';
import { OutputOption } from '../output-options';

/**
 * `headscope check PATH…`: the findings of the language server without an editor. The server's own bundle, which lies
 * beside this one, does the work and the printing; this command only hands words, output and exit status through.
 */
export const checkCommand = (): Command =>
  new Command('check')
    .description('check model configs and the files beside them; exit 1 when an error is found')
    .argument('[paths...]', 'config files, or folders with models below them')
    .option('--format <format>', 'text, json or sarif (default: text)')
    .option('--severity <code=level...>', 'severity of a rule: error, warning, information, hint or off')
    .option('--device-memory <GB>', 'report caches that do not fit into this memory at full length')
    .addOption(new OutputOption('--sarif <file>', 'write a SARIF log beside what is printed', 'sarif'))
    .option('--quiet', 'print errors alone')
    .option('--max-warnings <n>', 'exit 1 when there are more warnings')
    .option('--ignore-others', 'pass over named files that are no model files')
    .option('--baseline <file>', 'hide the findings that are in the file')
    .addOption(new OutputOption('--write-baseline <file>', 'write all findings into the file', 'baseline'))
    .option('--fix', 'make the changes that leave no other reading')
    .option('--dry-run', 'with --fix: print a diff and write nothing')
    .addHelpText('after', '\nThe nearest .headscope.json is read first (docs/settings.md); words here go before it.')
    .allowUnknownOption()
    .action(async (_paths: readonly string[], _options: object, command: Command) => {
      const words =
        command.parent === null ? process.argv.slice(2) : process.argv.slice(process.argv.indexOf('check') + 1);
      // It may stand before the name of the command; behind the words it would be a path where they have a `--`.
      const { force } = command.optsWithGlobals<{ readonly force?: boolean }>();
      process.exitCode = await runLanguageServer(force ? ['--force', ...words] : words);
    });

const runLanguageServer = (words: readonly string[]): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = path.join(__dirname, 'language-server.js');
    const child = spawn(process.execPath, [server, 'check', ...words], { stdio: 'inherit' });
    child.on('error', reject);
    // In a terminal Ctrl+C reaches both; where it was sent to this process alone, the server has not heard of it.
    process.once('SIGINT', () => child.kill('SIGINT'));
    child.on('exit', (code, signal) => {
      // 128 + 2 is what shells report for SIGINT; the command line calls that cancelled.
      resolve(code ?? (signal === 'SIGINT' ? 130 : 3));
    });
  });
