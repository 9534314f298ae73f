import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expandHome, findConfigs } from '../../../extension/models/model-folders';
import { offeredStores } from '../../../extension/models/other-stores';
import { fileLabel, isModelFile, modelLabel, modelName, modelsAlone } from '../../../extension/models/model-names';
import { mainChoice, shapeChoices } from '../../../extension/models/shape-choices';
import { mayBeModelDocument } from '../../../extension/platform/model-documents';
import { deviceFacts, deviceLine, deviceReport } from '../../../extension/views/device-lines';
import {
  binaryBytes,
  demoLine,
  layerKinds,
  modelLine,
  modelLines,
  parameterCount,
} from '../../../extension/views/model-lines';
import { otherLine, resultLine } from '../../../extension/views/result-line';
import { statusWords } from '../../../extension/views/status-words';
import { device, facts, part, server } from './samples';

const described = (
  lines: readonly { readonly label: string; readonly description?: string }[],
): Record<string, string> => Object.fromEntries(lines.map((line) => [line.label, line.description ?? '']));

describe('the Models tree', () => {
  it('says what the attention is and which heads share', () => {
    const lines = described(
      modelLines(
        facts({
          parameters: { total: 8030261248, active: 8030261248, parts: [] },
          kvBytesPerToken: 131072,
          dtype: 'bfloat16',
        }),
      ),
    );
    assert.equal(lines['Attention'], 'grouped-query, 32 query heads on 8 key/value heads of 128, 4 share one');
    assert.equal(lines['Layers'], '4: 4 full');
    assert.equal(lines['Context'], '131,072 tokens');
    assert.equal(lines['Parameters'], '8.03 B');
    assert.equal(lines['KV cache'], '128 KiB per token in bfloat16');
  });

  it('puts findings first and says why a model cannot be run', () => {
    const lines = modelLines(facts({ errors: 2, warnings: 1, supported: 'No runner for this family.' }));
    assert.equal(lines[0]?.description, '2 errors, 1 warning');
    assert.equal(lines.at(-1)?.description, 'No runner for this family.');
  });

  it('marks a model without weights, with errors, or of a family that is not run; until it is read, none', () => {
    const model = { uri: new URL('file:///models/a/config.json'), label: 'a', family: 'llama', sentence: '4 layers' };
    const line = (change?: Parameters<typeof facts>[0]) =>
      modelLine(model, 'models/a/config.json', change === undefined ? undefined : facts(change));
    assert.deepEqual([line().description, line().icon, line().colour], ['4 layers', 'symbol-structure', undefined]);
    const whole = line({ weightBytes: 10 });
    assert.deepEqual([whole.description, whole.icon, whole.colour], ['4 layers', 'symbol-structure', undefined]);
    const without = line({});
    assert.deepEqual([without.description, without.colour], ['no weights · 4 layers', 'disabledForeground']);
    assert.match(without.tooltip?.at(-1) ?? '', /^There are no weights beside a/);
    assert.equal(without.spoken, 'a, no weights, llama, 4 layers');
    const faulty = line({ weightBytes: 10, errors: 2 });
    assert.deepEqual([faulty.description, faulty.icon], ['2 errors · 4 layers', 'error']);
    assert.match(faulty.tooltip?.at(-1) ?? '', /has errors.*Problems/);
    assert.match(line({ supported: 'It is quantised.' }).tooltip?.at(-1) ?? '', /It is quantised\./);
    assert.equal(line({ supported: 'It is quantised.' }).description, 'cannot run: It is quantised · 4 layers');
  });

  it('lists a model that comes with Headscope by its name, and a result by its question, time and prompt', () => {
    const demo = demoLine('/x/demo-lm', 'demo-lm (comes with Headscope)');
    assert.deepEqual([demo.label, demo.description], ['demo-lm', 'comes with Headscope, ready to run']);
    const entry = {
      id: '0123456789ab',
      kind: 'analysis' as const,
      file: 'a',
      analysis: 'ablation',
      title: 'Ablation of heads',
      question: 'Which heads matter?',
      model: 'demo-lm',
      input: 'The capital',
      created: 'x',
      bytes: 1,
      pinned: false,
      byItself: false,
    };
    const line = resultLine(entry);
    assert.deepEqual([line.label, line.description, line.icon], ['Ablation of heads', 'The capital', 'note']);
    assert.deepEqual(line.tooltip, ['Which heads matter?', 'The capital']);
    const timed = resultLine({ ...entry, created: '2026-11-30T10:05:00.000Z', input: '', pinned: true });
    assert.match(timed.description ?? '', /^2026-11-30 \d\d:05$/);
    assert.equal(timed.icon, 'pinned');
    assert.equal(otherLine(entry).description, 'demo-lm · The capital', 'its model is not the row above');
    assert.equal(otherLine({ ...entry, model: '' }).description, 'The capital');
  });

  it('says what a file is that is no config, and what its header says', () => {
    const file = {
      kind: 'gguf',
      title: 'GGUF Q4_K_M',
      details: [{ title: 'Tokenizer', text: '128,256 tokens' }],
      notes: ['The metadata gives 3 blocks, and the tensors have 2.'],
    } as const;
    const lines = modelLines(
      facts({ file, weightBytes: 4_912_898_304, bitsPerWeight: 4.894, supported: 'It is read and not run.' }),
    );
    assert.equal(described(lines)['Weights'], '4.58 GiB, 4.89 bits per weight');
    assert.equal(described(lines)['Tokenizer'], '128,256 tokens');
    assert.equal(lines.at(-1)?.label, file.notes[0]);
    assert.ok(!('Cannot be run here' in described(lines)));
    const unread = 'Sound is not read.';
    assert.equal(described(modelLines(facts({ unread })))['Runs as a text model'], unread);
    const uri = new URL('file:///models/m.gguf');
    const line = modelLine(
      { uri, label: 'm', family: 'llama', sentence: 'GGUF Q4_K_M: 4 layers.', other: file },
      'm.gguf',
    );
    assert.deepEqual([line.description, line.icon, line.colour], ['GGUF Q4_K_M: 4 layers.', 'package', undefined]);
  });

  it('names the parts of a model that has several', () => {
    const vision = part({ path: 'vision_config', role: 'vision', attention: 'mha', kvHeads: 32 });
    const lines = described(modelLines(facts({ parts: [part({ path: 'text_config' }), vision] })));
    assert.ok(lines['vision_config']?.startsWith('multi-head, 32 query heads'));
    assert.ok('Layers of text_config' in lines);
  });

  it('says the heads of each stage of a tower', () => {
    const stage = (heads: number, hiddenSize: number) => ({ kind: 'full' as const, heads, kvHeads: heads, hiddenSize });
    const tower = part({
      attention: 'mha',
      layers: [stage(3, 96), stage(3, 96), stage(6, 192)],
      heads: 6,
      kvHeads: 6,
      headDim: 32,
      hiddenSize: 192,
    });
    const lines = described(modelLines(facts({ parts: [tower] })));
    assert.equal(lines['Attention'], 'multi-head, 3, 6 heads of 32 in its stages');
  });

  it('counts kinds of layers', () => {
    const layer = { heads: 8, kvHeads: 4 };
    assert.equal(
      layerKinds([
        { kind: 'window', window: 4096, ...layer },
        { kind: 'full', ...layer },
        { kind: 'none', ...layer },
      ]),
      '1 window of 4,096, 1 full, 1 without attention',
    );
  });

  it('writes counts and bytes as the field does', () => {
    assert.deepEqual([124439808, 1500, 12, 6.71e11].map(parameterCount), ['124 M', '1.5 k', '12', '671 B']);
    assert.deepEqual([512, 131072, 1536].map(binaryBytes), ['512 bytes', '128 KiB', '1.5 KiB']);
  });

  it('labels a model by its folder, or by its repository in the Hugging Face cache', () => {
    assert.equal(modelLabel('/w/Llama-3.1-8B/config.json'), 'Llama-3.1-8B');
    assert.equal(
      modelLabel('/hub/models--meta-llama--Llama-3.1-8B/snapshots/d04e/config.json'),
      'meta-llama/Llama-3.1-8B',
    );
    assert.equal(modelLabel('c:\\m\\gpt2\\config.json'), 'gpt2');
  });

  it('labels a file by its own name, an adapter by its folder', () => {
    assert.equal(fileLabel('/w/m/Llama-Q4_K_M.gguf'), 'Llama-Q4_K_M');
    assert.equal(fileLabel('/w/m/Llama-Q4_K_M-00001-of-00003.gguf'), 'Llama-Q4_K_M');
    assert.equal(fileLabel('/w/exported/model.onnx'), 'exported/model.onnx');
    assert.equal(fileLabel('/w/mine/adapter_config.json'), 'mine');
  });

  it('leaves out later parts of a model, and graphs of a model with a config', () => {
    const names = [
      'config.json',
      'open_clip_config.json',
      'adapter_config.json',
      'a.gguf',
      'a-00001-of-00002.gguf',
      'a-00002-of-00002.gguf',
    ];
    assert.deepEqual(names.filter(isModelFile), names.slice(0, 5));
    assert.ok(!isModelFile('package.json'));
    const paths = ['/a/config.json', '/a/model.onnx', '/a/onnx/model.onnx', '/b/onnx/model.onnx', '/b/m.gguf'];
    assert.deepEqual(modelsAlone(paths), ['/a/config.json', '/b/onnx/model.onnx', '/b/m.gguf']);
    const clips = ['/a/config.json', '/a/open_clip_config.json', '/b/open_clip_config.json'];
    assert.deepEqual(modelsAlone(clips), ['/a/config.json', '/b/open_clip_config.json']);
  });
});

