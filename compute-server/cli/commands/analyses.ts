/** headscope analyses: the catalogue of what can be asked of a model. */
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { Registration } from '../registration';
import { textTable } from '../table';

export const analyses: Registration = (program, session) => {
  program
    .command('analyses')
    .description('List the analyses that `headscope run` knows, each with the question that it answers.')
    .option('--json <file>', 'write the catalogue as JSON, - for stdout')
    .action(async (options: { readonly json?: string }) => {
      const catalogue = await session.compute().call('analyses', []);
      // The contract lists parameters by name.
      const rows = catalogue.map(({ parameters, ...rest }) => ({
        ...rest,
        parameters: Object.entries(parameters).map(([name, parameter]) => ({ name, ...parameter })),
      }));
      if (options.json !== undefined) await session.writeJson(options.json, { analyses: rows });
      if (options.json !== '-') session.print(inWords(catalogue));
    });
};

const inWords = (catalogue: readonly AnalysisInfo[]): string =>
  textTable(
    ['id', 'group', 'reads', 'question'],
    catalogue.map(({ id, group, input, question }) => [id, group, input, question]),
  );
