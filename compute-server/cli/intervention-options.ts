/** Options that change a run: `--do`, `--do-file`, and the shorthands that came before them. All become one array. */
import { dirname, isAbsolute, resolve } from 'node:path';
import type { Command } from 'commander';
import { parseDo, parseKind } from '../../protocol/interventions/do-form';
import { savedInterventions } from '../../protocol/interventions/file';
import { kinds, type Intervention } from '../../protocol/interventions/interventions';
import type { Read } from '../../protocol/interventions/kind';
import { check } from '../../protocol/schema/check';
import { wrongUsage } from './exit-codes';
import { collect } from './options';
import { jsonFile } from './text-files';

export interface InterventionOptions {
  readonly do?: readonly string[];
  readonly doFile?: readonly string[];
  readonly gain?: readonly string[];
  readonly gains?: string;
  readonly bias?: readonly string[];
}

export function addInterventionOptions(command: Command): Command {
  return command
    .option(
      '--do <kind:form>',
      'change the run, e.g. gain:2.5=0, head:2.5=mean, mlp:4=zero (docs/interventions.md); may be given several times',
      collect,
    )
    .option('--do-file <file>', 'a file of interventions, as the Heads panel saves it', collect)
    .option('--gain <L.H=g>', 'short for --do gain:L.H=g', collect)
    .option('--gains <file>', 'the same as --do-file')
    .option('--bias <L.H:FROM-TO=b>', 'short for --do bias:L.H:FROM-TO=b', collect);
}

export async function interventionsFrom(options: InterventionOptions): Promise<readonly Intervention[]> {
  const files = [...(options.doFile ?? []), ...(options.gains === undefined ? [] : [options.gains])];
  const saved: Intervention[] = [];
  for (const file of files) saved.push(...(await savedIn(file)));
  return [
    ...saved,
    ...(options.gain ?? []).map((text) => understood(parseKind(kinds.gain, text))),
    ...(options.bias ?? []).map((text) => understood(parseKind(kinds.bias, text))),
    ...(options.do ?? []).map((text) => inFolder(understood(parseDo(text)), process.cwd())),
  ];
}

/** Which of the options were given, as they are written. */
export const givenInterventions = (options: InterventionOptions): readonly string[] =>
  (
    [
      ['do', '--do'],
      ['doFile', '--do-file'],
      ['gain', '--gain'],
      ['gains', '--gains'],
      ['bias', '--bias'],
    ] as const
  ).flatMap(([name, written]) => (options[name] === undefined ? [] : [written]));

function understood<T>(read: Read<T>): T {
  if (!read.ok) throw wrongUsage(read.why);
  return read.value;
}

async function savedIn(path: string): Promise<readonly Intervention[]> {
  const checked = check(savedInterventions(), await jsonFile(path), 'The file');
  if (!checked.ok) throw wrongUsage(`${path} is not a saved intervention: ${checked.why}`);
  return checked.result.map((one) => inFolder(one, dirname(resolve(path))));
}

/** Files of rows are named from where they were written down. */
function inFolder(one: Intervention, folder: string): Intervention {
  if (!('source' in one) || one.source.from !== 'file' || isAbsolute(one.source.path)) return one;
  return { ...one, source: { from: 'file', path: resolve(folder, one.source.path) } };
}
