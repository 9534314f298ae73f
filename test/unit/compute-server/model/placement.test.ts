/** A device that lacks operators, or fails: which graphs run on the cpu, what is said, and that the numbers are those of the cpu. */
import assert from 'node:assert/strict';
import { modelCalls } from '../../../../compute-server/model-calls/model-calls';
import { openModel } from '../../../../compute-server/model/checkpoint/loaded-model';
import { DeviceFault, onDevice, Placement } from '../../../../compute-server/model/run/graphs/placement';
import { runPrompt } from '../../../../compute-server/model/run/stream/model-run';
import type { RuntimeSession } from '../../../../compute-server/runtime/session';
import { Lane } from '../../../../compute-server/dispatch/lane';
import { FailureError } from '../../../../protocol/wire/failures';
import { sentenceOf } from '../../../../protocol/wire/words';
import { surroundingsOf } from '../../../support/model-jobs';
import { openTiny, promptIds, type OpenTiny } from '../../../support/checkpoints/open-tiny';
import { without } from '../../../support/device/lacking-device';

describe('a model on a device that lacks operators', () => {
  let llama: OpenTiny;
  before(async () => {
    llama = await openTiny('llama');
  });
  after(() => llama.close());

  it('the graphs that need one run on the cpu, with a sentence for each reason; the others run there', () => {
    const placement = new Placement(
      'webgpu',
      without((name) => name === 'TopK' || name === 'Sqrt'),
    );
    const places = new Map(
      [...llama.model.sessions.pieces.graphs()].map(([name, graph]) => [name, placement.of(name, graph)]),
    );
    const there = [...places].flatMap(([name, { device }]) => (device === 'webgpu' ? [name] : []));
    // Rankings and distances are of the instrumented layers; the lens takes a root.
    assert.deepEqual(there, ['embedding', 'head', 'plain.0', 'plain.1']);
    assert.deepEqual(placement.sentences(), [
      'The lens runs on the CPU: Sqrt is not there on this device.',
      'Layers 0 and 1 run on the CPU: TopK is not there on this device. The same holds for Sqrt.',
    ]);
  });

  it('takes each graph as it is built to the cpu, and leaves out no sentence about a graph that the device refused', () => {
    const placement = new Placement('dml', undefined);
    const [[name, graph] = assert.fail()] = [...llama.model.sessions.pieces.graphs()];
    assert.equal(placement.of(name, graph).device, 'dml');
    placement.refuse(name, 'It is too large.');
    assert.deepEqual(placement.of(name, graph), { device: 'cpu', graph });
    placement.refuse('plain.1', 'It is too large.');
    assert.deepEqual(placement.sentences(), ['The token embedding and layer 1 run on the CPU: It is too large.']);
  });

  it('a table that no binding of WebGPU takes stays on the cpu; where it is not WebGPU nothing is held against it', () => {
    // [61, 32] in float32.
    const [bytes, graphs] = [61 * 32 * 4, [...llama.model.sessions.pieces.graphs()]];
    const onCpu = (placement: Placement) =>
      graphs.flatMap(([name, graph]) => (placement.of(name, graph).device === 'cpu' ? [name] : []));
    const tight = new Placement('webgpu', undefined, bytes - 1);
    // Layers of 48 x 32 are smaller, and the head would be cut.
    assert.deepEqual(onCpu(tight), ['embedding', 'head', 'lens', 'lens of tokens']);
    assert.match(
      tight.sentences().join(),
      /: A weight of 7\.8 kB is more than every WebGPU adapter takes at once \(7\.8 kB\)\.$/,
    );
    assert.deepEqual(onCpu(new Placement('webgpu', undefined, bytes)), []);
    assert.deepEqual(onCpu(new Placement('cuda', undefined, bytes - 1)), []);
  });

  it('where it has none of them the whole model gives the bits of the cpu, and says that it ran there', async () => {
    const { folder } = llama.model;
    const nothing = without(() => true);
    const model = await openModel(folder, { device: 'webgpu', threads: 1, limitBytes: 1e9, selfTest: nothing });
    const request = { ids: promptIds, chunk: 7, logits: 'all' } as const;
    const there = await runPrompt(model.spec, model.sessions, request);
    const here = await runPrompt(llama.model.spec, llama.model.sessions, request);
    assert.deepEqual(there.logits?.data, here.logits?.data);
    const { onCpu = [], id } = await model.device();
    assert.equal(id, 'webgpu');
    // What a broken off run has kept on disk is found by it: layers of two devices are not put together.
    assert.notEqual(model.stamp, llama.model.stamp);
    assert.match(onCpu.join(' '), /token embedding.*language head.*[Ll]ayers 0 and 1/s);
    assert.deepEqual(model.summary.notes?.slice(0, onCpu.length), onCpu);
    await model.sessions.release();
  });
});

describe('a device that fails in a run', () => {
  const lost = {
    run: () => Promise.reject(new Error('Device lost: the GPU was reset.\nat somewhere')),
  } as unknown as RuntimeSession;

  it('is a sentence with a next step that names the device and the graph', async () => {
    const error: unknown = await onDevice(lost, 'webgpu', 'instrumented.3')
      .run({})
      .catch((reason: unknown) => reason);
    assert.ok(error instanceof FailureError);
    assert.match(
      sentenceOf(error.failure),
      /^The device "webgpu" cannot be used: It failed in "instrumented\.3", .*Device lost: the GPU was reset\)\. Run it again,/,
    );
  });

  it('ends the process behind the answer; a fault of a request does not', async () => {
    let ended = 0;
    const calls = modelCalls(surroundingsOf({ endSoon: () => (ended += 1) }), new Lane());
    const tiny = await openTiny('llama');
    const { signal } = new AbortController();
    const run = (act: () => Promise<never>) => calls.once({ folder: tiny.model.folder }, signal, act);
    await assert.rejects(run(() => Promise.reject(new TypeError('no input'))));
    assert.equal(ended, 0);
    const session = onDevice(lost, 'cuda', 'head');
    await assert.rejects(
      run(async () => {
        await session.run({});
        assert.fail();
      }),
      DeviceFault,
    );
    assert.equal(ended, 1);
    await tiny.close();
  });
});
