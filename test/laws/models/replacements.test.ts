import { variantProblem, type Variant } from '../../../models/instrument/changes/changes';
import { allSizes } from '../../../models/architectures/layer-sizes';
import type { ReplacementChange } from '../../../models/instrument/changes/replacement';
import assert from 'node:assert/strict';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RunRequest, RunResult } from '../../../compute-server/model/run/stream/run-request';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';

const n = ids.length;
const other = ids.map((id) => (id + 5) % 61);
const parts = ['query', 'key', 'value'] as const;
type Part = (typeof parts)[number];

/** Grouped heads with rotation, neither of the two, and layers with a window. */
for (const family of ['llama', 'gpt2', 'gemma2'] as const) {
  describe(`queries, keys and values of ${family} replaced`, () => {
    let tiny: OpenTiny;
    before(async () => {
      tiny = await openTiny(family);
    });
    after(() => tiny.close());

    const layer = 1;
    const attention = () => {
      const block = tiny.model.spec.blocks[layer];
      assert.ok(block);
      return block.attention!;
    };
    const run = (variant: Variant, extra: Partial<RunRequest> = {}) =>
      runPrompt(tiny.model.spec, tiny.model.sessions, {
        ids,
        chunk: n,
        logits: 'all',
        variants: [variant],
        taps: [...parts.map((part) => `attention.${part}` as const), 'attention.head_output' as const].map((tap) => ({
          layer,
          tap,
        })),
        ...extra,
      });
    const tapOf = (result: RunResult, tap: Part | 'head_output'): Float32Array => {
      const data = result.layers[layer]?.taps[`attention.${tap}`]?.data;
      assert.ok(data instanceof Float32Array);
      return data;
    };
    const slots = (part: Part): number => attention()[part === 'query' ? 'heads' : 'kvHeads'];
    /** The rows of one head, [n, d]. */
    const headOf = (data: Float32Array, head: number): Float32Array => {
      const { headDim } = attention();
      return data.slice(head * n * headDim, (head + 1) * n * headDim);
    };
    const replacements = (result: RunResult, part: Part, heads: readonly number[]): ReplacementChange[] =>
      heads.map((head) => ({
        kind: 'replacement',
        layer,
        target: part,
        head,
        data: headOf(tapOf(result, part), head),
      }));
    const allOf = (part: Part): number[] => Array.from({ length: slots(part) }, (_, head) => head);
    const close = (a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number): void => {
      assert.equal(a.length, b.length);
      for (let i = 0; i < a.length; i++) {
        assert.ok(Math.abs(Number(a[i]) - Number(b[i])) <= tolerance, `${a[i]} and ${b[i]} at ${i}`);
      }
    };

    it('by their own change no bit, whole and in chunks', async () => {
      for (const chunk of [n, 6]) {
        // Products of chunks of another size are rounded otherwise, so what is put back comes from chunks of this size.
        const plain = await run([], { chunk });
        const own = parts.flatMap((part) => replacements(plain, part, allOf(part)));
        assert.deepEqual((await run(own, { chunk })).logits, plain.logits);
      }
    });

    it("by another prompt's give that prompt's head outputs", async () => {
      const source = await run([], { ids: other });
      const patched = await run(parts.flatMap((part) => replacements(source, part, allOf(part))));
      assert.deepEqual(tapOf(patched, 'head_output'), tapOf(source, 'head_output'));
      assert.notDeepEqual(patched.logits, source.logits);
    });

    it('one head at a time reach the query heads that read it, and no other', async () => {
      const plain = await run([]);
      const source = await run([], { ids: other });
      const { heads, kvHeads } = attention();
      for (const part of parts) {
        const head = slots(part) - 1;
        const patched = await run(replacements(source, part, [head]));
        const reached = allOf('query').filter(
          (each) => (part === 'query' ? each : Math.floor(each / (heads / kvHeads))) === head,
        );
        for (const each of allOf('query')) {
          const [before, after] = [plain, patched].map((result) => headOf(tapOf(result, 'head_output'), each));
          if (reached.includes(each)) assert.notDeepEqual(after, before, `${part} ${head} and head ${each}`);
          else assert.deepEqual(after, before, `${part} ${head} and head ${each}`);
        }
      }
    });

    it('act at the positions that are named', async () => {
      const plain = await run([]);
      const source = await run([], { ids: other });
      const positions = [7];
      const [query] = replacements(source, 'query', [0]);
      assert.ok(query);
      const patched = await run([{ ...query, positions }]);
      const { headDim } = attention();
      const rows = (result: RunResult, row: number) =>
        headOf(tapOf(result, 'head_output'), 0).slice(row * headDim, (row + 1) * headDim);
      for (let row = 0; row < n; row++) {
        if (positions.includes(row)) assert.notDeepEqual(rows(patched, row), rows(plain, row));
        else assert.deepEqual(rows(patched, row), rows(plain, row));
      }
    });

    it('keys and values that were replaced are those that a continuation reads', async () => {
      const source = await run([], { ids: other });
      const variant = [...replacements(source, 'key', [0]), ...replacements(source, 'value', [0])];
      const whole = await run(variant, { ids: [...ids, 9], logits: 'last' });
      const started = await SequenceRun.start(tiny.model.spec, tiny.model.sessions, { ids, chunk: n, variant });
      close((await started.extend([9])).logits, whole.logits?.data as Float32Array, 1e-5);
    });

    it('a head of uniform attention puts out the mean of the values that each query may read', async () => {
      const head = attention().heads - 1;
      const uniform = await run([{ kind: 'uniform', layer, head }]);
      const { headDim, heads, kvHeads, window } = attention();
      const values = headOf(tapOf(uniform, 'value'), Math.floor(head / (heads / kvHeads)));
      const expected = new Float64Array(n * headDim);
      for (let i = 0; i < n; i++) {
        const from = window === undefined ? 0 : Math.max(0, i - window + 1);
        for (let j = from; j <= i; j++) {
          for (let c = 0; c < headDim; c++) {
            expected[i * headDim + c] =
              (expected[i * headDim + c] ?? 0) + (values[j * headDim + c] ?? 0) / (i - from + 1);
          }
        }
      }
      close(headOf(tapOf(uniform, 'head_output'), head), expected, 1e-5);
      const plain = await run([]);
      assert.deepEqual(headOf(tapOf(uniform, 'head_output'), 0), headOf(tapOf(plain, 'head_output'), 0));
      assert.notDeepEqual(headOf(tapOf(uniform, 'head_output'), head), headOf(tapOf(plain, 'head_output'), head));
    });

    it('a score bias has no effect under uniform attention, and acts on the other heads all the same', async () => {
      const groups = [{ name: 'g', positions: [1, 4] }];
      const bias = (head: number): Variant => [{ kind: 'bias', layer, head, group: 'g', value: 2 }];
      const uniform: Variant = [{ kind: 'uniform', layer, head: 0 }];
      const plain = await run(uniform, { groups });
      assert.deepEqual((await run([...uniform, ...bias(0)], { groups })).logits, plain.logits);
      assert.notDeepEqual((await run([...uniform, ...bias(1)], { groups })).logits, plain.logits);
    });

    it('a head or a key/value head that the layer lacks is named', () => {
      const data = new Float32Array(0);
      const { heads, kvHeads } = attention();
      const problem = (variant: Variant) => variantProblem(allSizes(tiny.model.spec), variant, []);
      assert.match(problem([{ kind: 'uniform', layer, head: heads }]) ?? '', /no head .* query heads/);
      assert.match(problem([{ kind: 'replacement', layer, target: 'query', head: heads, data }]) ?? '', /query heads/);
      assert.match(
        problem([{ kind: 'replacement', layer, target: 'key', head: kvHeads, data }]) ?? '',
        /key\/value heads/,
      );
      assert.match(problem([{ kind: 'replacement', layer, target: 'value', data }]) ?? '', /no head -1/);
      assert.equal(problem([{ kind: 'replacement', layer, target: 'value', head: kvHeads - 1, data }]), undefined);
    });
  });
}
