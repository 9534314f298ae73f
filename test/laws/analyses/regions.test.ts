/** Region attention on a tiny model: its shares are sums over the probabilities of the runs that it compares. */
import assert from 'node:assert/strict';
import { lower } from '../../../compute-server/model/interventions/lower';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { regionAttention } from '../../../diagnostics/interventions/region-attention/analysis';
import { parseDo } from '../../../protocol/interventions/do-form';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { answerFor, resultFor } from './one-run';

const n = ids.length;
const input = { kind: 'prompt', prompt: { kind: 'ids', ids } } as const;
const near = (found: number | undefined, expected: number): void =>
  assert.ok(Math.abs(Number(found) - expected) < 2e-6, `${found}, not ${expected}`);

describe('region attention', () => {
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny('llama');
  });
  after(() => tiny.close());

  /** Mean over rows of what a head of a layer gives the keys, under an intervention. */
  async function masses(...texts: readonly (string | undefined)[]) {
    const { model } = tiny;
    const list = texts.flatMap((text) => {
      const read = text === undefined ? undefined : parseDo(text);
      return read?.ok ? [read.value] : [];
    });
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
    const result = await resultFor(tiny.model, regionAttention, { input, parameters });
    const [a, b] = [
      [2, 3, 4],
      [9, 10, 12],
    ] as const;
    const [plain, apart] = [await masses(undefined), await masses('isolate:0.*,1.2:2-4/9-10,12=3')];
    tiny.model.spec.blocks.forEach(({ attention }, layer) => {
      for (let head = 0; head < attention!.heads; head++) {
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

  it('moved: what B reads of A, before and at its own place, with the old place out of reach where they are kept apart', async () => {
    const [from, to] = [
      [1, 2],
      [10, 11, 12, 13],
    ] as const;
    const at = { regions: '1-2/10-13', reposition: true, layers: '0,1' };
    const plain = await masses(undefined);
    for (const isolate of ['off', 'both-ways']) {
      const result = await resultFor(tiny.model, regionAttention, { input, parameters: { ...at, isolate } });
      const own = isolate === 'off' ? [] : ['isolate:*.*:1-2/10-13=10000'];
      const moved = await masses(...own, 'reposition:0,1:1-2>10-13');
      const { before, moved: after, left, rise, even } = result.reference!;
      tiny.model.spec.blocks.forEach(({ attention }, layer) => {
        for (let head = 0; head < attention!.heads; head++) {
          near(before[layer]![head], plain.of(layer, head, to, from));
          near(after[layer]![head], moved.of(layer, head, to, to));
          near(left[layer]![head], moved.of(layer, head, to, from));
          near(rise[layer]![head], moved.of(layer, head, to, to) - plain.of(layer, head, to, from));
          near(even[layer]![head], (2 / 11 + 2 / 12 + 2 / 13 + 2 / 14) / 4);
          if (own.length > 0) assert.equal(left[layer]![head], 0);
        }
      });
      assert.deepEqual(result.change, [...own, 'reposition:0,1:1-2>10-13']);
      assert.equal(regionAttention.offers!(result)[0]!.interventions.length, result.change.length);
    }
  });

  it('one way: A reads nothing of B, and B reads A', async () => {
    const parameters = { regions: '9-10/2-4', isolate: 'one-way' };
    const { betweenAfter } = await resultFor(tiny.model, regionAttention, { input, parameters });
    assert.equal(betweenAfter[0]![1], 0);
    const other = { regions: '2-4/9-10', isolate: 'one-way' };
    const { betweenBefore, betweenAfter: after } = await resultFor(tiny.model, regionAttention, {
      input,
      parameters: other,
    });
    assert.ok(after[1]![0]! > 0.05 && betweenBefore[1]![0]! > 0.05);
  });

  it('what a region reads, token by token, adds up to 1, and to that of its heads; regions in another order are the same', async () => {
    const parameters = { regions: '2-4/9-10,12' };
    const result = await resultFor(tiny.model, regionAttention, { input, parameters });
    const turned = await resultFor(tiny.model, regionAttention, { input, parameters: { regions: '9-10,12/2-4' } });
    for (const table of [result.readBefore, result.readAfter]) {
      for (const row of table)
        near(
          row.reduce((sum, value) => sum + value, 0),
          1,
        );
    }
    // No mass passes between the regions, in any head.
    assert.ok(result.after.flat().every((value) => value === 0));
    assert.deepEqual(turned.after, result.after);
    assert.deepEqual(turned.readAfter, [...result.readAfter].reverse());
    assert.equal(turned.divergence, result.divergence);
    const plain = await masses(undefined);
    const answer = await answerFor(tiny.model, regionAttention, { input, parameters }, result, {
      section: 'heads',
      place: { kind: 'head', layer: 1, head: 2 },
    });
    assert.ok(answer.kind === 'tokens');
    near(answer.numbers[0]!.values[3], plain.of(1, 2, [2, 3, 4], [3]));
    const apart = await masses('isolate:*.*:2-4/9-10,12=10000');
    near(answer.numbers[4]!.values[11], apart.of(1, 2, [9, 10, 12], [11]));
  });

  it('refuses in a sentence one region, what is not there, and a move of what is no single part', async () => {
    const wrong: readonly (readonly [ParameterValues, RegExp])[] = [
      [{ regions: '1-5/4-8' }, /Position 4 is in the regions/],
      [{ regions: '0-1x0-1/2x2' }, /names patches of a picture/],
      [{ regions: '1-2,4/6-7', reposition: true }, /Region A \(1-2,4\) is no single rectangle/],
      [{ regions: '1-2/6-7', reposition: true, layers: '99' }, /"99" is no layer/],
    ];
    for (const [parameters, why] of wrong) {
      await assert.rejects(resultFor(tiny.model, regionAttention, { input, parameters }), why);
    }
  });
});
