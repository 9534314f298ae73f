/** Words of `headscope check`, the `.headscope.json` that it reads, and its exit status. */
import assert from 'node:assert/strict';
import { symlinkSync, truncateSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { check, config, Place } from './run';

const error = config('"num_key_value_heads": 3');
const warning = config('"num_atention_heads": 4').replace('"num_attention_heads": 4, ', '');

describe('headscope check', () => {
  let place: Place;
  beforeEach(() => (place = new Place()));
  afterEach(() => place.remove());

  it('takes severities from the nearest .headscope.json, and from the command line before it', async () => {
    place.put('.headscope.json', '{"severity": {"kv-heads-do-not-divide": "hint"}}');
    place.put('b/.headscope.json', '{"severity": {"kv-heads-do-not-divide": "warning"}}');
    const [a, b] = [place.put('a/config.json', error), place.put('b/config.json', error)];
    const { status, stdout } = await check(a, b);
    assert.equal(status, 0);
    assert.match(stdout, /a\/config\.json:1:\d+: hint: .*\n.*b\/config\.json:1:\d+: warning: /);
    const words = ['--severity', 'kv-heads-do-not-divide=error'];
    assert.equal((await check(a, b, ...words)).stdout.match(/: error: /g)?.length, 2);
  });

  it('takes the device memory likewise, 0 for none', async () => {
    const path = place.put('config.json', config('"max_position_embeddings": 131072, "vocab_size": 10'));
    const fires = async (...words: readonly string[]): Promise<boolean> =>
      (await check(path, ...words)).stdout.includes('[cache-over-memory]');
    assert.ok(!(await fires()));
    place.put('.headscope.json', '{"deviceMemoryGB": 0.001}');
    assert.ok(await fires());
    assert.ok(!(await fires('--device-memory', '1000')));
    place.put('.headscope.json', '{"deviceMemoryGB": 0}');
    assert.ok(!(await fires()));
  });

  it('leaves out what .headscope.json excludes, named or found, and counts it', async () => {
    place.put('.headscope.json', '{"exclude": ["experiments/**", "*.bak.json"]}');
    place.put('experiments/x/config.json', error);
    const named = place.put('good/old.bak.json', error);
    place.put('good/config.json', config());
    const { status, stdout } = await check(place.root, named);
    assert.equal(status, 0, stdout);
    assert.match(stdout, /\n2 files left out by \.headscope\.json\n/);
  });

  it('ends with 2 before it checks anything where .headscope.json is wrong, and says what is meant', async () => {
    const wrong: readonly (readonly [text: string, reason: RegExp])[] = [
      [
        '{"severity": {"key-mispelt": "off"}}',
        /severity\.key-mispelt: "key-mispelt" is the code of no rule; did you mean "key-misspelt"\?/,
      ],
      [
        '{"severity": {"key-misspelt": "warn"}}',
        /"warn" is no severity; did you mean "warning"\? Choose from error, warning/,
      ],
      ['{"sverity": {}}', /"sverity" is no key of this file; did you mean "severity"\?/],
      ['{"exclude": "old"}', /exclude is not a list of patterns/],
      ['{"severity": {}', /not valid JSON/],
      ['[]', /no JSON object/],
    ];
    const path = place.put('models/config.json', config('"dtype": "fp16"'));
    for (const [text, reason] of wrong) {
      place.put('.headscope.json', text);
      for (const words of [[], ['--fix'], ['--format', 'sarif']]) {
        const { status, stdout, stderr } = await check(path, ...words);
        assert.deepEqual([status, stdout], [2, ''], text);
        assert.match(stderr, reason);
      }
    }
    assert.match((await check(path)).stderr, /\.headscope\.json: /);
  });

  it('reads no .headscope.json and no baseline that is a link out of the repository, and quotes nothing of what it cannot read', async () => {
    const outside = new Place();
    const secret = outside.put('token', 'hunter2-is-the-password\n');
    const path = place.put('models/config.json', config());
    const link = join(place.root, '.headscope.json');
    symlinkSync(secret, link);
    const linked = await check(path);
    assert.deepEqual([linked.status, linked.stdout], [2, '']);
    assert.match(linked.stderr, /\.headscope\.json: It is a link out of the repository and is not read\.\n$/);
    unlinkSync(link);
    symlinkSync(secret, join(place.root, 'known.json'));
    place.put('.headscope.json', '{"baseline": "known.json"}');
    const known = await check(path);
    assert.equal(known.status, 2);
    assert.match(known.stderr, /The baseline known\.json: It is a link out of the repository and is not read\.\n$/);
    // A path that was given is followed; what it leads to is still not quoted.
    const given = await check(path, '--baseline', secret);
    assert.equal(given.status, 2);
    assert.match(given.stderr, /The file is not valid JSON: line 1, column 1: invalid symbol\./);
    place.put('.headscope.json', 'hunter2');
    const broken = await check(path);
    assert.match(broken.stderr, /The file is not valid JSON: column 1: invalid symbol\.\n$/);
    for (const { stdout, stderr } of [linked, known, given, broken]) assert.doesNotMatch(stdout + stderr, /hunter/);
    outside.remove();
  });

  it('--quiet prints errors alone and counts the rest', async () => {
    place.put('a/config.json', error);
    place.put('b/config.json', warning);
    const { status, stdout } = await check(place.root, '--quiet');
    assert.equal(status, 1);
    assert.match(stdout, /^[^\n]*: error: [^\n]*\n2 files checked: 1 error, 1 warning, 0 notes\n$/);
    const { files } = JSON.parse((await check(place.root, '--quiet', '--format', 'json')).stdout) as {
      files: { findings: unknown[] }[];
    };
    assert.deepEqual(
      files.map(({ findings }) => findings.length),
      [1, 0],
    );
  });

  it('--max-warnings fails above the number', async () => {
    const path = place.put('config.json', warning);
    assert.equal((await check(path)).status, 0);
    assert.equal((await check(path, '--max-warnings', '1')).status, 0);
    assert.equal((await check(path, '--max-warnings', '0', '--quiet')).status, 1);
  });

  it('--ignore-others passes over named files that are no model files, and over nothing else', async () => {
    const others = [
      place.put('package.json', '{"name": "x",}'),
      place.put('notes.json', '[1, 2]'),
      place.put('README.md', '# Words'),
      place.put('deep.json', '['.repeat(300)),
      place.put('tokenizer.json', '{}'),
    ];
    truncateSync(others[4] ?? '', 40 * 2 ** 20);
    const quiet = await check(...others, '--ignore-others');
    assert.deepEqual([quiet.status, quiet.stderr], [0, '']);
    assert.match(
      quiet.stdout,
      /^0 files checked: 0 errors, 0 warnings, 0 notes\n5 other JSON files are not model files\n$/,
    );
    assert.equal((await check(...others)).status, 1, 'without it each of them fails');
    for (const [name, text] of [
      ['a/config.json', error],
      ['b/config.json', '{"model_type": "llama",}'],
      ['c/other-name.json', error],
    ] as const)
      assert.equal((await check(place.put(name, text), '--ignore-others')).status, 1, name);
    const gone = await check(join(place.root, 'gone.json'), '--ignore-others');
    assert.equal(gone.status, 2);
  });

  it('checks a file once that is named twice', async () => {
    const path = place.put('config.json', error);
    assert.match((await check(path, place.root, path)).stdout, /\n1 file checked: 1 error,/);
  });

  it('explains words that do not fit', async () => {
    const path = place.put('config.json', config());
    const rows: readonly (readonly [words: readonly string[], reason: RegExp])[] = [
      [['--baseline', 'a', '--write-baseline', 'b'], /give one of the two/],
      [['--dry-run'], /--fix/],
      [['--fix', '--dry-run', '--format', 'json'], /leave --format out/],
      [['--max-warnings', 'x'], /whole number/],
      [['--max-warnings', '-1'], /./],
      [['--severity', 'key-mispelt=off'], /such as key-misspelt/],
      [['--sarif', ''], /empty/],
      [['--format', 'xml'], /--format xml is unknown/],
      [['--severity', 'x=off'], /a code of docs\/rules/],
      [['--severity', 'key-misspelt'], /CODE=error/],
      [['--device-memory', '0'], /above 0/],
    ];
    for (const [words, reason] of rows) {
      const { status, stdout, stderr } = await check(path, ...words);
      assert.deepEqual([status, stdout], [2, ''], words.join(' '));
      assert.match(stderr, reason);
      assert.match(stderr, /Usage: headscope check/);
    }
    const nowhere = await check(path, join(place.root, 'nowhere'));
    assert.deepEqual([nowhere.status, nowhere.stdout], [2, '']);
    assert.match(nowhere.stderr, /nowhere cannot be read; name a file or a folder that exists\./);
  });
});
