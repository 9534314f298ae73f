import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderReader } from '../../../language-server/workspace/folder-reader';
import { VocabularyCounter } from '../../../models/formats/companions/vocabulary-counter';

const count = (text: string, chunk = 7): VocabularyCounter => {
  const counter = new VocabularyCounter();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunk) counter.feed(bytes.subarray(at, at + chunk));
  return counter;
};

describe('vocabulary counter', () => {
  it('counts an object of ids, with brackets and quotes in tokens', () => {
    const { entries, largestId } = count(
      '{"model": {"type": "BPE", "vocab": {"a": 0, "{\\"": 1, "ü}": 17}, "merges": [["a", "b"], "c d"]}}',
    );
    assert.deepEqual([entries, largestId], [3, 17]);
  });
  it('counts a list of scores', () => {
    const { entries, largestId } = count('{"model": {"vocab": [["<unk>", 0.0], ["a", -3.5], ["b", -4]], "unk_id": 0}}');
    assert.deepEqual([entries, largestId], [3, 2]);
  });
  it('takes added tokens into the largest id, and no other numbers', () => {
    const { entries, largestId } = count(
      '{"version": "1.0", "truncation": {"max_length": 9999}, "added_tokens": [{"id": 50, "content": "x", "rstrip": false}, {"id": 51, "content": "id"}], "model": {"dropout": 99999, "vocab": {"a": 0}}}',
    );
    assert.deepEqual([entries, largestId], [1, 51]);
  });
  it('survives what is no tokenizer', () => assert.equal(count(']]]}}}":,"[').entries, 0));
});

describe('folder reader', () => {
  let root: string;
  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'headscope-folder-')));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('reads companions with NaN and Infinity, and half-typed ones as far as they go', async () => {
    writeFileSync(join(root, 'config.json'), '{"time_step_limit": [0.0, Infinity], "vocab_size": 5}');
    writeFileSync(join(root, 'generation_config.json'), '{"eos_token_id": 7, "top');
    const { companions } = await new FolderReader().facts(root);
    assert.equal((companions['config.json'] as { vocab_size: number }).vocab_size, 5);
    assert.equal((companions['generation_config.json'] as { eos_token_id: number }).eos_token_id, 7);
  });
  it('reads a file again when its time or size changed, and not before', async () => {
    const reader = new FolderReader(() => undefined, 0);
    const file = join(root, 'config.json');
    const size = async (): Promise<unknown> => {
      const { companions } = await reader.facts(root);
      return (companions['config.json'] as { vocab_size?: number } | undefined)?.vocab_size;
    };
    writeFileSync(file, '{"vocab_size": 5}');
    utimesSync(file, 1000, 1000);
    assert.equal(await size(), 5);
    writeFileSync(file, '{"vocab_size": 6}');
    utimesSync(file, 1000, 1000);
    assert.equal(await size(), 5);
    utimesSync(file, 2000, 2000);
    assert.equal(await size(), 6);
    rmSync(file);
    assert.equal(await size(), undefined);
  });
  it('prefers the text in the editor to the one on disk', async () => {
    writeFileSync(join(root, 'config.json'), '{"vocab_size": 5}');
    const reader = new FolderReader((file) => (file === join(root, 'config.json') ? '{"vocab_size": 8}' : undefined));
    assert.deepEqual((await reader.facts(root)).companions['config.json'], { vocab_size: 8 });
  });
  it('reads a chat template as text, the index of PyTorch files and the named tokens of a tokenizer', async () => {
    writeFileSync(join(root, 'chat_template.jinja'), '{{ "<|a|>" }}');
    writeFileSync(join(root, 'pytorch_model.bin.index.json'), '{"weight_map": {"a.weight": "pytorch_model-1.bin"}}');
    writeFileSync(
      join(root, 'tokenizer.json'),
      '{"added_tokens": [{"id": 2, "content": "<|a|>"}], "model": {"vocab": {"<s>": 0, "x": 1}}}',
    );
    const { companions, tokenizer } = await new FolderReader().facts(root);
    assert.equal(companions['chat_template.jinja'], '{{ "<|a|>" }}');
    assert.deepEqual(companions['pytorch_model.bin.index.json'], { weight_map: { 'a.weight': 'pytorch_model-1.bin' } });
    assert.deepEqual(
      [...(tokenizer?.named?.ids ?? [])],
      [
        ['<|a|>', 2],
        ['<s>', 0],
      ],
    );
  });
  it('takes a git-lfs pointer for what it is', async () => {
    writeFileSync(
      join(root, 'model.safetensors'),
      'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n',
    );
    const shard = (await new FolderReader().facts(root)).shards.get('model.safetensors');
    assert.equal(shard?.pointer, true);
    assert.equal(shard.problem, undefined);
  });
  it('follows links of a Hugging Face cache into the blobs of the same model only', async () => {
    for (const model of ['models--o--a', 'models--o--b']) {
      mkdirSync(join(root, model, 'blobs'), { recursive: true });
      mkdirSync(join(root, model, 'snapshots', 'r'), { recursive: true });
      writeFileSync(join(root, model, 'blobs', 'x'), '{"vocab_size": 5}');
    }
    const snapshot = join(root, 'models--o--a', 'snapshots', 'r');
    symlinkSync(join('..', '..', 'blobs', 'x'), join(snapshot, 'config.json'));
    symlinkSync(join('..', '..', '..', 'models--o--b', 'blobs', 'x'), join(snapshot, 'generation_config.json'));
    const { companions } = await new FolderReader().facts(snapshot);
    assert.deepEqual(Object.keys(companions), ['config.json']);
  });
  it('has no facts of a folder that is not there', async () => {
    const facts = await new FolderReader().facts(join(root, 'gone'));
    assert.deepEqual([facts.name, facts.files.size], ['gone', 0]);
  });
});
