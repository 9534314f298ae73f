/** How the classes of heads are distinguished, and which of them a head has. */
import type { HeadsSection } from '../../../protocol/sections/heads';
import { colourOf, identify, withLook, type Identity } from '../../charts/palette';
import { headKey } from '../../ui/head-names';

export interface HeadClass {
  readonly identity: Identity;
  readonly title: string;
  readonly definition: string;
  readonly count: number;
  /** Stands for the class in a cell; absent: its shape does. */
  readonly letter: string | undefined;
}

interface ClassOfHead {
  readonly class: HeadClass;
  readonly score: number | undefined;
}

export interface HeadClasses {
  readonly all: readonly HeadClass[];
  /** By `layer.head`; of a head first the class that ranks before its others. */
  readonly of: ReadonlyMap<string, readonly ClassOfHead[]>;
  readonly marked: ReadonlySet<string>;
}

export function headClasses({ classes = [], marked = [] }: Pick<HeadsSection, 'classes' | 'marked'>): HeadClasses {
  const identities = identify(classes.map(({ name, title }) => ({ id: name, title })));
  const of = new Map<string, (ClassOfHead & { readonly rank: number })[]>();
  const all = classes.flatMap(({ name, title, definition, heads, scores, ranks, letter, look }) => {
    const own = identities.get(name);
    if (!own) return [];
    const identity = look ? withLook(own, look) : own;
    const one = { identity, title, definition, count: heads.length, letter };
    heads.forEach(({ layer, head }, at) => {
      const key = headKey(layer, head);
      const entry = { class: one, score: scores?.[at], rank: ranks?.[at] ?? 0 };
      const those = of.get(key);
      if (those) those.push(entry);
      else of.set(key, [entry]);
    });
    return [one];
  });
  for (const those of of.values()) if (those.length > 1) those.sort((a, b) => a.rank - b.rank);
  return { all, of, marked: new Set(marked.map(({ layer, head }) => headKey(layer, head))) };
}

export const classColour = ({ identity }: HeadClass, dark: boolean): string => colourOf(identity, dark);
