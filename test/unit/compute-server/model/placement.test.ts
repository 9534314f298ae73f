/** A device that lacks operators: which graphs run on the cpu, what is said, and that the numbers are those of the cpu. */
import assert from 'node:assert/strict';
import { operatorTests } from '../../../../compute-server/devices/operator-tests';
import { modelCalls } from '../../../../compute-server/model-calls/model-calls';
import { openModel, type OpenOptions } from '../../../../compute-server/model/checkpoint/loaded-model';
import { parityOf } from '../../../../compute-server/model/checkpoint/parity';
import { SequenceRun } from '../../../../compute-server/model/generation/sequence-run';
import { runGradients } from '../../../../compute-server/model/gradient/gradient-run';
import {
  sharesOf,
  type DeviceShare,
  type SharingDevice,
} from '../../../../compute-server/model/run/graphs/device-shares';
import { DeviceFault, onDevice, Placement } from '../../../../compute-server/model/run/graphs/placement';
import { runPrompt } from '../../../../compute-server/model/run/stream/model-run';
import type { RuntimeSession } from '../../../../compute-server/runtime/session';
import { Lane } from '../../../../compute-server/dispatch/lane';
import type { SelfTest } from '../../../../protocol/compute/api';
import { readDeviceChoice } from '../../../../protocol/inputs/devices';
import { FailureError } from '../../../../protocol/wire/failures';
import { sentenceOf } from '../../../../protocol/wire/words';
import { surroundingsOf } from '../../../support/model-jobs';
import { openTiny, promptIds, type OpenTiny } from '../../../support/checkpoints/open-tiny';

