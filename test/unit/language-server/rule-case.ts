import type { Surroundings } from './caret';

/** One line a case: the text with the place of the finding between bars, and what lies beside the file. */
export type Case = string | readonly [text: string, surroundings: Surroundings];

export interface RuleCases {
  readonly fires: readonly Case[];
  readonly silent: readonly Case[];
}

type Table = Readonly<Record<string, RuleCases>>;

/** The cases of several files as one table by rule. */
export const joined = (...tables: readonly Table[]): Table => {
  const all = new Map<string, RuleCases>();
  for (const table of tables) {
    for (const [code, { fires, silent }] of Object.entries(table)) {
      const before = all.get(code);
      all.set(code, { fires: [...(before?.fires ?? []), ...fires], silent: [...(before?.silent ?? []), ...silent] });
    }
  }
  return Object.fromEntries(all);
};
