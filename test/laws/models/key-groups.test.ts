/** Named keys of a prompt and biases on their scores, as requests ask for them, against the float64 pass. */
import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { groupsFrom } from '../../../compute-server/cli/commands/heads';
import { interventionsFrom } from '../../../compute-server/cli/intervention-options';
import { generateJob } from '../../../compute-server/model-calls/generate-job';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { GenerateReply } from '../../../protocol/compute/models';
import type { HeadsRequest } from '../../../protocol/compute/heads-of-analysis';
import type { GenerateRequest } from '../../../protocol/compute/model-requests';
import { printDo } from '../../../protocol/interventions/do-form';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { headsIn } from '../../support/heads-call';
import { resultOf, surroundingsOf } from '../../support/model-jobs';

const { signal } = new AbortController();
const n = ids.length;
const heads = 4;
const tolerance = 1e-5;

/** Forms of one head say which: the model is not asked. */
const notAsked = (): Promise<never> => Promise.reject(new Error('asked for the heads of the model'));

describe('keys that a request names', () => {
  let llama: OpenTiny;
  let cacheFolder: string;
  before(async () => {
    llama = await openTiny('llama');
    cacheFolder = mkdtempSync(join(tmpdir(), 'headscope-keys-'));
  });
  after(async () => {
    await llama.close();
    rmSync(cacheFolder, { recursive: true });
  });
  const surroundings = () => surroundingsOf({ cacheFolder });
  const measured = (request: Partial<HeadsRequest>): Promise<HeadsResult> => {
    const common = { folder: '', prompt: { kind: 'ids', ids } as const, interventions: [], seed: 0, chunk: 7 };
    const settings = { classify: false, causal: false, thumbnails: false };
    return headsIn(llama.model, { ...common, ...settings, ...request }, surroundings(), signal);
  };
  const generated = (request: Partial<GenerateRequest>): Promise<GenerateReply> => {
    const prompt = { kind: 'ids', ids } as const;
    const sampling = { temperature: 0, topP: 1, seed: 0, maxNewTokens: 3, statistics: false };
    return resultOf(
      generateJob(
        llama.model,
        { folder: '', prompt, interventions: [], ...sampling, ...request },
        surroundings(),
        signal,
      ),
    );
  };
  /** Probability of query i and key j of a head by the float64 pass, with `bias` on the keys [3, 10) of layer 0 head 2. */
  const reference = (bias: number): ((layer: number, head: number, i: number, j: number) => number) => {
    const { taps } = llama.tiny.run(llama.parameters, ids);
    return (layer, head, i, j) => {
      const row = (taps.get(`layer.${layer}.attention.probabilities`) ?? []).slice(
        (head * n + i) * n,
        (head * n + i + 1) * n,
      );
      if (layer !== 0 || head !== 2) return row[j] ?? Number.NaN;
      const weights = row.map((p, key) => p * (key >= 3 && key < 10 ? Math.exp(bias) : 1));
      return (weights[j] ?? Number.NaN) / weights.reduce((sum, weight) => sum + weight, 0);
    };
  };
  const positions = Array.from({ length: n }, (_, i) => i);
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const near = (found: number | undefined, expected: number, what: string): void =>
    assert.ok(Math.abs((found ?? Number.NaN) - expected) <= tolerance, `${what}: ${found}, not ${expected}`);

  it('the mass of a group is the mean over the queries from its first key on', async () => {
    const { groups } = await measured({ groups: groupsFrom({ group: ['needle=3-9', 'one key = 12'] }) });
    const p = reference(0);
    assert.deepEqual(Object.keys(groups), ['needle', 'one key']);
    for (const [name, keys] of [
      ['needle', [3, 4, 5, 6, 7, 8, 9]],
      ['one key', [12]],
    ] as const) {
      for (const layer of [0, 1]) {
        for (let head = 0; head < heads; head++) {
          const queries = positions.filter((i) => i >= keys[0]);
          const expected = mean(queries.map((i) => keys.reduce<number>((sum, j) => sum + p(layer, head, i, j), 0)));
          near(groups[name]?.[layer]?.[head], expected, `${name}, L${layer}H${head}`);
        }
      }
    }
  });

  it('a bias multiplies the probabilities of its keys by e^b before they sum to one again', async () => {
    const interventions = await interventionsFrom({ bias: ['L0H2:3-9=-1.5'] }, notAsked);
    const { groups, statistics, interventions: made } = await measured({ interventions });
    assert.deepEqual(made, [{ kind: 'bias', layer: 0, head: 2, keys: { start: 3, end: 10 }, bias: -1.5 }]);
    const p = reference(-1.5);
    for (let head = 0; head < heads; head++) {
      const mass = mean(
        positions.filter((i) => i >= 3).map((i) => [3, 4, 5, 6, 7, 8, 9].reduce((sum, j) => sum + p(0, head, i, j), 0)),
      );
      near(groups['keys 3-9']?.[0]?.[head], mass, `mass of head ${head}`);
      near(
        statistics.firstToken[0]?.[head],
        mean(positions.slice(1).map((i) => p(0, head, i, 0))),
        `first token ${head}`,
      );
      const distances = positions.map((i) =>
        positions.reduce((sum, j) => sum + (j > i ? 0 : p(0, head, i, j) * (i - j)), 0),
      );
      near(statistics.meanDistance[0]?.[head], mean(distances), `mean distance of head ${head}`);
    }
    const plain = await measured({});
    assert.deepEqual(plain.interventions, []);
    assert.notEqual(statistics.firstToken[0]?.[2], plain.statistics.firstToken[0]?.[2]);
    assert.notDeepEqual(
      statistics.firstToken[1],
      plain.statistics.firstToken[1],
      'the layer behind reads another stream',
    );
  });

  it('the lowest bias removes the keys, while generation goes on too', async () => {
    const group = { name: 'away', positions: [3, 4, 5, 6, 7, 8, 9] };
    const away = { kind: 'bias', layer: 1, head: 3, keys: { start: 3, end: 10 }, bias: -1e4 } as const;
    const reply = await generated({ interventions: [away] });
    const removed: Variant = [{ kind: 'weight', layer: 1, head: 3, group: 'away', value: 0 }];
    const prompt = [...ids];
    for (const [at, id] of reply.ids.entries()) {
      const run = await runPrompt(llama.model.spec, llama.model.sessions, {
        ids: prompt,
        groups: [group],
        variants: [removed],
        chunk: 40,
        logits: 'last',
      });
      const logits = Array.from(run.logits?.data as Float32Array);
      if (at === 0) logits.forEach((logit, i) => assert.ok(Math.abs(logit - (reply.logitsLast[i] ?? 0)) <= 1e-4));
      assert.equal(id, logits.indexOf(Math.max(...logits)), `token ${at}`);
      prompt.push(id);
    }
    const plain = await generated({});
    assert.ok(reply.logitsLast.some((logit, i) => Math.abs(logit - (plain.logitsLast[i] ?? 0)) > 1e-3));
  });

  it('what the prompt or the model does not have is refused', async () => {
    const bias = { kind: 'bias', layer: 0, head: 2, keys: { start: 3, end: 10 }, bias: 1 } as const;
    for (const [act, sentence] of [
      [
        () => measured({ interventions: [{ ...bias, keys: { start: 3, end: 21 } }] }),
        /"bias:0\.2:3-20=1" names position 20, and the prompt has 20 tokens/,
      ],
      [() => measured({ interventions: [{ ...bias, head: 4 }] }), /There is no head 4 in layer 0/],
      [() => generated({ interventions: [{ ...bias, layer: 2 }] }), /There is no layer 2/],
      [
        () => measured({ interventions: [bias], classify: true }),
        /labels are measured on other sequences\. Leave it out, or take no labels/,
      ],
      [() => measured({ groups: groupsFrom({ group: ['a=1', 'a=2'] }) }), /Two key groups are called "a"/],
    ] as const) {
      await assert.rejects(act, sentence);
    }
  });

  it('a form with * asks the model for its heads, and names each', async () => {
    const counts = () => Promise.resolve({ layers: 2, heads: 3, kvHeads: 1 });
    const given = { gain: ['1.*=0'], do: ['value:*.*=zero'], bias: ['0.2:3=1'] };
    assert.deepEqual((await interventionsFrom(given, counts)).map(printDo), [
      ...['gain:1.0=0', 'gain:1.1=0', 'gain:1.2=0'],
      ...['bias:0.2:3=1', 'value:0.0=zero', 'value:1.0=zero'],
    ]);
    await assert.rejects(interventionsFrom({ do: ['head:1.*=nothing'] }, counts), /is no replaced head output/);
  });

  it('what the command line cannot read is refused', async () => {
    assert.deepEqual(await interventionsFrom({ bias: ['2.5:7=.5'] }, notAsked), [
      { kind: 'bias', layer: 2, head: 5, keys: { start: 7, end: 8 }, bias: 0.5 },
    ]);
    for (const text of ['2.5=1', '2.5:=1', '2.5:9-3=1', '2:3=1', '2.5:3-9=0x1', '2.5:3-9', '2.5:3-9=1e5']) {
      await assert.rejects(
        interventionsFrom({ bias: [text] }, notAsked),
        /is no score bias(\. Write|: bias is not a number)/,
        text,
      );
    }
    for (const text of ['needle', '=3-9', 'needle=9-3', 'needle=a']) {
      assert.throws(() => groupsFrom({ group: [text] }), /is not a group of keys\. Write name=from-to/, text);
    }
  });
});