const without = (lacks: (operator: string) => boolean): SelfTest => ({
  maxError: 0,
  operators: Object.fromEntries(
    Object.keys(operatorTests).map((name) => [
      name,
      lacks(name) ? { ok: false, reason: `${name} is not there on this device.` } : { ok: true, maxError: 1e-6 },
    ]),
  ),
});

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
      [...llama.model.sessions.graphs()].map(([name, graph]) => [name, placement.of(name, graph)]),
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
    const [[name, graph] = assert.fail()] = [...llama.model.sessions.graphs()];
    assert.equal(placement.of(name, graph).device, 'dml');
    placement.refuse(name, 'It is too large.');
    assert.deepEqual(placement.of(name, graph), { device: 'cpu', graph });
    placement.refuse('plain.1', 'It is too large.');
    assert.deepEqual(placement.sentences(), ['The token embedding and layer 1 run on the CPU: It is too large.']);
  });

  it('a table that no binding of WebGPU takes stays on the cpu; where it is not WebGPU nothing is held against it', () => {
    // [61, 32] in float32.
    const [bytes, graphs] = [61 * 32 * 4, [...llama.model.sessions.graphs()]];
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

describe('where a person says that a model runs', () => {
  const choice = (text: string) => {
    const read = readDeviceChoice(text);
    assert.ok(read.ok, text);
    return read.choice;
  };

  it('a device, auto, devices by memory, or devices with their layers', () => {
    assert.deepEqual(choice('webgpu'), { kind: 'one', id: 'webgpu' });
    assert.deepEqual(choice(' auto '), { kind: 'auto' });
    assert.deepEqual(choice('webgpu,cpu'), { kind: 'several', devices: [{ id: 'webgpu' }, { id: 'cpu' }] });
    assert.deepEqual(choice('cpu:0-11, cpu:12'), {
      kind: 'several',
      devices: [
        { id: 'cpu', layers: { first: 0, last: 11 } },
        { id: 'cpu', layers: { first: 12, last: 12 } },
      ],
    });
  });

  for (const [text, why] of [
    ['cpu,', /^A device is missing in "cpu,"\. Write for example webgpu,cpu/],
    ['auto,cpu', /^"auto" stands alone/],
    ['webgpu:a-b', /^"webgpu:a-b" has no layers\. Write the first and the last one, such as webgpu:0-11\.$/],
    ['webgpu:0:1', /^"webgpu:0:1" has no layers/],
    ['webgpu:5-2,cpu:6-7', /^"webgpu:5-2" ends before it begins/],
    ['webgpu:0-3,cpu', /^cpu has no layers, and another device has\./],
    ['cpu,webgpu,cpu', /^cpu is named twice\. Give layers to each part, such as cpu:0-11,cpu:12-23\.$/],
    ['webgpu:2-3,cpu:4-7', /^No device has layers 0 and 1\. Let webgpu begin at 0/],
    ['webgpu:0-3,cpu:5-7', /^No device has layer 4\. Let cpu begin at 4/],
    ['webgpu:0-3,cpu:3-7', /^Two devices have layer 3\./],
    ['cpu:4-7,webgpu:0-3', /^No device has layers 0 to 3\./],
    [
      Array.from({ length: 65 }, (_, at) => `cpu:${at}`).join(),
      /^65 devices are named, and 64 at most share a model\./,
    ],
  ] as const) {
    it(`${text.slice(0, 30)} is refused in a sentence`, () => {
      const read = readDeviceChoice(text);
      assert.match(read.ok ? 'it is read' : read.why, why);
    });
  }
});

describe('layers by memory', () => {
  /** Layers of 100 bytes and a head of 50. */
  const even = { layers: [100, 100, 100, 100], head: 50 };
  const cpu = { device: 'cpu' } as const;
  const webgpu = (memoryBytes?: number) => ({ device: 'webgpu', memoryBytes }) as const;
  const given = (device: SharingDevice, first: number, last: number) => ({ ...device, layers: { first, last } });
  const shares = (devices: readonly SharingDevice[], device = even, ofCpu = device) =>
    sharesOf(devices, { cpu: ofCpu, device }).map(written);
  const written = ({ device, layers, head, weightBytes }: DeviceShare): string =>
    `${device} ${layers.first}-${layers.last}${head ? ' head' : ''} ${weightBytes}`;

  it('a device takes as many as fit into four fifths of its memory, and the CPU the others with the head', () => {
    // 320 bytes for weights.
    assert.deepEqual(shares([webgpu(400), cpu]), ['webgpu 0-2 300', 'cpu 3-3 head 150']);
    // 400 for four layers, and 450 with the head.
    assert.deepEqual(shares([webgpu(500), cpu]), ['webgpu 0-3 400']);
    assert.deepEqual(shares([webgpu(562), cpu]), ['webgpu 0-3 400']);
    assert.deepEqual(shares([webgpu(563), cpu]), ['webgpu 0-3 head 450']);
    assert.deepEqual(shares([webgpu(100), cpu]), ['cpu 0-3 head 450']);
  });

  it('behind the CPU it takes the last ones, with the head first', () => {
    assert.deepEqual(shares([cpu, webgpu(400)]), ['cpu 0-1 200', 'webgpu 2-3 head 250']);
    // 80 bytes hold neither a layer nor a layer with the head.
    assert.deepEqual(shares([cpu, webgpu(100)]), ['cpu 0-3 head 450']);
    // 120 bytes hold a layer, and not the head beside it.
    assert.deepEqual(shares([cpu, webgpu(150)]), ['cpu 0-2 300', 'webgpu 3-3 100']);
  });

  it('layers of uneven sizes, and weights that the CPU holds in fewer bytes', () => {
    const uneven = { layers: [300, 100, 100, 10], head: 50 };
    assert.deepEqual(shares([webgpu(400), cpu], uneven), ['webgpu 0-0 300', 'cpu 1-3 head 260']);
    assert.deepEqual(shares([cpu, webgpu(400)], uneven), ['cpu 0-0 300', 'webgpu 1-3 head 260']);
    assert.deepEqual(shares([webgpu(400), cpu], even, { layers: [30, 30, 30, 30], head: 20 }), [
      'webgpu 0-2 300',
      'cpu 3-3 head 50',
    ]);
  });

  it('several devices with uneven memory; what none of them holds is refused with both numbers', () => {
    const cuda = { device: 'cuda', memoryBytes: 400 } as const;
    assert.deepEqual(shares([cuda, webgpu(200)]), ['cuda 0-2 300', 'webgpu 3-3 head 150']);
    assert.deepEqual(shares([webgpu(200), cuda, cpu]), ['webgpu 0-0 100', 'cuda 1-3 300']);
    assert.throws(
      () => shares([{ device: 'cuda', memoryBytes: 200 }, webgpu(100)]),
      (error: unknown) =>
        error instanceof FailureError &&
        /The layers take 400 bytes, and cuda and webgpu have 240 bytes for weights.* Add the CPU: cuda,webgpu,cpu\./.test(
          sentenceOf(error.failure),
        ),
    );
  });

  it('layers that are given stay as they are given: all of the memory is theirs, and what is too much is refused', () => {
    assert.deepEqual(shares([given(webgpu(450), 0, 3)]), ['webgpu 0-3 head 450']);
    assert.deepEqual(shares([given(webgpu(), 0, 1), given(cpu, 2, 3)]), ['webgpu 0-1 200', 'cpu 2-3 head 250']);
    for (const [devices, why] of [
      [
        [given(webgpu(250), 0, 2), given(cpu, 3, 3)],
        /Layers 0 to 2 take 300 bytes on webgpu, which has 250 bytes: 2 of them fit\./,
      ],
      [
        [given(webgpu(50), 0, 0), given(cpu, 1, 3)],
        /Layer 0 takes 100 bytes on webgpu, which has 50 bytes: none of them fits\./,
      ],
      [[given(webgpu(), 0, 1), given(cpu, 2, 2)], /The model has 4 layers, from 0 to 3, and no device has layer 3\./],
      [[given(webgpu(), 0, 1), given(cpu, 2, 9)], /from 0 to 3, and the devices are given layers up to 9\. Write 3/],
    ] as const) {
      assert.throws(
        () => shares(devices),
        (error: unknown) => error instanceof FailureError && why.test(sentenceOf(error.failure)),
      );
    }
  });

  it('a device whose memory is not known gets none by memory, and the sentence says what to write', () => {
    assert.throws(
      () => shares([webgpu(), cpu]),
      (error: unknown) =>
        error instanceof FailureError &&
        /How much memory it has is not known.*--device-memory.*webgpu:0-11,cpu:12-23/.test(sentenceOf(error.failure)),
    );
  });

  it('a model without a head has none anywhere', () => {
    assert.deepEqual(shares([webgpu(250), cpu], { layers: [100, 100, 100], head: 0 }), [
      'webgpu 0-1 200',
      'cpu 2-2 100',
    ]);
  });
});

describe('a model whose layers are on several devices', () => {
  for (const family of ['llama', 'gemma2', 'gpt2']) {
    it(`${family}: on two parts of the CPU every number is that of one`, async () => {
      const tiny = await openTiny(family);
      const { folder, spec } = tiny.model;
      const cpu = { device: 'cpu', name: 'a processor' } as const;
      const among = [
        { ...cpu, layers: { first: 0, last: 0 } },
        { ...cpu, layers: { first: 1, last: spec.blocks.length - 1 } },
      ];
      const model = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9, among });
      const variants = [[], [{ kind: 'gain', layer: 1, head: 0, gain: 0.5 }]] as const;
      const request = { ids: promptIds, chunk: 7, logits: 'all', statistics: true, variants, keepLast: true } as const;
      const objective = { kind: 'logits', terms: [{ row: 5, token: 7, weight: 1 }] } as const;
      const numbersOf = async (opened: typeof model) => {
        const run = await runPrompt(opened.spec, opened.sessions, request);
        const slopes = await runGradients(opened, {
          ...{ ids: promptIds.slice(0, 9), objective, embedding: true, headGains: true, chunk: 9 },
        });
        const text = await SequenceRun.start(opened.spec, opened.sessions, { ids: promptIds.slice(0, 9), chunk: 7 });
        const steps = [];
        for (const id of [4, 8, 3]) steps.push(await text.extend([id], { observe: true }));
        text.dispose();
        return { run, slopes, steps };
      };
      assert.deepEqual(await numbersOf(model), await numbersOf(tiny.model));
      const { id, parts = [] } = await model.device();
      assert.equal(id, 'cpu:0-0,cpu:1-1');
      assert.deepEqual(
        parts.map(({ layers, head, embedding }) => [layers?.first, layers?.last, embedding ?? false, head ?? false]),
        [
          [0, 0, true, false],
          [1, 1, false, true],
        ],
      );
      // Numbers that are the same may be put together.
      assert.equal(model.stamp, tiny.model.stamp);
      assert.equal((await parityOf(model, { ids: promptIds })).device, undefined);
      await model.sessions.release();
      await tiny.close();
    });
  }

  /** Nothing works there, so that its graphs run on the CPU. */
  const there = { device: 'webgpu', name: 'an adapter', selfTest: without(() => true) } as const;
  const open = (folder: string, more: Partial<OpenOptions>) =>
    openModel(folder, { ...there, threads: 1, limitBytes: 1e9, ...more });

  it('says what each holds: the head that is tied to the embedding lies on its device too', async () => {
    const tiny = await openTiny('gemma2');
    const { spec, summary, folder } = tiny.model;
    const table = 4 * summary.vocabulary * spec.hiddenSize;
    const layers = tiny.model.sessions.weightSizes().layers;
    const among = [
      { device: 'cpu', name: 'a processor', layers: { first: 0, last: 0 } } as const,
      { ...there, layers: { first: 1, last: 1 } },
    ];
    const model = await open(folder, { among });
    const { parts = [], id, name } = await model.device();
    assert.equal(id, 'cpu:0-0,webgpu:1-1');
    assert.equal(name, 'a processor and an adapter');
    const [own, other] = parts;
    assert.deepEqual([own?.weightBytes, own?.embedding], [table + layers[0]!, true]);
    assert.ok(other && other.head && other.weightBytes >= table + layers[1]!);
    assert.match(
      model.summary.notes?.join(' ') ?? '',
      /cpu holds the token embedding and layer 0 \([\d.]+ kB\) and webgpu holds layer 1 and the language head \([\d.]+ kB\)\./,
    );
    assert.equal(model.stamp === tiny.model.stamp, false);
    assert.equal((await parityOf(model, { ids: promptIds })).device, name);
    await model.sessions.release();
    await tiny.close();
  });

  it('one that fits a device is opened there alone, one that fits none on the CPU, with what was asked', async () => {
    const tiny = await openTiny('llama');
    const { folder } = tiny.model;
    const among = (memoryBytes: number) => [{ ...there, memoryBytes }, { device: 'cpu', name: 'a processor' } as const];
    const large = await open(folder, { asked: 'auto', among: among(1e9) });
    const { id, asked, parts } = await large.device();
    assert.deepEqual([id, asked, parts], ['webgpu', 'auto', undefined]);
    const small = await open(folder, { asked: 'auto', among: among(100) });
    const { id: where, asked: again } = await small.device();
    assert.deepEqual([where, again], ['cpu', 'auto']);
    assert.equal(small.reference, undefined);
    await large.sessions.release();
    await small.sessions.release();
    await tiny.close();
  });

  it('what the CPU does not hold is read from the disk in each pass, which is said with its time', async () => {
    const tiny = await openTiny('llama');
    const [layer = 0] = tiny.model.sessions.weightSizes().layers;
    const among = [
      { ...there, layers: { first: 0, last: 0 } },
      { device: 'cpu', name: 'a processor', layers: { first: 1, last: 1 } } as const,
    ];
    const model = await open(tiny.model.folder, { among, limitBytes: layer });
    assert.match(
      model.summary.notes?.join(' ') ?? '',
      /Its weights on the CPU take [\d.]+ kB and [\d.]+ kB of the memory limit are theirs\. 1 of its 2 layers are read from the disk in each pass.*takes about \d+ ms a pass/,
    );
    const request = { ids: promptIds, chunk: 7, logits: 'all' } as const;
    const [a, b] = [
      await runPrompt(model.spec, model.sessions, request),
      await runPrompt(tiny.model.spec, tiny.model.sessions, request),
    ];
    assert.deepEqual(a.logits, b.logits);
    await model.sessions.release();
    await tiny.close();
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
