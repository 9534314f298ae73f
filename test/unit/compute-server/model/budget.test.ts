import { planChanges } from '../../../../diagnostics/model-runner/plan-changes';
import type { PlanChange } from '../../../../models/instrument/changes/plan';
import assert from 'node:assert/strict';
import { largestChunk, requireRoom, type DeviceRoom } from '../../../../compute-server/model/run/stream/budget';
import { openModel } from '../../../../compute-server/model/checkpoint/loaded-model';
import { sentenceOf } from '../../../../protocol/wire/words';
import { FailureError, type Failure } from '../../../../protocol/wire/failures';
import { openTiny, type OpenTiny } from '../../../support/checkpoints/open-tiny';

describe('the chunk of a run', () => {
  let llama: OpenTiny;
  let bert: OpenTiny;
  before(async () => {
    llama = await openTiny('llama');
    bert = await openTiny('bert');
  });
  after(async () => {
    await llama.close();
    await bert.close();
  });
  const shape = (length: number) => ({ length, batch: 1, keepCache: false, logits: 'none' }) as const;
  const refusal = (act: () => unknown): Extract<Failure, { code: 'out-of-memory' }> => {
    try {
      act();
    } catch (error) {
      assert.ok(error instanceof FailureError && error.failure.code === 'out-of-memory');
      return error.failure;
    }
    return assert.fail('it was not refused');
  };

  it('is the largest that fits, and never longer than the prompt', () => {
    const { spec } = llama.model;
    assert.equal(largestChunk(spec, shape(1000), 1e9), 256);
    assert.equal(largestChunk(spec, shape(40), 1e9), 40);
    const some = largestChunk(spec, shape(4000), 12e6);
    assert.ok(some < 256 && some >= 16, String(some));
  });

  it('a wanted chunk is taken as it is, or refused where it does not fit', () => {
    const { spec } = llama.model;
    assert.equal(largestChunk(spec, shape(1000), 1e9, 7), 7);
    const { fittingLength = 0, neededBytes, limitBytes } = refusal(() => largestChunk(spec, shape(5000), 16e6, 5000));
    assert.ok(neededBytes > limitBytes && fittingLength > 0 && fittingLength < 5000);
    assert.equal(largestChunk(spec, shape(fittingLength), 16e6, 5000), fittingLength);
    assert.equal(limitBytes, 16e6);
    assert.equal(largestChunk(spec, shape(5000), neededBytes, 5000), 5000, 'what it says it needs is enough');
    assert.throws(() => largestChunk(spec, shape(5000), neededBytes - 2, 5000));
  });

  it('a bidirectional prompt is one chunk, or refused', () => {
    const { spec } = bert.model;
    assert.equal(largestChunk(spec, shape(500), 1e9), 500);
    assert.equal(largestChunk(spec, shape(500), 1e9, 16), 500);
    assert.ok((refusal(() => largestChunk(spec, shape(5000), 1e8)).fittingLength ?? 0) > 0);
  });

  it('counts the tokens that generation adds to the cache', () => {
    const { spec } = llama.model;
    const generation = { length: 100, batch: 1, keepCache: true, logits: 'last', further: 1_000_000 } as const;
    refusal(() => largestChunk(spec, generation, 1e8));
    assert.equal(largestChunk(spec, { ...generation, further: 10 }, 1e8), 100);
  });

  it('counts what heads keep under a plan, and one layer in full', () => {
    const { spec } = llama.model;
    const generation = { length: 20_000, batch: 1, keepCache: true, logits: 'none' } as const;
    const bytes = (plan?: readonly PlanChange[]): number =>
      refusal(() => largestChunk(spec, { ...generation, plan }, 1, 16)).neededBytes / 2;
    // Two layers of two heads of 8: keys and values of a position take 2 * 2 * 2 * 8 numbers, of a head 2 * 8.
    const streaming = { sinks: 4, recent: 60, mean: true, append: false };
    const full = { sinks: 0, recent: Infinity, mean: false, append: false };
    const plan = planChanges({
      prompt: 20_000,
      from: 0,
      heads: [
        [streaming, streaming],
        [full, streaming],
      ],
    });
    const rows = 2 * 20_000 + 20_000 + 3 * (64 + 1);
    assert.equal(bytes() - bytes(plan), 4 * 16 * (4 * 20_000 - rows));
  });

  describe('on a device', () => {
    const bytes = { weightBytes: 3e6, halfWeightBytes: 1e6 };
    const room = (memoryBytes?: number): DeviceRoom => ({ device: 'cuda', memoryBytes, ...bytes });
    const plan = (length: number, limit: number, of: DeviceRoom) =>
      largestChunk(llama.model.spec, shape(length), limit, undefined, true, [of]);

    it('holds the weights as opened and the run, of which shorter chunks take less', () => {
      assert.equal(plan(4000, 1e9, room(1e9)), 256);
      // The same bytes of a run as a process with twice the limit has for it.
      const ofProcess = largestChunk(llama.model.spec, shape(4000), 12e6);
      assert.equal(plan(4000, 1e9, room(6e6 + bytes.weightBytes)), ofProcess);
      assert.ok(ofProcess < 256);
    });

    it('that has too little memory refuses with what fits: how many tokens, float16 weights', () => {
      const long = refusal(() => plan(40_000, 1e9, room(6e6)));
      const { fittingLength = 0 } = long;
      assert.deepEqual([long.device, long.limitBytes], ['cuda', 6e6]);
      assert.ok(fittingLength > 0 && plan(fittingLength, 1e9, room(6e6)) > 0);
      refusal(() => plan(fittingLength + 1, 1e9, room(6e6)));
      assert.equal(long.halfWeightsFit, undefined);
      assert.ok(plan(40_000, 1e9, room(long.neededBytes)) > 0, 'what it says it needs is enough');
      const close = refusal(() => plan(40_000, 1e9, room(long.neededBytes - 1)));
      assert.equal(close.halfWeightsFit, true);
      assert.match(
        sentenceOf(close),
        /^This needs .* on the device "cuda", which has .*\. \d+ tokens fit; with float16 weights .* it fits\. Or run it on the cpu,/,
      );
    });

    it('refuses weights that do not fit alone, before anything is opened', async () => {
      const limits = { threads: 1, limitBytes: 1e9, device: 'webgpu', selfTest: undefined } as const;
      const open = (memoryBytes?: number) => openModel(llama.model.folder, { ...limits, memoryBytes });
      const error: unknown = await open(1000).catch((reason: unknown) => reason);
      assert.ok(error instanceof FailureError && error.failure.code === 'out-of-memory', String(error));
      const { neededBytes, fittingLength } = error.failure;
      assert.deepEqual([neededBytes > 1000, fittingLength], [true, undefined]);
    });

    it('whose memory is not known refuses nothing', () => {
      assert.equal(plan(40_000, 1e12, room()), 256);
      requireRoom(room());
      assert.throws(() => requireRoom(room(2e6)));
    });
  });
});
