/** What a `.headscope.json` says: read, checked against the rules, put over other settings, completed. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withChanges } from '../../../language-server/service/certain-fixes';
import { completeAt } from '../../../language-server/service/completion';
import { checkFile, settingsUnder } from '../../../language-server/service/check';
import { noFacts } from '../../../language-server/service/folder-facts';
import { isNamedBy, patternFault } from '../../../language-server/service/glob';
import { readHeadscopeSettings } from '../../../language-server/service/headscope-settings';
import { readModelFile } from '../../../language-server/service/model-file';
import { ruleCodes } from '../../../language-server/service/rules/catalogue';
import { silencingChanges } from '../../../language-server/service/silence';
import { isExcluded, Repositories } from '../../../language-server/workspace/repositories';
import type { OwnFamily } from '../../../models/formats/workspace-family';
import type { JsonValue } from '../../../models/formats/model-description';
import { headscopeFileFields, headscopeFileKeys } from '../../../protocol/inputs/headscope-file';
import { check } from '../../../protocol/schema/check';
import { mutateTree, Random } from '../../support/fuzz/random';
import { modelFile, unmark } from './caret';

const read = (value: JsonValue) => readHeadscopeSettings(value, ruleCodes);

describe('.headscope.json', () => {
  it('gives severities, memory, patterns and the baseline', () => {
    const { settings, faults } = read({
      severity: { 'key-misspelt': 'error', 'json-invalid': 'off' },
      deviceMemoryGB: 24,
      exclude: ['old/**'],
      baseline: 'known.json',
      families: [{ modelType: 'acme', like: 'llama' }],
    });
    assert.deepEqual(faults, []);
    assert.deepEqual(settings, {
      severity: { 'key-misspelt': 'error', 'json-invalid': 'off' },
      deviceMemory: 24 * 1024 ** 3,
      exclude: ['old/**'],
      baseline: 'known.json',
      families: [{ modelType: 'acme', like: 'llama' }],
    });
  });

  it('says of a family what is wrong, where it stands', () => {
    const { settings, faults } = read({ families: [{ modelType: 'acme', like: 'lama' }, { modelType: 'own' }] });
    assert.deepEqual(
      faults.map(({ path }) => path.join('/')),
      ['families/0/like'],
    );
    assert.deepEqual(settings.families, [{ modelType: 'own' }]);
  });

  it('makes a family known: its configs get errors, its description a family', () => {
    const text = '{"model_type": "acme", "hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 3}';
    const told = (families: readonly OwnFamily[]) => {
      const file = readModelFile('file:///m/config.json', text, { families });
      const found = checkFile(file, noFacts).find(({ code }) => code === 'kv-heads-do-not-divide');
      return [file.description?.family, found?.severity];
    };
    assert.deepEqual(told([]), ['generic', 'information']);
    assert.deepEqual(told([{ modelType: 'acme', like: 'llama' }]), ['acme', 'error']);
  });

  it('names the nearest rule, severity and key, and keeps what is right', () => {
    const { settings, faults } = read({
      severity: { 'kv-heads-do-not-divde': 'off', 'key-misspelt': 'eror', 'json-invalid': 'hint', constructor: 'off' },
      excludes: [],
    });
    assert.deepEqual(
      faults.map(({ path, meant }) => [path.join('/'), meant]).sort(),
      [
        ['excludes', 'exclude'],
        ['severity/constructor', undefined],
        ['severity/key-misspelt', 'error'],
        ['severity/kv-heads-do-not-divde', 'kv-heads-do-not-divide'],
      ].sort(),
    );
    for (const { message } of faults) assert.match(message, /^"[\w-]+" is .*\.$/);
    assert.deepEqual(settings.severity, { 'json-invalid': 'hint' });
  });

  it('takes any value without an exception', () => {
    const values: readonly JsonValue[] = [
      null,
      [],
      'text',
      { severity: null },
      { severity: { __proto__: 'off' } },
      { exclude: [1, null, {}] },
      { families: [1] },
      { baseline: {} },
      JSON.parse('{"__proto__": {"severity": {}}, "severity": {"__proto__": "off"}}') as JsonValue,
    ];
    for (const value of values) {
      const { settings } = read(value);
      assert.deepEqual(
        { ...settings, severity: { ...settings.severity } },
        { severity: {}, exclude: [], families: [] },
      );
    }
    assert.ok(read(null).faults.length === 1);
  });

  it('of any shape ends in settings and sentences', () => {
    const whole: JsonValue = {
      $schema: 'x',
      severity: { 'key-misspelt': 'off', 'json-invalid': 'hint' },
      baseline: 'known.json',
      deviceMemoryGB: 8,
      exclude: ['a/**', '*.json'],
      families: [{ model_type: 'own' }],
    };
    for (let seed = 0; seed < 500; seed++) {
      const random = new Random(seed);
      const { settings, faults } = read(mutateTree(random, whole, random.whole(1, 4)) as JsonValue);
      for (const { message } of faults) assert.match(message, /[.?]$/, `seed ${seed}`);
      for (const code of Object.keys(settings.severity)) assert.ok(ruleCodes.includes(code), `seed ${seed}`);
      for (const pattern of settings.exclude) isNamedBy(pattern, 'a/b/config.json');
    }
  });

  it('has in its schema every key that it may have', () => {
    const wrong = Object.fromEntries(headscopeFileKeys.map((key) => [key, Symbol(key)]));
    for (const key of headscopeFileKeys) assert.ok(!check(headscopeFileFields, { [key]: wrong[key] }).ok, key);
  });

  it('goes over the settings of the editor, and the command line over both', () => {
    const editor = { severity: { a: 'error', b: 'error', c: 'error' }, deviceMemory: 8 } as const;
    const repository = { severity: { b: 'warning', c: 'warning' }, deviceMemory: 16 } as const;
    const words = { severity: { c: 'off' } } as const;
    assert.deepEqual(settingsUnder(settingsUnder(editor, repository), words), {
      severity: { a: 'error', b: 'warning', c: 'off' },
      deviceMemory: 16,
    });
    // 0 in the file takes the editor's question away.
    assert.deepEqual(settingsUnder(editor, { severity: {}, deviceMemory: 0 }), { severity: editor.severity });
  });

  it('is given a silent rule without other changes', () => {
    const rows: readonly (readonly [before: string, after: string])[] = [
      ['{"severity": {"key-misspelt": "error"}}', '{"severity": {"key-misspelt": "off"}}'],
      [
        '{\r\n  "exclude": []\r\n}',
        '{\r\n  "exclude": [],\r\n  "severity": {\r\n    "key-misspelt": "off"\r\n  }\r\n}',
      ],
      [
        '{\n\t"severity": {\n\t\t"json-invalid": "off"\n\t}\n}\n',
        '{\n\t"severity": {\n\t\t"json-invalid": "off",\n\t\t"key-misspelt": "off"\n\t}\n}\n',
      ],
    ];
    for (const [before, after] of rows)
      assert.equal(withChanges(before, silencingChanges(before, 'key-misspelt')), after);
    assert.deepEqual(silencingChanges('{"severity": ', 'key-misspelt'), []);
  });

  it('is completed with codes of rules and severities', () => {
    const labels = (marked: string): readonly string[] => {
      const { text, span } = unmark(marked);
      return completeAt(modelFile(text, '.headscope.json'), span?.offset ?? 0).map(({ label }) => label);
    };
    assert.deepEqual(labels('{"severity": {"|"}}'), ruleCodes);
    assert.ok(!labels('{"severity": {"key-misspelt": "off", "|"}}').includes('key-misspelt'));
    assert.deepEqual(labels('{"severity": {"key-misspelt": "|"}}'), ['error', 'warning', 'information', 'hint', 'off']);
    assert.deepEqual(labels('{"baseline": "|"}'), []);
    assert.deepEqual(labels('{"|"}'), []);
  });
});

describe('patterns of files to leave out', () => {
  /** By the manual of .gitignore, for the signs that are taken. */
  const rows: readonly (readonly [pattern: string, path: string, named: boolean])[] = [
    ['old', 'old/a/config.json', true],
    ['old', 'models/old/config.json', true],
    ['old', 'older/config.json', false],
    ['old/', 'old/config.json', true],
    ['a/old', 'a/old/config.json', true],
    ['a/old', 'b/a/old/config.json', false],
    ['**/old/config.json', 'b/a/old/config.json', true],
    ['**/old/config.json', 'old/config.json', true],
    ['a/**/config.json', 'a/config.json', true],
    ['a/**/config.json', 'a/b/c/config.json', true],
    ['a/*/config.json', 'a/b/c/config.json', false],
    ['*.onnx', 'a/b/model.onnx', true],
    ['model?.json', 'model1.json', true],
    ['model?.json', 'model.json', false],
    ['./a/*.json', 'a/config.json', true],
    ['**', 'a', true],
    ['a*b*c', 'axxbxc', true],
    ['a*b*c', 'axxbx', false],
    ['a.b', 'axb', false],
  ];
  for (const [pattern, path, named] of rows)
    it(`${pattern} ${named ? 'names' : 'does not name'} ${path}`, () => assert.equal(isNamedBy(pattern, path), named));

  it('of many stars end at once', () => {
    // A regular expression of it would try some 10^20 ways.
    const pattern = `${'*a'.repeat(100)}b`;
    assert.equal(isNamedBy(pattern, 'a'.repeat(255)), false);
    assert.equal(isNamedBy(`${'**/a/'.repeat(40)}b`, 'a/'.repeat(500)), false);
  });

  it('with other signs, or that lead out, are refused', () => {
    for (const pattern of ['!a', '{a,b}', 'a\\b', '[ab]', '/a', '../a', 'a/../b', 'C:/a'])
      assert.ok(patternFault(pattern), pattern);
    for (const pattern of ['a', 'a/b', '**', 'a..b', '.hidden', 'a b']) assert.equal(patternFault(pattern), undefined);
  });
});