describe('shapes of models', () => {
  it('are offered for each part with attention', () => {
    const windows = part({
      path: 'text_config',
      layers: [
        { kind: 'window', window: 512, heads: 8, kvHeads: 4 },
        { kind: 'window', window: 256, heads: 8, kvHeads: 4 },
      ],
    });
    const none = part({ path: 'audio_config', attention: 'none' });
    const choices = shapeChoices(facts({ parts: [windows, none] }), 'model');
    assert.deepEqual(choices, [
      {
        uri: 'file:///models/Llama-3.1-8B/config.json#text_config',
        label: 'model, text_config',
        heads: 32,
        kvHeads: 8,
        headDim: 128,
        valueDim: 128,
        contextLength: 131072,
        window: 256,
      },
    ]);
    assert.equal(mainChoice(choices, 'file:///models/Llama-3.1-8B/config.json'), choices[0]);
    assert.equal(mainChoice(choices, 'file:///models/Llama-3.1-8B/config.json#text_config'), choices[0]);
    assert.equal(mainChoice(choices, 'file:///models/Llama-3.1-8/config.json'), undefined);
  });
});

describe('folders of models', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'headscope-models-'));
    const snapshot = join(root, 'models--a--b', 'snapshots', 'hash');
    for (const folder of [
      snapshot,
      join(root, 'plain'),
      join(root, 'models--a--b', 'blobs'),
      join(root, '.hidden', 'x'),
      join(root, '1/2/3/4/5/6'),
    ]) {
      await mkdir(folder, { recursive: true });
    }
    const blob = join(root, 'models--a--b', 'blobs', 'abc');
    for (const file of [
      blob,
      join(root, 'plain', 'config.json'),
      join(root, '.hidden', 'x', 'config.json'),
      join(root, '1/2/3/4/5/6/config.json'),
      join(root, 'plain', 'm.gguf'),
    ]) {
      await writeFile(file, '{}');
    }
    await symlink(blob, join(snapshot, 'config.json'));
    await symlink(root, join(root, 'circle'));
  });
  after(() => rm(root, { recursive: true }));

  it('are searched as deep as the cache is, with its links, without circles', async () => {
    const { paths, problems } = await findConfigs([root]);
    assert.deepEqual(paths, [
      join(root, 'models--a--b/snapshots/hash/config.json'),
      join(root, 'plain/config.json'),
      join(root, 'plain/m.gguf'),
    ]);
    assert.deepEqual(problems, []);
  });

  it('of Ollama and LM Studio are offered if they exist, and then searched for manifests and files', async () => {
    const home = join(root, 'home');
    const [ollama, studio] = [join(home, '.ollama', 'models'), join(home, '.lmstudio', 'models')];
    const manifest = join(ollama, 'manifests', 'registry.ollama.ai', 'library', 'llama3.2', '1b');
    const file = join(studio, 'someone', 'a-GGUF', 'a-Q4_K_M.gguf');
    for (const path of [manifest, join(dirname(manifest), '.DS_Store'), join(ollama, 'blobs', 'sha256-a'), file]) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, '{}');
    }
    const offered = (folders: readonly string[]) => offeredStores(folders, { home, environment: {} });
    assert.deepEqual(await offered(['~/.ollama/models']), [{ program: 'LM Studio', folder: studio }]);
    assert.equal((await offered([])).length, 2);
    assert.deepEqual(await offeredStores([], { home: join(root, 'plain'), environment: {} }), []);
    const { paths } = await findConfigs([ollama, studio]);
    assert.deepEqual(paths, [file, manifest].toSorted());
    assert.deepEqual(paths.map(modelName).toSorted(), ['a-Q4_K_M', 'llama3.2:1b']);
    await rm(home, { recursive: true });
  });

  it('that are not there or not absolute are named', async () => {
    const { problems } = await findConfigs([join(root, 'missing'), 'relative']);
    assert.equal(problems.length, 2);
    assert.match(problems[0] ?? '', /missing cannot be read: there is no such file or folder/);
    assert.match(problems[1] ?? '', /not an absolute path/);
  });

  it('may begin with the home folder', () => {
    assert.equal(expandHome('~/m', '/home/me'), join('/home/me', 'm'));
    assert.equal(expandHome('~', '/home/me'), '/home/me');
    assert.equal(expandHome('~other/m', '/home/me'), '~other/m');
  });
});

