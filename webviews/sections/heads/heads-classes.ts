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

export interface HeadClasses {
  readonly all: readonly HeadClass[];
  /** By `layer.head`. */
  readonly of: ReadonlyMap<string, readonly HeadClass[]>;
  readonly marked: ReadonlySet<string>;
}

export function headClasses({ classes = [], marked = [] }: HeadsSection): HeadClasses {
  const identities = identify(classes.map(({ name, title }) => ({ id: name, title })));
  const of = new Map<string, HeadClass[]>();
  const all = classes.flatMap(({ name, title, definition, heads, letter, look }) => {
    const own = identities.get(name);
    if (!own) return [];
    const identity = look ? withLook(own, look) : own;
    const one = { identity, title, definition, count: heads.length, letter };
    for (const { layer, head } of heads) {
      const key = headKey(layer, head);
      const those = of.get(key);
      if (those) those.push(one);
      else of.set(key, [one]);
    }
    return [one];
  });
  return { all, of, marked: new Set(marked.map(({ layer, head }) => headKey(layer, head))) };
}

export const classColour = ({ identity }: HeadClass, dark: boolean): string => colourOf(identity, dark);
