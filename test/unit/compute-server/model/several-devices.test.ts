/** A model whose layers several devices share: what a person writes, who gets which layers, and that the numbers are those of one. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  openModel,
  type LoadedModel,
  type OpenOptions,
} from '../../../../compute-server/model/checkpoint/loaded-model';
import { parityOf } from '../../../../compute-server/model/checkpoint/parity';
import { SequenceRun } from '../../../../compute-server/model/generation/sequence-run';
import { runGradients } from '../../../../compute-server/model/gradient/gradient-run';
import { sequenceOf } from '../../../../compute-server/model/prompt/prompt';
import { encodedSource } from '../../../../compute-server/model/prompt/source';
import {
  sharesOf,
  type DeviceShare,
  type SharingDevice,
} from '../../../../compute-server/model/run/graphs/device-shares';
import { runPrompt } from '../../../../compute-server/model/run/stream/model-run';
import type { Sequence } from '../../../../diagnostics/model-runner/sequence';
import { readDeviceChoice } from '../../../../protocol/inputs/devices';
import type { WeightChoice } from '../../../../protocol/inputs/weights';
import { FailureError } from '../../../../protocol/wire/failures';
import { sentenceOf } from '../../../../protocol/wire/words';
import { uniform } from '../../../support/checkpoints/encoded-tiny';
import { openPlanted } from '../../../support/checkpoints/open-planted';
import { openTiny, promptIds } from '../../../support/checkpoints/open-tiny';
import { TinyVlms } from '../../../support/checkpoints/open-vlms';
import { tinyEncoderDecoder } from '../../../support/checkpoints/tiny-encoder-decoders';
import { randomCheckpoint } from '../../../support/checkpoints/tiny-experts';
import { writeTinyModel } from '../../../support/checkpoints/tiny-models';
import { tinyLlava } from '../../../support/checkpoints/tiny-vision';
import { without } from '../../../support/device/lacking-device';
import { convertToGguf } from '../../../support/gguf-conversion';
import { awqMatrix } from '../../../support/quantised/awq';
import { writeQuantisedFolder } from '../../../support/quantised/folder';
import { ggufDefinitions, randomBlocks } from '../../../support/reference/gguf-numbers';
import { writeSafetensors } from '../../../support/safetensors-file';

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
    // 300 bytes of layers leave no room for the head, which the last of its parts alone would.
    assert.deepEqual(shares([given(webgpu(340), 0, 1), given(cpu, 2, 2), given(webgpu(340), 3, 3)]), [
      'webgpu 0-1 200',
      'cpu 2-2 100',
      'webgpu 3-3 100',
    ]);
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
      [
        [given(webgpu(250), 0, 1), given(cpu, 2, 2), given(webgpu(250), 3, 3)],
        /webgpu is given layers 0 and 1 and layer 3, which take 300 bytes together, and has 250 bytes\. Give it fewer/,
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
  const cpu = { device: 'cpu', name: 'a processor' } as const;
  const options = { device: 'cpu', threads: 1, limitBytes: 1e9 } as const;
  const variants = [[], [{ kind: 'gain', layer: 1, head: 0, gain: 0.5 }]] as const;
  /** The same model in two parts of the CPU: layer 0, and the others. */
  const inTwo = async (path: string, weights: WeightChoice = 'as-stored'): Promise<readonly LoadedModel[]> => {
    const one = await openModel(path, { ...options, weights });
    const last = one.spec.blocks.length - 1;
    const among = [
      { ...cpu, layers: { first: 0, last: 0 } },
      { ...cpu, layers: { first: 1, last } },
    ];
    return [one, await openModel(path, { ...options, weights, among })];
  };
  const release = async (models: readonly LoadedModel[]): Promise<void> => {
    for (const model of models) {
      for (const sessions of [model.sessions, model.reference, model.vision?.sessions, model.source?.sessions])
        await sessions?.release();
    }
  };
  /** Logits, statistics and streams of two variants, and three tokens behind the text. */
  const numbersOf = async ({ spec, sessions }: LoadedModel, sequence: Sequence) => {
    const request = { ...sequence, chunk: 7, logits: 'all', statistics: true, variants, keepLast: true } as const;
    const run = await runPrompt(spec, sessions, request);
    const text = await SequenceRun.start(spec, sessions, { ...sequence, chunk: 7 });
    const steps = [];
    for (const id of [4, 8, 3]) steps.push(await text.extend([id], { observe: true }));
    text.dispose();
    return { run, steps };
  };
  const slopesOf = (model: LoadedModel) => {
    const objective = { kind: 'logits', terms: [{ row: 5, token: 7, weight: 1 }] } as const;
    return runGradients(model, {
      ...{ ids: promptIds.slice(0, 9), objective, embedding: true, headGains: true, chunk: 9 },
    });
  };

  for (const family of ['llama', 'gemma2', 'gpt2']) {
    it(`${family}: on two parts of the CPU every number is that of one`, async () => {
      const tiny = await openTiny(family);
      const models = await inTwo(tiny.model.folder);
      const [one, two] = models as [LoadedModel, LoadedModel];
      assert.deepEqual(await numbersOf(two, { ids: promptIds }), await numbersOf(one, { ids: promptIds }));
      assert.deepEqual(await slopesOf(two), await slopesOf(one));
      const { id, parts = [] } = await two.device();
      assert.equal(id, 'cpu:0-0,cpu:1-1');
      assert.deepEqual(
        parts.map(({ layers, head, embedding }) => [layers?.first, layers?.last, embedding ?? false, head ?? false]),
        [
          [0, 0, true, false],
          [1, 1, false, true],
        ],
      );
      // Numbers that are the same may be put together.
      assert.equal(two.stamp, one.stamp);
      assert.equal((await parityOf(two, { ids: promptIds })).device, undefined);
      await release(models);
      await tiny.close();
    });
  }

  describe('whose weights are quantised', () => {
    let folder: string;
    let files: Readonly<Record<'Q8_0' | 'Q4_K' | 'AWQ' | 'float32', string>>;
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'headscope-parts-'));
      const config = {
        ...{ model_type: 'llama', architectures: ['LlamaForCausalLM'], hidden_size: 256, intermediate_size: 256 },
        ...{ num_attention_heads: 4, num_key_value_heads: 2, num_hidden_layers: 3, vocab_size: 96 },
        ...{ max_position_embeddings: 64, rms_norm_eps: 1e-5, rope_theta: 10000 },
      };
      const checkpoint = randomCheckpoint(config);
      writeFileSync(join(folder, 'config.json'), JSON.stringify(checkpoint.config));
      writeSafetensors(join(folder, 'model.safetensors'), checkpoint.tensors);
      const random = uniform(3);
      const inBlocks = (format: 'Q8_0' | 'Q4_K'): string =>
        convertToGguf(folder, join(folder, `${format}.gguf`), {
          format: () => ({
            id: ggufDefinitions[format]!.id,
            encode: ({ length }) => randomBlocks(format, length, random, 0.06),
          }),
        });
      const [awq] = writeQuantisedFolder(join(folder, 'awq'), {
        config: { ...config, hidden_size: 64, intermediate_size: 128 },
        quantisation: { quant_method: 'awq', bits: 4, group_size: 32, version: 'gemm' },
        quantise: (module, matrix) => (module.includes('layers.') ? awqMatrix(matrix, { group: 32 }) : undefined),
      });
      files = { Q8_0: inBlocks('Q8_0'), Q4_K: inBlocks('Q4_K'), AWQ: awq, float32: folder };
    });
    after(() => rmSync(folder, { recursive: true }));

    for (const [file, weights, held] of [
      ['Q8_0', 'as-stored', 'float32'],
      ['Q8_0', 'int8-activations', 'int8-activations'],
      ['Q4_K', 'as-stored', 'float32'],
      ['Q4_K', 'int8-activations', 'int8-activations'],
      ['AWQ', 'as-stored', 'float32'],
      ['AWQ', 'int8-activations', 'int8-activations'],
      ['float32', 'q8', 'q8'],
      ['float32', 'q4', 'q4'],
    ] as const) {
      it(`${file}, ${weights}: on two parts of the CPU every number is that of one`, async () => {
        const models = await inTwo(files[file], weights);
        const [one, two] = models as [LoadedModel, LoadedModel];
        assert.deepEqual([one.weightsHeld, two.weightsHeld], [held, held]);
        if (file !== 'float32') assert.equal(one.summary.quantised, true);
        assert.deepEqual(await numbersOf(two, { ids: promptIds }), await numbersOf(one, { ids: promptIds }));
        const { parts = [] } = await two.device();
        const sizes = one.sessions.sizes.ofLayersAndHead();
        const [first = 0, ...others] = sizes.layers;
        assert.equal(
          parts[1]?.weightBytes,
          others.reduce((sum, bytes) => sum + bytes, sizes.head),
        );
        assert.ok(parts[0] && parts[0].weightBytes > first, 'with the embedding');
        await release(models);
      });
    }
  });

  it('reads a picture on the CPU in front of its parts: the numbers of one', async () => {
    const vlms = new TinyVlms();
    const { model } = await vlms.open(tinyLlava());
    const models = await inTwo(model.folder);
    const [one, two] = models as [LoadedModel, LoadedModel];
    const read = (of: LoadedModel) =>
      sequenceOf(of, { kind: 'ids', ids: [3, 17, 60, 9, 22, 41], image: vlms.picture(12, 12) }, { memoryLimit: 4e9 });
    const [sequence, expected] = [await read(two), await read(one)];
    assert.ok(sequence.embeddings);
    assert.deepEqual(sequence, expected);
    assert.deepEqual(await numbersOf(two, sequence), await numbersOf(one, expected));
    assert.match(two.summary.notes?.join(' ') ?? '', /its vision encoder runs on the CPU\./);
    assert.equal((await two.encoder?.device())?.id, 'cpu');
    await release(models);
    await vlms.close();
  });

  for (const family of ['bart', 't5'] as const) {
    it(`${family}: the decoder in two parts behind an encoder on the CPU has the numbers of one`, async () => {
      const planted = await openPlanted(tinyEncoderDecoder(family));
      const models = await inTwo(planted.model.folder);
      const [one, two] = models as [LoadedModel, LoadedModel];
      const source = { ids: [7, 22, 41, 9, 33, 5, 58, 2] };
      const read = async ({ source: encoder }: LoadedModel): Promise<Sequence> => {
        assert.ok(encoder);
        const stream = await encodedSource(encoder, source, { memoryLimit: 1e9 });
        return { ids: [2, 17, 40, 8, 29, 3, 50], source: { ...source, stream } };
      };
      const [sequence, expected] = [await read(two), await read(one)];
      assert.deepEqual(sequence, expected);
      assert.deepEqual(await numbersOf(two, sequence), await numbersOf(one, expected));
      assert.equal((await two.device()).parts?.length, 2);
      await release(models);
      await release([planted.model]);
      await planted.close();
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
    const layers = tiny.model.sessions.sizes.ofLayersAndHead().layers;
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

  it('float16 is that of a part that is not on the CPU, which holds half the bytes and is said', async () => {
    const tiny = await openTiny('llama');
    const [first = 0] = tiny.model.sessions.sizes.ofLayersAndHead().layers;
    const among = [
      { ...there, layers: { first: 0, last: 0 } },
      { ...cpu, layers: { first: 1, last: 1 } },
    ];
    const half = await open(tiny.model.folder, { among, weights: 'float16' });
    const exact = await open(tiny.model.folder, { among });
    const bytesOf = async (model: LoadedModel) => (await model.device()).parts?.map(({ weightBytes }) => weightBytes);
    const [ofHalf = [], ofExact = []] = [await bytesOf(half), await bytesOf(exact)];
    assert.deepEqual(ofExact[0], first);
    assert.deepEqual(ofHalf, [first / 2, ofExact[1]]);
    const bfloat = await openTiny('llama');
    writeTinyModel(bfloat.model.folder, bfloat.tiny, 'BF16');
    const wide = await open(bfloat.model.folder, { among });
    assert.match(wide.summary.notes?.join(' ') ?? '', /take [\d.]+ kB on an adapter and the CPU\./);
    await release([wide]);
    await bfloat.close();
    assert.match(
      half.summary.notes?.join(' ') ?? '',
      /multiplied in float16 on an adapter, and in float32 on the CPU, and take/,
    );
    await release([half, exact]);
    await tiny.close();
  });

  it('a device with two places has one room: its memory is said once, and holds both', async () => {
    const three = {
      ...{ model_type: 'llama', architectures: ['LlamaForCausalLM'], hidden_size: 32, intermediate_size: 32 },
      ...{ num_attention_heads: 4, num_hidden_layers: 3, vocab_size: 64, max_position_embeddings: 64 },
    };
    const planted = await openPlanted(randomCheckpoint({ ...three, rms_norm_eps: 1e-5, rope_theta: 10000 }));
    const { folder } = planted.model;
    const among = (memoryBytes?: number) =>
      [there, cpu, there].map((device, at) => ({ ...device, memoryBytes, layers: { first: at, last: at } }));
    const model = await open(folder, { among: among() });
    const [room, ...more] = model.rooms;
    assert.deepEqual(more, []);
    assert.deepEqual(
      room?.parts?.map(({ layers }) => layers.first),
      [0, 2],
    );
    assert.equal(
      (model.summary.notes?.join(' ').match(/How much memory an adapter has is not known/g) ?? []).length,
      1,
    );
    const [first = 0, , last = 0] = planted.model.sessions.sizes.ofLayersAndHead().layers;
    await assert.rejects(open(folder, { among: among(Math.max(first, last) + 1) }), /is given layer 0 and layer 2/);
    await release([model]);
    await planted.close();
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
    const [layer = 0] = tiny.model.sessions.sizes.ofLayersAndHead().layers;
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
