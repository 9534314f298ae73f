import assert from 'node:assert/strict';
import { once } from 'node:events';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';

describe('the runtime', () => {
  it('is refused in a worker thread, whose environment the library does not read', async () => {
    const contents = `
      import { parentPort } from 'node:worker_threads';
      import { loadRuntime } from './load';
      loadRuntime().then(() => 'loaded', (error) => error.message).then((words) => parentPort.postMessage(words));`;
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: path.resolve(__dirname, '../../../../compute-server/runtime') },
      bundle: true,
      platform: 'node',
      format: 'cjs',
      external: ['onnxruntime-node'],
      write: false,
    });
    const worker = new Worker(outputFiles[0]?.text ?? '', { eval: true });
    const [words] = (await once(worker, 'message')) as [string];
    await worker.terminate();
    assert.match(words, /not loaded in a worker thread, where its telemetry cannot be turned off\.$/);
  });
});
