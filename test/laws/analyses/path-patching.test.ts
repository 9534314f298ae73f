import assert from 'node:assert/strict';
import type { Pair } from '../../../diagnostics/shared/effects/pairs';
import type { AnalysisJob } from '../../../diagnostics/analysis';
import { effectOf } from '../../../diagnostics/shared/circuits/effects';
import { headsOf, PathRuns, type Sender } from '../../../diagnostics/shared/circuits/paths';
import type { Receiver } from '../../../diagnostics/shared/circuits/receivers';
import { pathPatching } from '../../../diagnostics/circuits/path-patching/analysis';
import { pathTable, type PathParameters } from '../../../diagnostics/circuits/path-patching/parameters';
import type { PathResult } from '../../../diagnostics/circuits/path-patching/result';
import type { AnalysisInput } from '../../../protocol/analysis/schema';
import { resolveTable } from '../../../protocol/analysis/parameters';
import { objectSamples, objectTask } from '../../support/analyses/object-task';
import { linearOpt } from '../../support/checkpoints/linear-opt';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { plantedObject } from '../../support/checkpoints/planted-object';
import { llamaLikeRun, type LlamaLikeConfig } from '../../support/reference/llama-like';
import { optRun, type OptConfig } from '../../support/reference/other-families';
import { dot, parametersOf, type Parameters, type Vector } from '../../support/reference/vectors';
import { resultOf, runnerOf } from '../../support/model-jobs';
import { withConstant } from './edited-weights';
import { resultFor } from './one-run';

const near = (found: number | undefined, expected: number, what: string, tolerance = 1e-4): void =>
  assert.ok(Math.abs((found ?? Number.NaN) - expected) < tolerance, `${what}: ${found} and ${expected}`);

const n = ids.length;
/** The last token is the same. */
const other = ids.map((id, at) => (at === 6 || at === 11 ? (id + 7) % 61 : id));
const [right, wrong] = [7, 9];
const pair: Pair = {
  clean: { ids },
  corrupted: { ids: other },
  asked: [{ row: n - 1, tokens: [right, wrong] }],
  right: 1,
  roles: {},
  tokens: ids.map(String),
};
const settings = { metric: 'logit-difference', variant: [], freezeMlps: false } as const;
const logits: readonly Receiver[] = [{ input: 'logits' }];
const last = [n - 1];

describe('paths of a model without MLPs and without a final norm', () => {
  const { config, tensors } = linearOpt();
  const parameters = parametersOf(tensors);
  let opened: OpenPlanted;
  let runs: PathRuns;
  before(async () => {
    opened = await openPlanted({ config, tensors });
    runs = await PathRuns.of(runnerOf(opened.model), pair, settings);
  });
  after(() => opened.close());

  const reference = (own: readonly number[]) => optRun(config as unknown as OptConfig, parameters, own);
  const senders = () => headsOf(runnerOf(opened.model).facts.blocks);

  it('into the logits are (z of the counterpart - z) W_O (e_right - e_wrong), in float64', async () => {
    const [plain, counterpart] = [reference(ids), reference(other)];
    const unembedding = parameters.matrix('model.decoder.embed_tokens.weight');
    const direction = (unembedding[right] ?? []).map((value, i) => value - (unembedding[wrong]?.[i] ?? 0));
    const difference = ({ logits: rows }: typeof plain) => (rows.at(-1)?.[right] ?? 0) - (rows.at(-1)?.[wrong] ?? 0);
    near(runs.ends.original, difference(plain), 'prompt');
    near(runs.ends.counterpart, difference(counterpart), 'counterpart');
    const found = await runs.measured({ senders: senders(), receivers: logits, positions: last });
    const d = 8;
    senders().forEach(({ layer, head }, at) => {
      const z = ({ taps }: typeof plain): Vector => {
        const end = (head + 1) * n * d;
        return (taps.get(`layer.${layer}.attention.head_output`) ?? []).slice(end - d, end);
      };
      const [own, changed] = [z(plain), z(counterpart)];
      const output = parameters.matrix(`model.decoder.layers.${layer}.self_attn.out_proj.weight`);
      const written = output.map((row) =>
        own.reduce((sum, value, i) => sum + ((changed[i] ?? 0) - value) * (row[head * d + i] ?? 0), 0),
      );
      near((found[at] ?? 0) - runs.ends.original, dot(written, direction), `L${layer}H${head}`, 2e-5);
    });
  });

  it('into the logits sum to the whole difference where the last token is the same', async () => {
    const found = await runs.measured({ senders: senders(), receivers: logits, positions: last });
    const gap = runs.ends.counterpart - runs.ends.original;
    assert.ok(Math.abs(gap) > 0.01);
    const sum = found.reduce((total, value) => total + (value - runs.ends.original) / gap, 0);
    near(sum, 1, 'sum of the effects', 1e-4);
    // The embedding of the last token is the same, and does nothing there.
    const [embedding] = await runs.measured({ senders: ['embedding'], receivers: logits, positions: last });
    assert.equal(embedding, runs.ends.original);
  });

  it('of heads behind the receiver change no bit, nor do those before the first token that differs', async () => {
    const receivers: readonly Receiver[] = [{ input: 'query', layer: 0, head: 1 }];
    const found = await runs.measured({ senders: senders(), receivers, positions: last });
    assert.ok(found.every((value) => value === runs.ends.original));
    const early = await runs.measured({ senders: senders(), receivers: logits, positions: [2, 5] });
    assert.ok(early.every((value) => value === runs.ends.original));
  });

  it('do nothing where the counterpart is the prompt itself', async () => {
    const same = await PathRuns.of(runnerOf(opened.model), { ...pair, corrupted: { ids } }, settings);
    const patched = await same.measured({ senders: senders(), receivers: logits, positions: last });
    senders().forEach((_, at) => assert.equal(effectOf([{ ...same.ends, patched }], at).mean, 0));
  });
});

