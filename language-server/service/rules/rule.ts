import type { JsonPath, ModelDescription } from '../../../models/formats/model-description';
import type { ConfigPart } from '../parts';
import type { FileKind } from '../file-kind';
import type { Fix, Related, Severity } from '../finding';
import type { FolderFacts } from '../folder-facts';
import type { JsonDocument, Span } from '../json-document';
import type { SyntaxFault } from '../json-syntax';

/** Findings of one rule in one file; nobody reads more, and an editor slows down with each. */
export const mostOfOneRule = 100;

/** What a rule looks at. It reads no file: the folder's facts were gathered before. */
export interface RuleContext {
  readonly document: JsonDocument;
  readonly kind: FileKind;
  readonly fault: SyntaxFault | undefined;
  readonly parts: readonly ConfigPart[];
  readonly facts: FolderFacts;
  /** The model of this file, or of the config.json beside it. */
  readonly description: ModelDescription | undefined;
  /** Parts of the config.json beside a companion file; for a config its own. */
  readonly configParts: readonly ConfigPart[];
  /** Bytes of the device that is to hold the cache; absent: nobody chose one. */
  readonly deviceMemory: number | undefined;
  /** Codes of all rules. */
  readonly codes: readonly string[];
}

/** The place of a finding: the value at a path, its key, or any span. */
export type Place = JsonPath | { readonly keyOf: JsonPath } | Span;

export interface ReportOptions {
  /** The part that the claim is about: on a part of a foreign model nothing is more than information. */
  readonly part?: ConfigPart | undefined;
  readonly severity?: Severity;
  readonly related?: readonly Related[];
  readonly fixes?: readonly Fix[];
  readonly deprecated?: boolean;
}

export type Report = (place: Place, message: string, options?: ReportOptions) => void;

export interface Rule {
  /** Stable: settings and pages of the documentation go by it. */
  readonly code: string;
  /** One line for lists: what is wrong when it fires. */
  readonly title: string;
  readonly severity: Severity;
  readonly kinds: readonly FileKind[];
  readonly check: (context: RuleContext, report: Report) => void;
}
