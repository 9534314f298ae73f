/** Files that would hold the server up or fill its memory: it refuses them and goes on answering. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CodeAction } from 'vscode-languageserver-protocol';
import type { DescribeModelResult, RecogniseModelsResult } from '../../../protocol/language/requests';
import { describeModel, recogniseModels } from '../../../protocol/language/requests';
import { codes, Editor, messageOf } from './editor';

const good = '{"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2}';

describe('hostile files beside the language server', function () {
  this.timeout(20_000);
  let root: string;
  let editor: Editor;
  const uriOf = (...parts: string[]): string => pathToFileURL(join(root, ...parts)).href;
  beforeEach(async () => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'headscope-hostile-files-')));
    mkdirSync(join(root, 'good'));
    writeFileSync(join(root, 'good', 'config.json'), good);
    editor = await Editor.start();
  });
  afterEach(() => {
    // A server whose threads all wait for a pipe answers no request to end.
    editor.child.kill('SIGKILL');
    editor.connection.dispose();
    rmSync(root, { recursive: true, force: true });
  });

  it('pipes by the names of its files: none is waited for', async () => {
    const uris: string[] = [];
    const others = ['model.gguf', 'adapter_config.json'];
    for (let index = 0; index < 8; index += 1) {
      const folder = join(root, `pipe-${index}`);
      mkdirSync(folder);
      for (const name of ['config.json', 'model.safetensors', 'tokenizer.json', 'model.onnx', ...others])
        execFileSync('mkfifo', [join(folder, name)]);
      uris.push(uriOf(`pipe-${index}`, 'config.json'));
    }
    const besides = others.flatMap((name) => uris.map((_, index) => uriOf(`pipe-${index}`, name)));
    const known = await editor.request<RecogniseModelsResult>(recogniseModels, {
      uris: [...uris, ...besides, uriOf('good', 'config.json')],
    });
    assert.deepEqual(
      known.flatMap(({ uri, other }) => (other === undefined ? [uri] : [])),
      [uriOf('good', 'config.json')],
    );
    // A GGUF file that cannot be read is listed with the reason.
    assert.deepEqual(
      known.flatMap(({ sentence, other }) => (other === undefined ? [] : [sentence])),
      uris.map(() => 'It is a named pipe, no regular file.'),
    );
    await Promise.all(uris.map((uri) => editor.request(describeModel, { uri })));
    for (const uri of besides) await assert.rejects(editor.request(describeModel, { uri }), /pipe|no adapter/);
    const facts = await editor.request<DescribeModelResult>(describeModel, { uri: uriOf('good', 'config.json') });
    assert.equal(facts?.parts[0]?.heads, 4);
  });

  it('a config of 400 MB: told by its size and never read', async () => {
    mkdirSync(join(root, 'large'));
    const file = join(root, 'large', 'config.json');
    writeFileSync(file, good);
    truncateSync(file, 400 * 2 ** 20);
    const peak = (): number =>
      Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${editor.child.pid}/status`, 'utf8'))?.[1]) * 1024;
    const before = peak();
    assert.equal(await editor.request(describeModel, { uri: uriOf('large', 'config.json') }), null);
    const known = await editor.request<RecogniseModelsResult>(recogniseModels, {
      uris: [uriOf('large', 'config.json')],
    });
    assert.deepEqual(known, []);
    assert.ok(peak() - before < 100 * 2 ** 20, `it grew by ${peak() - before} bytes`);
  });

  it('200,000 findings: the first hundred, how many more, and actions at once', async () => {
    const ids = Array.from({ length: 200_000 }, (_, index) => 1000 + index);
    const text = good.replace('{', `{"vocab_size": 100, "eos_token_id": [${ids.join(',')}], `);
    const uri = uriOf('good', 'config.json');
    await editor.open(uri, text);
    const { diagnostics } = await editor.report(uri, () => true);
    assert.equal(codes(diagnostics).filter((code) => code === 'token-id-outside-vocabulary').length, 101);
    assert.equal(
      messageOf(diagnostics.at(-1)),
      'And 199900 more of token-id-outside-vocabulary in this file, from here on.',
    );
    const actions = await editor.request<CodeAction[]>('textDocument/codeAction', {
      textDocument: { uri },
      range: { start: { line: 0, character: 0 }, end: { line: 1, character: 0 } },
      context: { diagnostics: [] },
    });
    assert.ok(actions.some(({ title }) => title === 'Silence token-id-outside-vocabulary in the settings'));
  });
});
