/** GGUF files, graphs and adapters in the language server: facts, base models, links and hovers. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { OtherFiles } from '../../../language-server/handlers/other-files';
import { WorkspaceFiles } from '../../../language-server/handlers/workspace-files';
import { Repositories } from '../../../language-server/workspace/repositories';
import { codeLenses } from '../../../language-server/service/code-lenses';
import type { FolderFacts } from '../../../language-server/service/folder-facts';
import { noFacts } from '../../../language-server/service/folder-facts';
import { hoverAt } from '../../../language-server/service/hover';
import { fileLinks } from '../../../language-server/service/links';
import { BaseModels } from '../../../language-server/workspace/other-models';
import { formsIn } from '../../../models/formats/gguf/other-form';
import { describeModel } from '../../../models/formats/describe-model';
import { onnxGraph } from '../../support/onnx-graph';
import { ggufFile, smallLlama } from '../../support/gguf-file';
import { modelFile, unmark } from './caret';

const base = {
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 100,
};
const adapter = {
  peft_type: 'LORA',
  r: 8,
  lora_alpha: 16,
  target_modules: ['q_proj'],
  base_model_name_or_path: 'someone/Base',
};

/** The header of a file without tensors. */
const safetensors = Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{}')]);

describe('files beside configs', () => {
  let folder: string;
  let files: WorkspaceFiles;
  let others: OtherFiles;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'others-'));
    files = new WorkspaceFiles({ get: () => undefined, all: () => [] }, new Repositories());
    others = new OtherFiles(files);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const written = (name: string, content: Uint8Array | string): string => {
    const path = join(folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
    return pathToFileURL(path).href;
  };

  it('of models are recognised, with what they are', async () => {
    const uris = [
      written('a/small.gguf', ggufFile(smallLlama())),
      written('a/m-00002-of-00002.gguf', ggufFile(smallLlama())),
      written('b/broken.gguf', 'GGUF'),
      written('c/model.onnx', onnxGraph(8, 2)),
      written('c/plain.onnx', 'x'),
      written('d/adapter_config.json', JSON.stringify(adapter)),
      written('e/config.json', JSON.stringify(base)),
    ];
    const found = await others.recognise(uris);
    assert.deepEqual(
      found.map(({ uri, other }) => [uris.indexOf(uri), other?.title]),
      [
        [0, 'GGUF Q4_K_M'],
        [2, 'GGUF'],
        [3, 'ONNX without weights'],
        [5, 'LoRA r=8 of Base'],
      ],
    );
    assert.equal(found[0]?.sentence, 'GGUF Q4_K_M, grouped-query attention 2:1, 4 heads of 64, 2 layers.');
    assert.match(found[1]?.sentence ?? '', /^This GGUF file is damaged: .*\.$/);
  });

  it('have facts as configs have, and fail with the sentence that says why', async () => {
    const facts = await others.facts(written('small.gguf', ggufFile(smallLlama())));
    assert.equal(facts.name, 'small');
    assert.deepEqual([facts.parts[0]?.heads, facts.parts[0]?.kvHeads, facts.parts[0]?.layers.length], [4, 2, 2]);
    assert.deepEqual(facts.parts[0]?.rope, { theta: 500_000, dimensions: 64, scaling: 'none' });
    assert.equal(facts.parameters?.total, 1_257_728);
    // 14 matrices in Q4_K, the embedding in Q6_K, five norms in F32.
    assert.deepEqual(
      facts.formats?.map(({ name, bytes }) => [name, bytes]),
      [
        ['Q4_K', 663_552],
        ['Q6_K', 63_000],
        ['F32', 5120],
      ],
    );
    assert.equal(facts.weightBytes, 731_672);
    assert.equal(facts.kvBytesPerToken, 1024);
    assert.equal(facts.file?.title, 'GGUF Q4_K_M');
    assert.equal(facts.supported, true);
    await assert.rejects(others.facts(written('broken.gguf', 'GGUF')), /This GGUF file is damaged/);
  });

  it('that are links out of their folder are not read', async () => {
    written('elsewhere.gguf', ggufFile(smallLlama()));
    mkdirSync(join(folder, 'm'));
    symlinkSync(join(folder, 'elsewhere.gguf'), join(folder, 'm', 'link.gguf'));
    await assert.rejects(others.facts(pathToFileURL(join(folder, 'm', 'link.gguf')).href), /leads out of its folder/);
  });

  it('in GGUF are another form of a config beside them, where its weights lie there too and it has the same sizes', async () => {
    const config = { ...base, hidden_size: 256, intermediate_size: 512, vocab_size: 300 };
    const formOf = async (folder: string, changed: object = {}): Promise<string | undefined> => {
      written(`${folder}/config.json`, JSON.stringify({ ...config, ...changed }));
      return (await others.facts(written(`${folder}/small.gguf`, ggufFile(smallLlama())))).file?.formOf;
    };
    assert.equal(await formOf('alone'), undefined, 'no weights lie beside it');
    for (const of of ['same', 'draft', 'pointer'])
      written(`${of}/model.safetensors`, of === 'pointer' ? 'version https://git-lfs.github.com/spec/v1' : safetensors);
    assert.equal(await formOf('same'), pathToFileURL(join(folder, 'same', 'config.json')).href);
    assert.equal(await formOf('draft', { num_hidden_layers: 3 }), undefined);
    assert.equal(await formOf('pointer'), undefined);
    assert.deepEqual(await formsIn(join(folder, 'same'), describeModel(config)), [
      { file: 'small.gguf', title: 'GGUF Q4_K_M' },
    ]);
    assert.deepEqual(await formsIn(join(folder, 'draft'), describeModel({ ...config, num_hidden_layers: 3 })), []);
  });

  it('of adapters find their base among the configs that are listed, and nowhere else', async () => {
    const uri = written('mine/adapter_config.json', JSON.stringify(adapter));
    const config = written('Base/config.json', JSON.stringify(base));
    assert.equal((await others.facts(uri)).file?.base, undefined);
    files.remember([config]);
    const facts = await others.facts(uri);
    assert.deepEqual(facts.file?.base, { name: 'Base', uri: config });
    assert.equal(facts.parts[0]?.heads, 4);
    // Two layers of 8 x (64 + 64).
    assert.equal(facts.parameters?.total, 2048);
    const file = modelFile(JSON.stringify(adapter), 'adapter_config.json');
    const [link] = fileLinks(file, await files.facts(uri));
    assert.equal(link?.uri, config);
  });

  it('of adapters whose targets the base does not have are not given the parameters of the base', async () => {
    const config = written('Base/config.json', JSON.stringify(base));
    files.remember([config]);
    const uri = written('mine/adapter_config.json', JSON.stringify({ ...adapter, target_modules: ['c_attn'] }));
    const facts = await others.facts(uri);
    assert.equal(facts.file?.base?.uri, config);
    assert.equal(facts.parts[0]?.heads, 4);
    assert.equal(facts.parameters, undefined);
  });

  it('name the nearest of several base models', () => {
    const bases = new BaseModels();
    bases.remember(['/far/away/Base/config.json', '/w/models/Base/config.json', '/w/other/config.json']);
    assert.equal(bases.find('/w/models/mine/adapter_config.json', 'someone/Base'), '/w/models/Base/config.json');
    assert.equal(bases.find('/w/models/mine/adapter_config.json', '../../other'), '/w/other/config.json');
    assert.equal(bases.find('/w/models/mine/adapter_config.json', 'someone/Other'), undefined);
    bases.remember(['/hub/models--someone--Base/snapshots/f00/config.json']);
    assert.match(bases.find('/w/adapter_config.json', 'someone/Base') ?? '', /models--someone--Base/);
  });
});

