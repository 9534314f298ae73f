/** Entries of tables of parameters, of mechanisms, modules and analyses: `field.integer('Heads', 'Of each layer.', { … })`. */

interface Range {
  readonly min: number;
  readonly max: number;
  readonly default: number;
  readonly unit?: string;
  readonly spanTo?: string;
  readonly onlyWith?: Readonly<Record<string, readonly (string | number | boolean)[]>>;
}

interface Options {
  readonly options: readonly string[];
  readonly default: string;
  readonly names?: Readonly<Record<string, { readonly title: string; readonly definition: string }>>;
}

export const integer = (title: string, description: string, range: Range) =>
  ({ kind: 'integer', title, description, ...range }) as const;

export const number = (title: string, description: string, range: Range) =>
  ({ kind: 'number', title, description, ...range }) as const;

export const choice = (title: string, description: string, among: Options) =>
  ({ kind: 'choice', title, description, ...among }) as const;

export const flag = (title: string, description: string, usual: boolean) =>
  ({ kind: 'boolean', title, description, default: usual }) as const;

const written =
  <Kind extends string>(kind: Kind) =>
  (title: string, description: string, usual = '') =>
    ({ kind, title, description, default: usual }) as const;

/** Free text. */
export const text = written('text');
/** A path that a person chooses. */
export const file = written('file');
export const folder = written('folder');
/** A path of a file or a folder. */
export const fileOrFolder = (title: string, description: string) =>
  ({ ...file(title, description), orFolder: true }) as const;
/** A list of heads such as `2.5,3.*`. */
export const heads = written('heads');
