import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rules } from '../../../language-server/service/rules/catalogue';
import { expectFinding, expectNoFinding, unmark } from './caret';
import type { Case } from './rule-case';
import { ruleCases } from './rule-cases';

const textOf = (one: Case): string => (typeof one === 'string' ? one : one[0]);
const besideOf = (one: Case) => (typeof one === 'string' ? undefined : one[1]);
const short = (text: string): string => (text.length > 110 ? `${text.slice(0, 110)}…` : text);

describe('rules', () => {
  /** What the cases below were told, for the tests of the words at the end. */
  const messages: string[] = [];
  for (const rule of rules) {
    describe(rule.code, () => {
      const cases = ruleCases[rule.code];
      it('has two faults that it finds and two valid files that it leaves alone', () => {
        assert.ok((cases?.fires.length ?? 0) >= 2 && (cases?.silent.length ?? 0) >= 2);
      });
      for (const one of cases?.fires ?? []) {
        it(`finds ${short(textOf(one))}`, () => {
          assert.ok(unmark(textOf(one)).span !== undefined, 'the place is marked');
          const finding = expectFinding(textOf(one), rule.code, besideOf(one));
          const { text } = unmark(textOf(one));
          for (const fix of finding.fixes) {
            for (const { offset, length } of fix.changes) assert.ok(offset >= 0 && offset + length <= text.length);
          }
          for (const words of [finding.message, ...finding.related.map(({ message }) => message)]) messages.push(words);
        });
      }
      for (const one of cases?.silent ?? []) {
        it(`leaves ${short(textOf(one))}`, () => expectNoFinding(textOf(one), rule.code, besideOf(one)));
      }
      it('has a page with what, why, an example and the way out', () => {
        const page = join('docs', 'rules', `${rule.code}.md`);
        assert.ok(existsSync(page), `${page} is missing`);
        const text = readFileSync(page, 'utf8');
        assert.ok(text.startsWith(`# ${rule.code}\n`));
        for (const title of ['## Why', '## Example', '## How to fix']) assert.ok(text.includes(title), title);
        assert.ok(text.includes(`\`${rule.severity}\``), 'the page names the default severity');
      });
    });
  }
  describe('messages', () => {
    const isName = (words: string): boolean => /^\S+$|^modules of /.test(words);
    it('end with a full stop, names of files and tensors aside', () => {
      assert.ok(messages.length > 150);
      assert.deepEqual(
        messages.filter((words) => !words.endsWith('.') && !isName(words)),
        [],
      );
    });
    it('have a full stop before each further sentence', () => {
      // Words that begin a sentence somewhere, and are no name or abbreviation, begin one everywhere.
      const starts = new Set(
        messages.flatMap((words) => [...words.matchAll(/[.?!] ([A-Z][a-z]+)\b/g)].map(([, word = '']) => word)),
      );
      assert.ok(starts.has('Usual') && starts.has('Known'), [...starts].join());
      const run = messages.filter((words) =>
        [...words.matchAll(/[^.?!:] ([A-Z][a-z]+)\b/g)].some(([, word = '']) => starts.has(word)),
      );
      assert.deepEqual(run, []);
    });
  });
  it('have no cases without a rule', () => {
    const codes = new Set(rules.map(({ code }) => code));
    assert.deepEqual(
      Object.keys(ruleCases).filter((code) => !codes.has(code)),
      [],
    );
    assert.equal(codes.size, rules.length);
  });
});
