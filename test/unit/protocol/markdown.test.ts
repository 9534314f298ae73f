import assert from 'node:assert/strict';
import { code, formatted, joined } from '../../../protocol/language/markdown';
import type { Markdown } from '../../../protocol/language/markdown';
import { readText, trackedFiles } from '../../support/repository-files';
import { rendered } from '../../support/rendered';
import { hostileTexts } from '../../support/hostile-texts';

/** The tags of the templates below; anything else came out of a value. */
const own = /<\/?(p|strong|code|table|thead|tbody|tr|th|td)( align="right")?>/g;
const expectInert = (made: Markdown): void => {
  const { html } = rendered(made.source);
  assert.equal(/<[a-z/!?]/i.exec(html.replace(own, '')), null, html);
};

describe('markdown', () => {
  for (const [name, text] of Object.entries(hostileTexts)) {
    it(`shows ${name} as the characters it is made of, wherever it is put`, () => {
      for (const made of [
        formatted`${text}`,
        formatted`Value: ${text}, as written.`,
        formatted`**${code(text)}** · ${text}`,
        joined([formatted`${text}`, formatted`${text}`], '\n\n'),
        joined([formatted`| a | b |`, formatted`| --- | ---: |`, formatted`| ${text} | ${code(text)} |`], '\n'),
      ])
        expectInert(made);
      const shown = text.replace(/[\s\u2028\u2029]+/g, ' ').trim();
      if (/^[\x20-\x7e]*$/.test(shown) && shown.length < 1000) {
        assert.equal(rendered(formatted`${text}`.source).text.trim(), shown);
        assert.equal(
          rendered(formatted`x ${code(text)}`.source)
            .text.trim()
            .replace(/\s+/g, ' '),
          `x ${shown}`.trim(),
        );
      }
    });
  }
  it('keeps what the template itself formats', () => {
    assert.equal(
      rendered(formatted`**${'a*b'}** · ${3} ${code('x_y')}`.source).html.trim(),
      '<p><strong>a*b</strong> · 3 <code>x_y</code></p>',
    );
  });
  it('cuts what nobody reads, and hides no character', () => {
    assert.ok(formatted`${'x'.repeat(5_000_000)}`.source.length < 1100);
    assert.equal(formatted`${'a\u202eb\u0007\ud800'}`.source, 'a\ufffdb\ufffd\ufffd');
  });
});

describe('formatted text is made in one place', () => {
  const sources = trackedFiles()
    .filter((path) => /^(language-server|extension|protocol)\/.*\.ts$/.test(path))
    .map((path) => ({ path, text: readText(path) ?? '' }));
  const usersOf = (word: RegExp): readonly string[] =>
    sources.filter(({ text }) => word.test(text)).map(({ path }) => path);
  it('MarkupContent by markup.ts, from the tag alone; MarkdownString nowhere', () => {
    assert.deepEqual(usersOf(/\bMarkupKind\b|kind: ['"]markdown['"]/), ['language-server/handlers/markup.ts']);
    assert.deepEqual(usersOf(/\bMarkdownString\b/), []);
    assert.deepEqual(usersOf(/\bMarkedString\b/), []);
  });
  it('nothing is trusted, and no HTML is rendered', () => {
    assert.deepEqual(usersOf(/supportHtml\b(?!: false)|supportThemeIcons: true/), []);
    const trusting = usersOf(/\bisTrusted\s*[:=](?!=)/);
    assert.deepEqual(trusting, ['extension/platform/language-client.ts']);
    for (const file of sources.filter(({ path }) => trusting.includes(path)))
      assert.deepEqual(file.text.match(/isTrusted: [^,\n]*/g), ['isTrusted: false']);
  });
});
