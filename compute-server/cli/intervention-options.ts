/** Options that change a run: `--do`, `--do-file`, and the shorthands that came before them. All become one array. */
import { dirname, isAbsolute, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { namesEvery, parseDo, parseEach, type HeadCounts } from '../../protocol/interventions/do-form';
import { savedInterventions } from '../../protocol/interventions/file';
import type { Intervention } from '../../protocol/interventions/interventions';
import { planIntervention, prefillModes } from '../../protocol/interventions/plan';
import type { Read } from '../../protocol/interventions/kind';
import { checkPlan } from '../../protocol/plans/plan-file';
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
  readonly plan?: string;
  readonly prefill?: string;
}

export function addInterventionOptions(command: Command): Command {
  return command
    .option(
      '--do <kind:form>',
      'change the run, e.g. gain:2.5=0, head:2.5=mean, head:1.*=zero, mlp:4=zero (docs/interventions.md); may be given several times',
      collect,
    )
    .option('--do-file <file>', 'a file of interventions, as the workbench saves it', collect)
    .option('--gain <L.H=g>', 'short for --do gain:L.H=g', collect)
    .option('--gains <file>', 'the same as --do-file')
    .option('--bias <L.H:FROM-TO=b>', 'short for --do bias:L.H:FROM-TO=b', collect)
    .option('--plan <file>', 'a cache plan: what each key/value head keeps of the past (docs/cache-plans.md)')
    .addOption(
      new Option('--prefill <mode>', 'with --plan: the prompt is read under it, or in full and compressed at its end')
        .choices(prefillModes)
        .default('spans'),
    );
}

/** `model` is asked for its heads where a form names every head of a layer. */
export async function interventionsFrom(
  options: InterventionOptions,
  model: () => Promise<HeadCounts>,
): Promise<readonly Intervention[]> {
  const files = [...(options.doFile ?? []), ...(options.gains === undefined ? [] : [options.gains])];
  const saved: Intervention[] = [];
  for (const file of files) saved.push(...(await savedIn(file)));
  const written = writtenForms(options);
  const counts = written.some(namesEvery) ? await model() : undefined;
  return [
    ...saved,
    ...written
      .flatMap((text) => (counts ? understood(parseEach(text, counts)) : [understood(parseDo(text))]))
      .map((one) => inFolder(one, process.cwd())),
    ...(options.plan === undefined ? [] : [await planIn(options.plan, options.prefill)]),
  ];
}

/** As `--do` takes them. */
export const writtenForms = ({ gain = [], bias = [], do: others = [] }: InterventionOptions): readonly string[] => [
  ...gain.map((text) => `gain:${text}`),
  ...bias.map((text) => `bias:${text}`),
  ...others,
];

async function planIn(path: string, prefill: string | undefined): Promise<Intervention> {
  const checked = checkPlan(await jsonFile(path));
  if (!checked.ok) throw wrongUsage(`${path} is not a cache plan: ${checked.why}`);
  const { heads, prompt } = checked.result;
  return planIntervention(heads, prefill === 'dense' ? 'dense' : 'spans', prompt);
}

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
  if (one.kind === 'encoder') return { ...one, change: inFolder(one.change, folder) as typeof one.change };
  if (!('source' in one) || one.source.from !== 'file' || isAbsolute(one.source.path)) return one;
  return { ...one, source: { from: 'file', path: resolve(folder, one.source.path) } };
}
