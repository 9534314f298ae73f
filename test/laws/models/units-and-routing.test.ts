/** Gains of MLP units, and heads chosen token by token: by hand from plain runs. */
import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import type { RunResult } from '../../../compute-server/model/run/stream/run-request';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { innerWidth } from '../../../models/architectures/network-spec';
import type { LayerTap } from '../../../models/instrument/taps';
import { parseDo } from '../../../protocol/interventions/do-form';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { runnerOf } from '../../support/model-jobs';

const n = ids.length;

for (const family of ['llama', 'gpt2', 'gemma2'] as const) {
  describe(`units and routed heads of ${family}`, () => {
    let tiny: OpenTiny;
    before(async () => {
      tiny = await openTiny(family);
    });
    after(() => tiny.close());

    const variantOf = async (...forms: readonly string[]): Promise<Variant> => {
      const list = forms.map((form) => {
        const read = parseDo(form);
        assert.ok(read.ok, form);
        return read.value;
      });
      return (await runnerOf(tiny.model).variant(list, { ids })).variant;
    };
    const run = (variants: readonly Variant[], chunk = n) => {
      const { spec, sessions } = tiny.model;
      const names = [
        'attention.query',
        'attention.head_output',
        'attention.output',
        'mlp_units',
        'mlp_output',
      ] as const;
      const taps = [0, 1].flatMap((layer) => names.map((tap) => ({ layer, tap })));
      return runPrompt(spec, sessions, { ids, variants, chunk, logits: 'all', taps });
    };
    const tap = (result: RunResult, layer: number, name: LayerTap): Float32Array => {
      const data = result.layers[layer]?.taps[name]?.data;
      assert.ok(data instanceof Float32Array);
      return data;
    };
    const logits = ({ logits: given }: RunResult): Float32Array => {
      assert.ok(given?.data instanceof Float32Array);
      return given.data;
    };

    it('units that are removed leave 0 before the down projection, and nothing else of the layer changes', async () => {
      const units = innerWidth(tiny.model.spec.blocks[1]!.feedForward);
      const [plain, changed] = [await run([[]]), await run([await variantOf('units:1.0-2,5=0', 'units:1.4=3')])];
      for (let row = 0; row < n; row++) {
        for (let unit = 0; unit < units; unit++) {
          const factor = unit <= 2 || unit === 5 ? 0 : unit === 4 ? 3 : 1;
          const at = row * units + unit;
          assert.equal(tap(changed, 1, 'mlp_units')[at], Math.fround(factor * tap(plain, 1, 'mlp_units')[at]!));
        }
      }
      assert.deepEqual(tap(changed, 1, 'attention.output'), tap(plain, 1, 'attention.output'));
      assert.notDeepEqual(logits(changed), logits(plain));
    });

    it('the taps that only their graph has change no bit', async () => {
      const { spec, sessions } = tiny.model;
      const without = await runPrompt(spec, sessions, { ids, variants: [[]], chunk: n, logits: 'all' });
      assert.deepEqual(logits(await run([[]])), logits(without));
    });

    it('a token has the shared heads and those of the others with the longest query, in chunks too', async () => {
      const { heads, headDim: d } = tiny.model.spec.blocks[0]!.attention!;
      const plain = await run([[]]);
      const variants = [[], await variantOf('moh:0=(1)+1')];
      for (const chunk of [n, 5]) {
        const changed = await run(variants, chunk);
        let dropped = 0;
        for (let row = 0; row < n; row++) {
          const length = (head: number): number => {
            let sum = 0;
            // Rotation keeps the length.
            for (let i = 0; i < d; i++) sum += tap(plain, 0, 'attention.query')[(head * n + row) * d + i]! ** 2;
            return sum;
          };
          const others = [...Array(heads).keys()].filter((head) => head !== 1);
          const chosen = others.sort((a, b) => length(b) - length(a))[0];
          for (let head = 0; head < heads; head++) {
            for (let i = 0; i < d; i++) {
              const own = tap(plain, 0, 'attention.head_output')[(head * n + row) * d + i]!;
              const found = tap(changed, 0, 'attention.head_output')[((heads + head) * n + row) * d + i]!;
              const kept = head === 1 || head === chosen;
              if (!kept) dropped++;
              assert.ok(Math.abs(found - (kept ? own : 0)) <= 1e-6, `row ${row} head ${head}`);
            }
          }
        }
        assert.equal(dropped, n * (heads - 2) * d);
      }
    });

    it('with all heads active no bit changes, beside a variant that has fewer', async () => {
      const { heads } = tiny.model.spec.blocks[0]!.attention!;
      assert.deepEqual(await variantOf(`moh:*=1+${heads - 1}`), []);
      const all: Variant = [{ kind: 'routing', layer: 0, shared: [0], active: heads - 1 }];
      const found = logits(await run([all, await variantOf('moh:0=0+1')]));
      const plain = logits(await run([[], []]));
      assert.deepEqual(found.subarray(0, found.length / 2), plain.subarray(0, found.length / 2));
      assert.notDeepEqual(found.subarray(found.length / 2), plain.subarray(found.length / 2));
    });

    it('tokens are decoded as they would be read in a prompt', async () => {
      const variant = await variantOf('moh:*=1+1', 'units:0.1-3=0');
      const runner = runnerOf(tiny.model);
      const run2 = await runner.continuation({ sequence: { ids: ids.slice(0, -1) }, variant, further: 1 });
      const { logits: stepped } = await run2.extend([ids.at(-1)!]);
      const whole = logits(await run([variant]));
      const last = whole.subarray(whole.length - stepped.length);
      stepped.forEach((value, at) => assert.ok(Math.abs(value - last[at]!) < 1e-4));
    });
  });
}

describe('units and routed heads that are given wrongly', () => {
  it('units are refused with the number of units, also where they would change nothing', async () => {
    const tiny = await openTiny('llama');
    try {
      const units = innerWidth(tiny.model.spec.blocks[1]!.feedForward);
      for (const gain of ['0', '1']) {
        const read = parseDo(`units:1.0-${units}=${gain}`);
        assert.ok(read.ok);
        await assert.rejects(
          runnerOf(tiny.model).variant([read.value], { ids }),
          new RegExp(`no unit ${units} in layer 1: it has ${units}, from 0`),
        );
      }
    } finally {
      await tiny.close();
    }
  });

  it('heads are refused with the number of heads', async () => {
    const tiny = await openTiny('llama');
    try {
      const { heads } = tiny.model.spec.blocks[0]!.attention!;
      const read = parseDo(`moh:*=2+${heads}`);
      assert.ok(read.ok);
      await assert.rejects(runnerOf(tiny.model).variant([read.value], { ids }), {
        message: new RegExp(`Layer 0 has ${heads - 2} heads besides the shared ones, and ${heads} of them`),
      });
    } finally {
      await tiny.close();
    }
  });
});
