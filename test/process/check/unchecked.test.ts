/** Nothing that `headscope check` is given passes unseen: it is checked, or named with the reason, and that fails. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const cli = join('dist', 'language-server.js');
const good = '{\n  "model_type": "llama",\n  "hidden_size": 64,\n  "num_attention_heads": 4\n}\n';

interface Log {
  readonly runs: readonly [
    {
      readonly results: readonly {
        readonly ruleId: string;
        readonly level: string;
        readonly locations: readonly [
          {
            readonly physicalLocation: {
              readonly region: { readonly startLine: number; readonly startColumn: number };
            };
          },
        ];
      }[];
    },
  ];
}
interface Report {
  readonly others: number;
  readonly files: readonly {
    readonly path: string;
    readonly checked: boolean;
    readonly findings: readonly {
      readonly code: string;
      readonly message: string;
      readonly range: { readonly start: { readonly line: number; readonly character: number } };
    }[];
  }[];
}

const check = async (...words: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> => {
  const child = spawn(process.execPath, [cli, 'check', ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  const status = await new Promise<number | null>((heard) => child.once('close', heard));
  return { status, stdout, stderr };
};

describe('headscope check leaves nothing out', () => {
  let root: string;
  before(() => {
    assert.ok(existsSync(cli), `${cli} is missing: run "npm run build" first`);
    root = realpathSync(mkdtempSync(join(tmpdir(), 'headscope-unchecked-')));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  /** Each with the place of its fault, counted from 1, and a word of what is said. */
  const broken: readonly (readonly [
    name: string,
    bytes: string | Uint8Array,
    line: number,
    column: number,
    word: RegExp,
  ])[] = [
    ['cut off', good.slice(0, good.indexOf(' 64,')), 3, 17, /ends in the middle/],
    ['empty', '', 1, 1, /empty/],
    ['spaces alone', ' \n\n', 1, 1, /empty/],
    ['UTF-16', Buffer.from(`\ufeff${good}`, 'utf16le'), 1, 1, /UTF-16/],
    ['UTF-16 without a mark', Buffer.from(good, 'utf16le'), 1, 1, /UTF-16/],
    ['Latin-1', Buffer.from(good.replace('llama', 'll\u00e4ma'), 'latin1'), 2, 20, /no UTF-8/],
    ['a byte order mark', `\ufeff${good}`, 1, 1, /byte order mark/],
    ['a comma too many', good.replace('4\n', '4,\n'), 5, 1, /comma before this closing brace/],
    ['a comment', good.replace('64,', '64, // wide'), 3, 22, /no comments/],
    ['single quotes', good.replace('"llama"', "'llama'"), 2, 17, /single quotes/],
    [
      'words of Python',
      good.replace('4\n', '4,\n  "use_cache": True\n'),
      5,
      16,
      /"True" is not a JSON value; JSON writes true/,
    ],
    ['a missing comma', good.replace('64,', '64'), 4, 3, /comma is missing/],
    ['two objects', `${good}${good}`, 6, 1, /text after the end of the JSON value/],
    [
      'a pointer of git-lfs',
      'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n',
      1,
      1,
      /git lfs pull/,
    ],
    ['a web page', '<!doctype html><title>401</title>', 1, 1, /web page/],
  ];
  it('invalid JSON is an error with its line and column, in all formats', async () => {
    const all = join(root, 'broken');
    for (const [name, bytes] of broken) {
      mkdirSync(join(all, name), { recursive: true });
      writeFileSync(join(all, name, 'config.json'), bytes);
    }
    const [text, json, sarif] = await Promise.all([
      check(all),
      check(all, '--format', 'json'),
      check(all, '--format', 'sarif'),
    ]);
    for (const { status } of [text, json, sarif]) assert.equal(status, 1);
    const report = JSON.parse(json.stdout) as Report;
    assert.equal(report.files.length, broken.length);
    for (const [name, , line, column, word] of broken) {
      const path = join(all, name, 'config.json');
      const told = text.stdout.split('\n').filter((one) => one.startsWith(path) && one.includes('json-invalid'));
      assert.equal(told.length, 1, `${name}\n${text.stdout}`);
      assert.ok(told[0]?.startsWith(`${path}:${line}:${column}: error: `), told[0]);
      assert.match(told[0] ?? '', word);
      const found = report.files
        .find((file) => file.path === path)
        ?.findings.find(({ code }) => code === 'json-invalid');
      assert.deepEqual(found?.range.start, { line: line - 1, character: column - 1 }, name);
    }
    const { results } = (JSON.parse(sarif.stdout) as Log).runs[0];
    const places = results
      .filter(({ ruleId, level }) => ruleId === 'json-invalid' && level === 'error')
      .map(({ locations: [{ physicalLocation }] }) => physicalLocation.region)
      .map(({ startLine, startColumn }) => `${startLine}:${startColumn}`);
    assert.deepEqual(places.sort(), broken.map(([, , line, column]) => `${line}:${column}`).sort());
  });

  it('pipes, folders, links that lead out and large files are named, with the reason', async () => {
    const all = join(root, 'unread');
    const put = (name: string): string => {
      mkdirSync(join(all, name), { recursive: true });
      return join(all, name, 'config.json');
    };
    writeFileSync(join(root, 'outside.json'), good);
    const large = put('large');
    writeFileSync(large, good);
    truncateSync(large, 40 * 2 ** 20);
    const rows: readonly (readonly [path: string, reason: RegExp])[] = [
      [put('pipe'), /named pipe/],
      [put('folder'), /folder, no regular file/],
      [put('outward'), /link out of the folder/],
      [put('nowhere'), /nothing is where it leads/],
      [put('loop'), /link to itself/],
      [large, /41943040 bytes, and at most 33554432/],
      [put('blank'), /describes no model/],
      [join(all, 'elsewhere'), /link to a folder elsewhere/],
      [join(all, 'pipe', 'model.onnx'), /named pipe/],
    ];
    const path = (index: number): string => rows[index]?.[0] ?? '';
    execFileSync('mkfifo', [path(0), path(8)]);
    mkdirSync(path(1));
    symlinkSync(join(root, 'outside.json'), path(2));
    symlinkSync('gone.json', path(3));
    symlinkSync('config.json', path(4));
    writeFileSync(path(6), '{}');
    mkdirSync(join(root, 'other-models'));
    symlinkSync(join(root, 'other-models'), path(7));
    // Nothing is to be said of these: another JSON file, however large, and links that stay inside.
    writeFileSync(join(all, 'tokenizer.json'), '{"model": {"vocab": {}}}');
    truncateSync(join(all, 'tokenizer.json'), 40 * 2 ** 20);
    writeFileSync(join(all, 'package.json'), '{"name": "x",}');
    symlinkSync('large', join(all, 'link-inside'));
    writeFileSync(put('good'), good);
    const { status, stdout } = await check(all, '--format', 'json');
    assert.equal(status, 1);
    const report = JSON.parse(stdout) as Report;
    const reasons = new Map(
      report.files.filter(({ checked }) => !checked).map((file) => [file.path, file.findings[0]?.message ?? '']),
    );
    assert.deepEqual([...reasons.keys()].sort(), rows.map(([name]) => name).sort());
    for (const [name, reason] of rows) assert.match(reasons.get(name) ?? '', reason, name);
    assert.deepEqual(
      report.files.filter(({ checked }) => checked).map((file) => file.path),
      [join(all, 'good', 'config.json')],
    );
    assert.equal(report.others, 2);
    const text = await check(all);
    assert.match(
      text.stdout,
      /\n1 file checked, 9 not checked: 9 errors, 0 warnings, 0 notes\n2 other JSON files are not model files\n$/,
    );
    assert.equal((await check(all, '--severity', 'file-not-read=warning')).status, 0);
    // Named itself, each fails as well, and a link is followed.
    for (const index of [0, 5, 6, 8]) {
      const one = await check(path(index));
      assert.equal(one.status, 1, path(index));
      assert.match(one.stdout, /Not checked\. .*\[file-not-read\]/);
    }
    assert.equal((await check(path(2))).status, 0);
    const named = await check(join(all, 'package.json'));
    assert.equal(named.status, 1);
    assert.match(named.stdout, /Not checked\. It describes no model/);
  });

  it('names and messages move no cursor', async () => {
    const folder = join(root, 'a\u001b[2Jb');
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.json'), good.replace('64,', '64, "dtype": "\\u001b[31mred",'));
    const { stdout } = await check(folder);
    assert.match(stdout, /\\u001b\[31mred" is not a dtype/);
    assert.ok(!stdout.includes('\u001b'));
  });
});
