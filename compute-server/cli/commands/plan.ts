/** headscope plan: cache plans derived, shown, evaluated, read from other forms and written in them. */
import { checkPlan, type Plan, planText } from '../../../protocol/plans/plan-file';
import { wrongUsage } from '../exit-codes';
import { jsonFile, textFile } from '../text-files';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import type { ParameterValue } from '../../../protocol/schema/parts';
import { planFormats } from '../../../protocol/plans/formats/formats';
import type { PlanFormat } from '../../../protocol/plans/formats/format';
import { plannedModel } from '../../../protocol/plans/plan-from';
import {
  addAnalysisOptions,
  analysisNamed,
  analysisWords,
  analysisResult,
  type AnalysisOptions,
} from '../analysis-run';
import { environmentOf } from '../model-options';
import { collect, deviceOption, list, activationsOption, adapterOption, weightsOption, whole } from '../options';
import { jsonOption, OutputOption, planOption } from '../output-options';
import { bytesByLength, kindsOf, planWords, usualLengths } from '../plan-table';
import type { Registration } from '../registration';
import type { CommandSession } from '../session';
import { headscopeVersion } from '../../version';

export const plan: Registration = (program, session) => {
  const group = program.command('plan').description('Cache plans: what each key/value head keeps of the past.');
  for (const add of [derive, show, evaluate, read, write]) add(group, session);
};

interface DeriveOptions extends AnalysisOptions {
  readonly output: string;
  readonly offer: number;
}

/** Analyses that offer plans are not told apart before they run: those of the group are named. */
function derive(group: Command, session: CommandSession): void {
  addAnalysisOptions(
    group
      .command('derive')
      .description(
        'Run an analysis that offers a cache plan, e.g. retrieval-head or one of the group plans, and save it.',
      )
      .argument('<method>', 'the id of the analysis')
      .argument('<model>', 'a model folder or a .gguf file'),
  )
    .addOption(planOption('the plan, e.g. mine.headscope-plan.json').makeOptionMandatory())
    .option('--offer <n>', 'of several plans that it offers, the first, the second, …', whole(1, 1000), 1)
    .action(async (id: string, model: string, options: DeriveOptions) => {
      const client = session.compute(environmentOf(options));
      const info = await analysisNamed(client, id);
      const result = await analysisResult(session, client, { info, model }, options);
      const offered = (result.offers ?? []).filter((offer) => offer.plan !== undefined);
      const chosen = offered[options.offer - 1]?.plan;
      if (options.json !== undefined) await session.writeJson(options.json, result);
      if (!chosen) {
        throw wrongUsage(
          offered.length === 0
            ? `${info.title} offers no cache plan here. ${result.finding}`
            : `${info.title} offers ${offered.length} cache plans here, and plan ${options.offer} was asked for: ${offered.map(({ title }) => title).join('; ')}.`,
        );
      }
      await session.writeFile(options.output, planText(chosen), 'plan');
      if (options.json !== '-') session.print(`${result.finding}\n\n${planWords(chosen)}`);
      for (const { title } of offered.filter((_, at) => at !== options.offer - 1)) {
        session.note(`It offers another plan as well: ${title} (--offer).`);
      }
    });
}

interface ShowOptions {
  readonly lengths?: readonly number[];
  readonly json?: string;
}

function show(group: Command, session: CommandSession): void {
  group
    .command('show')
    .description('What a cache plan keeps, in heads and bytes, where it comes from and what it was measured to do.')
    .argument('<plan>', 'a cache plan')
    .option(
      '--lengths <n,n>',
      'tokens of prompts at which bytes are counted (default: 2,048 to 131,072, as far as the model reads)',
      list(whole(1, 2 ** 31)),
    )
    .addOption(jsonOption('write the same as JSON, - for stdout'))
    .action(async (file: string, { lengths: given, json }: ShowOptions) => {
      const shown = await readPlan(file);
      const lengths = given ?? usualLengths(shown);
      const bytes = bytesByLength(shown, lengths);
      const kinds = kindsOf(shown.heads).map(({ keeps, heads }) => ({ keeps, heads }));
      if (json !== undefined) await session.writeJson(json, { plan: shown, kinds, bytes });
      if (json !== '-') session.print(planWords(shown, lengths));
    });
}

interface EvaluateOptions extends AnalysisOptions {
  readonly output?: string;
}

