/** What is measured of serving: counts and bounds, no speed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type OpenOptions } from '../../../compute-server/model/checkpoint/loaded-model';
import { measureServing } from '../../../compute-server/model-calls/measure-serving';
import { crossings, TimedParts } from '../../../compute-server/model-calls/timed-parts';
import type { LayerSessions } from '../../../compute-server/model/run/graphs/layer-sessions';
import type { DevicePart } from '../../../protocol/schema/parts';
import { tinyModels, writeTinyModel } from '../../support/checkpoints/tiny-models';
import { surroundingsOf } from '../../support/model-jobs';

describe('a model measured as it would be served', function () {
  this.timeout(120_000);
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'measure-serving-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const measured = async (
    request: { readonly prompt: number; readonly tokens: number },
    memoryLimit = 1e9,
    among?: OpenOptions['among'],
  ) => {
    const tiny = tinyModels.find(({ name }) => name === 'llama');
    assert.ok(tiny);
    writeTinyModel(folder, tiny, 'F32');
    const model = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9, among });
    try {
      const surroundings = surroundingsOf({ memoryLimit });
      return {
        model,
        found: await measureServing(model, { folder, ...request }, surroundings, new AbortController().signal),
      };
    } finally {
      await model.sessions.release();
    }
  };

  it('gives times of a prompt and of tokens, rates, and the graphs that were called', async () => {
    const { model, found } = await measured({ prompt: 8, tokens: 3 });
    const graphs = model.spec.blocks.length + 2;
    assert.equal(found.rates.calls.prefill.graphs, graphs);
    assert.equal(found.rates.calls.decode.graphs, graphs);
    assert.ok(found.rates.calls.decode.nodes > 20 * model.spec.blocks.length);
    // Three rounds.
    assert.equal(found.decode.runs, 9);
    assert.ok(found.prefill.runs >= 3);
    for (const { median, fastest } of [found.prefill, found.decode]) assert.ok(fastest > 0 && fastest <= median);
    const { calls: _calls, ...rates } = found.rates;
    for (const [name, rate] of Object.entries(rates)) assert.ok(Number.isFinite(rate) && rate > 0, name);
  });

  it('of several parts gives the time of each, which add up to the fastest run, beside rates of the CPU', async () => {
    const cpu = { device: 'cpu', name: 'a processor' } as const;
    const among = [0, 1].map((layer) => ({ ...cpu, layers: { first: layer, last: layer } }));
    const { found } = await measured({ prompt: 8, tokens: 3 }, 1e9, among);
    const { parts = [], crossings: between } = found;
    assert.deepEqual(
      parts.map(({ layers, embedding, head }) => [layers?.first, embedding ?? false, head ?? false]),
      [
        [0, true, false],
        [1, false, true],
      ],
    );
    for (const phase of ['prefill', 'decode'] as const) {
      const seconds = parts.map((part) => part[phase]);
      assert.ok(seconds.every((each) => each > 0));
      assert.ok(Math.abs(seconds.reduce((sum, each) => sum + each, 0) - found[phase].fastest) < 1e-9);
    }
    assert.deepEqual([between, found.device.id], [[], 'cpu']);
  });

  const shared: readonly DevicePart[] = [
    { id: 'cpu', name: 'a processor', weightBytes: 1, embedding: true },
    { id: 'webgpu', name: 'an adapter', weightBytes: 1, layers: { first: 0, last: 1 } },
    { id: 'cpu', name: 'a processor', weightBytes: 1, layers: { first: 2, last: 2 }, head: true },
  ];

  it('time counts for the part whose session was asked for last', async () => {
    let now = 0;
    const sessions = { session: () => Promise.resolve() } as unknown as LayerSessions;
    const timed = new TimedParts(sessions, shared, () => now);
    const layer = (at: number) => timed.sessions.session({ kind: 'block', layer: at, instrumented: false });
    const seconds = await timed.of(async () => {
      now += 1000;
      await timed.sessions.session({ kind: 'embedding' });
      now += 2000;
      for (const at of [0, 1, 2]) {
        await layer(at);
        now += 4000 * (at + 1);
      }
      await timed.sessions.session({ kind: 'head' });
      now += 500;
    });
    assert.deepEqual(seconds, [3, 12, 12.5]);
    // Steps of layers in one graph.
    const steps = await timed.of(async () => {
      await timed.sessions.session({ kind: 'steps', first: 0, count: 2 });
      now += 7000;
    });
    assert.deepEqual(steps, [0, 7, 0]);
  });

  it('the stream crosses where the device changes, in float32: all rows of a prompt, one of a token, the last to the head', () => {
    const blocks = [0, 1, 2].map((index) => ({ index }));
    const spec = { blocks, hiddenSize: 10, head: { vocabulary: {} } } as unknown as Parameters<typeof crossings>[0];
    assert.deepEqual(crossings(spec, shared, 8), [
      { from: 'cpu', to: 'webgpu', before: 0, prefill: 320, decode: 40 },
      { from: 'webgpu', to: 'cpu', before: 2, prefill: 320, decode: 40 },
    ]);
    const [first, second] = shared as [DevicePart, DevicePart];
    const all = [
      { ...first, head: true },
      { ...second, layers: { first: 0, last: 2 } },
    ];
    assert.deepEqual(crossings(spec, all, 8).at(-1), {
      from: 'webgpu',
      to: 'cpu',
      before: 'head',
      prefill: 40,
      decode: 40,
    });
  });

  it('refuses a prompt that does not fit in one piece', async () => {
    await assert.rejects(measured({ prompt: 2000, tokens: 1 }, 2e6), /memory|--prompt/i);
  });
});
