import assert from 'node:assert/strict';
import { plainWords } from '../../../extension/platform/plain-words';
import { hostileTexts } from '../../support/hostile-texts';
import { readText, trackedFiles } from '../../support/repository-files';

/** What VS Code 1.101 takes for a link in a notification: words in brackets, an address in parentheses behind them. */
const link = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/i;

describe('notifications', () => {
  const texts: Readonly<Record<string, string>> = {
    ...hostileTexts,
    'a link to a file': '[x](file:///etc/passwd "title")',
    nested: '[[a](b](command:x)',
  };
  it('hold no link, whatever a file is called or says', () => {
    assert.match(texts['a link that runs a command'] ?? '', link);
    for (const text of Object.values(texts)) assert.doesNotMatch(plainWords(`"${text}" cannot be loaded.`), link, text);
  });
  it('keep all other words', () => assert.equal(plainWords('a[0] (b) is "c" [d] x'), 'a[0] (b) is "c" [d] x'));
  it('go through notify.ts alone', () =>
    assert.deepEqual(
      trackedFiles().filter(
        (path) =>
          path.startsWith('extension/') &&
          path.endsWith('.ts') &&
          /\bshow(Error|Warning|Information)Message\b/.test(readText(path) ?? ''),
      ),
      ['extension/platform/notify.ts'],
    ));
});
