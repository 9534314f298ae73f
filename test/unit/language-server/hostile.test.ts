import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
import { modelFile } from './caret';

/** Everything the service says about a file. */
const askAll = (text: string): void => {
  const file = modelFile(text);
  const findings = checkFile(file, noFacts, { severity: {}, deviceMemory: 2 ** 30 });
  for (const { span, message } of findings) {
    assert.ok(span.offset >= 0 && span.offset + span.length <= text.length, `${message} stands outside the text`);
  }
  const offset = text.length >> 1;
  hoverAt(file, offset);
  completeAt(file, offset);
  inlayHints(file);
  codeLenses(file, noFacts);
  outline(file);
  fileLinks(file, noFacts);
  modelFacts(file, noFacts, findings);
  codeActions(findings, { offset, length: 0 });
};

const header = (json: string | Uint8Array, data = 0, claimed?: bigint): Buffer => {
  const text = Buffer.from(json);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(data)]);
};
const tensor = (shape: string, begin: number, end: number): string =>
  `{"dtype": "F32", "shape": ${shape}, "data_offsets": [${begin}, ${end}]}`;

describe('hostile files', () => {
  it('nesting without end, huge texts and numbers are answered', () => {
    for (const text of [
      '['.repeat(1_000_000),
      '{"a":'.repeat(500_000),
      ' '.repeat(longestText + 1),
      `{"hidden_size": ${'9'.repeat(100_000)}, "num_attention_heads": 3}`,
      `{"model_type": "llama", "layer_types": [${'"x",'.repeat(200_000)}]}`,
      // Each is near a known name: a guess for every one of them took seconds.
      `{"model_type": "bamba", "layer_types": ${JSON.stringify(Array.from({ length: 200_000 }, (_, at) => `full_attentio${at}`))}}`,
    ]) {
      askAll(text);
    }
  });

  describe('on disk', () => {
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
      it(`${name}: a clear finding`, async () => {
        writeFileSync(join(root, 'm', 'model.safetensors'), make());
        const facts = await new FolderReader().facts(join(root, 'm'));
        const findings = checkFile(
          modelFile('{"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4}'),
          facts,
        );
        const told = findings.filter(({ code }) => code === 'shard-unreadable');
        assert.equal(told.length, 1, JSON.stringify(findings));
        assert.match(told[0]?.message ?? '', /^model\.safetensors: .{20,}/);
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
