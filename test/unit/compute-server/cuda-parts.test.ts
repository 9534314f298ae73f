import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cudaParts, libraryPlaces } from '../../../compute-server/devices/cuda-parts';
import { packageIn, pinnedRuntime } from '../../../compute-server/runtime/runtime-folder';
import { FailureError } from '../../../protocol/wire/failures';
import { sentenceOf } from '../../../protocol/wire/words';
import { readText } from '../../support/repository-files';

describe('what a run on CUDA needs', () => {
  let root: string;
  const put = (...names: readonly string[]): string => {
    const file = join(root, ...names);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, '');
    return join(file, '..');
  };
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'headscope-cuda-'));
  });
  after(() => rmSync(root, { recursive: true }));

  it('is found in the folders and in the list of the loader, the provider library beside the runtime alone', () => {
    put('cuda', 'libcudart.so.12');
    put('cuda', 'libonnxruntime_providers_cuda.so');
    const runtime = put('runtime', 'libonnxruntime_providers_shared.so');
    const places = { folders: [join(root, 'cuda')], known: new Set(['libcuda.so.1', 'libcufft.so.11']), runtime };
    const missing = Object.fromEntries(cudaParts(places, 'linux')?.map((part) => [part.title, part.missing]) ?? []);
    assert.deepEqual(missing, {
      Driver: [],
      'CUDA 12': ['libcublas.so.12', 'libcublasLt.so.12', 'libcurand.so.10'],
      'cuDNN 9': ['libcudnn.so.9'],
      'Provider library': ['libonnxruntime_providers_cuda.so'],
    });
    assert.equal(cudaParts(places, 'darwin'), undefined);
  });

  it('searches the path of the loader before the usual places', async () => {
    const { folders } = await libraryPlaces('', { PATH: `${root}`, LD_LIBRARY_PATH: `${root}` });
    assert.equal(folders[0], root);
  });

  it('takes a runtime folder with the version that Headscope runs, and says what is wrong with another', async () => {
    const { dependencies } = JSON.parse(readText('package.json') ?? '') as { dependencies: Record<string, string> };
    assert.equal(pinnedRuntime, dependencies['onnxruntime-node']);
    const write = (folder: string, version: string): string => {
      const at = put(folder, 'node_modules', 'onnxruntime-node', 'package.json');
      writeFileSync(join(at, 'package.json'), JSON.stringify({ name: 'onnxruntime-node', version }));
      return at;
    };
    const right = write('right', pinnedRuntime);
    assert.equal(await packageIn(join(root, 'right')), right);
    assert.equal(await packageIn(right), right);
    write('old', '1.20.0');
    const why = async (folder: string): Promise<string> => {
      const error: unknown = await packageIn(join(root, folder)).catch((reason: unknown) => reason);
      assert.ok(error instanceof FailureError);
      return sentenceOf(error.failure);
    };
    assert.match(await why('old'), /old holds onnxruntime-node 1\.20\.0, and this Headscope runs .*\. Install .*\.$/);
    assert.match(await why('nothing'), /nothing holds no package onnxruntime-node\. Install onnxruntime-node@/);
  });
});
