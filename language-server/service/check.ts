import { describeModel } from '../../models/formats/describe-model';
import type { JsonValue } from '../../models/formats/model-description';
import type { OwnFamily } from '../../models/formats/workspace-family';
import { partsOf } from './parts';
import type { ConfigPart } from './parts';
import type { Finding, Related, Severity, SeveritySetting } from './finding';
import type { FolderFacts } from './folder-facts';
import type { Span } from './json-document';
import type { ModelFile } from './model-file';
import { spanOf, spanOfKey } from './places';
import { ruleCodes, rules } from './rules/catalogue';
import { mostOfOneRule } from './rules/rule';
import type { Place, Report, RuleContext } from './rules/rule';

export interface CheckSettings {
  /** Rule code to severity; `off` silences the rule. */
  readonly severity: Readonly<Record<string, SeveritySetting>>;
  /** Bytes of the device that is to hold the KV cache; absent: not asked. */
  readonly deviceMemory?: number;
  /** Families that the repository describes. */
  readonly families?: readonly OwnFamily[];
}

/** Rules name related places in passing; an editor shows it as a line of its own. The name of a file stays one. */
const asSentence = (related: Related): Related =>
  'file' in related.place && related.place.file === related.message
    ? related
    : { ...related, message: `${related.message}.` };

export const defaultSettings: CheckSettings = { severity: {} };

/**
 * Settings with others put over them: what the repository says over those of the editor, the command line over both. A memory
 * of 0 takes away one that was asked about.
 */
export const settingsUnder = (
  { severity, deviceMemory, families }: CheckSettings,
  over: CheckSettings | undefined,
): CheckSettings => {
  const memory = over?.deviceMemory ?? deviceMemory;
  const own = over?.families ?? families;
  return {
    severity: { ...severity, ...over?.severity },
    ...(memory === undefined || memory === 0 ? {} : { deviceMemory: memory }),
    ...(own === undefined ? {} : { families: own }),
  };
};

const isSpan = (place: Place): place is Span => !Array.isArray(place) && 'offset' in place;
const isKey = (place: Place): place is { readonly keyOf: readonly (string | number)[] } =>
  !Array.isArray(place) && 'keyOf' in place;

const atMost = (severity: Severity, limit: Severity): Severity => {
  const order: readonly Severity[] = ['hint', 'information', 'warning', 'error'];
  return order[Math.min(order.indexOf(severity), order.indexOf(limit))] ?? severity;
};

/** Parts of the config.json beside a companion file. */
const companionParts = (config: JsonValue | undefined, families: readonly OwnFamily[]): readonly ConfigPart[] =>
  config === undefined ? [] : partsOf(config, describeModel(config, families), families);

/** All findings about a file, in the order of the text. Reads nothing: the folder's facts are an argument. */
export const checkFile = (
  file: ModelFile,
  facts: FolderFacts,
  settings: CheckSettings = defaultSettings,
): readonly Finding[] => {
  const { document, kind } = file;
  if (kind === undefined) return [];
  const context: RuleContext = {
    document,
    kind,
    fault: file.fault,
    parts: file.parts,
    facts,
    description: file.description,
    configParts: kind === 'config' ? file.parts : companionParts(facts.companions['config.json'], file.families),
    deviceMemory: settings.deviceMemory,
    codes: ruleCodes,
  };
  const findings: Finding[] = [];
  const place = (given: Place): Span =>
    isSpan(given) ? given : isKey(given) ? spanOfKey(document, given.keyOf) : spanOf(document, given);
  for (const rule of rules) {
    const chosen = settings.severity[rule.code];
    if (chosen === 'off' || !rule.kinds.includes(kind)) continue;
    let found = 0;
    let next: Finding | undefined;
    const report: Report = (where, message, options = {}) => {
      found += 1;
      if (next !== undefined) return;
      const proper = options.severity ?? rule.severity;
      const isForeign = options.part?.familiarity === 'foreign';
      const severity = chosen ?? (isForeign ? atMost(proper, 'information') : proper);
      const fixes = (options.fixes ?? []).filter(({ changes }) => changes.length > 0);
      const finding = {
        code: rule.code,
        severity,
        message,
        span: place(where),
        related: (options.related ?? []).map(asSentence),
        // Nothing is certain of a model that is not known.
        fixes: isForeign ? fixes.map((fix) => ({ ...fix, certain: false })) : fixes,
        deprecated: options.deprecated ?? false,
      };
      if (found <= mostOfOneRule) findings.push(finding);
      else next = finding;
    };
    rule.check(context, report);
    if (next !== undefined) {
      const message = `And ${found - mostOfOneRule} more of ${rule.code} in this file, from here on.`;
      findings.push({ ...next, message, related: [], fixes: [] });
    }
  }
  return findings.sort((left, right) => left.span.offset - right.span.offset);
};

/**
 * While a text is being typed, keeps only the findings that it had when it was last whole: a field that is absent for now, or a
 * number whose last digits are to come, gives no new ones. All are kept where it was never whole.
 */
export const heldBack = (findings: readonly Finding[], whole: readonly Finding[] | undefined): readonly Finding[] => {
  if (whole === undefined) return findings;
  const known = new Set(whole.map(({ code, message }) => `${code} ${message}`));
  return findings.filter(({ code, message }) => known.has(`${code} ${message}`));
};
