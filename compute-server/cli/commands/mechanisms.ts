import { attentionPatterns } from '../../../kernels/shape';
import type { MechanismInfo } from '../../../protocol/compute/api';
import { templateColumns } from '../../../protocol/compute/template';
import { provenance } from '../../provenance';
import type { Registration } from '../registration';
import { textTable } from '../table';

/** headscope mechanisms: the catalogue. */
export const mechanisms: Registration = (program, session) => {
  program
    .command('mechanisms')
    .description('List the attention mechanisms of the catalogue, their parameters and the patterns they support.')
    .option(
      '--template',
      'each in the terms that all share: what scores, what is normalised, what is carried, what is sharded',
    )
    .option('--json <file>', 'write the result as JSON, - for stdout')
    .action(async ({ json, template }: { readonly json?: string; readonly template?: boolean }) => {
      const found = await session.compute().call('mechanisms', [], { signal: session.signal });
      if (json !== undefined) await session.writeJson(json, { ...(await provenance()), mechanisms: found });
      if (json === '-') return;
      if (template) {
        session.print(templateTable(found));
        return;
      }
      const rows = found.map((mechanism) => [
        mechanism.id,
        mechanism.family,
        mechanism.title,
        attentionPatterns.filter((pattern) => mechanism.patterns[pattern] === true).join(' '),
        mechanism.parameters.map((parameter) => `${parameter.name}=${String(parameter.default)}`).join(' '),
        mechanism.source.reference,
      ]);
      session.print(textTable(['id', 'family', 'title', 'patterns', 'parameters', 'source'], rows));
    });
};

/** A row each. Wider than a terminal: `| less -S` scrolls it. */
const templateTable = (found: readonly MechanismInfo[]): string =>
  textTable(
    ['id', ...templateColumns.map(({ title }) => title.toLowerCase())],
    found.map(({ id, template }) => [id, ...templateColumns.map(({ of }) => of(template))]),
  );
