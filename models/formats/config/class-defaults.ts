/**
 * What configuration classes fill in for keys that a file leaves out, by model_type: facts, which `build/class-defaults.mjs` takes
 * from the classes of transformers (`classes`), and what other code says of its own (`others`). `names` are the names under which
 * classes read what families call differently.
 */
import type { JsonValue } from '../model-description';
import data from './class-defaults.json';

type JsonObject = Readonly<Record<string, JsonValue | undefined>>;

interface ClassRow {
  readonly class: string;
  /** Where the class lies in the source, when it is not under the model_type: `blip.text_config`. */
  readonly at?: string;
  readonly values: JsonObject;
  /**
   * What a class made without arguments does not show: arguments that it replaces by numbers made from its other sizes, and keys
   * that its code or the class of transformers 4.57 has.
   */
  readonly arguments?: JsonObject;
}

export interface ClassTable {
  readonly transformers: string;
  readonly classes: Readonly<Record<string, ClassRow>>;
  readonly others: Readonly<Record<string, { readonly from: string; readonly values: JsonObject }>>;
  readonly names: readonly {
    readonly reads: Readonly<Record<string, readonly string[]>>;
    readonly types: readonly string[];
  }[];
}

export const classTable = data as unknown as ClassTable;

/** Values that a family's config class fills in, with the class and version they were taken from. */
export interface Defaults {
  readonly from: string;
  readonly values: JsonObject;
  /** The usual name of a size -> the key that files of this family write, where it has a name of its own. */
  readonly keys?: Readonly<Record<string, string>>;
}

const release = `transformers ${classTable.transformers.split('.', 2).join('.')}`;

/** The defaults of the class of a type; undefined where none is known. */
export function classDefaults(modelType: string): Defaults | undefined {
  if (Object.hasOwn(classTable.others, modelType)) return classTable.others[modelType];
  if (!Object.hasOwn(classTable.classes, modelType)) return undefined;
  const row = classTable.classes[modelType];
  return (
    row && { from: `${release} ${row.class}`, values: row.arguments ? { ...row.values, ...row.arguments } : row.values }
  );
}
