import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSafetensorsHeader } from '../../../models/formats/safetensors/header';
import { checkFile } from '../../../language-server/service/check';
import { codeActions } from '../../../language-server/service/code-actions';
import { codeLenses } from '../../../language-server/service/code-lenses';
import { completeAt } from '../../../language-server/service/completion';
import { noFacts } from '../../../language-server/service/folder-facts';
import { hoverAt } from '../../../language-server/service/hover';
import { inlayHints } from '../../../language-server/service/inlay-hints';
import { longestText } from '../../../language-server/service/json-document';
import { fileLinks } from '../../../language-server/service/links';
import { modelFacts } from '../../../language-server/service/model-facts';
import { outline } from '../../../language-server/service/outline';
import { FolderReader } from '../../../language-server/workspace/folder-reader';
import { modelFile, unmark } from './caret';
import { ruleCases } from './rule-cases';

/** mulberry32: the same files every time. */
const randomFrom = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const examples = join('examples', 'workspace');
const seeds: readonly (readonly [name: string, text: string])[] = [
  ...Object.values(ruleCases).flatMap(({ fires, silent }) =>
    [...fires, ...silent].map((one): [string, string] => {
      const [text, beside] = typeof one === 'string' ? [one, undefined] : one;
      return [beside?.name ?? 'config.json', unmark(text).text.slice(0, 4000)];
    }),
  ),
  ...readdirSync(examples, { withFileTypes: true }).flatMap((entry): [string, string][] =>
    entry.isDirectory() && readdirSync(join(examples, entry.name)).includes('config.json')
      ? [['config.json', readFileSync(join(examples, entry.name, 'config.json'), 'utf8')]]
      : [],
  ),
];

const tokens = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  'null',
  'true',
  '-1',
  '0',
  '1e308',
  '1e-9',
  '0.5',
  '9007199254740993',
  '"x"',
  '{}',
  '[]',
  '[null]',
  '\n',
  '\u0000',
  '\ud800',
  '// c\n',
  'NaN',
  '"__proto__": {"a": 1},',
  '"constructor": 5,',
  '{"text_config":',
];

const mutate = (text: string, random: () => number): string => {
  let result = text;
  for (let step = 0; step <= random() * 4; step += 1) {
    const at = Math.floor(random() * (result.length + 1));
    const span = Math.floor(random() * 12);
    const kind = Math.floor(random() * 6);
    const token = tokens[Math.floor(random() * tokens.length)] ?? '';
    if (kind === 0) result = result.slice(0, at) + result.slice(at + span);
    else if (kind === 1) result = result.slice(0, at) + token + result.slice(at);
    else if (kind === 2) result = result.slice(0, at) + token + result.slice(at + span);
    else if (kind === 3) result = result.slice(0, at);
    else if (kind === 4)
      result = result.slice(0, at) + result.slice(at, at + span * 4).repeat(2) + result.slice(at + span * 4);
    // A value of another kind: half of all slips of the pen.
    else
      result = result.replace(/: ?(-?\d[\d.]*|"[^"]*"|\[[^\]]*\])/, (value) => (random() < 0.3 ? `: ${token}` : value));
  }
  return result;
};

/** Everything the service says about a file. */
const askAll = (name: string, text: string, random: () => number): number => {
  const file = modelFile(text, name);
  const findings = checkFile(file, noFacts, { severity: {}, deviceMemory: 2 ** 30 });
  for (const { span, message } of findings) {
    assert.ok(span.offset >= 0 && span.offset + span.length <= text.length, `${message} stands outside the text`);
  }
  const offset = Math.floor(random() * (text.length + 1));
  hoverAt(file, offset);
  completeAt(file, offset);
  inlayHints(file);
  codeLenses(file, noFacts);
  outline(file);
  fileLinks(file, noFacts);
  modelFacts(file, noFacts, findings);
  codeActions(findings, { offset, length: 0 });
  return findings.length;
};

const header = (json: string | Uint8Array, data = 0, claimed?: bigint): Buffer => {
  const text = Buffer.from(json);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(data)]);
};
const tensor = (shape: string, begin: number, end: number): string =>
  `{"dtype": "F32", "shape": ${shape}, "data_offsets": [${begin}, ${end}]}`;