describe('paths of a llama with grouped keys and values', () => {
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny('llama');
  });
  after(() => tiny.close());

  it('through the inputs of a key/value head and its query heads are, in float64, what these heads make of the changed row', async () => {
    const config = tiny.tiny.config as unknown as LlamaLikeConfig;
    const width = tiny.model.spec.hiddenSize;
    const [sender, receiving, d] = [1, [2, 3], 8];
    const tail = (data: readonly number[] | undefined, head: number): Vector =>
      (data ?? []).slice(((head + 1) * n - 1) * d, (head + 1) * n * d);
    const plain = llamaLikeRun(config, tiny.parameters, ids);
    const counterpart = llamaLikeRun(config, tiny.parameters, other);
    const sent = tail(counterpart.taps.get('layer.0.attention.head_output'), sender);
    // The last row behind layer 0 with the sender as in the counterpart, the MLP computed anew; the others as they are.
    const changed = llamaLikeRun(config, withConstant(tiny.parameters, { layer: 0, head: sender, value: sent }), ids);
    const row = ({ taps }: typeof plain, at: number): Vector =>
      (taps.get('layer.0.residual') ?? []).slice(at * width, (at + 1) * width);
    const rows = new Map(ids.map((_, at) => [at, row(at === n - 1 ? changed : plain, at)]));
    const named = (name: string): string => name.replace('layers.0.', 'layers.1.');
    const above: Parameters = {
      has: (name) => tiny.parameters.has(named(name)),
      vector: (name) => tiny.parameters.vector(named(name)),
      matrix: (name) => tiny.parameters.matrix(named(name)),
    };
    const behind = llamaLikeRun({ ...config, num_hidden_layers: 1 }, above, ids, { rows });
    const edited = receiving.reduce(
      (parameters, head) =>
        withConstant(parameters, {
          layer: 1,
          head,
          value: tail(behind.taps.get('layer.0.attention.head_output'), head),
        }),
      tiny.parameters,
    );
    const line = llamaLikeRun(config, edited, ids).logits.at(-1) ?? [];
    const expected = (line[right] ?? 0) - (line[wrong] ?? 0);

    const runs = await PathRuns.of(runnerOf(tiny.model), pair, settings);
    const receivers: readonly Receiver[] = [
      { input: 'query', layer: 1, head: 2 },
      { input: 'query', layer: 1, head: 3 },
      // One key/value head, by the name of either of its query heads.
      { input: 'key', layer: 1, head: 3 },
      { input: 'value', layer: 1, head: 2 },
    ];
    const senders: readonly Sender[] = [
      { layer: 0, head: 0 },
      { layer: 0, head: sender },
    ];
    const [, found] = await runs.measured({ senders, receivers, positions: last });
    near(found, expected, 'patched');
    assert.ok(Math.abs(expected - runs.ends.original) > 1e-3, 'the path does something');
  });
});

