/** The keys that heads read most while a sequence goes on are those of the whole sequence run at once. */
import assert from 'node:assert/strict';
import { topKeys } from '../../../models/instrument/statistics';
import { openTiny, promptIds, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { headsOf, runnerOf } from '../../support/model-jobs';

const further = [7, 33, 12, 50];

describe('the keys read most, of a sequence that goes on', () => {
  const opened: OpenTiny[] = [];
  after(async () => {
    for (const tiny of opened) await tiny.close();
  });

  for (const name of ['llama', 'gpt2', 'mistral, window 7']) {
    it(`${name}: row by row and several rows at once, largest first`, async () => {
      const tiny = await openTiny(name);
      opened.push(tiny);
      const runner = runnerOf(tiny.model);
      const ids = [...promptIds, ...further];
      const blocks = headsOf(tiny.model);
      const maps = blocks.flatMap(({ heads }, layer) => Array.from({ length: heads }, (_, head) => ({ layer, head })));
      const whole = await runner.run({ ids, maps, logits: 'none' });
      const request = { sequence: { ids: promptIds }, further: further.length, observe: true, topKeys: true };
      const single = await runner.continuation(request);
      const rows = [single.observation];
      for (const id of further.slice(0, 2)) {
        rows.push(...(await single.extend([id], { observe: true, topKeys: true })).observations);
      }
      rows.push(...(await single.extend(further.slice(2), { observe: true, topKeys: true })).observations);
      assert.equal(rows.length, 1 + further.length);
      for (const [at, row] of rows.entries()) {
        const query = promptIds.length - 1 + at;
        for (const { layer, head } of maps) {
          const map = whole.layers[layer]?.maps.get(head) ?? new Float32Array(0);
          const read = [...map.subarray(query * ids.length, (query + 1) * ids.length)];
          const expected = [...read.keys()].sort((a, b) => (read[b] ?? 0) - (read[a] ?? 0) || a - b).slice(0, topKeys);
          const top = row?.top?.[layer];
          const from = head * topKeys;
          assert.deepEqual(
            [...(top?.keys.slice(from, from + topKeys) ?? [])],
            expected,
            `L${layer}H${head}, query ${query}`,
          );
          expected.forEach((key, slot) =>
            assert.ok(Math.abs((top?.weights[from + slot] ?? 0) - (read[key] ?? 0)) < 1e-5),
          );
        }
      }
    });
  }

  it('are given only where they are asked for', async () => {
    const tiny = await openTiny('llama');
    opened.push(tiny);
    const run = await runnerOf(tiny.model).continuation({ sequence: { ids: promptIds }, further: 1, observe: true });
    assert.equal(run.observation?.top, undefined);
    const { observations } = await run.extend([7], { observe: true });
    assert.equal(observations[0]?.top, undefined);
  });
});
