/** The cache of latent attention holds r + d_r numbers a token and layer: its values are its keys, until one is replaced. */
import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { lower } from '../../../compute-server/model/interventions/lower';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { parseDo } from '../../../protocol/interventions/do-form';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';

/** r + d_r of the two layers of the tiny checkpoint. */
const widths = [10 + 4, 6 + 4];
const prompt = ids.slice(0, 9);

describe('the cache of latent attention', () => {
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny('x_ecomla');
  });
  after(() => tiny.close());

  const start = (variant: Variant = [], blocksAlone = false): Promise<SequenceRun> =>
    SequenceRun.start(tiny.model.spec, tiny.model.sessions, { ids: prompt, variant, chunk: 4, blocksAlone });
  const goOn = async (run: SequenceRun, until: number): Promise<Float32Array> => {
    let logits = new Float32Array();
    for (const id of ids.slice(run.length, until)) logits = (await run.extend([id])).logits.slice();
    return logits;
  };
  const used = (layers: readonly number[], length: number): number =>
    layers.reduce((sum, numbers) => sum + 4 * length * numbers, 0);

  for (const blocksAlone of [false, true]) {
    it(`${blocksAlone ? 'by the graphs of the blocks' : 'by steps'}: 4 (r + d_r) bytes a token and layer`, async () => {
      const run = await start([], blocksAlone);
      assert.equal(run.cacheBytes().bytes, used(widths, 9));
      await goOn(run, 15);
      const { bytes, bytesFull } = run.cacheBytes();
      assert.equal(bytes, used(widths, 15));
      assert.equal(bytesFull, bytes);
    });
  }

  it('a value that is replaced parts from its key, and the text goes on as a whole run does', async () => {
    const read = parseDo('value:1.0@2-4=zero');
    assert.ok(read.ok);
    const { model } = tiny;
    const { signal } = new AbortController();
    const run = { opened: model, model, sequence: { ids: prompt }, chunk: 9, memoryLimit: 1e9, signal };
    const [variant = []] = (await lower(run, [[read.value]])).variants;
    const replaced = await start(variant);
    const logits = await goOn(replaced, 14);
    // Layer 1 holds keys and values.
    assert.equal(replaced.cacheBytes().bytes, used([widths[0] ?? 0, 2 * (widths[1] ?? 0)], 14));
    const request = { ids: ids.slice(0, 14), chunk: 14, logits: 'last' } as const;
    const whole = await runPrompt(model.spec, model.sessions, { ...request, variants: [variant] });
    const plain = await runPrompt(model.spec, model.sessions, request);
    const difference = (other: ArrayLike<number | bigint> = []): number =>
      Math.max(...Array.from(logits, (value, i) => Math.abs(value - Number(other[i]))));
    assert.ok(difference(whole.logits?.data) <= 1e-5);
    assert.ok(difference(plain.logits?.data) > 1e-3);
  });
});