describe('path patching of a planted indirect object circuit', () => {
  let opened: OpenPlanted;
  before(async () => {
    opened = await openPlanted(plantedObject());
  });
  after(() => opened.close());

  const found = (given: Partial<PathParameters> = {}, count = 8): Promise<PathResult> => {
    const resolved = resolveTable('path-patching', pathTable, given);
    assert.ok(resolved.ok, resolved.ok ? '' : resolved.why);
    const job: AnalysisJob<PathParameters> = {
      input: objectTask(objectSamples.slice(0, count)),
      parameters: resolved.values,
      variant: [],
      groups: [],
      seed: 0,
      step: (_, act) => act(),
    };
    return resultOf(pathPatching.run(runnerOf(opened.model), job));
  };
  const large = ({ stages }: PathResult, at: number): readonly string[] =>
    (stages[at]?.effect ?? []).flatMap((row, layer) =>
      row.flatMap((effect, head) => (Math.abs(effect) < 1e-6 || Number.isNaN(effect) ? [] : [`L${layer}H${head}`])),
    );

  it('finds the mover, the head that inhibits it and the one that sees the duplicate, stage by stage, and no other', async () => {
    const result = await found({ next: 'q, v@again' });
    assert.deepEqual(
      result.stages.map(({ receivers }) => receivers),
      [['logits'], ['2.0.q'], ['1.0.v']],
    );
    assert.deepEqual(
      [0, 1, 2].map((at) => large(result, at)),
      [['L2H0'], ['L1H0'], ['L0H0']],
    );
    for (const { kept, edges } of result.stages) {
      assert.equal(kept.length, 1);
      near(edges[0]?.effect, 1, 'the one path is all of the difference', 1e-5);
    }
    assert.ok(Number.isNaN(result.stages[1]?.effect[2]?.[0]), 'the receiver does not send');
    assert.match(
      pathPatching.finding(result),
      /^Of 6 heads, L2H0 acts most on the logits at query: 1 of the way .* On those, through the query of L2H0 at query: L1H0 1\. .* through the value of L1H0 at again: L0H0 1\./,
    );
    const graph = pathPatching.sections(result).find(({ kind }) => kind === 'graph');
    assert.ok(graph?.kind === 'graph');
    assert.deepEqual(
      graph.edges.map(({ from, to, input }) => `${from} ${to} ${input}`),
      ['L2H0 logits logits', 'L1H0 L2H0 query', 'L0H0 L1H0 value'],
    );
  });

  it('finds nothing where the role stands elsewhere, and nothing through the keys', async () => {
    const result = await found({ receivers: '1.0.v', at: 'first' });
    assert.deepEqual(large(result, 0), []);
    assert.match(pathPatching.finding(result), /^No head has an effect on the value of L1H0 at first\./);
    assert.deepEqual(large(await found({ receivers: '1.0.k', at: 'again' }), 0), []);
  });

  it('refuses in a sentence a difference that is too small, and receivers that are not there', async () => {
    await assert.rejects(
      found({ leastGap: 50 }),
      /The logit difference differs by 5\.\d* logits between .* below 50 logits/,
    );
    await assert.rejects(found({ at: 'again' }), /logits are read at the last position, and "again" is another/);
    await assert.rejects(found({ receivers: 'logits,1.0.q' }), /The logits come behind all other receivers/);
    await assert.rejects(found({ receivers: '1.7.q' }), /There is no head 7 in layer 1: it has 2/);
    await assert.rejects(found({ receivers: '9.mlp' }), /There is no layer 9/);
    await assert.rejects(found({ receivers: 'mover' }), /"mover" is no receiver/);
    await assert.rejects(found({ next: 'x@again' }), /"x@again" is no stage/);
  });

  it('offers the model without the heads of a stage', async () => {
    const [offer] = pathPatching.offers?.(await found()) ?? [];
    assert.deepEqual(offer?.interventions, [{ kind: 'head', layer: 2, head: 0, source: { from: 'mean' } }]);
  });
});

describe('path patching of prompts that a person gives', () => {
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny('gpt2');
  });
  after(() => tiny.close());

  it('reads a prompt and its counterpart, with the position by number or as the query', async () => {
    const input: AnalysisInput = {
      kind: 'prompt-pair',
      prompt: { kind: 'ids', ids },
      counterpart: { kind: 'ids', ids: other },
    };
    const asked = { answer: '#7', against: '#9', leastGap: 0 };
    const [query, number] = [
      await resultFor(tiny.model, pathPatching, { input, parameters: asked }),
      await resultFor(tiny.model, pathPatching, { input, parameters: { ...asked, at: `${n - 1}` } }),
    ];
    assert.deepEqual(number.stages[0]?.effect, query.stages[0]?.effect);
    assert.equal(query.n, 1);
    assert.ok(query.stages[0]?.effect.flat().some((effect) => Math.abs(effect) > 1e-3));
  });
});
