import { catalogue } from '../../../kernels/catalogue';
import { attentionPatterns } from '../../../kernels/shape';
import type { MechanismInfo } from '../../../protocol/compute/api';
import { longestSystem } from '../../../protocol/compute/mechanism-view';
import { templateColumns } from '../../../protocol/compute/template';
import { provenance } from '../../provenance';
import { wrongUsage } from '../exit-codes';
import { collect, seed as seedOf, whole } from '../options';
import { jsonOption } from '../output-options';
import type { Registration } from '../registration';
import { sectionText } from '../section-text';
import type { CommandSession } from '../session';
import { textTable } from '../table';
import { parametersFrom } from './bench-parameters';

interface MechanismsOptions {
  readonly json?: string;
  readonly template?: boolean;
  readonly system?: string;
  readonly length: number;
  readonly head: number;
  readonly seed: number;
  readonly param?: readonly string[];
}

/** headscope mechanisms: the catalogue, and one head of a mechanism as a linear system. */
export const mechanisms: Registration = (program, session) => {
  program
    .command('mechanisms')
    .description('List the attention mechanisms of the catalogue, their parameters and the patterns they support.')
    .option(
      '--template',
      'each in the terms that all share: what scores, what is normalised, what is carried, what is sharded',
    )
    .option(
      '--system <id>',
      'show a head of this mechanism as a linear system: what its state keeps, what is read later',
    )
    .option('--length <n>', 'positions of --system', whole(2, longestSystem), 16)
    .option('--head <h>', 'head of --system, of eight', whole(0, systemShape.heads - 1), 0)
    .option('--seed <n>', 'seed of the numbers that --system draws', seedOf, 0)
    .option('--param <mechanism.name=value>', 'a parameter for --system; may be given several times', collect)
    .addOption(jsonOption())
    .action(async (options: MechanismsOptions) => {
      if (options.system !== undefined) return showSystem(session, options.system, options);
      const { json, template } = options;
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

const systemShape = { pattern: 'causal-self', heads: 8, kvHeads: 8, headDim: 16, valueDim: 16 } as const;

async function showSystem(
  session: CommandSession,
  mechanism: string,
  { json, length, head, seed, param = [] }: MechanismsOptions,
): Promise<void> {
  const parameters = parametersFrom(param)[mechanism] ?? {};
  const request = { mechanism, parameters, shape: systemShape, length, head, effective: false, system: true, seed };
  const { system } = await session
    .compute()
    .call('mechanismView', [{ ...request, lengths: [length] }], { signal: session.signal });
  if (!system) {
    const some = catalogue
      .filter((each) => each.asSystem !== undefined)
      .map(({ id }) => id)
      .join(', ');
    throw wrongUsage(
      `A head of ${mechanism} is no linear system with these parameters. Those that can be one: ${some}.`,
    );
  }
  if (json !== undefined) await session.writeJson(json, { ...(await provenance(parameters, seed)), mechanism, system });
  if (json !== '-') session.print(system.map(sectionText).join('\n\n'));
}

/** A row each. Wider than a terminal: `| less -S` scrolls it. */
const templateTable = (found: readonly MechanismInfo[]): string =>
  textTable(
    ['id', ...templateColumns.map(({ title }) => title.toLowerCase())],
    found.map(({ id, template }) => [id, ...templateColumns.map(({ of }) => of(template))]),
  );
