import assert from 'node:assert/strict';
import { planChunk } from '../../../../compute-server/model/run/budget';
import { FailureError, type Failure } from '../../../../protocol/wire/failures';
import { openTiny, type OpenTiny } from '../../../support/checkpoints/open-tiny';

describe('the chunk of a run', () => {
  let llama: OpenTiny;
  let bert: OpenTiny;
  before(async () => {
    llama = await openTiny('llama');
    bert = await openTiny('bert');
  });
  after(async () => {
    await llama.close();
    await bert.close();
  });
  const shape = (length: number) => ({ length, batch: 1, keepCache: false, logits: 'none' }) as const;
  const refusal = (act: () => unknown): Extract<Failure, { code: 'out-of-memory' }> => {
    try {
      act();
    } catch (error) {
      assert.ok(error instanceof FailureError && error.failure.code === 'out-of-memory');
      return error.failure;
    }
    return assert.fail('it was not refused');
  };

  it('is the largest that fits, and never longer than the prompt', () => {
    const { spec } = llama.model;
    assert.equal(planChunk(spec, shape(1000), 1e9), 256);
    assert.equal(planChunk(spec, shape(40), 1e9), 40);
    const some = planChunk(spec, shape(4000), 12e6);
    assert.ok(some < 256 && some >= 16, String(some));
  });

  it('a wanted chunk is taken as it is, or refused where it does not fit', () => {
    const { spec } = llama.model;
    assert.equal(planChunk(spec, shape(1000), 1e9, 7), 7);
    const { fittingLength = 0, neededBytes, limitBytes } = refusal(() => planChunk(spec, shape(5000), 16e6, 5000));
    assert.ok(neededBytes > limitBytes && fittingLength > 0 && fittingLength < 5000);
    assert.equal(planChunk(spec, shape(fittingLength), 16e6, 5000), fittingLength);
    assert.equal(limitBytes, 16e6);
    assert.equal(planChunk(spec, shape(5000), neededBytes, 5000), 5000, 'what it says it needs is enough');
    assert.throws(() => planChunk(spec, shape(5000), neededBytes - 2, 5000));
  });

  it('a bidirectional prompt is one chunk, or refused', () => {
    const { spec } = bert.model;
    assert.equal(planChunk(spec, shape(500), 1e9), 500);
    assert.equal(planChunk(spec, shape(500), 1e9, 16), 500);
    assert.ok((refusal(() => planChunk(spec, shape(5000), 1e8)).fittingLength ?? 0) > 0);
  });

  it('counts the tokens that generation adds to the cache', () => {
    const { spec } = llama.model;
    const generation = { length: 100, batch: 1, keepCache: true, logits: 'last', further: 1_000_000 } as const;
    refusal(() => planChunk(spec, generation, 1e8));
    assert.equal(planChunk(spec, { ...generation, further: 10 }, 1e8), 100);
  });
});
