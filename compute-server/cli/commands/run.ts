/** headscope run: any analysis of the catalogue, on a model. */
import type { Command } from 'commander';
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { Parameter } from '../../../protocol/analysis/parameters';
import {
  addAnalysisOptions,
  analysisNamed,
  analysisResult,
  analysisWords,
  type AnalysisOptions,
  type Choice,
} from '../analysis-run';
import { exitCodes, wrongUsage } from '../exit-codes';
import { environmentOf } from '../model-options';
import { collect } from '../options';
import { OutputOption } from '../output-options';
import type { Registration } from '../registration';
import type { CommandSession } from '../session';
import { sectionText } from '../section-text';
import { textTable } from '../table';
import { codeFileOf } from '../workspace-of';

export interface RunOptions extends AnalysisOptions {
  readonly listParams?: boolean;
  readonly field?: readonly string[];
  readonly withBase?: boolean;
}

export const run: Registration = (program, session) => {
  addRunOptions(
    program
      .command('run')
      .description('Run an analysis on a local model. `headscope analyses` lists them.')
      .argument('<analysis>', 'the id of the analysis, or an analysis file of your own (*.headscope-analysis.ts)')
      .argument(
        '[model]',
        'a model folder, a .gguf file or captured attention; none where the analysis trains its own',
      ),
  ).action((id: string, model: string | undefined, options: RunOptions) => runAnalysis(session, id, model, options));
};

/** Everything that a run of an analysis takes beside the analysis and the model. */
export const addRunOptions = (command: Command): Command =>
  addAnalysisOptions(command)
    .option('--list-params', 'print the parameters of the analysis, and run nothing')
    .option('--with-base', 'with --adapter: run on the base too, and show what the adapter changes')
    .addOption(
      new OutputOption(
        '--field <name=file>',
        'write a field of the result alone, in the form that others read; may be given several times',
        'result',
        (value) => fieldAndFile(value)[1],
      ).argParser(collect),
    );

export async function runAnalysis(
  session: CommandSession,
  id: string,
  model: string | undefined,
  options: RunOptions,
  choice?: Choice,
): Promise<void> {
  const { adapter, withBase = false, ...others } = options;
  if (withBase && adapter === undefined)
    throw wrongUsage(
      '--with-base compares a model that has an adapter with its base. Name the adapter with --adapter.',
    );
  const client = session.compute(environmentOf(withBase ? others : options));
  const file = choice ? undefined : codeFileOf(id);
  const info = file ? await client.call('analysisOfFile', [file]) : await analysisNamed(client, id, choice);
  if (options.listParams) {
    if (options.json !== undefined) await session.writeJson(options.json, { parameters: info.parameters });
    if (options.json !== '-') session.print(parametersInWords(info));
    return;
  }
  if (model === undefined && !info.trains) throw wrongUsage('No model is named. Give the folder of one.');
  if (model !== undefined && info.trains) {
    throw wrongUsage(`${info.title} trains its own model. Give the folder for it with --param folder=….`);
  }
  if (options.adapter !== undefined && info.trains)
    throw wrongUsage(`${info.title} trains its own model. Leave --adapter out.`);
  const fields = fieldFiles(info, options.field ?? []);
  const base = withBase ? await analysisResult(session, client, { info, file, model }, options) : undefined;
  const result = await analysisResult(
    session,
    client,
    { info, file, model, ...(base && adapter !== undefined ? { adapter } : {}) },
    options,
  );
  if (options.json !== undefined)
    await session.writeJson(
      options.json,
      base ? { ...result, comparedWith: { name: base.model.name, result: base } } : result,
    );
  for (const [field, file] of fields) await session.writeJson(file, result.result[field], 'as-is');
  if (options.json !== '-') session.print(analysisWords(result));
  if (base && options.json !== '-') {
    const changes = await client.call('compareAnalyses', [base, result, file && { file: [file] }]);
    session.print(
      ['', `Against ${base.model.name} without the adapter:`, base.finding, ...changes.map(sectionText)].join('\n\n'),
    );
  }
  if (!result.stopped) return;
  session.exitCode = exitCodes.cancelled;
  session.note('Stopped: this is what was known by then. Run the same command again to continue.');
}

function fieldAndFile(text: string): readonly [field: string, file: string] {
  const [, name = '', file = ''] = /^([^=]+)=(.+)$/u.exec(text) ?? [];
  return [name, file];
}

/** Fields of the result that are written as files of their own, as [field, file]. */
const fieldFiles = ({ title, files = [] }: AnalysisInfo, given: readonly string[]): readonly [string, string][] =>
  given.map((one) => {
    const [name, file] = fieldAndFile(one);
    if (files.some(({ field }) => field === name)) return [name, file];
    const known = files.length === 0 ? 'none' : files.map(({ field }) => field).join(', ');
    throw wrongUsage(`"${one}" names no field of ${title} with its file (name=file). Written alone are: ${known}.`);
  });

function parametersInWords({ title, parameters }: AnalysisInfo): string {
  const rows = Object.entries(parameters).map(([name, parameter]) => [
    name,
    rangeOf(parameter),
    String(parameter.default),
    parameter.description,
  ]);
  return rows.length === 0
    ? `${title} takes no parameters.`
    : textTable(['parameter', 'values', 'default', 'what it is'], rows);
}

function rangeOf(parameter: Parameter): string {
  switch (parameter.kind) {
    case 'integer':
    case 'number':
      return `${parameter.min} to ${parameter.max}${parameter.unit ? ` ${parameter.unit}` : ''}`;
    case 'choice':
      return parameter.options.join(', ');
    case 'boolean':
      return 'true, false';
    case 'text':
      return 'text';
    case 'file':
      return 'a path';
    case 'folder':
      return 'a folder';
    case 'heads':
      return 'heads, e.g. 2.5,3.*';
    case 'regions':
      return `${parameter.least} to ${parameter.most} regions, e.g. 3-9/12-15 or 0-3x0-1/0-3x2-3`;
  }
}
