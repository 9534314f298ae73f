/** Known findings: written, hidden as long as they stay, and named when they are gone. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { check, config, Place } from './run';

interface Written {
  readonly kind: string;
  readonly version: number;
  readonly findings: readonly { path: string; code: string; fingerprint: string; message: string }[];
}
interface Report {
  readonly known: number;
  readonly gone: readonly { path: string; code: string }[];
  readonly files: readonly { path: string; findings: readonly { code: string; fingerprint: string }[] }[];
}

const faulty = config('"num_key_value_heads": 3, "torch_dtype": "float16"');

describe('headscope check with a baseline', () => {
  let place: Place;
  let baseline: string;
  beforeEach(() => {
    place = new Place();
    baseline = join(place.root, 'ci/known.json');
    place.put('ci/empty.txt', '');
    place.put('models/a/config.json', faulty);
    place.put('models/b/config.json', config());
  });
  afterEach(() => place.remove());
  const written = (): Written => JSON.parse(readFileSync(baseline, 'utf8')) as Written;
  const report = async (...words: readonly string[]): Promise<Report & { status: number }> => {
    const { status, stdout } = await check(...words, '--format', 'json');
    return { ...(JSON.parse(stdout) as Report), status };
  };

  it('writes paths relative to it, codes and fingerprints of code, place and message', async () => {
    const { status, stdout, stderr } = await check(place.root, '--write-baseline', baseline);
    assert.equal(status, 0);
    assert.match(stderr, /^2 findings written to .*known\.json\.\n$/);
    assert.match(stdout, /0 errors, 0 warnings, 0 notes\n2 known findings hidden\n/);
    const { kind, version, findings } = written();
    assert.deepEqual([kind, version], ['headscope-baseline', 1]);
    assert.deepEqual(
      findings.map(({ path, code }) => [path, code]),
      [
        ['../models/a/config.json', 'dtype-key-deprecated'],
        ['../models/a/config.json', 'kv-heads-do-not-divide'],
      ],
    );
    const keys = ['torch_dtype', 'num_key_value_heads'];
    for (const [index, { code, fingerprint, message }] of findings.entries()) {
      const by = createHash('sha256').update(JSON.stringify([code, [keys[index]], message]));
      assert.equal(fingerprint, by.digest('hex'));
    }
    // The same findings, whatever the order of the paths, are the same bytes.
    const bytes = readFileSync(baseline);
    await check(join(place.root, 'models/b'), join(place.root, 'models/a'), '--write-baseline', baseline);
    assert.deepEqual(readFileSync(baseline), bytes);
  });

  it('hides exactly those: not another in the same file, nor the same in another file', async () => {
    await check(place.root, '--write-baseline', baseline);
    const unchanged = await report(place.root, '--baseline', baseline);
    assert.deepEqual([unchanged.status, unchanged.known, unchanged.gone.length], [0, 2, 0]);
    // Lines move and keys change places: the findings stay the same.
    place.put('models/a/config.json', `\n\n${JSON.stringify(JSON.parse(faulty), undefined, 4)}`);
    assert.equal((await report(place.root, '--baseline', baseline)).known, 2);
    place.put(
      'models/a/config.json',
      faulty.replace('"num_key_value_heads": 3', '"num_key_value_heads": 3, "dtype": "fp16"'),
    );
    place.put('models/b/config.json', faulty);
    const { status, files, known } = await report(place.root, '--baseline', baseline);
    assert.equal(status, 1);
    assert.deepEqual(
      files.map(({ findings }) => findings.map(({ code }) => code)),
      [
        ['dtype-unknown', 'dtypes-disagree'],
        ['kv-heads-do-not-divide', 'dtype-key-deprecated'],
      ],
    );
    assert.equal(known, 1);
  });

  it('hides a finding that is there twice only as often as it is known', async () => {
    const twice = (times: number): string => config(Array(times).fill('"vocab_size": 10').join(', '));
    place.put('models/a/config.json', twice(2));
    await check(place.root, '--write-baseline', baseline);
    place.put('models/a/config.json', twice(3));
    const { known, files } = await report(place.root, '--baseline', baseline);
    assert.deepEqual([known, files.flatMap(({ findings }) => findings).length], [1, 1]);
  });

  it('names what no longer occurs, of the files that were looked at and of those that are gone', async () => {
    place.put('models/c/config.json', faulty);
    await check(place.root, '--write-baseline', baseline);
    place.put('models/a/config.json', config('"torch_dtype": "float16"'));
    rmSync(join(place.root, 'models/c'), { recursive: true });
    const { gone, known, status } = await report(place.root, '--baseline', baseline);
    assert.deepEqual(
      gone.map(({ path, code }) => `${path} ${code}`),
      [
        '../models/a/config.json kv-heads-do-not-divide',
        '../models/c/config.json dtype-key-deprecated',
        '../models/c/config.json kv-heads-do-not-divide',
      ],
    );
    assert.deepEqual([status, known], [0, 1]);
    // Nothing is known of a file that was not looked at.
    assert.equal((await report(join(place.root, 'models/b'), '--baseline', baseline)).gone.length, 2);
    const { stdout } = await check(place.root, '--baseline', baseline);
    assert.match(
      stdout,
      /\n1 known finding hidden\n3 entries of the baseline no longer occur; write it again with --write-baseline\n/,
    );
    assert.match(stdout, /models\/a\/config\.json: no longer: 3 key\/value heads/);
  });

  it('never hides that a file was not looked at, whatever it names', async () => {
    place.put('models/b/config.json', '{}');
    const first = await check(place.root, '--write-baseline', baseline);
    assert.equal(first.status, 1);
    assert.match(first.stderr, /^2 findings written to /);
    assert.match(first.stdout, /b\/config\.json:1:1: error: Not checked\. .*\[file-not-read\]/);
    assert.ok(written().findings.every(({ code }) => code !== 'file-not-read'));
    // Nor where an older baseline, or a person, has put it there.
    const { findings } = (await report(place.root)).files.find(({ path }) => path.endsWith('b/config.json')) ?? {};
    const [{ fingerprint = '' } = {}] = findings ?? [];
    const known = { path: '../models/b/config.json', code: 'file-not-read', fingerprint, message: 'Not checked.' };
    place.put('ci/known.json', JSON.stringify({ ...written(), findings: [...written().findings, known] }));
    const again = await report(place.root, '--baseline', baseline);
    assert.deepEqual([again.status, again.known, again.gone], [1, 2, []]);
  });

  it('is named by .headscope.json too, and can be written before it is there', async () => {
    place.put('.headscope.json', '{"baseline": "ci/known.json"}');
    const missing = await check(place.root);
    assert.equal(missing.status, 2);
    assert.match(missing.stderr, /\.headscope\.json: The baseline ci\/known\.json: It does not exist\. Write it with/);
    assert.equal((await check(place.root, '--write-baseline', baseline)).status, 0);
    const { status, known } = await report(place.root);
    assert.deepEqual([status, known], [0, 2]);
    // Words on the command line go first.
    const none = place.put('ci/none.json', '{"kind": "headscope-baseline", "version": 1, "findings": []}');
    assert.equal((await check(place.root, '--baseline', none)).status, 1);
  });

  it('that cannot be used is a sentence and the status 2', async () => {
    const broken: readonly (readonly [text: string, reason: RegExp])[] = [
      ['', /empty/],
      ['{', /not valid JSON/],
      ['{"kind": "headscope-plan"}', /no baseline of Headscope/],
      ['{"kind": "headscope-baseline", "version": 2, "findings": []}', /format 2/],
      ['{"kind": "headscope-baseline", "version": 1, "findings": [{"path": 1}]}', /findings\[0\]/],
    ];
    for (const [text, reason] of broken) {
      const { status, stdout, stderr } = await check(place.root, '--baseline', place.put('base.json', text));
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, reason);
    }
    const nowhere = await check(place.root, '--write-baseline', join(place.root, 'no/folder/known.json'));
    assert.deepEqual([nowhere.status, nowhere.stdout], [2, '']);
    assert.match(nowhere.stderr, /known\.json was not written\. Its folder does not exist\. Make the folder first\./);
  });
});