describe('hovers in an adapter', () => {
  const hover = (marked: string, facts: Partial<FolderFacts>): string => {
    const { text, span } = unmark(marked);
    const found = hoverAt(modelFile(text, 'adapter_config.json'), span?.offset ?? 0, { ...noFacts, ...facts });
    return found?.markdown.source ?? '';
  };
  const known = { base: { label: 'Base', uri: 'file:///w/Base/config.json', description: describeModel(base) } };
  const rest = '"lora_alpha": 16, "target_modules": ["q_proj", "v_proj"], "base_model_name_or_path": "someone/Base"}';

  it('say scaling, size and share of the base', () => {
    const rank = hover(`{"peft_type": "LORA", |"r": 8, ${rest}`, known);
    assert.match(rank, /Scaling: 2 \\?= alpha \/ rank/);
    // Two layers of 8 x (64 + 64) and 8 x (64 + 32).
    assert.match(rank, /The adapter has 3\\?\.58 K parameters/);
    const name = hover(`{"peft_type": "LORA", "r": 8, ${rest.replace('"base_', '|"base_')}`, known);
    assert.match(name, /Base: Grouped\\?-query attention 2:1/);
    assert.match(name, /Share of the base: 4\\?\.\d+ % of/);
  });
  it('say less without the base', () => {
    const name = hover(`{"peft_type": "LORA", "r": 8, ${rest.replace('"base_', '|"base_')}`, {});
    assert.doesNotMatch(name, /Share of the base/);
  });
});

describe('lenses above a config', () => {
  it('offer the comparison with a GGUF file beside it', () => {
    const files = new Map([
      ['m-Q4_K_M.gguf', 1],
      ['mmproj-m.gguf', 1],
      ['$(alert).gguf', 1],
    ]);
    const lenses = codeLenses(modelFile(JSON.stringify(base)), { ...noFacts, files });
    const found = lenses.filter(({ title }) => title.includes('gguf'));
    assert.deepEqual(
      found.map(({ title, command }) => [title, command?.arguments]),
      [
        [
          '$(diff) Compare with m-Q4_K_M.gguf',
          ['file:///models/m/config.json', ['file:///models/m/config.json', 'file:///models/m/m-Q4_K_M.gguf']],
        ],
      ],
    );
  });
});