describe('what starts the language server', () => {
  it('is a file of a model folder, by name or by its keys', () => {
    const none = (): string => '';
    assert.ok(mayBeModelDocument('/m/config.json', none));
    assert.ok(mayBeModelDocument('/m/model.safetensors.index.json', none));
    assert.ok(mayBeModelDocument('/m/llama-8b.json', () => '{"model_type": "llama"'));
    assert.ok(!mayBeModelDocument('/w/package.json', () => '{"name": "x"}'));
    assert.ok(!mayBeModelDocument('/w/notes.md', () => '"model_type": 1'));
  });
});

describe('the Devices tree', () => {
  const tested = device({
    peakGflops: 123.4,
    selfTest: {
      maxError: 1.5e-7,
      operators: { MatMul: { ok: true, maxError: 1.5e-7 }, Erf: { ok: false, reason: 'not implemented' } },
    },
  });

  it('shows the self-test of each operator', () => {
    const lines = described(deviceFacts(tested));
    assert.equal(lines['Arithmetic'], '123 GFLOP/s, measured here');
    assert.equal(lines['Self-test'], '1 of 2 operators right, largest error 1.50e-7');
    assert.equal(lines['Erf'], 'not implemented');
    assert.equal(deviceLine(tested, false).icon, 'warning');
  });

  it('says why a device is not there', () => {
    const line = deviceLine(device({ available: false, reason: 'No adapter was found.' }), true);
    assert.equal(line.description, 'in use: No adapter was found.');
    assert.equal(line.icon, 'circle-slash');
  });

  it('copies as Markdown', () => {
    assert.match(deviceReport(tested), /^\*\*cpu\*\*: A processor \(cpu\)\n/);
    assert.match(deviceReport(tested), /\| Erf \| not implemented \|/);
  });
});

describe('the status bar', () => {
  const chosen = { device: 'cpu', threads: 0, trusted: true };

  it('has words for each state', () => {
    assert.match(statusWords({ kind: 'stopped' }, chosen, []).spoken, /starts when it is needed/);
    assert.match(
      statusWords({ kind: 'busy', info: server, doing: 'benchmarking' }, chosen, []).spoken,
      /is benchmarking/,
    );
    assert.ok(statusWords({ kind: 'failed', sentence: 'Gone.' }, chosen, []).failed);
    assert.ok(
      statusWords({ kind: 'ready', info: server }, chosen, []).tooltip.some((line) => line.includes('process 42')),
    );
  });

  it('says that nothing runs without trust', () => {
    assert.match(statusWords({ kind: 'stopped' }, { ...chosen, trusted: false }, []).spoken, /untrusted/);
  });
});
