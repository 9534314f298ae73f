import { gainChanges } from '../../../models/instrument/changes/gain';
import assert from 'node:assert/strict';
import { ServerRunner } from '../../../compute-server/runner/runner';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { causalCheck, type CausalCheck } from '../../../diagnostics/shared/labels/causal-check';
import { probeSettings } from '../../../diagnostics/shared/labels/probe-runs';
import { repeatedSequence } from '../../../diagnostics/shared/labels/probes';
import type { HeadClass } from '../../../protocol/results/heads-schema';
import type { HeadGain } from '../../../protocol/schema/parts';
import { openTiny, promptIds, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { resultOf, surroundingsOf } from '../../support/model-jobs';

const labelled = (layer: number, head: number, label: HeadClass['label']): HeadClass => ({
  layer,
  head,
  label,
  score: 1,
  null: { mean: 0, sd: 0.1 },
  confidence: 1,
});
const classes = [
  labelled(0, 0, 'self'),
  labelled(0, 1, 'induction'),
  labelled(1, 0, 'induction'),
  labelled(1, 0, 'local'),
];
const gains = [{ layer: 0, head: 2, gain: 0.5 }];
const seed = 3;

describe('what labelled heads are worth', () => {
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny('llama');
  });
  after(() => tiny.close());

  const runner = (memoryLimit = 1e9): ServerRunner =>
    new ServerRunner(tiny.model, tiny.model, surroundingsOf({ memoryLimit }), new AbortController().signal);
  const check = (
    of: {
      ids?: readonly number[];
      labels?: readonly HeadClass[];
      gains?: readonly HeadGain[];
      memoryLimit?: number;
    } = {},
  ): Promise<CausalCheck> =>
    resultOf(
      causalCheck(runner(of.memoryLimit), { ids: of.ids ?? promptIds }, of.labels ?? classes, {
        variant: gainChanges(of.gains ?? gains),
        seed,
        step: (_, act) => act(),
      }),
    );

  /** By the definition: all logits, -ln of the softmax at the next token, the mean over `positions`. */
  const lossWith = async (ids: readonly number[], positions: readonly number[], off: readonly HeadGain[]) => {
    const { logits } = await runPrompt(tiny.model.spec, tiny.model.sessions, {
      ids,
      chunk: ids.length,
      variants: [gainChanges([...gains, ...off])],
      logits: 'all',
    });
    const width = logits?.shape.at(-1) ?? 0;
    const all = Array.from(logits?.data ?? [], Number);
    const losses = positions.map((position) => {
      const row = all.slice(position * width, (position + 1) * width);
      return Math.log(row.reduce((sum, each) => sum + Math.exp(each), 0)) - (row[ids[position + 1] ?? 0] ?? 0);
    });
    return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  };
  const near = (found: number | undefined, expected: number, what: string): void =>
    assert.ok(Math.abs((found ?? Number.NaN) - expected) < 1e-5, `${what}: ${found} and ${expected}`);

  it('each head alone and all of a label at once: on the prompt and on the repeated sequence, over the gains of the run', async () => {
    const found = await check();
    const settings = probeSettings(runner().facts, seed);
    assert.ok(settings);
    const probe = repeatedSequence(settings);
    const prompted = promptIds.slice(1).map((_, at) => at);
    const counted = probe.counted.filter((position) => position + 1 < probe.ids.length);
    const changes = async (off: readonly HeadGain[]) =>
      [
        (await lossWith(probe.ids, counted, off)) - (await lossWith(probe.ids, counted, [])),
        (await lossWith(promptIds, prompted, off)) - (await lossWith(promptIds, prompted, [])),
      ] as const;
    for (const { layer, head, causal } of found.classes) {
      const [onProbe, onPrompt] = await changes([{ layer, head, gain: 0 }]);
      near(causal?.lossChange, onProbe, `L${layer}H${head}`);
      near(causal?.promptLossChange, onPrompt, `L${layer}H${head} on the prompt`);
    }
    assert.deepEqual(
      found.ablations.map(({ label, heads }) => [label, heads]),
      [
        ['self', 1],
        ['local', 1],
        ['induction', 2],
      ],
    );
    const [onProbe, onPrompt] = await changes([
      { layer: 0, head: 1, gain: 0 },
      { layer: 1, head: 0, gain: 0 },
    ]);
    near(found.ablations[2]?.lossChange, onProbe, 'both induction heads');
    near(found.ablations[2]?.promptLossChange, onPrompt, 'both induction heads on the prompt');
    const alone = found.classes
      .filter(({ label }) => label === 'induction')
      .map(({ causal }) => causal?.lossChange ?? 0);
    assert.ok(
      alone.every((change) => Math.abs(change - onProbe) > 1e-4),
      'the class is more than one of its heads',
    );
  });

  it('a head that the gains have at 0 is not removed once more, and the class without it is worth what its others are', async () => {
    const off = [...gains, { layer: 0, head: 1, gain: 0 }];
    const found = await check({ gains: off });
    const [, gone, other] = found.classes;
    assert.deepEqual(gone?.causal, {
      lossChange: Number.NaN,
      on: 'repeated random sequence, second half',
      alreadyOff: 1,
    });
    const positions = promptIds.slice(1).map((_, at) => at);
    const [without, with_] = [
      await lossWith(promptIds, positions, [
        { layer: 0, head: 1, gain: 0 },
        { layer: 1, head: 0, gain: 0 },
      ]),
      await lossWith(promptIds, positions, [{ layer: 0, head: 1, gain: 0 }]),
    ];
    near(other?.causal?.promptLossChange, without - with_, 'L1H0 on top of the gains');
    assert.ok(other?.causal && !('alreadyOff' in other.causal));
    const joint = found.ablations.find(({ label }) => label === 'induction');
    assert.deepEqual(joint, { label: 'induction', heads: 2, ...other.causal, alreadyOff: 1 });
    const alone = await check({ gains: off, labels: classes.slice(1, 2) });
    assert.deepEqual([alone.ablations[0]?.alreadyOff, alone.ablations[0]?.lossChange], [1, Number.NaN]);
  });

  it('with little memory fewer are removed side by side, and the numbers stay', async () => {
    const [much, little] = [await check(), await check({ memoryLimit: 260_000 })];
    little.ablations.forEach(({ lossChange, promptLossChange }, at) => {
      near(lossChange, much.ablations[at]?.lossChange ?? Number.NaN, 'sequence');
      near(promptLossChange, much.ablations[at]?.promptLossChange ?? Number.NaN, 'prompt');
    });
  });

  it('a prompt of one token has no loss; a model without labels is not run', async () => {
    const one = await check({ ids: [5] });
    assert.ok(one.classes.every(({ causal }) => causal && !('promptLossChange' in causal)));
    const none = await check({ labels: [] });
    assert.deepEqual(none, { classes: [], ablations: [] });
  });
});