function evaluate(group: Command, session: CommandSession): void {
  addAnalysisOptions(
    group
      .command('evaluate')
      .description(
        'Hold a cache plan (--plan, or --param rules=…) against the full cache, a uniform plan of the same bytes and random plans: on a task, documents or a prompt.',
      )
      .argument('<model>', 'a model folder or a .gguf file'),
  )
    .addOption(planOption('write the plan again, with what was measured'))
    .action(async (model: string, given: EvaluateOptions, command: Command) => {
      const { plan: file, prefill, ...options } = given;
      if (file === undefined && !options.param?.some((one) => /^(plan|rules)=/u.test(one))) {
        throw wrongUsage(
          'No plan is named. Give its file with --plan, or rules such as --param "rules=*.*=4+64/1.*=full".',
        );
      }
      const client = session.compute(environmentOf(options));
      const info = await analysisNamed(client, 'plan-evaluation');
      const from =
        command.getOptionValueSource('prefill') === 'cli' ? { from: prefill === 'dense' ? 'context' : 'spans' } : {};
      const parameters = { ...(file === undefined ? {} : { plan: resolve(file) }), ...from };
      const result = await analysisResult(session, client, { info, model, parameters }, options);
      const { rows } = result.result;
      if (options.json !== undefined) await session.writeJson(options.json, { rows, ...result });
      const measured = result.offers?.[0]?.plan;
      if (given.output !== undefined && measured) {
        await session.writeFile(given.output, planText(measured), 'plan');
      }
      if (options.json !== '-') session.print(analysisWords(result));
    });
}

interface ImportOptions {
  readonly output: string;
  readonly title?: string;
  readonly param?: readonly string[];
  readonly device?: string;
  readonly weights?: string;
  readonly activations?: string;
  readonly adapter?: string;
}

function read(group: Command, session: CommandSession): void {
  group
    .command('import')
    .description(`Make a cache plan of a file of another form: ${ids('import')}.`)
    .argument('<format>', 'the form of the file')
    .argument('<file>', 'the file')
    .argument('<model>', 'the folder of the model that the plan is for')
    .addOption(planOption('the plan, e.g. mine.headscope-plan.json').makeOptionMandatory())
    .option('--title <text>', 'title of the plan; without one, the name of the file')
    .option('--param <name=value>', 'what the form leaves open, e.g. keep=25%; may be given several times', collect)
    .addOption(deviceOption())
    .addOption(weightsOption())
    .addOption(activationsOption())
    .addOption(adapterOption())
    .action(async (form: string, file: string, model: string, options: ImportOptions) => {
      const reader = formatNamed(form, 'import').import;
      const text = await textFile(file);
      const client = session.compute(environmentOf({ threads: 0, ...options }));
      const summary = await client.call('openModel', [resolve(model)], { signal: session.signal });
      const settings = Object.fromEntries((options.param ?? []).map(settingOf));
      const made = reader?.(text, {
        model: plannedModel(summary),
        layers: summary.layers,
        kvHeads: summary.kvHeads,
        title: options.title ?? basename(file),
        created: new Date().toISOString(),
        headscope: headscopeVersion,
        note: basename(file),
        ...(Object.keys(settings).length > 0 ? { settings } : {}),
      });
      if (!made) throw wrongUsage(`There is no form "${form}".`);
      if (!made.ok) throw wrongUsage(`${file} does not make a plan for ${summary.name}: ${made.why}`);
      await session.writeFile(options.output, planText(made.result), 'plan');
      session.print(planWords(made.result));
    });
}

function write(group: Command, session: CommandSession): void {
  group
    .command('export')
    .description(`Write a cache plan in another form: ${ids('export')}.`)
    .argument('<plan>', 'a cache plan')
    .argument('<format>', 'the form')
    .addOption(new OutputOption('-o, --output <file>', 'the file; without one, standard output', 'table'))
    .action(async (file: string, form: string, { output }: { readonly output?: string }) => {
      const writer = formatNamed(form, 'export').export;
      const made = writer?.(await readPlan(file));
      if (!made) throw wrongUsage(`There is no form "${form}".`);
      if (!made.ok) throw wrongUsage(`${file} cannot be written as ${form}: ${made.why}`);
      if (output === undefined) session.print(made.result.replaceAll('\r\n', '\n').trimEnd());
      else await session.writeFile(output, made.result, 'table');
    });
}

const able = (what: 'import' | 'export'): readonly PlanFormat[] =>
  planFormats.filter((format) => format[what] !== undefined);
const ids = (what: 'import' | 'export'): string =>
  able(what)
    .map(({ id, title }) => `${id} (${title})`)
    .join(', ');

function formatNamed(id: string, what: 'import' | 'export'): PlanFormat {
  const found = able(what).find((format) => format.id === id);
  if (found) return found;
  throw wrongUsage(
    `No form "${id.slice(0, 40)}" can be ${what === 'import' ? 'read' : 'written'}. Choose from ${able(what)
      .map((one) => one.id)
      .join(', ')}.`,
  );
}

/** Numbers, true and false as such; everything else is text. */
function settingOf(text: string): [string, ParameterValue] {
  const [, name, value = ''] = /^([^=]+)=(.*)$/su.exec(text) ?? [];
  if (name === undefined) throw wrongUsage(`"${text}" is not a setting. Write name=value.`);
  if (value === 'true' || value === 'false') return [name.trim(), value === 'true'];
  return [name.trim(), value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) : value];
}

export async function readPlan(path: string): Promise<Plan> {
  const checked = checkPlan(await jsonFile(path));
  if (!checked.ok) throw wrongUsage(`${path} is not a cache plan: ${checked.why}`);
  return checked.result;
}
