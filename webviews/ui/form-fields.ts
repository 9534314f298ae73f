/** The fields of a settings form, drawn from a table of them. */
import { html, type TemplateResult } from 'lit';
import { checkbox, dropdown, field, segments, textField, type Choice } from './controls';

/** Keys of a form whose value is of that type. */
type KeysOf<Form, Value> = { readonly [K in keyof Form]: Form[K] extends Value ? K : never }[keyof Form] & string;

interface Named {
  readonly label: string;
  /** Beside the name, and for text in the field itself. */
  readonly hint?: string | undefined;
}

export type Field<Form> = Named &
  (
    | {
        readonly kind: 'text' | 'number';
        readonly key: KeysOf<Form, string>;
        /** What the field itself says on hover; absent: the hint. */
        readonly more?: string;
        readonly placeholder?: string;
        /** What else changes with it. */
        readonly also?: Partial<Form>;
      }
    | {
        readonly kind: 'choice' | 'segments';
        readonly key: KeysOf<Form, string>;
        /** Read instead of the label where that is too short. */
        readonly name?: string;
        readonly choices: readonly Choice[];
      }
    | {
        readonly kind: 'check';
        readonly key: KeysOf<Form, boolean>;
        /** Beside the box. */
        readonly box: string;
        readonly name?: string;
      }
    /** Drawn by the panel. */
    | { readonly kind: 'own'; readonly control: TemplateResult }
  );

/** What to correct, by field. */
type FormProblems<Form> = { readonly [K in keyof Form]?: string };

/** Where the fields read from, and where they go. */
export interface FormView<Form> {
  readonly form: Form;
  readonly problems: FormProblems<Form>;
  readonly edit: (change: Partial<Form>) => void;
}

export const formFields = <Form>(view: FormView<Form>, table: readonly Field<Form>[]): TemplateResult =>
  html`${table.map((one) => field(one.label, control(view, one), one.hint))}`;

function control<Form>({ form, problems, edit }: FormView<Form>, one: Field<Form>): TemplateResult {
  if (one.kind === 'own') return one.control;
  const set = (value: string | boolean, also?: Partial<Form>): void => edit({ ...also, [one.key]: value });
  switch (one.kind) {
    case 'text':
    case 'number':
      return textField({
        label: one.label,
        value: form[one.key] as string,
        numeric: one.kind === 'number',
        ...withHint(one.more ?? one.hint),
        ...(one.placeholder === undefined ? {} : { placeholder: one.placeholder }),
        problem: problems[one.key],
        onInput: (text) => set(text, one.also),
      });
    case 'choice':
    case 'segments': {
      const options = {
        label: one.name ?? one.label,
        choices: one.choices,
        value: form[one.key] as string,
        onChange: (value: string) => set(value),
      };
      return one.kind === 'choice' ? dropdown(options) : segments(options);
    }
    case 'check':
      return checkbox({
        label: one.box,
        ...(one.name === undefined ? {} : { name: one.name }),
        checked: form[one.key] as boolean,
        ...withHint(one.hint),
        onChange: (checked) => set(checked),
      });
  }
}

const withHint = (hint: string | undefined) => (hint === undefined ? {} : { hint });

/** Choices of a table of what each of them means. */
export const choicesOf = (
  infos: readonly { readonly id: string; readonly title: string; readonly definition: string }[],
): readonly Choice[] => infos.map(({ id, title, definition }) => ({ value: id, label: title, hint: definition }));

/** A whole number of a field, or undefined where none that is allowed is typed. */
export const wholeNumber = (text: string, most: number, least = 0): number | undefined => {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
};

const largestSeed = 2 ** 32 - 1;
export const readSeed = (text: string): number | undefined => wholeNumber(text, largestSeed);
export const seedProblem = 'Seed is a whole number from 0 to 4,294,967,295.';