describe('the nearest .headscope.json', () => {
  let root: string;
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'headscope-file-'));
    mkdirSync(join(root, '.git'));
    mkdirSync(join(root, 'a/deep'), { recursive: true });
    mkdirSync(join(root, 'b'));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  it('counts, is looked for anew when it is forgotten, and names what is wrong with it', async () => {
    const repositories = new Repositories(Number.POSITIVE_INFINITY);
    assert.equal(await repositories.forFolder(join(root, 'b')), undefined);
    writeFileSync(join(root, '.headscope.json'), '{"exclude": ["deep"], "severity": {"key-misspelt": "off"}}');
    writeFileSync(join(root, 'a/.headscope.json'), '{"severity": {"key-mispelt": "off"}, "baseline": "none.json"}');
    assert.equal(await repositories.forFolder(join(root, 'b')), undefined);
    assert.ok(await repositories.concerns(join(root, 'a/.headscope.json')));
    repositories.forget();
    const [outer, inner] = await Promise.all([
      repositories.forFolder(join(root, 'b')),
      repositories.forFolder(join(root, 'a/deep')),
    ]);
    assert.deepEqual(outer?.settings.severity, { 'key-misspelt': 'off' });
    assert.deepEqual(outer.faults, []);
    assert.equal(inner?.file, join(root, 'a/.headscope.json'));
    assert.match(inner.faults.join(), /^severity\.key-mispelt: .*did you mean "key-misspelt"\?/);
    assert.match(inner.baselineFault ?? '', /none\.json: It does not exist\. Write it with/);
    assert.ok(await repositories.concerns(join(root, 'a/none.json')));
    assert.ok(!(await repositories.concerns(join(root, 'a/config.json'))));
    assert.ok(isExcluded(outer, join(root, 'x/deep/config.json')));
    assert.ok(!isExcluded(outer, join(root, 'b/config.json')));
    assert.ok(!isExcluded(outer, join(root, 'deep/.headscope.json')), 'the file itself is checked everywhere');
  });
});
