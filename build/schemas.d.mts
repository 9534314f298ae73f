/** For `contributes.jsonValidation` of package.json. */
export const jsonValidation: readonly { readonly fileMatch: string; readonly url: string }[];
export function schemaFile(kind: string): string;
/** By the path of their file. */
export function schemaTexts(): Promise<Readonly<Record<string, string>>>;
export function writeSchemas(): Promise<void>;
