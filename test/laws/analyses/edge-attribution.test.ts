import type { ReplacementChange } from '../../../models/instrument/changes/replacement';
import assert from 'node:assert/strict';
import type { Pair } from '../../../diagnostics/shared/effects/pairs';
import { attribution } from '../../../diagnostics/circuits/attribution/analysis';
import { edgeEstimates } from '../../../diagnostics/shared/circuits/edge-estimates';
import { PathRuns, reaches, type Sender } from '../../../diagnostics/shared/circuits/paths';
import { receiverText, type Receiver } from '../../../diagnostics/shared/circuits/receivers';
import { Outputs } from '../../../diagnostics/shared/effects/outputs';
import { measured } from '../../../diagnostics/shared/effects/subjects';
import { objectSamples, objectTask } from '../../support/analyses/object-task';
import { openPlanted } from '../../support/checkpoints/open-planted';
import { openTiny, promptIds as ids } from '../../support/checkpoints/open-tiny';
import { plantedObject } from '../../support/checkpoints/planted-object';
import { runnerOf } from '../../support/model-jobs';
import { resultOf } from '../../support/model-jobs';
import type { AttributionParameters } from '../../../diagnostics/circuits/attribution/parameters';
import { attributionTable } from '../../../diagnostics/circuits/attribution/parameters';
import { resolveTable } from '../../../protocol/analysis/parameters';

const n = ids.length;
const settings = { metric: 'logit-difference', variant: [], steps: 0 } as const;
const pair: Pair = {
  clean: { ids },
  corrupted: { ids: ids.map((id, at) => (at === 6 || at === 11 ? (id + 7) % 61 : id)) },
  asked: [{ row: n - 1, tokens: [7, 9] }],
  right: 1,
  roles: {},
  tokens: ids.map(String),
};
const receivers: readonly Receiver[] = [
  { input: 'query', layer: 1, head: 2 },
  { input: 'key', layer: 1, head: 3 },
  { input: 'value', layer: 1, head: 0 },
  { input: 'mlp', layer: 0 },
  { input: 'mlp', layer: 1 },
  { input: 'logits' },
];
const senders: readonly Sender[] = ['embedding', { layer: 0, head: 1 }, { layer: 0 }, { layer: 1, head: 3 }];
const positions = ids.map((_, position) => position);

describe('estimates of edges', () => {
  it('are the slope of the metric along the change that the sender makes, by central differences', async () => {
    const tiny = await openTiny('llama');
    try {
      const model = runnerOf(tiny.model);
      const runs = await PathRuns.of(model, pair, { ...settings, freezeMlps: true });
      const found = await edgeEstimates(model, runs, pair, { senders, receivers, positions }, settings);
      const own = await Outputs.of(model, pair.clean, [], ['query', 'key', 'value', 'mlp']);
      const changes: { readonly to: number; readonly from: number; readonly rows: ReplacementChange }[] = [];
      let from = 0;
      for (const sender of senders) {
        const one = { senders: [sender], receivers, positions };
        await runs.received(one, (receiver, rows) => {
          changes.push({ to: receivers.indexOf(receiver), from, rows });
          return 0;
        });
        from += 1;
      }
      const step = 0.02;
      const moved = (rows: ReplacementChange, by: number): ReplacementChange => {
        const x = own.slot(rows.target, rows.layer, 'head' in rows ? rows.head : 0);
        const data = rows.data.map((value, at) => (x[at] ?? 0) + by * (value - (x[at] ?? 0)));
        return { ...rows, data };
      };
      const variants = changes.flatMap(({ rows }) => [step, -step].map((by) => [moved(rows, by)]));
      const values = (await measured(model, pair.clean, pair, 'logit-difference', variants)).map(([value]) => value);
      let compared = 0;
      for (const [at, { to, from: sender }] of changes.entries()) {
        const slope = ((values[2 * at] ?? NaN) - (values[2 * at + 1] ?? NaN)) / (2 * step);
        const estimate = found[to]?.[sender] ?? NaN;
        const name = `sender ${sender} on ${receiverText(receivers[to]!)}`;
        assert.ok(Math.abs(estimate - slope) <= 2e-3 * Math.abs(slope) + 2e-4, `${name}: ${estimate} and ${slope}`);
        if (Math.abs(slope) > 1e-3) compared += 1;
      }
      assert.ok(compared >= 6, `${compared} edges have a slope to speak of`);
      // What does not reach a receiver has no effect on it, and the logits are no input.
      receivers.forEach((receiver, to) =>
        senders.forEach((sender, at) => {
          if (receiver.input === 'logits' || !reaches(sender, receiver)) assert.equal(found[to]?.[at], 0);
        }),
      );
      const all = await runs.edges({ senders, receivers, positions });
      const few = await runs.edges({ senders, receivers, positions }, (sender) => sender === senders[2]);
      all.forEach((row, to) => {
        assert.deepEqual(few[to]?.[2], row[2], 'a chosen edge is measured as among all of them');
        assert.ok(Number.isNaN(few[to]?.[0]));
      });
    } finally {
      await tiny.close();
    }
  });

  it('of a planted indirect object circuit: its chain and no more by patching, and the soft edges of it by the gradient', async () => {
    const { config, tensors } = plantedObject();
    // With an inhibition a hundred times smaller the attention of the mover is soft: a switch has no slope.
    const scaled = [...tensors].map(([name, { shape, data }]) => {
      const by = name === 'model.decoder.layers.1.self_attn.out_proj.weight' ? 0.01 : 1;
      return [name, { shape, data: data.map((value) => by * value) }] as const;
    });
    const opened = await openPlanted({ config, tensors: new Map(scaled) });
    try {
      const given: Partial<AttributionParameters> = { random: 1000 };
      const resolved = resolveTable('attribution', attributionTable, given);
      assert.ok(resolved.ok, resolved.ok ? '' : resolved.why);
      const result = await resultOf(
        attribution.run(runnerOf(opened.model), {
          input: objectTask(objectSamples.slice(0, 4)),
          parameters: resolved.values,
          variant: [],
          groups: [],
          seed: 0,
          step: (_, act) => act(),
        }),
      );
      const all = result.edges?.edges ?? [];
      assert.equal(all.filter(({ exact }) => Number.isNaN(exact)).length, 0, 'all edges are patched');
      const chain = ['L0H0 L1H0 value', 'L1H0 L2H0 query', 'L2H0 logits logits', 'embedding L0H0 query'];
      const nameOf = ({ from, to, input }: (typeof all)[number]): string => `${from} ${to} ${input}`;
      const strong = all.filter(({ exact }) => Math.abs(exact) > 1e-3);
      assert.deepEqual(strong.map(nameOf).sort(), [...chain].sort());
      const [gap = NaN] = [(result.counterpart?.mean ?? NaN) - result.original.mean];
      for (const edge of all) {
        // The head of layer 0 finds the earlier copy by a hard attention, whose slope says nothing.
        if (nameOf(edge) === 'embedding L0H0 query') continue;
        const inChain = chain.includes(nameOf(edge));
        if (inChain) assert.ok(Math.abs(edge.exact - gap) < 0.01, `${nameOf(edge)} makes all of the difference`);
        if (edge.to === 'logits') continue;
        assert.ok(Math.abs(edge.estimate - edge.exact) < (inChain ? 0.15 * Math.abs(gap) : 1e-3), nameOf(edge));
      }
      assert.match(
        attribution.finding(result),
        /the strongest edge goes from the embeddings to the query of L0H0: .*estimates of edges are not to be relied on here/,
      );
    } finally {
      await opened.close();
    }
  });
});
