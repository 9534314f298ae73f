/** How a circuit is named and described in a list. */
import { circuitSuffix } from '../../protocol/contributions/views';
import type { Circuit } from '../../protocol/circuits/circuit-file';
import { fileNameOf, threeDigits, type ResultLine } from './result-words';

export const circuitFileName = ({ origin }: Circuit): string =>
  fileNameOf(origin.created, `${origin.model.name} ${origin.setup.analysis} circuit`, circuitSuffix);

const found = <T extends { readonly gone?: string }>(of: readonly T[]): readonly T[] =>
  of.filter(({ gone }) => gone === undefined);

const counted = (count: number, one: string): string =>
  `${count.toLocaleString('en-US')} ${one}${count === 1 ? '' : 's'}`;

export const circuitDescription = ({ title, nodes, edges, groups }: Circuit): string =>
  `${title}: ${counted(found(nodes).length, 'node')}, ${counted(found(edges).length, 'edge')}, ${counted(groups.length, 'group')}`;

export const circuitDetails = ({ origin }: Circuit): readonly string[] => [
  origin.finding,
  `${origin.title} of ${origin.model.name}, seed ${origin.setup.seed}, Headscope ${origin.headscope}`,
  origin.device.name,
  origin.created,
];

/** Its groups, then its strongest edges. */
export function circuitLines({ nodes, edges, groups, marks, unit }: Circuit): readonly ResultLine[] {
  const names = new Map(nodes.map(({ id, label }) => [id, label]));
  for (const { of, name } of marks) if (name !== undefined) names.set(of, name);
  const strongest = [...found(edges)]
    .filter(({ weight }) => !Number.isNaN(weight))
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight))
    .slice(0, 5);
  return [
    ...groups.map(({ name, members }) => ({ label: name, text: counted(members.length, 'member') })),
    ...strongest.map(({ from, to, weight }) => ({
      label: `${names.get(from) ?? from} → ${names.get(to) ?? to}`,
      text: `${threeDigits(weight)} ${unit}`.trim(),
    })),
  ];
}
