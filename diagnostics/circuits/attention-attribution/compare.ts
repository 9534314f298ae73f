/** Two weights side by side, e.g. of two queries or with an intervention. */
import type { Section } from '../../../protocol/sections/section';
import type { WeightResult } from './result';
import * as build from '../../../protocol/sections/builders';

/** Parts that both have; a part of one alone is none of the other. */
export function compareWeights(a: WeightResult, b: WeightResult): readonly Section[] {
  const names = [...new Set([...a.groups, ...b.groups])];
  const value = ({ groups }: WeightResult, values: readonly number[], name: string): number =>
    values[groups.indexOf(name)] ?? 0;
  const rows = names.map((name) => {
    const changes = [
      value(b, b.groupQuery, name) - value(a, a.groupQuery, name),
      value(b, b.groupKey, name) - value(a, a.groupKey, name),
    ] as const;
    return { name, changes, size: Math.max(...changes.map(Math.abs)) };
  });
  const number = (name: string, title: string, definition: string) => build.number(name, title, definition, 'score');
  return [
    build.cellTable(
      'change',
      'Change of the parts of the score',
      'This result less the other, most changed first.',
      [
        build.text('part', 'Part'),
        number('query', 'In the query', 'What the part of the query adds in this result, less that in the other.'),
        number('key', 'In the key', 'What the part of the key adds in this result, less that in the other.'),
      ],
      rows.sort((one, other) => other.size - one.size).map(({ name, changes }) => [name, ...changes]),
    ),
  ];
}
