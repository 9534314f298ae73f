import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectModel, servedModel } from '../../../compute-server/cli/commands/inspect';
import { inspectionText } from '../../../compute-server/cli/inspection-text';
import { servingText } from '../../../compute-server/cli/serving';
import { describeModel } from '../../../models/formats/describe-model';
import { publishedDevice } from '../../../models/formats/estimates/serving/devices';
import { usualRequest } from '../../../models/formats/estimates/serving/request';
import { servingCost } from '../../../models/formats/estimates/serving/serving';
import { ggufFile, smallLlama } from '../../support/gguf-file';

describe('what inspect prints', () => {
  let folder: string;
  const write = (name: string, value: unknown): void => {
    writeFileSync(join(folder, name), JSON.stringify(value));
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'inspection-text-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('of a family of the workspace whose configs name no class and no usual key', async () => {
    const keys = { hidden_size: 'width', num_attention_heads: 'heads', num_hidden_layers: 'depth' };
    write('.headscope.json', { families: [{ modelType: 'acme', like: 'llama', keys }] });
    write('config.json', { model_type: 'acme', width: 64, heads: 4, depth: 3 });
    const text = inspectionText(await inspectModel(folder));
    assert.match(text, /^layers +3$/m);
    assert.match(text, /^attention +MHA, 4 query heads on 4 key\/value heads of 16$/m);
  });

  it('of a model without a cache says what its state assumes', async () => {
    // 2 layers of 2 heads, each a product of 16 key and 32 value numbers, in 4 bytes: 8 KiB.
    write('config.json', {
      model_type: 'gla',
      architectures: ['GLAForCausalLM'],
      hidden_size: 64,
      num_hidden_layers: 2,
      num_heads: 2,
      expand_k: 0.5,
      expand_v: 1,
      torch_dtype: 'float32',
    });
    const text = inspectionText(await inspectModel(folder));
    assert.match(text, /^state +8\.00 KiB a sequence$/m);
    assert.match(text, /^- state: numbers in float32$/m);
    assert.match(text, /^- state: 2 recurrent layers keep a state in the dtype of the model/m);
    assert.match(text, /^- FLOPs: one token after 0 others$/m);
  });

  it('of serving a GGUF file is a sentence', async () => {
    const path = join(folder, 'model.gguf');
    writeFileSync(path, ggufFile(smallLlama()));
    const found = await inspectModel(path);
    assert.match(inspectionText(found), /^kind +GGUF/m);
    await assert.rejects(servedModel(path, found), /needs the config\.json of a model/);
  });

  it('of serving writes large numbers in full', () => {
    const device = publishedDevice('t4');
    assert.ok(device);
    const request = { ...usualRequest(device), batch: 512, prompt: 100_000, context: 100_000 };
    const outcome = servingCost(describeModel({ model_type: 'llama' }), request);
    assert.ok(outcome.ok);
    const text = servingText({ request, ...outcome.cost });
    assert.doesNotMatch(text, /\de\+/);
    // 512 sequences of 100,000 positions, 32 layers, 2 x 4,096 numbers of 4 bytes: the class names no dtype.
    assert.match(text, /^ {2}cache +53,687 GB$/m);
  });
});
