/** The analysis `divergence` on tiny models: cancelled anywhere and resumed, and what its sections say. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { gainsOf } from '../../../models/instrument/changes/gain';
import assert from 'node:assert/strict';
import type { AnalysisJob, Step } from '../../../diagnostics/analysis';
import { divergence } from '../../../diagnostics/vision/divergence/analysis';
import type { DivergenceParameters } from '../../../diagnostics/vision/divergence/parameters';
import type { DivergenceResult } from '../../../protocol/results/divergence-result';
import { resolveTable } from '../../../protocol/analysis/parameters';
import { check } from '../../../protocol/schema/check';
import { sections as sectionsSchema } from '../../../protocol/sections/section';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { llamaLike } from '../../support/checkpoints/tiny-models';
import { runnerOf } from '../../support/model-jobs';

const given = { removed: 'span', start: 3, end: 12, tokens: 21, reinforce: true, alpha: 40, layers: '1-2' };

describe('the analysis of divergence', () => {
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny(llamaLike('three layers', 'llama', { num_hidden_layers: 3, num_attention_heads: 8 }));
  });
  after(() => tiny.close());

  const jobOf = async (
    step: AnalysisJob<DivergenceParameters>['step'],
    more: Partial<AnalysisJob<DivergenceParameters>> = {},
  ): Promise<AnalysisJob<DivergenceParameters>> => {
    const resolved = resolveTable(divergence.id, divergence.parameters, given);
    assert.ok(resolved.ok);
    const prompt = { kind: 'ids', ids } as const;
    const prompts = [await runnerOf(tiny.model).prompt(prompt)];
    const input = { given: { kind: 'prompt', prompt } as const, prompts };
    return { input, parameters: resolved.values, variant: [], groups: [], seed: 0, step, ...more };
  };
  const throughDisk = <T>(value: T): T => structuredClone(value);

  /** Runs to the end, or to the step numbered `stopAt`. */
  const run = async (
    kept: Map<string, unknown>,
    stopAt = Infinity,
    more: Partial<AnalysisJob<DivergenceParameters>> = {},
  ): Promise<{
    readonly steps: Step<DivergenceResult>[];
    readonly result?: DivergenceResult;
    readonly acts: number;
  }> => {
    let acts = 0;
    const job = await jobOf(async (key, act) => {
      if (!kept.has(key)) {
        acts++;
        kept.set(key, throughDisk(await act()));
      }
      return kept.get(key) as Awaited<ReturnType<typeof act>>;
    }, more);
    const steps: Step<DivergenceResult>[] = [];
    const running = divergence.run(runnerOf(tiny.model), job);
    for (;;) {
      const next = await running.next();
      if (next.done) return { steps, result: next.value, acts };
      steps.push(next.value);
      if (steps.length === stopAt) return { steps, acts };
    }
  };

  it('cancelled at any step it leaves a valid part, and goes on to the result of a run that was not', async () => {
    const whole = await run(new Map());
    assert.ok(whole.result?.reinforced);
    for (let stopAt = 1; stopAt <= whole.steps.length; stopAt++) {
      const kept = new Map<string, unknown>();
      const part = await run(kept, stopAt);
      const partial = part.steps.findLast((step) => step.partial)?.partial ?? {};
      const sections = divergence.sections(partial);
      const checked = check(sectionsSchema, JSON.parse(JSON.stringify(sections)));
      assert.ok(checked.ok, checked.ok ? '' : checked.why);
      assert.match(divergence.finding(partial), /\.$/);
      const resumed = await run(kept);
      assert.deepEqual(resumed.result, whole.result);
      assert.equal(part.acts + resumed.acts, whole.acts);
    }
  });

  it('goes on where steps are missing anywhere: short ones are not kept', async () => {
    const all = new Map<string, unknown>();
    const { result } = await run(all);
    const names = [...all.keys()];
    assert.ok(names.length > 8);
    for (const [parity, left] of [
      names.filter((_, at) => at % 2 === 0),
      names.filter((_, at) => at % 2 === 1),
    ].entries()) {
      const some = new Map(left.map((name) => [name, all.get(name)]));
      assert.deepEqual((await run(some)).result, result, `without every second step from ${1 - parity}`);
    }
  });

  it('progress rises to its end and the first part comes before the caption', async () => {
    const { steps } = await run(new Map());
    steps.slice(1).forEach(({ done, total }, at) => {
      assert.ok(done >= (steps[at]?.done ?? 0) && done <= total, `${done} of ${total}`);
    });
    const first = steps.find(({ partial }) => partial)?.partial;
    assert.ok(first?.vhd && !first.caption);
    const counts = steps.map(({ partial }) => partial?.caption?.tokens.length ?? 0).filter((count) => count > 0);
    assert.deepEqual([counts[0], counts[1], counts[2]], [1, 9, 17]);
  });

  it('the result conforms to its schema and is read back as it was', async () => {
    const { result } = await run(new Map());
    const read = check(divergence.result, JSON.parse(JSON.stringify(result)));
    assert.ok(read.ok, read.ok ? '' : read.why);
    assert.deepEqual(read.result, result);
  });

  it('gains of 1 change nothing, and gains are held in both passes; what acts on positions is refused', async () => {
    const plain = await run(new Map());
    const neutral = await run(new Map(), Infinity, { variant: [{ kind: 'gain', layer: 1, head: 2, gain: 1 }] });
    assert.deepEqual(neutral.result, plain.result);
    // Both passes without the first layer's heads: what is left of the span comes through the others.
    const gains = gainsOf(
      Array.from({ length: 8 }, (_, head) => ({ layer: 0, head })),
      0,
    );
    const without = await run(new Map(), Infinity, { variant: gains });
    assert.ok(without.result?.vhd[0]?.every((value) => value === 0));
    const scoreBiases: Variant = [{ kind: 'bias', layer: 0, head: 0, group: 'a', value: 1 }];
    await assert.rejects(run(new Map(), Infinity, { variant: scoreBiases }), /acts on positions/);
    const addition = { kind: 'addition', layer: 0, vector: new Float32Array(1), positions: [0] } as const;
    await assert.rejects(run(new Map(), Infinity, { variant: [addition] }), /acts on positions/);
  });

  it('a head that is asked about gives its attention on the span, a token gives the tables of its step', async () => {
    const { result } = await run(new Map());
    assert.ok(result);
    const job = await jobOf((_, act) => act());
    const ask = (section: string, place: Parameters<NonNullable<typeof divergence.ask>>[3]['place']) =>
      divergence.ask?.(runnerOf(tiny.model), job, result, { section, place }) ?? assert.fail();
    const map = await ask('heads', { kind: 'head', layer: 2, head: 5 });
    assert.ok(map.kind === 'tokens' && map.tokens.length === 9);
    const mass = map.numbers[0]?.values.reduce((sum, share) => sum + share, 0) ?? NaN;
    assert.ok(Math.abs(mass - (result.visualAttention[2]?.[5] ?? NaN)) < 1e-5, String(mass));
    for (const [section, tokens] of [
      ['caption', result.caption.tokens],
      ['reinforced-caption', result.reinforced?.tokens ?? assert.fail()],
    ] as const) {
      const heads = await ask(section, { kind: 'token', token: 11 });
      assert.ok(heads.kind === 'heads');
      // k is 1 of 8 heads: T-VHD is the sum of the largest of each layer.
      const sum = heads.numbers[0]?.values.reduce((total, row) => total + Math.max(...row), 0) ?? NaN;
      assert.ok(Math.abs(sum - (tokens[11]?.tVhd ?? NaN)) < 1e-4, `${section}: ${sum} and ${tokens[11]?.tVhd}`);
    }
    await assert.rejects(ask('heads', { kind: 'head', layer: 7, head: 0 }), /no head L7H0/);
    await assert.rejects(ask('caption', { kind: 'token', token: 21 }), /has 21 tokens/);
    await assert.rejects(ask('t-vhd', { kind: 'row', row: 0 }), /t-vhd cannot be asked about a row/);
  });

  it('asked for a further caption it gives the one that its parameters would have, once, beside others', async () => {
    const { result } = await run(new Map());
    assert.ok(result?.reinforced);
    const { reinforced, ...plain } = result;
    const job = await jobOf((_, act) => act());
    const extended = async (before: DivergenceResult, change: object = {}): Promise<DivergenceResult> => {
      const { distance: _, positions: __, ...own } = reinforced.reinforcement;
      const place = { kind: 'variant' as const, reinforcement: { ...own, ...change } };
      const steps = divergence.extend?.(runnerOf(tiny.model), job, before, { section: 'caption', place });
      let last = 0;
      for (;;) {
        const next = await (steps ?? assert.fail()).next();
        if (next.done) return next.value;
        assert.ok(next.value.done >= last && next.value.done <= next.value.total);
        last = next.value.done;
      }
    };
    const once = await extended(plain);
    assert.deepEqual(once.variants, [reinforced]);
    const random = await extended(once, { heads: 'random', seed: 3 });
    assert.deepEqual([random.variants?.length, random.variants?.[0]], [2, reinforced]);
    const counts = random.variants?.map(({ heads }) => heads.map((row) => row.filter(Boolean).length));
    assert.deepEqual(counts?.[1], counts?.[0], 'as many heads of each layer');
    assert.equal((await extended(random)).variants?.length, 2, 'the same one is not there twice');
    assert.equal((await extended(result)).variants, undefined, 'nor beside the one of the run');
    const ids = divergence.sections(random).flatMap(({ kind, id }) => (kind === 'tokens' ? [id] : []));
    assert.deepEqual(ids.slice(0, 3), ['caption', 'reinforced-caption', 'reinforced-caption-2']);
    const read = check(divergence.result, JSON.parse(JSON.stringify(random)));
    assert.ok(read.ok, read.ok ? '' : read.why);
    const place = { kind: 'variant' as const, reinforcement: { ...reinforced.reinforcement, alpha: NaN } };
    const refused = divergence.extend?.(runnerOf(tiny.model), job, result, { section: 'caption', place });
    await assert.rejects((refused ?? assert.fail()).next(), /alpha is NaN/);
  });

  it('what is offered are the gains that wrote the reinforced caption', async () => {
    const { result } = await run(new Map());
    assert.ok(result?.reinforced);
    const [offer] = divergence.offers?.(result) ?? [];
    const gains = offer?.interventions.flatMap((one) => (one.kind === 'gain' ? [one] : [])) ?? [];
    assert.ok(gains.length > 0 && gains.every(({ layer, gain }) => layer >= 1 && gain === 40));
    const held = await run(new Map(), Infinity, { variant: gains });
    assert.deepEqual(
      held.result?.caption.tokens.map(({ id }) => id),
      result.reinforced.tokens.map(({ id }) => id),
    );
    assert.notDeepEqual(
      result.caption.tokens.map(({ id }) => id),
      result.reinforced.tokens.map(({ id }) => id),
    );
    const at = result.reinforced.tokens.findIndex(({ id }, index) => result.caption.tokens[index]?.id !== id);
    assert.match(divergence.finding(result), new RegExp(`change the caption from token ${at} on`));
  });

  it('a comparison lists the heads that changed most first; different distances are not compared', async () => {
    const { result: a } = await run(new Map());
    assert.ok(a);
    const vhd = a.vhd.map((row, layer) =>
      row.map((value, head) => (layer === 2 ? value + (head === 3 ? -9 : head === 6 ? 4 : 0) : value)),
    );
    const [change, table, texts] = divergence.compare?.(a, { ...a, vhd }) ?? [];
    assert.ok(change?.kind === 'heads' && table?.kind === 'table' && texts?.kind === 'generations');
    assert.deepEqual(
      table.rows.map(([place]) => place),
      [
        { layer: 2, head: 3 },
        { layer: 2, head: 6 },
      ],
    );
    assert.ok(Math.abs((change.numbers[0]?.values[2]?.[3] ?? NaN) + 9) < 1e-9);
    assert.deepEqual(
      texts.items.map(({ title }) => title),
      ['Caption, plain', 'Caption with heads x 40'],
    );
    const [why] = divergence.compare?.(a, { ...a, distance: 'cosine' }) ?? [];
    assert.ok(why?.kind === 'text' && /no common scale/.test(why.paragraphs[0] ?? ''));
  });

  it('says why it does not run', () => {
    const { facts } = runnerOf(tiny.model);
    const supports = (change: object) => {
      const resolved = resolveTable(divergence.id, divergence.parameters, { ...given, ...change });
      assert.ok(resolved.ok, resolved.ok ? '' : resolved.why);
      const support = divergence.supports(facts, resolved.values);
      return support.ok ? '' : support.why;
    };
    assert.equal(supports({}), '');
    assert.match(supports({ removed: 'image' }), /no vision encoder/);
    assert.match(supports({ k: 9 }), /which has 8/);
    assert.match(supports({ layers: '1-7' }), /no layer 3: the model has 3/);
    assert.match(supports({ layers: 'last' }), /names no layers/);
    assert.equal(supports({ layers: '1-7', reinforce: false }), '');
  });
});
