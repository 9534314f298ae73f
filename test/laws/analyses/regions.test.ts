/** Analyses of regions on a tiny model: their shares are sums over the probabilities of the runs that they compare. */
import assert from 'node:assert/strict';
import { lower } from '../../../compute-server/model/interventions/lower';
import { runPrompt } from '../../../compute-server/model/run/model-run';
import { regionIsolation } from '../../../diagnostics/region-isolation/analysis';
import { repositionedRegion } from '../../../diagnostics/repositioned-region/analysis';
import { parseDo } from '../../../protocol/interventions/do-form';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { resultFor } from './one-run';

const n = ids.length;
const input = { kind: 'prompt', prompt: { kind: 'ids', ids } } as const;
const near = (found: number | undefined, expected: number): void =>
  assert.ok(Math.abs(Number(found) - expected) < 2e-6, `${found}, not ${expected}`);

describe('analyses of regions', () => {
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny('llama');
  });
  after(() => tiny.close());

  /** Mean over rows of what a head of a layer gives the keys, under an intervention. */
  async function masses(text: string | undefined) {
    const { model } = tiny;
    const read = text === undefined ? undefined : parseDo(text);
    const list = read?.ok ? [read.value] : [];
    const of = { opened: model, model, sequence: { ids }, chunk: n, memoryLimit: 1e9 };
    const { variants } = await lower({ ...of, signal: new AbortController().signal }, [list]);
    const taps = model.spec.blocks.map(({ index: layer }) => ({ layer, tap: 'attention.probabilities' as const }));
    const run = await runPrompt(model.spec, model.sessions, { ids, variants, chunk: n, logits: 'last', taps });
    return {
      logits: run.logits?.data as Float32Array,
      of: (layer: number, head: number, rows: readonly number[], keys: readonly number[]): number => {
        const p = run.layers[layer]!.taps['attention.probabilities']!.data as Float32Array;
        const sums = rows.map((row) => keys.reduce((sum, key) => sum + p[(head * n + row) * n + key]!, 0));
        return sums.reduce((sum, value) => sum + value, 0) / rows.length;
      },
    };
  }

  it('kept apart: attention between regions before and after, even attention, and the divergence of the prediction', async () => {
    const parameters = { regions: '2-4/9-10,12', heads: '0.*,1.2', beta: 3 };
    const result = await resultFor(tiny.model, regionIsolation, { input, parameters });
    const [a, b] = [
      [2, 3, 4],
      [9, 10, 12],
    ] as const;
    const [plain, apart] = [await masses(undefined), await masses('isolate:0.*,1.2:2-4/9-10,12=3')];
    tiny.model.spec.blocks.forEach(({ attention }, layer) => {
      for (let head = 0; head < attention.heads; head++) {
        near(result.before[layer]![head], (plain.of(layer, head, a, b) + plain.of(layer, head, b, a)) / 2);
        near(result.after[layer]![head], (apart.of(layer, head, a, b) + apart.of(layer, head, b, a)) / 2);
        // Tokens 2 to 4 read no later ones; 9, 10 and 12 read three of 10, 11 and 13 keys.
        near(result.even[layer]![head], (3 / 10 + 3 / 11 + 3 / 13) / 3 / 2);
      }
    });
    const share = (logits: Float32Array): number[] => {
      const powers = [...logits].map(Math.exp);
      return powers.map((power) => power / powers.reduce((sum, each) => sum + each));
    };
    const [p, q] = [share(plain.logits), share(apart.logits)];
    near(
      result.divergence,
      p.reduce((sum, each, at) => sum + each * Math.log(each / q[at]!), 0),
    );
  });

  it('repositioned: what the target reads of the reference, before and at its new place', async () => {
    const parameters = { from: '1-2', to: '10-13', layers: '0,1' };
    const result = await resultFor(tiny.model, repositionedRegion, { input, parameters });
    const [plain, moved] = [await masses(undefined), await masses('reposition:0,1:1-2>10-13')];
    const [from, to] = [
      [1, 2],
      [10, 11, 12, 13],
    ] as const;
    tiny.model.spec.blocks.forEach(({ attention }, layer) => {
      for (let head = 0; head < attention.heads; head++) {
        near(result.before[layer]![head], plain.of(layer, head, to, from));
        near(result.moved[layer]![head], moved.of(layer, head, to, to));
        near(result.left[layer]![head], moved.of(layer, head, to, from));
        near(result.rise[layer]![head], moved.of(layer, head, to, to) - plain.of(layer, head, to, from));
        near(result.even[layer]![head], (2 / 11 + 2 / 12 + 2 / 13 + 2 / 14) / 4);
      }
    });
    await assert.rejects(
      resultFor(tiny.model, repositionedRegion, { input, parameters: { from: '1-5', to: '4-8' } }),
      /share positions/,
    );
  });
});
