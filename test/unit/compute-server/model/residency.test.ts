/** What stays on a device in a run, by a device that counts: what is fetched, what is held, and that the numbers are the same. */
import type { Variant } from '../../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { SequenceRun } from '../../../../compute-server/model/generation/sequence-run';
import { layersOf, runPrompt } from '../../../../compute-server/model/run/stream/model-run';
import type { RunRequest, RunResult } from '../../../../compute-server/model/run/stream/run-request';
import type { KeyValueCache } from '../../../../compute-server/model/run/cache/key-value-cache';
import { ModelError } from '../../../../models/architectures/model-spec';
import { openTiny, promptIds as ids, type OpenTiny } from '../../../support/checkpoints/open-tiny';
import { FakeDevice } from '../../../support/device/fake-device';

const chunk = 7;
/** Lengths of the chunks of 20 tokens. */
const lengths = [7, 7, 6];

/** A cache as numbers. */
const heldBy = (cache: KeyValueCache | undefined, layers: number) =>
  Array.from({ length: layers }, (_, layer) => cache && [cache.first(layer), cache.past(layer)]);

describe('a run on a device that holds tensors', () => {
  for (const family of ['llama', 'gemma2']) {
    describe(family, () => {
      let tiny: OpenTiny;
      before(async () => {
        tiny = await openTiny(family);
      });
      after(() => tiny.close());

      const here = (request: Partial<RunRequest>): Promise<RunResult> =>
        runPrompt(tiny.model.spec, tiny.model.sessions, { ids, chunk, logits: 'last', ...request });
      const there = (device: FakeDevice, request: Partial<RunRequest>): Promise<RunResult> =>
        runPrompt(tiny.model.spec, device.sessions(tiny.model.sessions), { ids, chunk, logits: 'last', ...request });

      it('fetches nothing between layers and chunks, and holds nothing afterwards', async () => {
        for (const request of [{}, { plain: true }, { statistics: true, topKeys: 'last', thumbnails: true }] as const) {
          const device = new FakeDevice();
          const found = await there(device, request);
          assert.deepEqual(found, await here(request));
          assert.deepEqual(device.fetches, []);
          assert.equal(device.live.size, 0);
          // Two streams of three chunks, keys and values of two chunks, and no more.
          assert.ok(device.most > lengths.length && device.most <= 2 * lengths.length + 4, String(device.most));
        }
      });

      it('fetches what is asked for: streams, by chunk; keys and values kept for decoding, once a layer', async () => {
        const { hiddenSize: width, blocks } = tiny.model.spec;
        const streams = lengths.map((length) => [1, length, width]);
        const device = new FakeDevice();
        const request = {
          taps: [
            { layer: 0, tap: 'residual.input' },
            { layer: 1, tap: 'residual' },
            { layer: 1, tap: 'attention.head_output' },
          ],
        } as const;
        assert.deepEqual(await there(device, request), await here(request));
        assert.deepEqual(device.fetches, [...streams, ...streams]);
        device.fetches.length = 0;
        const kept = { keepResiduals: [1], keepLast: true } as const;
        assert.deepEqual(await there(device, kept), await here(kept));
        assert.deepEqual(device.fetches, [...streams, ...streams]);
        device.fetches.length = 0;
        const [found, expected] = [await there(device, { keepCache: true }), await here({ keepCache: true })];
        assert.deepEqual(heldBy(found.cache, blocks.length), heldBy(expected.cache, blocks.length));
        assert.deepEqual(found.logits, expected.logits);
        const keys = blocks
          .map(({ attention }) => attention!)
          .map(({ window, kvHeads, headDim }) => [Math.min(ids.length, (window ?? Infinity) - 1), 1, kvHeads, headDim]);
        assert.deepEqual(
          device.fetches,
          keys.flatMap((shape) => [shape, shape]),
        );
        assert.equal(device.live.size, 0);
      });

      it('gives variants, runs behind a prefix and from a stream, and all logits, as on the host', async () => {
        const variants: readonly Variant[] = [[], [{ kind: 'gain', layer: 1, head: 0, gain: 0.5 }]];
        const { cache } = await here({ ids: ids.slice(0, 9), keepCache: true });
        const { last } = await runPrompt(
          { ...tiny.model.spec, blocks: tiny.model.spec.blocks.slice(0, 1) },
          tiny.model.sessions,
          { ids, chunk, logits: 'none', keepLast: true },
        );
        assert.ok(cache && last);
        const asked = [4, 12, 18].map((row) => ({ row, tokens: [1, 2] }));
        const requests: readonly Partial<RunRequest>[] = [
          { variants, logits: 'all', lossAt: [3, 10, 18], answersAt: asked },
          { variants, keepCache: true },
          { past: { length: 9, cache }, variants, logits: 'all', answersAt: asked.slice(1) },
          { from: last, logits: 'all' },
          { variants: [[], []], variantIds: [ids, [...ids].reverse()], logits: 'last' },
        ];
        for (const request of requests) {
          const device = new FakeDevice();
          const [found, expected] = [await there(device, request), await here(request)];
          const { length } = tiny.model.spec.blocks;
          assert.deepEqual(heldBy(found.cache, length), heldBy(expected.cache, length));
          assert.deepEqual({ ...found, cache: undefined }, { ...expected, cache: undefined });
          assert.equal(device.live.size, 0);
        }
      });

      it('between two devices the stream comes to the host once, whatever reads it there', async () => {
        const device = new FakeDevice();
        const sessions = device.sessions(tiny.model.sessions, (piece) => piece.kind !== 'block' || piece.layer !== 1);
        const request = {
          statistics: true,
          taps: [{ layer: 1, tap: 'residual.input' }],
          keepResiduals: [1],
        } as const;
        const found = await runPrompt(tiny.model.spec, sessions, { ids, chunk, logits: 'last', ...request });
        assert.deepEqual(found, await here(request));
        assert.deepEqual(
          device.fetches,
          lengths.map((length) => [1, length, tiny.model.spec.hiddenSize]),
        );
        assert.equal(device.live.size, 0);
      });

      it('decodes from keys that stay there: nothing but what is shown comes to the host, and the end gives all back', async () => {
        const device = new FakeDevice();
        const sequence = { ids: ids.slice(0, 9), chunk } as const;
        const [there, here] = [
          await SequenceRun.start(tiny.model.spec, device.sessions(tiny.model.sessions), sequence),
          await SequenceRun.start(
            tiny.model.spec,
            new FakeDevice().sessions(tiny.model.sessions, () => false),
            sequence,
          ),
        ];
        assert.deepEqual(there.logits, here.logits);
        // Keys and values of each layer.
        const { length } = tiny.model.spec.blocks;
        assert.equal(device.live.size, 2 * length);
        const wanted = [{}, { observe: true, topKeys: true }, { statistics: true }];
        for (const [at, id] of ids.slice(9).entries()) {
          assert.deepEqual(await there.extend([id], wanted[at % 3]), await here.extend([id], wanted[at % 3]));
        }
        assert.deepEqual(await there.extend([4, 8, 3]), await here.extend([4, 8, 3]));
        assert.deepEqual(device.fetches, []);
        assert.equal(device.live.size, 2 * length);
        there.dispose();
        assert.equal(device.live.size, 0);
      });

      it('holds nothing after a cancel, an error, or a caller that goes away', async () => {
        const device = new FakeDevice();
        const sessions = device.sessions(tiny.model.sessions);
        const request = { ids, chunk, logits: 'last', keepCache: true, keysInPlace: true } as const;
        for (const layer of [0, 1]) {
          const stop = new AbortController();
          const onChunk = (at: number, share: number): void => {
            if (at === layer && share > 0.5) stop.abort();
          };
          await assert.rejects(runPrompt(tiny.model.spec, sessions, request, { signal: stop.signal, onChunk }), {
            name: 'AbortError',
          });
          assert.equal(device.live.size, 0);
        }
        const replaced = {
          kind: 'replacement',
          layer: 1,
          target: 'residual',
          positions: [8],
          data: new Float32Array(ids.length * tiny.model.spec.hiddenSize).fill(Infinity),
        } as const;
        await assert.rejects(
          runPrompt(tiny.model.spec, sessions, { ...request, variants: [[replaced]] }),
          (error: unknown) =>
            error instanceof ModelError && /^Layer 1 gives numbers .* at token 8 of the prompt/.test(error.message),
        );
        assert.equal(device.live.size, 0);
        for await (const { result } of layersOf(tiny.model.spec, sessions, request)) {
          assert.equal(result.layer, 0);
          assert.ok(device.live.size > 0);
          break;
        }
        assert.equal(device.live.size, 0);
      });
    });
  }
});
