import assert from 'node:assert/strict';
import { writtenText } from '../../../language-server/service/template-text';

const written = (template: string): string => writtenText(template).join('/');

describe('text that a chat template writes', () => {
  const cases: readonly (readonly [template: string, text: string])[] = [
    ['plain <|a|> text', 'plain <|a|> text'],
    ["<|a|>{{ role }}\n{{- '<|b|>' + text -}}", '<|a|>/\n/<|b|>'],
    // Brackets, quotes and escapes inside of strings.
    [`{{ '}} <|a|>' ~ "it's %} {{" }}!`, "}} <|a|>/it's %} {{/!"],
    [String.raw`{{ 'it\'s <|a|>' }}`, String.raw`it\'s <|a|>`],
    ['{# <|a|> {{ "b" }} #}c', 'c'],
    // A string that is put aside may be written later; one that is asked for is not.
    ["{% set x = '<|a|>' %}{% if '<|b|>' in x %}{% endif %}{%- elif y == '<|c|>' -%}", '<|a|>'],
    ["{{ 'a' if x == 'b' else 'c' }}{{ y.split('d')[0] }}{{ 'e' in y }}{{ raise_exception('f') }}", 'a/c'],
    ["{% if has('a', 'b') %}{% for c in cut(text, 'd') %}{{ 'e' }}{% endfor %}{% endif %}", 'e'],
    ["{{ 'x' if role in ['a', 'b'] }}", 'x'],
    // What is unfinished ends with the text.
    ["a{{ 'b", 'a'],
    ['a{% if', 'a'],
    ['a{#', 'a'],
    ['', ''],
  ];
  for (const [template, text] of cases) it(JSON.stringify(template), () => assert.equal(written(template), text));

  it('is found in time that grows with the length', () => {
    // A try at every quote would take some 10^10 steps here.
    for (const piece of ['{{', '{{ "', String.raw`\"`, "{{ 'a' in", '{#', '"']) {
      const started = performance.now();
      writtenText(`{{ ${piece.repeat(Math.ceil(200_000 / piece.length))}`);
      assert.ok(performance.now() - started < 5000, piece);
    }
  });
});
