/** headscope analyses: the catalogue of what can be asked of a model. */
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { TaskInfo } from '../../../protocol/analysis/tasks';
import { kindNames, kinds } from '../../../protocol/interventions/interventions';
import { jsonOption } from '../output-options';
import type { Registration } from '../registration';
import { textTable } from '../table';

export const analyses: Registration = (program, session) => {
  program
    .command('analyses')
    .description(
      'List the analyses that `headscope run` knows, each with its question, and the tasks and interventions.',
    )
    .addOption(jsonOption('write the catalogue as JSON, - for stdout'))
    .action(async (options: { readonly json?: string }) => {
      const client = session.compute();
      const [catalogue, tasks] = await Promise.all([client.call('analyses', []), client.call('tasks', [])]);
      if (options.json !== undefined) {
        await session.writeJson(options.json, {
          analyses: catalogue.map((info) => ({ ...withList(info), input: info.inputs[0] })),
          tasks: tasks.map(withList),
          interventions: kindNames.map((kind) => {
            const { name, meaning, form, example, parameters } = kinds[kind];
            return { kind, name, meaning, form, example, parameters };
          }),
        });
      }
      if (options.json !== '-') session.print(`${inWords(catalogue)}\n\n${tasksInWords(tasks)}`);
    });
};

const inWords = (catalogue: readonly AnalysisInfo[]): string =>
  textTable(
    ['id', 'group', 'reads', 'question'],
    catalogue.map(({ id, group, inputs, question }) => [id, group, inputs.join(', '), question]),
  );

/** The contract lists parameters by name. */
const withList = <T extends { readonly parameters: ParameterTable }>({ parameters, ...rest }: T) => ({
  ...rest,
  parameters: Object.entries(parameters).map(([name, parameter]) => ({ name, ...parameter })),
});

const tasksInWords = (tasks: readonly TaskInfo[]): string =>
  textTable(
    ['task', 'metric', 'source'],
    tasks.map(({ id, metric, source }) => [id, metric, source.reference]),
  );
