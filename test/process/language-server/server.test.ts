import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type {
  CodeAction,
  CodeLens,
  CompletionItem,
  DocumentLink,
  DocumentSymbol,
  Hover,
  InlayHint,
} from 'vscode-languageserver-protocol';
import type { DescribeModelResult, RecogniseModelsResult } from '../../../protocol/language/requests';
import { describeModel, recogniseModels } from '../../../protocol/language/requests';
import { estimateServing } from '../../../protocol/language/serving';
import type { EstimateServingResult } from '../../../protocol/language/serving';
import { listeningPorts } from '../../support/listening-ports';
import { onnxGraph } from '../../support/onnx-graph';
import { codes, Editor, messageOf } from './editor';

const good = `{
  "model_type": "llama",
  "hidden_size": 64,
  "intermediate_size": 96,
  "num_hidden_layers": 2,
  "num_attention_heads": 4,
  "num_key_value_heads": 2,
  "vocab_size": 100,
  "max_position_embeddings": 4096,
  "dtype": "bfloat16"
}`;
const faulty = good.replace('"num_key_value_heads": 2', '"num_key_value_heads": 3');

/** A safetensors file of bfloat16 zeros. */
const writeShard = (file: string, tensors: Readonly<Record<string, readonly number[]>>): void => {
  let position = 0;
  const header: Record<string, unknown> = {};
  for (const [name, shape] of Object.entries(tensors)) {
    const begin = position;
    position += 2 * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype: 'BF16', shape, data_offsets: [begin, position] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(file, Buffer.concat([length, text, Buffer.alloc(position)]));
};

describe('language server', () => {
  let root: string;
  let editor: Editor | undefined;
  const uriOf = (...parts: string[]): string => pathToFileURL(join(root, ...parts)).href;
  const put = (name: string, text: string): string => {
    mkdirSync(join(root, name, '..'), { recursive: true });
    writeFileSync(join(root, name), text);
    return uriOf(name);
  };

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'headscope-lsp-')));
  });
  afterEach(async () => {
    if (editor !== undefined) assert.equal(await editor.stop(), 0);
    editor = undefined;
    rmSync(root, { recursive: true, force: true });
  });

  for (const transport of ['stdio', 'ipc'] as const) {
    it(`speaks over ${transport}: findings with code, page, place and version`, async () => {
      editor = await Editor.start({ transport });
      assert.equal(editor.initialized.serverInfo?.name, 'headscope-language-server');
      const uri = put('m/config.json', faulty);
      await editor.open(uri, faulty);
      const { diagnostics, version } = await editor.report(uri, () => true);
      assert.equal(version, 1);
      assert.deepEqual(codes(diagnostics), ['kv-heads-do-not-divide']);
      const [finding] = diagnostics;
      assert.equal(finding?.severity, 1);
      assert.match(finding.codeDescription?.href ?? '', /docs\/rules\/kv-heads-do-not-divide\.md$/);
      assert.deepEqual(finding.range, { start: { line: 6, character: 25 }, end: { line: 6, character: 26 } });
      assert.equal(finding.relatedInformation?.[0]?.location.range.start.line, 5);
      if (process.platform === 'linux') assert.deepEqual(listeningPorts([editor.child.pid ?? NaN]), []);
    });
  }

  it('checks sweeps and descriptions of captured tensors, and takes findings away when they close', async () => {
    editor = await Editor.start();
    const description = {
      kind: 'headscope-capture',
      ...{ version: 1, model: 'toy', file: 'a.pt', tokens: ['a', 'b'], causal: true },
      tensors: [{ name: 'a', holds: 'attention', layout: ['layers', 'heads', 'queries', 'keys'] }],
    };
    const texts = [
      ['a.headscope-capture.json', JSON.stringify(description), /^a\.pt is a pickle/u],
      ['a.headscope-sweep.yaml', 'run: heads\nmatrx: {}\n', /matrx/u],
    ] as const;
    for (const [name, text, words] of texts) {
      const uri = put(name, text);
      await editor.open(uri, text);
      const { diagnostics, version } = await editor.report(uri, (_, at) => at === 1);
      assert.equal(version, 1);
      assert.ok(
        diagnostics.some((found) => words.test(messageOf(found))),
        JSON.stringify(diagnostics),
      );
      await editor.close(uri);
      assert.deepEqual((await editor.report(uri, (found) => found.length === 0)).diagnostics, []);
    }
  });

  it('follows typing, and never reports about a text that is gone', async () => {
    editor = await Editor.start();
    const uri = put('m/config.json', good);
    await editor.open(uri, good);
    await editor.report(uri, (_, version) => version === 1);
    for (let version = 2; version <= 30; version += 1)
      await editor.change(uri, version % 2 === 0 ? faulty : good, version);
    const last = await editor.report(uri, (_, version) => version === 30);
    assert.deepEqual(codes(last.diagnostics), ['kv-heads-do-not-divide']);
    const versions = editor.reports(uri).map(({ version }) => version ?? 0);
    assert.deepEqual(
      versions,
      [...versions].sort((left, right) => left - right),
    );
    for (const { diagnostics, version } of editor.reports(uri))
      assert.equal(diagnostics.length, (version ?? 0) % 2 === 0 ? 1 : 0);
  });

  it('holds new findings back until a half-typed entry is whole, and keeps the old ones', async () => {
    editor = await Editor.start();
    const text = faulty.replace('"vocab_size"', '"bos_token_id": 100,\n  "vocab_size"');
    const uri = put('m/config.json', text);
    await editor.open(uri, text);
    const first = await editor.report(uri, (_, version) => version === 1);
    const both = ['kv-heads-do-not-divide', 'token-id-outside-vocabulary'];
    assert.deepEqual(codes(first.diagnostics), both);
    // The key/value heads and the size of the heads wait for their digits.
    await editor.change(uri, text.replace('"num_attention_heads": 4,', '"num_attention_heads": 2'), 2);
    const second = await editor.report(uri, (_, version) => version === 2);
    assert.deepEqual(codes(second.diagnostics), ['token-id-outside-vocabulary']);
    await editor.change(uri, text.replace('"dtype"', '"head_d\n  "dtype"'), 3);
    assert.deepEqual(codes((await editor.report(uri, (_, version) => version === 3)).diagnostics), both);
    await editor.change(uri, text.replace('"num_attention_heads": 4,', '"num_attention_heads": 2,'), 4);
    const last = await editor.report(uri, (_, version) => version === 4);
    assert.deepEqual(codes(last.diagnostics), ['kv-heads-exceed-heads', 'token-id-outside-vocabulary']);
  });

  it('clears the findings of a closed file', async () => {
    editor = await Editor.start();
    const uri = put('m/config.json', faulty);
    await editor.open(uri, faulty);
    await editor.report(uri, (diagnostics) => diagnostics.length > 0);
    const before = editor.reports(uri).length;
    await editor.close(uri);
    const { diagnostics } = await editor.report(uri, () => true, before);
    assert.deepEqual(diagnostics, []);
  });

  it('checks weights beside the file, and again when they change on disk or go', async () => {
    editor = await Editor.start();
    const uri = put('m/config.json', good);
    const layers = (count: number): Record<string, number[]> =>
      Object.fromEntries(
        Array.from({ length: count }, (_, index) => `model.layers.${index}.`).flatMap((prefix) => [
          [`${prefix}self_attn.k_proj.weight`, [32, 64]],
          [`${prefix}self_attn.q_proj.weight`, [64, 64]],
        ]),
      );
    writeShard(join(root, 'm', 'model.safetensors'), layers(1));
    await editor.open(uri, good);
    const first = await editor.report(uri, () => true);
    assert.ok(codes(first.diagnostics).includes('layers-missing'), codes(first.diagnostics).join());
    writeShard(join(root, 'm', 'model.safetensors'), layers(2));
    await editor.changedOnDisk(uriOf('m', 'model.safetensors'));
    await editor.report(uri, (diagnostics) => !codes(diagnostics).includes('layers-missing'), 1);
    writeFileSync(join(root, 'm', 'model.safetensors'), Buffer.from([255, 255, 255, 255, 255, 255, 255, 127, 123]));
    const seen = editor.reports(uri).length;
    await editor.changedOnDisk(uriOf('m', 'model.safetensors'));
    await editor.report(uri, (diagnostics) => codes(diagnostics).includes('shard-unreadable'), seen);
    unlinkSync(join(root, 'm', 'model.safetensors'));
    const then = editor.reports(uri).length;
    await editor.changedOnDisk(uriOf('m', 'model.safetensors'));
    await editor.report(uri, (diagnostics) => diagnostics.length === 0, then);
  });

  it('checks companions against the config as it stands in the editor, not on disk', async () => {
    editor = await Editor.start();
    const config = put('m/config.json', good);
    const text = '{"_from_model_config": true, "eos_token_id": 50}';
    const uri = put('m/generation_config.json', text);
    await editor.open(uri, text);
    await editor.report(uri, (diagnostics) => diagnostics.length === 0);
    await editor.open(config, good.replace('100', '40'));
    const { diagnostics } = await editor.report(uri, (found) => found.length > 0);
    assert.deepEqual(codes(diagnostics), ['token-id-outside-vocabulary']);
    assert.equal(diagnostics[0]?.relatedInformation?.[0]?.location.uri, config);
  });

  it('keeps several roots apart', async () => {
    editor = await Editor.start();
    const one = put('one/generation_config.json', '{"_from_model_config": true, "eos_token_id": 500}');
    const two = put('two/generation_config.json', '{"_from_model_config": true, "eos_token_id": 500}');
    put('one/config.json', good);
    put('two/config.json', good.replace('100', '1000'));
    await editor.open(one, '{"_from_model_config": true, "eos_token_id": 500}');
    await editor.open(two, '{"_from_model_config": true, "eos_token_id": 500}');
    assert.equal((await editor.report(one, () => true)).diagnostics.length, 1);
    assert.equal((await editor.report(two, () => true)).diagnostics.length, 0);
  });

  it('reads settings from the editor, and anew when they change', async () => {
    let section: unknown = { diagnostics: { severity: { 'kv-heads-do-not-divide': 'hint' } } };
    editor = await Editor.start({ configuration: () => section });
    const uri = put('m/config.json', faulty);
    await editor.open(uri, faulty);
    assert.equal((await editor.report(uri, () => true)).diagnostics[0]?.severity, 4);
    section = { diagnostics: { severity: { 'kv-heads-do-not-divide': 'off' } }, inlayHints: { enabled: false } };
    await editor.connection.sendNotification('workspace/didChangeConfiguration', { settings: null });
    await editor.report(uri, (diagnostics) => diagnostics.length === 0, 1);
    const range = { start: { line: 0, character: 0 }, end: { line: 99, character: 0 } };
    assert.deepEqual(await editor.request('textDocument/inlayHint', { textDocument: { uri }, range }), []);
  });

  it('takes .headscope.json over the settings of the editor, anew when it or its baseline changes', async () => {
    const section = { diagnostics: { severity: { 'kv-heads-do-not-divide': 'hint' } } };
    editor = await Editor.start({ configuration: () => section });
    const uri = put('m/config.json', faulty);
    await editor.open(uri, faulty);
    assert.equal((await editor.report(uri, () => true)).diagnostics[0]?.severity, 4);
    /** Writes a file, and waits for what is then said of the config. */
    const after = async (name: string, text: string, severity: number | undefined): Promise<void> => {
      const before = editor?.reports(uri).length ?? 0;
      await editor?.changedOnDisk(put(name, text));
      await editor?.report(uri, ([first]) => first?.severity === severity, before);
    };
    await after('.headscope.json', '{"severity": {"kv-heads-do-not-divide": "warning"}}', 2);
    // It offers to silence the rule there too, for everyone.
    const range = { start: { line: 0, character: 0 }, end: { line: 99, character: 0 } };
    const context = { diagnostics: [] };
    const actions = await editor.request<CodeAction[]>('textDocument/codeAction', {
      textDocument: { uri },
      range,
      context,
    });
    const silence = actions.find(({ title }) => title === 'Silence kv-heads-do-not-divide in .headscope.json');
    const [edit] = silence?.edit?.changes?.[uriOf('.headscope.json')] ?? [];
    assert.equal(edit?.newText, '"off"');
    await after('.headscope.json', '{"exclude": ["m"]}', undefined);
    await after('.headscope.json', '{"baseline": "known.json"}', 4);
    const message = messageOf(editor.reports(uri).at(-1)?.diagnostics[0]);
    const fingerprint = createHash('sha256')
      .update(JSON.stringify(['kv-heads-do-not-divide', ['num_key_value_heads'], message]))
      .digest('hex');
    const known = { path: 'm/config.json', code: 'kv-heads-do-not-divide', fingerprint, message };
    await after('known.json', JSON.stringify({ kind: 'headscope-baseline', version: 1, findings: [known] }), undefined);
    // A family that the repository describes is known from then on.
    const acme = put('own/config.json', good.replace('"llama"', '"acme"'));
    const family = async (): Promise<string | undefined> =>
      (await editor?.request<DescribeModelResult>(describeModel, { uri: acme }))?.family;
    assert.equal(await family(), 'generic');
    await after('.headscope.json', '{"families": [{"modelType": "acme", "like": "llama"}]}', 4);
    assert.equal(await family(), 'acme');
    // What is wrong in the file itself is said there, and completed.
    const own = uriOf('.headscope.json');
    await editor.open(own, '{"severity": {"kv-heads-do-not-divde": "off"}}');
    const wrong = await editor.report(own, (diagnostics) => diagnostics.length === 1);
    assert.deepEqual(codes(wrong.diagnostics), ['headscope-file']);
  });

  it('answers hover, hints, completion, lenses, symbols, links and actions', async () => {
    editor = await Editor.start();
    const uri = put('m/config.json', faulty);
    await editor.open(uri, faulty);
    await editor.report(uri, () => true);
    const textDocument = { uri };
    const position = { line: 5, character: 8 };
    const hover = await editor.request<Hover>('textDocument/hover', { textDocument, position });
    assert.match(JSON.stringify(hover.contents), /Number of query heads/);
    const range = { start: { line: 0, character: 0 }, end: { line: 99, character: 0 } };
    const hints = await editor.request<InlayHint[]>('textDocument/inlayHint', { textDocument, range });
    assert.equal(hints.length, 1);
    const offered = await editor.request<CompletionItem[]>('textDocument/completion', {
      textDocument,
      position: { line: 9, character: 12 },
    });
    assert.ok(offered.some(({ label }) => label === 'bfloat16'));
    const lenses = await editor.request<CodeLens[]>('textDocument/codeLens', { textDocument });
    const benchmark = lenses.find(({ command }) => command?.command === 'headscope.benchmarkConfig');
    assert.deepEqual(benchmark?.command?.arguments, [uri]);
    const symbols = await editor.request<DocumentSymbol[]>('textDocument/documentSymbol', { textDocument });
    assert.equal(symbols[0]?.name, 'model_type');
    const actions = await editor.request<CodeAction[]>('textDocument/codeAction', {
      textDocument,
      range: { start: { line: 6, character: 26 }, end: { line: 6, character: 26 } },
      context: { diagnostics: [] },
    });
    assert.deepEqual(actions[0]?.edit?.changes?.[uri]?.[0]?.newText, '2');
    const index = '{"weight_map": {"a": "model-1.safetensors"}}';
    const indexUri = put('m/model.safetensors.index.json', index);
    writeShard(join(root, 'm', 'model-1.safetensors'), { a: [1] });
    await editor.changedOnDisk(uriOf('m', 'model-1.safetensors'));
    await editor.open(indexUri, index);
    const links = await editor.request<DocumentLink[]>('textDocument/documentLink', {
      textDocument: { uri: indexUri },
    });
    assert.equal(links[0]?.target, uriOf('m', 'model-1.safetensors'));
  });

  it('describes and recognises models that are not open', async () => {
    editor = await Editor.start();
    const uri = put('m/config.json', good);
    const other = put('m/package.json', '{"name": "x"}');
    const facts = await editor.request<DescribeModelResult>(describeModel, { uri });
    assert.equal(facts?.parts[0]?.kvHeads, 2);
    assert.equal(facts.name, 'm');
    assert.equal(facts.kvBytesPerToken, 2 * 2 * 2 * 16 * 2);
    const known = await editor.request<RecogniseModelsResult>(recogniseModels, {
      uris: [uri, other, uriOf('gone', 'config.json')],
    });
    assert.deepEqual(
      known.map(({ uri: found }) => found),
      [uri],
    );
    assert.equal(await editor.request(describeModel, { uri: other }), null);
    // The settings of a training run are no model that is found, and one that can be opened.
    const run = put(
      'run/config.json',
      '{"d_model": 64, "num_heads": 4, "num_layers": 3, "batch_size": 8, "device": "cuda"}',
    );
    assert.deepEqual(await editor.request(recogniseModels, { uris: [run] }), []);
    const opened = await editor.request<DescribeModelResult>(describeModel, { uri: run });
    assert.equal(opened?.parts[0]?.layers.length, 3);
    const question = { device: 't4', batch: 2, context: 100, weightBits: '4', cacheBits: 'stored', tensorParallel: 1 };
    const served = await editor.request<EstimateServingResult>(estimateServing, { uri, question });
    // 2 sequences of 100 positions, 2 layers of 2 heads of 16: keys and values of 2 bytes.
    assert.ok(typeof served?.cost === 'object' && served.cost.figures.cache.value === 2 * 100 * 2 * 2 * 32 * 2);
    assert.equal(await editor.request(estimateServing, { uri: other, question }), null);
  });

  it('reads no link that leaves the folder, except into the blobs of its own cache', async () => {
    editor = await Editor.start();
    const secret = put('outside/config.json', good.replace('100', '777777'));
    mkdirSync(join(root, 'm'));
    symlinkSync(join(root, 'outside', 'config.json'), join(root, 'm', 'config.json'));
    assert.equal(await editor.request(describeModel, { uri: uriOf('m', 'config.json') }), null);
    assert.ok(secret);
    put('models--org--name/blobs/abc', good);
    mkdirSync(join(root, 'models--org--name', 'snapshots', 'r1'), { recursive: true });
    symlinkSync(join('..', '..', 'blobs', 'abc'), join(root, 'models--org--name', 'snapshots', 'r1', 'config.json'));
    const facts = await editor.request<DescribeModelResult>(describeModel, {
      uri: uriOf('models--org--name', 'snapshots', 'r1', 'config.json'),
    });
    assert.equal(facts?.vocabularySize, 100);
  });

  it('reports on .onnx files in tabs, on their own addresses, unless the open config says it', async () => {
    editor = await Editor.start();
    const config = put('m/config.json', good);
    mkdirSync(join(root, 'm', 'onnx'));
    const graph = uriOf('m', 'onnx', 'model.onnx');
    const damaged = uriOf('m', 'damaged.onnx');
    writeFileSync(join(root, 'm', 'onnx', 'model.onnx'), onnxGraph(8, 2));
    writeFileSync(join(root, 'm', 'damaged.onnx'), onnxGraph(4, 2).slice(0, -3));
    const show = (...uris: string[]): Promise<void> =>
      editor?.connection.sendNotification('headscope/showGraphs', { uris }) ?? Promise.resolve();
    await show(graph, damaged);
    const { diagnostics } = await editor.report(graph, () => true);
    assert.deepEqual(codes(diagnostics), ['graph-contradicts-config']);
    assert.match(messageOf(diagnostics[0]), /^The graph has 8 query heads, and config\.json gives 4\./);
    assert.match(diagnostics[0]?.codeDescription?.href ?? '', /graph-contradicts-config\.md$/);
    assert.deepEqual(codes((await editor.report(damaged, () => true)).diagnostics), ['graph-unreadable']);

    const before = editor.reports(graph).length;
    await editor.open(config, good);
    await editor.report(graph, (found) => found.length === 0, before);
    const told = await editor.report(config, () => true);
    assert.ok(codes(told.diagnostics).includes('graph-contradicts-config'), codes(told.diagnostics).join());

    // A new export in the folder below reaches the open config too.
    const then = editor.reports(config).length;
    writeFileSync(join(root, 'm', 'onnx', 'model.onnx'), onnxGraph(4, 2));
    await editor.changedOnDisk(graph);
    await editor.report(config, (found) => !codes(found).includes('graph-contradicts-config'), then);

    await editor.close(config);
    const last = editor.reports(damaged).length;
    await show(graph);
    assert.deepEqual((await editor.report(damaged, (found) => found.length === 0, last)).diagnostics, []);
  });

  it('leaves other JSON alone, and takes documents without a folder', async () => {
    editor = await Editor.start();
    const uri = put('p/package.json', '{"name": "x"}');
    await editor.open(uri, '{"name": "x"}');
    assert.deepEqual((await editor.report(uri, () => true)).diagnostics, []);
    await editor.open('untitled:Untitled-1', faulty);
    assert.deepEqual(codes((await editor.report('untitled:Untitled-1', () => true)).diagnostics), [
      'kv-heads-do-not-divide',
    ]);
  });
});
