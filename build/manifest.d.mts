import type { Analysis } from '../diagnostics/analysis';

/** What the tables of protocol/contributions, and the catalogue of analyses, say of package.json. */
export function manifestOfTables(catalogue?: readonly Pick<Analysis, 'id' | 'title'>[]): {
  readonly activationEvents: readonly string[];
  readonly contributes: object;
};

/** The text of a package.json with the tables written in. */
export function withTables(text: string, catalogue?: readonly Pick<Analysis, 'id' | 'title'>[]): string;