describe('fuzz', function () {
  this.timeout(120_000);

  it('16,000 mutated files of all kinds: no exception, none over a second, places inside the text', () => {
    const random = randomFrom(20_260_101);
    let slowest = 0;
    let found = 0;
    for (let run = 0; run < 16_000; run += 1) {
      const [name, text] = seeds[run % seeds.length] ?? ['', ''];
      const mutated = mutate(text, random);
      const start = performance.now();
      try {
        found += askAll(name, mutated, random);
      } catch (error) {
        throw new Error(`run ${run} failed on ${name}: ${mutated}`, { cause: error });
      }
      slowest = Math.max(slowest, performance.now() - start);
    }
    assert.ok(found > 1000, 'mutated files still get findings');
    assert.ok(slowest < 1000, `the slowest took ${slowest} ms`);
  });

  it('4,000 mutated headers: no exception, and no tensor outside the data', () => {
    const random = randomFrom(7);
    const sound = `{"__metadata__": {"format": "pt"}, "a": ${tensor('[2, 3]', 0, 24)}, "b": ${tensor('[4]', 24, 40)}}`;
    let problems = 0;
    for (let run = 0; run < 4000; run += 1) {
      const bytes = header(mutate(sound, random), 40);
      for (let flips = random() * 3; flips > 1; flips -= 1)
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      const { tensors, problems: told } = parseSafetensorsHeader(bytes, bytes.length);
      problems += told.length > 0 ? 1 : 0;
      if (told.length > 0) continue;
      for (const { begin, end } of tensors) assert.ok(begin >= 0 && begin <= end && end <= bytes.length);
    }
    assert.ok(problems > 1000);
  });

  it('nesting without end, huge texts and numbers are answered at once', () => {
    for (const text of [
      '['.repeat(1_000_000),
      '{"a":'.repeat(500_000),
      ' '.repeat(longestText + 1),
      `{"hidden_size": ${'9'.repeat(100_000)}, "num_attention_heads": 3}`,
      `{"model_type": "llama", "layer_types": [${'"x",'.repeat(200_000)}]}`,
    ]) {
      const start = performance.now();
      askAll('config.json', text, randomFrom(1));
      const spent = performance.now() - start;
      assert.ok(spent < 1000, `${text.slice(0, 30)}… took ${spent} ms`);
    }
  });

  describe('hostile files on disk', () => {
    let root: string;
    before(() => {
      root = realpathSync(mkdtempSync(join(tmpdir(), 'headscope-hostile-')));
      mkdirSync(join(root, 'm'));
    });
    after(() => rmSync(root, { recursive: true, force: true }));

    const cases: Readonly<Record<string, () => Uint8Array>> = {
      'empty file': () => Buffer.alloc(0),
      'three bytes': () => Buffer.from([1, 2, 3]),
      'header length 2^63': () => header('{}', 0, 2n ** 63n),
      'header length 2^64 - 1': () => header('{}', 0, 2n ** 64n - 1n),
      'header longer than the file': () => header('{}', 0, 1000n),
      'overlapping tensors': () => header(`{"a": ${tensor('[2]', 0, 8)}, "b": ${tensor('[2]', 4, 12)}}`, 12),
      'negative offset': () => header(`{"a": ${tensor('[2]', -8, 0)}}`, 8),
      'end before begin': () => header(`{"a": ${tensor('[2]', 8, 0)}}`, 8),
      'negative shape': () => header(`{"a": ${tensor('[-2, -4]', 0, 32)}}`, 32),
      'shape beyond all numbers': () => header(`{"a": ${tensor('[9007199254740991, 9007199254740991]', 0, 8)}}`, 8),
      'data cut off': () => header(`{"a": ${tensor('[4]', 0, 16)}}`, 4),
      'bytes left over': () => header(`{"a": ${tensor('[1]', 0, 4)}}`, 400),
      'no UTF-8': () => header(new Uint8Array([0x7b, 0xff, 0xfe, 0x7d])),
      'a list': () => header('[1, 2]'),
      'a tensor that is a number': () => header('{"a": 5}'),
      'a million brackets': () => header('['.repeat(1_000_000)),
      '100 MB of nesting': () => header(Buffer.alloc(100_000_000, 0x5b)),
    };
    for (const [name, make] of Object.entries(cases)) {
      it(`${name}: a clear finding within a second`, async () => {
        writeFileSync(join(root, 'm', 'model.safetensors'), make());
        const start = performance.now();
        const facts = await new FolderReader().facts(join(root, 'm'));
        const findings = checkFile(
          modelFile('{"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4}'),
          facts,
        );
        const spent = performance.now() - start;
        const told = findings.filter(({ code }) => code === 'shard-unreadable');
        assert.equal(told.length, 1, JSON.stringify(findings));
        assert.match(told[0]?.message ?? '', /^model\.safetensors: .{20,}/);
        assert.ok(spent < 1000, `${spent} ms`);
      });
    }

    it('links that leave the folder, loops, folders and pipes by the names of files are not read', async () => {
      const folder = join(root, 'links');
      mkdirSync(folder);
      mkdirSync(join(folder, 'model-3.safetensors'));
      writeFileSync(join(root, 'secret.json'), '{"vocab_size": 1}');
      symlinkSync(join(root, 'secret.json'), join(folder, 'config.json'));
      symlinkSync('/dev/zero', join(folder, 'model-1.safetensors'));
      symlinkSync('model-2.safetensors', join(folder, 'model-2.safetensors'));
      symlinkSync('/etc/passwd', join(folder, 'tokenizer.json'));
      const facts = await new FolderReader().facts(folder);
      assert.deepEqual([...facts.files.keys()], []);
      assert.deepEqual(facts.companions, {});
      assert.equal(facts.shards.size, 0);
      assert.equal(facts.tokenizer, undefined);
    });
  });
});
