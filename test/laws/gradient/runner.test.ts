/** Gradients through the port: what a request may ask, cancelling, memory; and what is built on them. */
import assert from 'node:assert/strict';
import { ServerRunner } from '../../../compute-server/runner/runner';
import { embeddingLine } from '../../../diagnostics/shared/gradients/embedding-line';
import type { GradientRequest } from '../../../diagnostics/model-runner/gradients';
import { openTiny, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { runnerOf, surroundingsOf } from '../../support/model-jobs';

const ids = [5, 17, 3, 42, 17, 8, 29, 3];
const objective = {
  kind: 'logits',
  terms: [
    { row: 7, token: 7, weight: 1 },
    { row: 7, token: 30, weight: -1 },
  ],
} as const;

describe('gradients of a runner', function () {
  this.timeout(30_000);
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny('gpt2');
  });
  after(() => tiny.close());

  it('give the rows that are asked for, and report how far they are', async () => {
    const runner = runnerOf(tiny.model);
    const shares: number[] = [];
    const request: GradientRequest = { ids, objective, taps: [{ layer: 1, tap: 'mlp_output' }] };
    const whole = await runner.gradients({ ...request, onProgress: (share) => shares.push(share) });
    const some = await runner.gradients({ ...request, tapRows: [2, 7] });
    const [all, rows] = [whole, some].map(({ layers }) => layers[0]!.taps.mlp_output!);
    assert.deepEqual(all!.shape, [1, 8, 32]);
    assert.deepEqual(rows!.shape, [1, 2, 32]);
    const picked = [2, 7].flatMap((row) => [...all!.data.slice(row * 32, row * 32 + 32)]);
    assert.deepEqual([...rows!.data], picked);
    assert.deepEqual(
      shares,
      [...shares].sort((a, b) => a - b),
    );
    assert.equal(shares.at(-1), 1);
  });

  it('end when they are cancelled', async () => {
    const controller = new AbortController();
    const runner = new ServerRunner(tiny.model, tiny.model, surroundingsOf(), controller.signal);
    const asked = runner.gradients({
      ids,
      objective,
      headGains: true,
      onProgress: (share) => {
        if (share > 0.5) controller.abort();
      },
    });
    await assert.rejects(asked, { name: 'AbortError' });
  });

  it('refuse what the model does not have, and what does not fit', async () => {
    const runner = runnerOf(tiny.model);
    await assert.rejects(
      runner.gradients({ ids, objective, taps: [{ layer: 2, tap: 'residual' }] }),
      /There is no layer 2/,
    );
    await assert.rejects(
      runner.gradients({ ids, objective, variant: [{ kind: 'gain', layer: 0, head: 4, gain: 0 }] }),
      /There is no head 4 in layer 0/,
    );
    await assert.rejects(
      runner.gradients({ ids, objective, weights: ['lm_head.bias'] }),
      /No layer of the model reads/,
    );
    await assert.rejects(runner.gradients({ ids, objective: { kind: 'loss', rows: [] } }), /nothing to differentiate/);
    const small = surroundingsOf({ memoryLimit: 2e4 });
    const cramped = new ServerRunner(tiny.model, tiny.model, small, new AbortController().signal);
    await assert.rejects(cramped.gradients({ ids, objective, headGains: true }), (error: unknown) => {
      return (error as { failure?: { code: string } }).failure?.code === 'out-of-memory';
    });
  });

  it('of logits and the ln of their sum of exponentials, put together as a loss, are those of the loss', async () => {
    const runner = runnerOf(tiny.model);
    const loss = await runner.gradients({ ids, objective: { kind: 'loss', rows: [4] }, embedding: true });
    const together = {
      kind: 'logits',
      terms: [{ row: 4, token: ids[5]!, weight: -1 }],
      logSums: [{ row: 4, weight: 1 }],
    } as const;
    const sum = await runner.gradients({ ids, objective: together, embedding: true });
    assert.deepEqual(sum, loss);
  });

  const other = [5, 17, 3, 11, 60, 8, 29, 3];

  it('integrated over the line between two prompts, add up to the difference of what they give', async () => {
    const runner = runnerOf(tiny.model);
    const steps = 20;
    const line = await embeddingLine(runner, { ids: other }, { ids });
    let sum = 0;
    for (let step = 0; step < steps; step++) {
      const { embedding } = await runner.gradients({ ...(await line.at(step, steps)), objective, embedding: true });
      embedding!.forEach((slope, at) => (sum += (slope * (line.end[at]! - line.start[at]!)) / steps));
    }
    const at = async (of: readonly number[]): Promise<number> => {
      const { answers } = await runner.run({ ids: of, logits: 'none', answersAt: [{ row: 7, tokens: [7, 30] }] });
      const [a = 0, b = 0] = answers?.[0]?.[0]?.logits ?? [];
      return a - b;
    };
    const expected = (await at(ids)) - (await at(other));
    assert.ok(Math.abs(sum - expected) < 0.01 * Math.abs(expected), `${sum} is not ${expected}`);
  });
});
