import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCheck } from '../../../language-server/command-line/check-command';
import { hoverAt } from '../../../language-server/service/hover';
import { FolderReader } from '../../../language-server/workspace/folder-reader';
import { onnxGraph as graph } from '../../support/onnx-graph';
import { modelFile } from './caret';

const config = '{"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2}';

describe('graphs beside a config', () => {
  let root: string;
  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'headscope-graphs-')));
    mkdirSync(join(root, 'm', 'onnx'), { recursive: true });
    writeFileSync(join(root, 'm', 'config.json'), config);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const check = async (...words: string[]): Promise<{ status: number; text: string }> => {
    let text = '';
    const status = await runCheck(
      words,
      (part) => (text += part),
      (part) => (text += part),
    );
    return { status, text };
  };

  it('are read in the folder and in its folder onnx; pointers and links out of it are not', async () => {
    writeFileSync(join(root, 'm', 'model.onnx'), graph(4, 2));
    writeFileSync(join(root, 'm', 'onnx', 'model_q4.onnx'), graph(4, 2));
    writeFileSync(
      join(root, 'm', 'pointer.onnx'),
      'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n',
    );
    writeFileSync(join(root, 'outside.onnx'), graph(4, 2));
    symlinkSync(join(root, 'outside.onnx'), join(root, 'm', 'link.onnx'));
    symlinkSync('/dev/zero', join(root, 'm', 'zero.onnx'));
    const facts = await new FolderReader().facts(join(root, 'm'));
    assert.deepEqual([...(facts.graphs?.keys() ?? [])], ['model.onnx', 'onnx/model_q4.onnx']);
  });

  it('are checked by their own name', async () => {
    const good = join(root, 'm', 'onnx', 'model.onnx');
    writeFileSync(good, graph(4, 2));
    assert.equal((await check(good)).status, 0);
    const bad = join(root, 'm', 'bad.onnx');
    writeFileSync(bad, graph(8, 8));
    const { status, text } = await check(bad);
    assert.equal(status, 1);
    assert.match(
      text,
      /bad\.onnx:1:1: error: The graph has 8 query heads, and config\.json gives 4\..*\[graph-contradicts-config\]/,
    );
    writeFileSync(bad, graph(8, 8).subarray(0, 40));
    assert.match((await check(bad)).text, /not a readable ONNX file.*\[graph-unreadable\]/);
    assert.match((await check(bad, '--severity', 'graph-unreadable=off')).text, /0 errors/);
  });

  it('are checked below a folder where no config carries what is said of them', async () => {
    mkdirSync(join(root, 'n', 'onnx'), { recursive: true });
    writeFileSync(join(root, 'n', 'onnx', 'model.onnx'), graph(4, 2).subarray(0, 40));
    writeFileSync(join(root, 'm', 'model.onnx'), graph(8, 2));
    const { status, text } = await check(root);
    assert.equal(status, 1);
    const lines = text.trim().split('\n');
    assert.equal(lines.length, 3, text);
    assert.match(lines[0] ?? '', /m.config\.json:1:\d+: error: model\.onnx has 8 query heads/);
    assert.match(lines[1] ?? '', /n.onnx.model\.onnx:1:1: error: This is not a readable ONNX file/);
  });

  it('hostile ones end in a sentence, and soon', async () => {
    const length = (size: number): number[] => [
      (size & 127) | 128,
      ((size >> 7) & 127) | 128,
      ((size >> 14) & 127) | 128,
      size >> 21,
    ];
    const hostile: Readonly<Record<string, Uint8Array>> = {
      'longer than the file': Buffer.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f]),
      'a number without end': Buffer.alloc(4096, 0xff),
      // Two million empty nodes in one graph.
      'nodes beyond counting': Buffer.concat([
        Buffer.from([0x3a, ...length(4_000_000)]),
        Buffer.alloc(4_000_000, Buffer.from([0x0a, 0])),
      ]),
      '100 MB of nothing': Buffer.alloc(100_000_000),
    };
    for (const [name, bytes] of Object.entries(hostile)) {
      writeFileSync(join(root, 'm', 'model.onnx'), bytes);
      const facts = await new FolderReader().facts(join(root, 'm'));
      const read = facts.graphs?.get('model.onnx');
      assert.ok(read !== undefined && !read.ok, name);
      assert.match(read.message, /^This is not a readable ONNX file: .{5,}\.$/);
    }
  });

  it('are described where genai_config.json names them', async () => {
    writeFileSync(join(root, 'm', 'model.onnx'), graph(4, 2));
    const text = '{"search": {}, "model": {"type": "llama", "decoder": {"filename": "model.onnx"}}}';
    const facts = await new FolderReader().facts(join(root, 'm'));
    const shown =
      hoverAt(modelFile(text, 'genai_config.json'), text.indexOf('model.onnx'), facts)?.markdown.source ?? '';
    assert.match(shown, /1 × GroupQueryAttention, 4 query heads, 2 key\/value heads/);
  });
});
