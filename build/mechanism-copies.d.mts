export type MechanismCopy =
  | { readonly file: string; readonly text: string }
  | { readonly file: string; readonly why: string };
export function mechanismCopies(): Readonly<Record<string, MechanismCopy>>;
