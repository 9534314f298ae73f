import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { heldBack } from '../../../language-server/service/check';
import { hoverAt } from '../../../language-server/service/hover';
import { corpus, corpusFolders } from '../../support/corpus';
import { findingsOf, modelFile } from './caret';

const examples = join('examples', 'workspace');
/** Every tenth published config, or the example workspace alone. */
const configs = [
  ...readdirSync(examples).map((name) => join(examples, name)),
  ...corpusFolders.filter((_, index) => index % 10 === 3).map((name) => join(corpus, name)),
].flatMap((folder) => {
  const path = join(folder, 'config.json');
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return text !== '' && text.length < 8000 ? [{ path, text }] : [];
});

const typed = [
  '"',
  '"num_att',
  '"num_attention_heads"',
  '"num_attention_heads":',
  '"num_key": "x',
  'num',
  '"rope_scaling": ',
];

/** The innermost bracket that a text leaves open. */
const openBracket = (text: string): string | undefined => {
  const open: string[] = [];
  for (const char of text.replace(/"(?:[^"\\\n]|\\.)*"/g, '')) {
    if (char === '{' || char === '[') open.push(char);
    else if (char === '}' || char === ']') open.pop();
  }
  return open.at(-1);
};

const told = (text: string): readonly { readonly what: string; readonly line: number }[] => {
  const { document } = modelFile(text);
  return findingsOf(text).map(({ code, message, span }) => ({
    what: `${code}: ${message}`,
    line: document.positionAt(span.offset).line,
  }));
};

describe('a config while it is typed in', () => {
  it(`a half-typed entry on a line of its own gives no new finding on another (${configs.length} configs)`, () => {
    assert.ok(configs.length >= 2);
    for (const { path, text } of configs) {
      const lines = text.split('\n');
      const before = new Set(told(text).map(({ what }) => what));
      for (let at = 1; at < lines.length; at += 3) {
        if (openBracket(lines.slice(0, at).join('\n')) !== '{') continue;
        const insert = typed[at % typed.length] ?? '';
        const broken = [...lines.slice(0, at), `  ${insert}`, ...lines.slice(at)].join('\n');
        const fresh = told(broken).filter(({ what, line }) => line !== at && !before.has(what));
        assert.deepEqual(fresh, [], `${path}, ${insert} before line ${at + 1}`);
      }
    }
  });

  it('an entry cut off anywhere gives no finding that the whole text had not', () => {
    for (const { path, text } of configs) {
      const whole = findingsOf(text);
      const known = new Set(whole.map(({ message }) => message));
      const lines = text.split('\n');
      for (let at = 1; at < lines.length - 1; at += 4) {
        const line = lines[at] ?? '';
        if (!/^\s*"\w+": [^[{]/.test(line)) continue;
        const broken = [...lines.slice(0, at), line.slice(0, line.indexOf('"') + 1 + (at % 9)), ...lines.slice(at + 1)];
        const file = modelFile(broken.join('\n'));
        assert.ok(file.document.unfinished.length > 0, `${path} line ${at + 1}`);
        for (const { message } of heldBack(findingsOf(broken.join('\n')), whole))
          assert.ok(known.has(message), message);
      }
    }
  });

  it('the other fields keep their hovers', () => {
    const text = readFileSync(join(examples, 'Llama-3.1-8B', 'config.json'), 'utf8');
    const titles = (one: string): readonly string[] =>
      [...one.matchAll(/^ {2}"(hidden_size|num_attention_heads|num_key_value_heads|vocab_size)":/gm)].map(
        ({ index }) => {
          const file = modelFile(one);
          return hoverAt(file, index + 4)?.markdown.source ?? '';
        },
      );
    const before = titles(text);
    assert.equal(before.length, 4);
    assert.ok(before.every((markdown) => markdown.length > 40));
    const lines = text.split('\n');
    for (let at = 1; at < lines.length - 1; at += 1) {
      for (const insert of ['  "sliding_win', '  "sliding_window', '  "sliding_window":'].map((one) => `${one}\n`)) {
        if (openBracket(lines.slice(0, at).join('\n')) !== '{') continue;
        assert.deepEqual(
          titles([...lines.slice(0, at), insert + (lines[at] ?? ''), ...lines.slice(at + 1)].join('\n')),
          before,
        );
      }
    }
  });

  it('a text that was never whole tells all there is to tell', () => {
    const findings = findingsOf('{"model_type": "llama", "hidden_size": 64, "num_attention_heads": 7, "x');
    assert.deepEqual(heldBack(findings, undefined), findings);
    assert.ok(findings.some(({ code }) => code === 'heads-do-not-divide'));
  });
});
