/**
 * float16 as a person runs it: every mechanism of the catalogue through the compute server. The tensors of the runtime are other
 * objects on each Node (a Uint16Array on Node 20 and 22, a Float16Array from 24), so this runs on all of them (test/nodes).
 */
import assert from 'node:assert/strict';
import { catalogue } from '../../../kernels/catalogue';
import type { ComputeClient } from '../../../protocol/compute/client';
import { computeClient } from '../../../compute-server/cli/compute-process';
import { bundledServer, bundleServer } from './support/bundle';
import { environment, smallPlan } from './support/server';

const name = 'test-catalogue';
const length = 64;

describe('float16', function () {
  this.timeout(120_000);
  let client: ComputeClient;
  before(async () => {
    await bundleServer(name);
    client = computeClient(bundledServer(name).serverScript, environment(), {});
  });
  after(() => client.dispose());

  it('proves and times every mechanism of the catalogue', async () => {
    const plan = smallPlan({
      mechanisms: catalogue.map(({ id }) => id),
      precision: 'float16',
      // Its other filters read later tokens, which a causal run refuses.
      parameters: { wersa: { filter: 'one-sided' } },
      secondsPerLength: 0.3,
      shape: { lengths: [length] },
    });
    const { state, rows } = await client.call('benchmark', [plan]);
    assert.equal(state, 'done');
    const refused: string[] = [];
    for (const mechanism of catalogue) {
      const row = rows.find((one) => one.mechanism === mechanism.id);
      assert.ok(row, `${mechanism.id} has no row`);
      if (!row.ok) refused.push(`${row.mechanism}: ${row.reason}`);
      else assert.ok(row.maxError! > 0 && row.maxError! <= row.tolerance! && row.medianMs! > 0, mechanism.id);
    }
    assert.deepEqual(refused, []);
  });
});
