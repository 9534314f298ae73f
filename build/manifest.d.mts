/** What the tables of protocol/contributions say of package.json. */
export function manifestOfTables(): { readonly activationEvents: readonly string[]; readonly contributes: object };

/** The text of a package.json with the tables written in. */
export function withTables(text: string): string;
