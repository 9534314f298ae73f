/** What a kind of intervention declares: its type as a schema, its written form, its words. One file a kind implements it. */
import type { Schema } from '../schema/check';

export interface Parameter {
  readonly name: string;
  /** What it takes, as a table says it. */
  readonly takes: string;
  readonly meaning: string;
}

export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

export interface Slide<T> {
  /** In the middle of a sentence: "strength". */
  readonly name: string;
  of(value: T): number;
  with(value: T, to: number): T;
}

export interface InterventionKind<T extends { readonly kind: string }> {
  readonly kind: T['kind'];
  /** Singular, in the middle of a sentence: "score bias". */
  readonly name: string;
  /** One sentence. */
  readonly meaning: string;
  /** The written form with placeholders, and one that can be used as it is. */
  readonly form: string;
  readonly example: string;
  readonly parameters: readonly Parameter[];
  readonly schema: Schema<T>;
  /** The part of the written form behind `kind:`; undefined where it has another form. Ranges of numbers are the schema's. */
  parse(text: string): T | undefined;
  /** Why `parse` gives undefined, in a sentence, if more is known than that the form is another one. */
  fault?(text: string): string | undefined;
  /** The inverse of `parse`. */
  print(value: T): string;
  /** A short phrase for tables. */
  words(value: T): string;
  /** What it does to a run, as a sentence. */
  sentence(value: T): string;
  /** A number of it that panels have a slider for. */
  readonly slide?: Slide<T>;
  /** Whether it alone changes nothing; beside others it may (a part that is held at its own value). */
  neutral(value: T): boolean;
  /** Whether it means the same on any sequence of tokens: labels are measured on others than the prompt. */
  anywhere(value: T): boolean;
}
