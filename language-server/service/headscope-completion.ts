import { severityLevels } from '../../protocol/inputs/headscope-file';
import { caretAt } from './caret';
import type { Completion } from './caret';
import type { JsonDocument } from './json-document';
import { rules } from './rules/catalogue';

/** What can be written under `severity` of a `.headscope.json`. The keys of the file itself are in its JSON Schema. */
export const headscopeCompletions = (document: JsonDocument, offset: number): readonly Completion[] => {
  const { path, atKey, word, present, hasValue } = caretAt(document, offset);
  if (path[0] !== 'severity' || path.length !== 2) return [];
  if (atKey) {
    return rules
      .filter(({ code }) => !present.has(code))
      .map(({ code, title, severity }) => ({
        label: code,
        kind: 'key',
        detail: severity,
        documentation: `${title}.`,
        text: hasValue ? JSON.stringify(code) : `${JSON.stringify(code)}: `,
        span: word,
      }));
  }
  return severityLevels.map((level) => ({ label: level, kind: 'value', text: JSON.stringify(level), span: word }));
};
