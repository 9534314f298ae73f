/** Plan files of MoA's release. */
import assert from 'node:assert/strict';
import type { ImportTarget } from '../../../../protocol/plans/formats/format';
import { moa } from '../../../../protocol/plans/formats/moa';
import type { HeadPlan } from '../../../../protocol/plans/head-plan';
import { heldOf } from '../../../../protocol/plans/held';
import type { Plan } from '../../../../protocol/plans/plan-file';

const target = (heads: number, kvHeads: number): ImportTarget => ({
  model: { name: 'toy', hash: 'abc', headDim: 8, heads },
  layers: 1,
  kvHeads,
  title: 'Imported',
  created: '2026-11-27T00:00:00.000Z',
  headscope: '0.1.0',
});

/** Begins like layer 0 of the file that is published for Llama-3.2-1B-Instruct: 32 query heads on 8 key/value heads there. */
const published =
  '{"alphas": [[0.0, 0.0, -1024.0, 0.0, -1024.0, -1024.0]], "betas": [[0.5, 0.5, 0.875, 0.5, 0.875, 0.875]]}';

const span = (alpha: number, beta: number): HeadPlan => ({
  kind: 'span',
  ...{ alpha, beta, sinks: 64, least: 128, multiple: 64 },
});

const read = (text: string, of: ImportTarget): Plan => {
  const found = moa.import?.(text, of);
  assert.ok(found?.ok, found?.ok === false ? found.why : '');
  return found.result;
};

const why = (text: string, of: ImportTarget): string => {
  const found = moa.import?.(text, of);
  return found?.ok === false ? found.why : 'read';
};

describe("MoA's plan files", () => {
  it('have a rule for each head', () =>
    assert.deepEqual(read(published, target(6, 6)).heads, [
      [span(0, 0.5), span(0, 0.5), span(-1024, 0.875), span(0, 0.5), span(-1024, 0.875), span(-1024, 0.875)],
    ]));

  it('of query heads that share keys: what either of them keeps is kept, at every length', () => {
    const { heads } = read(published, target(6, 3));
    assert.deepEqual(heads, [[span(0, 0.5), span(0, 0.875), span(-1024, 0.875)]]);
    for (const length of [500, 3000, 20_000]) {
      const size = (plan: HeadPlan | undefined): number => {
        const { sinks, recent } = heldOf(plan ?? { kind: 'full' }, length);
        return sinks + recent;
      };
      const [shared] = heads[0]?.slice(1) ?? [];
      for (const own of [span(-1024, 0.875), span(0, 0.5)]) assert.ok(size(shared) >= size(own), `${length}`);
    }
  });

  it('keep everything with a slope of one', () =>
    assert.deepEqual(read('{"alphas": [[0, 64]], "betas": [[1, 0.5]]}', target(2, 2)).heads, [
      [{ kind: 'full' }, span(64, 0.5)],
    ]));

  it('are written for every query head, and read again as they were', () => {
    const plan = { ...read(published, target(6, 3)), model: { name: 'toy', hash: 'abc', headDim: 8, heads: 6 } };
    const written = moa.export?.(plan);
    assert.ok(written?.ok);
    assert.deepEqual(JSON.parse(written.result), {
      alphas: [[0, 0, 0, 0, -1024, -1024]],
      betas: [[0.5, 0.5, 0.875, 0.875, 0.875, 0.875]],
    });
    assert.deepEqual(read(written.result, target(6, 3)).heads, plan.heads);
  });

  it('have no words for other caches, and say of which head', () => {
    const plan = read(published, target(6, 6));
    const others: HeadPlan = { kind: 'recent', sinks: 4, recent: 64, mean: true };
    const [row = []] = plan.heads;
    const written = moa.export?.({ ...plan, heads: [row.with(2, others)] });
    assert.match(written?.ok === false ? written.why : '', /Key\/value head 2 of layer 0 keeps 4\+64\+mean/);
    const fixed = moa.export?.({ ...plan, heads: [row.with(2, { kind: 'recent', sinks: 64, recent: 256 })] });
    assert.ok(fixed?.ok);
    assert.deepEqual(read(fixed.result, target(6, 6)).heads[0]?.[2], span(320, 0));
  });

  it('are refused with a sentence where they are none, or of another model', () => {
    assert.match(why('[]', target(2, 2)), /an object with "alphas" and "betas"/);
    assert.match(why('{"alphas": [[0, 1]], "betas": [[0]]}', target(2, 2)), /as many betas as alphas/);
    assert.match(why('{"alphas": [[0]], "betas": [[2]]}', target(1, 1)), /a number from 0 to 1/);
    assert.match(why(published, target(4, 2)), /Layer 0 of the file has 6 key\/value heads, and toy has 2/);
  });
});
