import assert from 'node:assert/strict';
import { ServerTrainer } from '../../../../../compute-server/runner/server-trainer';
import { bagBatch, MarkerBags } from '../../../../../diagnostics/experiments/marker-bag/bags';
import { bagNetwork, poolPrefix } from '../../../../../diagnostics/experiments/marker-bag/networks';
import { lamaReference } from '../../../../../kernels/modules/low-rank-mha/lama';
import { random } from '../../../../../kernels/tensors/random';
import { tensor } from '../../../../../kernels/tensors/tensor';

const size = { words: 6, width: 24, values: 3 };

describe('bags with two marked words', () => {
  const source = new MarkerBags(size, 2);

  it('mark one word of each kind, at different places, and name the pair of their values', () => {
    const count = 3000;
    const { h, labels, places } = source.drawn(count, random(1));
    const seen = new Array<number>(9).fill(0);
    /** By kind: the sum of the marked words less what was added to them. */
    const rest = [0, 1].map(() => new Float64Array(size.width));
    labels.forEach((label, bag) => {
      seen[label] = (seen[label] ?? 0) + 1;
      const values = [Math.floor(label / 3), label % 3];
      const [first, second] = places[bag] ?? [0, 0];
      assert.notEqual(first, second);
      [first, second].forEach((place, kind) => {
        for (let i = 0; i < size.width; i++) {
          const added = 4 * (source.kinds[kind]![i]! + source.valueDirections[kind]![values[kind]!]![i]!);
          rest[kind]![i]! += (h[(bag * size.words + place) * size.width + i]! - added) / count;
        }
      });
    });
    // Each pair a ninth of the time: 333, whose deviation is 17; a mean of 3000 normal numbers has one of 0.018.
    assert.ok(
      seen.every((times) => Math.abs(times - 333) < 75),
      seen.join(),
    );
    assert.ok(rest.every((means) => means.every((value) => Math.abs(value) < 0.08)));
    for (const direction of source.kinds) assert.ok(Math.abs(Math.hypot(...direction) - 1) < 1e-12);
  });

  it('are pooled by low-rank attention, and read by one linear layer', async () => {
    const pool = {
      words: 6,
      width: 24,
      heads: 2,
      context: 'learned',
      activation: 'tanh',
      l2: true,
      rank: 2,
      temperature: 0.5,
      batch: 4,
    };
    const made = bagNetwork('bags', { ...size, batch: 4, labels: 9 }, pool);
    const { network } = made;
    const learned = made.initial(5);
    const bags = source.drawn(4, random(3));
    const trainer = new ServerTrainer({ defaultThreads: 1 }, new AbortController().signal);
    const { loss, outputs } = await trainer.forward(network, learned, bagBatch(bags, size));
    await trainer.close();
    const of = (name: string, shape: readonly number[]) => tensor(shape, Float64Array.from(learned[name]!));
    const { output, attention } = lamaReference(
      {
        inputs: {
          h: tensor([4, 6, 24], Float64Array.from(bags.h)),
          mask: tensor([4, 6], new Float64Array(24).fill(1)),
        },
        weights: {
          _p: of(`${poolPrefix}_p`, [24, 4]),
          _q: of(`${poolPrefix}_q`, [24, 4]),
          _c: of(`${poolPrefix}_c`, [24, 1]),
        },
      },
      pool,
    );
    attention.data.forEach((value, at) =>
      assert.ok(Math.abs(Number(outputs['attention']?.data[at]) - value) < 1e-5, `attention ${at}`),
    );
    const [weight, bias] = [learned['classifier.weight']!, learned['classifier.bias']!];
    let expected = 0;
    bags.labels.forEach((label, bag) => {
      const logits = Array.from({ length: 9 }, (_, c) => {
        let sum = bias[c]!;
        for (let i = 0; i < 48; i++) sum += weight[c * 48 + i]! * output.data[bag * 48 + i]!;
        return sum;
      });
      expected += (Math.log(logits.reduce((all, logit) => all + Math.exp(logit), 0)) - logits[label]!) / 4;
      assert.equal(Number(outputs['best']?.data[bag]), logits.indexOf(Math.max(...logits)));
    });
    assert.ok(Math.abs(loss - expected) < 1e-5);
  });
});
