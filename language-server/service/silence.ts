import { modify } from 'jsonc-parser';
import { parseConfig } from '../../models/formats/config/parse-config';
import type { TextChange } from './finding';

/** The changes that switch a rule off in the text of a `.headscope.json`; none where it is no JSON. */
export const silencingChanges = (text: string, code: string): readonly TextChange[] => {
  if (!parseConfig(text).ok) return [];
  const formattingOptions = {
    insertSpaces: !/^\t/m.test(text),
    tabSize: 2,
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  };
  return modify(text, ['severity', code], 'off', { formattingOptions }).map(({ offset, length, content }) => ({
    offset,
    length,
    text: content,
  }));
};
