import { attentionPatterns } from '../../../kernels/shape';
import { provenance } from '../../provenance';
import type { Registration } from '../registration';
import { textTable } from '../table';

/** headscope mechanisms: the catalogue. */
export const mechanisms: Registration = (program, session) => {
  program
    .command('mechanisms')
    .description('List the attention mechanisms of the catalogue, their parameters and the patterns they support.')
    .option('--json <file>', 'write the result as JSON, - for stdout')
    .action(async ({ json }: { readonly json?: string }) => {
      const found = await session.compute().call('mechanisms', [], { signal: session.signal });
      if (json !== undefined) await session.writeJson(json, { ...(await provenance()), mechanisms: found });
      if (json === '-') return;
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
