import type { SeverityLevel } from '../../protocol/inputs/headscope-file';
import type { Span } from './json-document';

export type Severity = 'error' | 'warning' | 'information' | 'hint';
/** What a person may choose for a rule. */
export type SeveritySetting = SeverityLevel;

export interface TextChange extends Span {
  readonly text: string;
}

export interface Fix {
  /** What the change does, as an order: `Rename the key to "rope_type"`. */
  readonly title: string;
  readonly changes: readonly TextChange[];
  /** The one fix that "fix all" applies. */
  readonly preferred: boolean;
  /**
   * The file leaves no other reading: a slip within one edit of a single known name, a shorthand, a number that follows from
   * others. `headscope check --fix` makes such changes without a person who looks. Where two values disagree, or where it
   * depends on the version of a library, a fix is not certain.
   */
  readonly certain?: boolean;
}

/** Another field, or another file, that a finding refers to. */
export interface Related {
  readonly message: string;
  /** A span of the same document, or the name of another file of the folder with the key to show in it. */
  readonly place: { readonly span: Span } | { readonly file: string; readonly key?: string };
}

export interface Finding {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly span: Span;
  readonly related: readonly Related[];
  readonly fixes: readonly Fix[];
  readonly deprecated: boolean;
}
