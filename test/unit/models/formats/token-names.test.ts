import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { longestToken, mostTokens } from '../../../../models/formats/companions/token-names';
import { readVocabulary } from '../../../../models/formats/companions/tokenizer-vocabulary';
import { corpus } from '../../../support/corpus';

const demos = join('examples', 'models');

interface Tokenizer {
  readonly added_tokens: readonly { readonly id: number; readonly content: string }[];
  readonly model: { readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[] };
}

/** The same by JSON.parse, which needs the whole file in memory. */
const byParsing = (text: string): Map<string, number> => {
  const { added_tokens: added, model } = JSON.parse(text) as Tokenizer;
  const entries: readonly (readonly [string, number])[] = Array.isArray(model.vocab)
    ? (model.vocab as readonly (readonly [string, number])[]).map(([token], id) => [token, id])
    : Object.entries(model.vocab as Readonly<Record<string, number>>);
  const marked = entries.filter(([token]) => /^<[^\s<>]+>$|^\[[^\s[\]]+\]$/.test(token));
  return new Map([...marked, ...added.map(({ content, id }) => [content, id] as const)]);
};
const sorted = (ids: ReadonlyMap<string, number>): readonly (readonly [string, number])[] =>
  [...ids].sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));

describe('tokens of a tokenizer.json by name', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-tokens-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const named = async (text: string) => {
    const path = join(folder, 'tokenizer.json');
    writeFileSync(path, text);
    return (await readVocabulary(path)).named;
  };

  it('are the added ones, and what is written like a marker in the vocabulary', async () => {
    const { ids, whole } = await named(
      '{"added_tokens": [{"id": 9, "content": "<|end|>", "special": true}, {"content": "plain\\u0020text", "id": 8}, {"content": "\\"", "id": 7}],' +
        ' "model": {"vocab": {"<s>": 0, "<": 1, "<a b>": 2, "[INST]": 3, "\\u003cpad\\u003e": 4, "word": 5, "x>": 6}, "merges": ["<x> y"]}}',
    );
    assert.deepEqual(sorted(ids), [
      ['"', 7],
      ['<pad>', 4],
      ['<s>', 0],
      ['<|end|>', 9],
      ['[INST]', 3],
      ['plain text', 8],
    ]);
    assert.equal(whole, true);
  });
  it('have their place as id in a list of scores', async () => {
    const { ids } = await named(
      '{"added_tokens": [], "model": {"type": "Unigram", "vocab": [["<pad>", 0.0], ["a", -1.5], ["</s>", -2]]}}',
    );
    assert.deepEqual(sorted(ids), [
      ['</s>', 2],
      ['<pad>', 0],
    ]);
  });
  it('are not whole beyond the bounds', async () => {
    const many = Object.fromEntries(Array.from({ length: mostTokens + 1 }, (_, id) => [`<${id}>`, id]));
    const over = await named(JSON.stringify({ model: { vocab: many } }));
    assert.deepEqual([over.ids.size, over.whole], [mostTokens, false]);
    const long = await named(
      JSON.stringify({
        added_tokens: [{ id: 1, content: 'x'.repeat(longestToken + 1) }],
        model: { vocab: { '<a>': 0 } },
      }),
    );
    assert.deepEqual([sorted(long.ids), long.whole], [[['<a>', 0]], false]);
  });
  it('are the ones that JSON.parse finds, in published tokenizers and those of the demo models', async () => {
    const files = [demos, ...(existsSync(corpus) ? [corpus] : [])]
      .flatMap((root) => readdirSync(root).map((name) => join(root, name, 'tokenizer.json')))
      .filter((path) => existsSync(path));
    assert.ok(files.length >= 2);
    for (const path of files) {
      const { named: found } = await readVocabulary(path);
      assert.deepEqual(sorted(found.ids), sorted(byParsing(readFileSync(path, 'utf8'))), path);
      assert.ok(found.whole);
    }
  });
});
