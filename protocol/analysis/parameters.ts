import type { ParameterValue, ParameterValues } from '../schema/parts';
import { regionListOf } from '../interventions/regions';

/**
 * The table of an analysis's parameters: it drives the form, the options of the command line, and what is accepted from files
 * and requests.
 */
export type Parameter =
  | (Words & { readonly kind: 'integer' | 'number'; readonly unit?: string } & {
      readonly min: number;
      readonly max: number;
      readonly default: number;
      /**
       * It is the first token of a part of the prompt, and the parameter of this name is the token behind its last one: the panel
       * lets a person mark both on the tokens.
       */
      readonly spanTo?: string;
    })
  | (Words & {
      readonly kind: 'choice';
      readonly options: readonly string[];
      readonly default: string;
      /** What the panel shows in the place of an option, and what it means. */
      readonly names?: Readonly<Record<string, OptionName>>;
    })
  | (Words & { readonly kind: 'boolean'; readonly default: boolean })
  /** Regions of the prompt in their written form (protocol/interventions/regions.ts), drawn in the panel; empty: none. */
  | (Words & { readonly kind: 'regions'; readonly least: number; readonly most: number; readonly default: string })
  /** Free text; `file` and `folder` are paths that the panel lets a person choose, `heads` a list such as `2.5,3.*`. */
  | (Words & {
      readonly kind: 'text' | 'file' | 'folder' | 'heads';
      readonly default: string;
      /** `file`: it may be a folder as well. */
      readonly orFolder?: boolean;
      /** The panel fills it with what lies beside the picture, or in the folder of pictures, until a person types something else. */
      readonly beside?: BesidePictures;
      /** What an empty field stands for. */
      readonly whenEmpty?: string;
    });

/** The objects of one picture, separated by commas; a file of the truth; a file of words and their synonyms. */
export type BesidePictures = 'objects' | 'truth' | 'lexicon';

interface OptionName {
  readonly title: string;
  readonly definition: string;
}

interface Words {
  readonly title: string;
  readonly description: string;
  /** The values of other parameters with which it says something: with others the form leaves it out. */
  readonly onlyWith?: Readonly<Record<string, readonly ParameterValue[]>>;
}

export type ParameterTable<P extends ParameterValues = ParameterValues> = { readonly [K in keyof P]: Parameter };

export type Resolution<P extends ParameterValues> =
  | { readonly ok: true; readonly values: P }
  | { readonly ok: false; readonly why: string };

/** Longest text of a parameter. */
const longestText = 10_000;

/** The given values, checked, with defaults for those left out; or the first fault as a sentence. `owner`: whose table it is. */
export function resolveTable<P extends ParameterValues>(
  owner: string,
  table: ParameterTable<P>,
  given: Readonly<Record<string, unknown>> = {},
): Resolution<P> {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(table, name)) {
      const known = Object.keys(table);
      const choice = known.length === 0 ? 'it takes none' : `it takes ${known.join(', ')}`;
      return { ok: false, why: `${owner} has no parameter "${name}": ${choice}.` };
    }
  }
  const values: Record<string, ParameterValue> = {};
  for (const [name, parameter] of Object.entries<Parameter>(table)) {
    const value = given[name] ?? parameter.default;
    const fault = faultOf(parameter, value);
    if (fault !== undefined) {
      return { ok: false, why: `${owner}.${name} ${fault}, not ${(JSON.stringify(value) ?? 'nothing').slice(0, 60)}.` };
    }
    values[name] = value as ParameterValue;
  }
  return { ok: true, values: values as P };
}

/** A text of a command line or a form as a value of the parameter's kind; left as it is when it is none. */
export function valueOfText(parameter: Parameter, text: string): ParameterValue {
  switch (parameter.kind) {
    case 'integer':
    case 'number': {
      const value = Number(text);
      return text.trim() === '' || Number.isNaN(value) ? text : value;
    }
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'choice':
    case 'text':
    case 'file':
    case 'folder':
    case 'heads':
    case 'regions':
      return text;
  }
}

/** Whether a parameter says something beside the values of the others, each as a value or as its text. */
export const isUsed = (table: ParameterTable, name: string, given: Readonly<Record<string, ParameterValue>>): boolean =>
  Object.entries(table[name]?.onlyWith ?? {}).every(([other, wanted]) =>
    wanted.map(String).includes(String(given[other] ?? table[other]?.default)),
  );

/** What is wrong with a value, as the end of a sentence that begins with its name; undefined when it fits. */
export function faultOf(parameter: Parameter, value: unknown): string | undefined {
  switch (parameter.kind) {
    case 'integer':
    case 'number': {
      const whole = parameter.kind === 'integer';
      const fits = typeof value === 'number' && (whole ? Number.isInteger(value) : Number.isFinite(value));
      return fits && value >= parameter.min && value <= parameter.max
        ? undefined
        : `must be a ${whole ? 'whole number' : 'number'} from ${parameter.min} to ${parameter.max}`;
    }
    case 'choice':
      return typeof value === 'string' && parameter.options.includes(value)
        ? undefined
        : `must be one of ${parameter.options.join(', ')}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
    case 'text':
    case 'file':
    case 'folder':
    case 'heads':
      return typeof value === 'string' && value.length <= longestText
        ? undefined
        : `must be a text of at most ${longestText} characters`;
    case 'regions': {
      const { least, most } = parameter;
      const written = typeof value === 'string' && value.length <= longestText ? value.trim() : undefined;
      const count = written === '' ? least : (regionListOf(written ?? '')?.length ?? 0);
      return count >= least && count <= most
        ? undefined
        : `must be ${least} to ${most} regions, such as 3-9/12-15 or 0-3x0-1/0-3x2-3`;
    }
  }
}
