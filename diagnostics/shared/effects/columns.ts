/** Where in a prompt values are patched: single positions, the positions of a role, or all. */
import { shownToken } from '../../../protocol/wire/token-name';
import { refusal } from '../../../protocol/wire/failures';
import type { Pair } from './pairs';

export const columnChoices = ['usual', 'positions', 'roles', 'whole'] as const;
export type ColumnChoice = (typeof columnChoices)[number];

export interface Column {
  readonly label: string;
  /** Absent: all positions. */
  readonly positions?: (pair: Pair) => readonly number[];
}

export interface Columns {
  readonly columns: readonly Column[];
  /** Those that have these columns. */
  readonly pairs: readonly Pair[];
}

/** Prompts of more tokens are patched by role where nothing else is said. */
export const longestByPosition = 64;

/** Positions mean the same in two prompts of one layout. */
const layoutOf = ({ clean, roles }: Pair): string => JSON.stringify([clean.ids.length, roles]);

export function columnsOf(pairs: readonly Pair[], choice: ColumnChoice): Columns {
  const layouts = new Set(pairs.map(layoutOf));
  const longest = Math.max(...pairs.map(({ clean }) => clean.ids.length));
  const roles = new Set(pairs.flatMap((pair) => Object.keys(pair.roles)));
  switch (choice) {
    case 'whole':
      return { columns: [{ label: 'all positions' }], pairs };
    case 'positions':
      return byPosition(pairs);
    case 'roles':
      if (roles.size === 0) throw refusal('A prompt and its counterpart have no roles. Patch at positions, or at all.');
      return { columns: byRole(pairs, roles), pairs };
    case 'usual':
      return layouts.size === 1 && (longest <= longestByPosition || roles.size === 0)
        ? byPosition(pairs)
        : { columns: byRole(pairs, roles), pairs };
  }
}

/** Columns by position, for the prompts of the most frequent layout. */
function byPosition(pairs: readonly Pair[]): Columns {
  const groups = new Map<string, Pair[]>();
  for (const pair of pairs) groups.set(layoutOf(pair), [...(groups.get(layoutOf(pair)) ?? []), pair]);
  const [same = []] = [...groups.values()].sort((a, b) => b.length - a.length);
  const [first] = same;
  if (!first) return { columns: [], pairs: [] };
  const columns = first.tokens.map((token, position): Column => {
    const roles = Object.keys(first.roles).filter((role) => first.roles[role]?.includes(position));
    const shared = same.every(({ tokens }) => tokens[position] === token);
    const words = [...(shared ? [shownToken(token)] : []), ...roles];
    return { label: [`${position}`, ...words].join(' '), positions: () => [position] };
  });
  return { columns, pairs: same };
}

/** In the order of the first prompt that has each; behind them the positions of no role. */
function byRole(pairs: readonly Pair[], roles: ReadonlySet<string>): readonly Column[] {
  const first = (role: string): number => pairs.find((pair) => pair.roles[role]?.length)?.roles[role]?.[0] ?? Infinity;
  const named = [...roles].sort((a, b) => first(a) - first(b));
  return [
    ...named.map((role): Column => ({ label: role, positions: (pair) => pair.roles[role] ?? [] })),
    {
      label: 'others',
      positions: ({ clean, roles: own }) => {
        const taken = new Set(Object.values(own).flat());
        return clean.ids.map((_, position) => position).filter((position) => !taken.has(position));
      },
    },
  ];
}

/** The positions that `at` names in a pair; undefined: all. */
export function placesOf(at: string, pairs: readonly Pair[]): ((pair: Pair) => readonly number[]) | undefined {
  const named = at.trim();
  if (named === '') return undefined;
  const roles = new Set(pairs.flatMap((pair) => Object.keys(pair.roles)));
  if (roles.has(named)) return (pair) => pair.roles[named] ?? [];
  const ranges = named.split(',').map((part) => /^\s*(\d+)(?:-(\d+))?\s*$/u.exec(part));
  const positions = ranges.flatMap((range) => {
    const [, from, to = from] = range ?? [];
    if (from === undefined || Number(to) < Number(from)) {
      const known = roles.size === 0 ? '' : ` a role (${[...roles].join(', ')}) or`;
      throw refusal(`"${at.slice(0, 60)}" names no place. Give${known} positions such as 3-5,9.`);
    }
    return Array.from({ length: Math.min(Number(to) - Number(from) + 1, 2 ** 20) }, (_, i) => Number(from) + i);
  });
  const shortest = Math.min(...pairs.map(({ clean }) => clean.ids.length));
  const outside = positions.find((position) => position >= shortest);
  if (outside !== undefined) {
    throw refusal(
      `There is no position ${outside} in a prompt of ${shortest} tokens, from 0. Give positions that all prompts have.`,
    );
  }
  return () => positions;
}
