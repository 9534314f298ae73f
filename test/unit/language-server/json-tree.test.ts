import assert from 'node:assert/strict';
import { parseTree } from 'jsonc-parser';
import type { Node } from 'jsonc-parser';
import { readTree } from '../../../language-server/service/json-tree';

/** A tree without the links to parents, which would make it endless. */
const plain = (node: Node | undefined): unknown =>
  node === undefined ? undefined : { ...node, parent: undefined, children: node.children?.map(plain) };

const texts = [
  '{"a": 1, "b": [true, null, -2.5, "x"], "c": {"d": {}}}',
  '{"a": [1, {"b": 2}, ], }',
  '{"a": ',
  '{"a": 1, "b',
  '{"a" 1 "b": 2}',
  '{"a": {"b": 1, "c": }, "d": 2}',
  '[1, [2, [3',
  '{"a": 1} trailing',
  '// note\n{"a": /* one */ 1}',
  '}{',
  '',
];

describe('json tree', () => {
  for (const text of texts) {
    it(`is that of the library for ${JSON.stringify(text)}`, () =>
      assert.deepEqual(
        plain(readTree(text)),
        plain(parseTree(text, [], { allowTrailingComma: true, allowEmptyContent: true })),
      ));
  }
  it('leaves the entries of label tables out and keeps their place', () => {
    const text = '{"id2label": {"0": {"x": 1}, "1": "b"}, "hidden_size": 4}';
    const [labels, size] = readTree(text)?.children ?? [];
    assert.deepEqual(labels?.children?.[1]?.children, []);
    assert.equal(text.slice(labels.offset, labels.offset + labels.length), '"id2label": {"0": {"x": 1}, "1": "b"}');
    assert.equal(size?.children?.[1]?.value, 4);
  });
});
