import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { HeadView } from '../../../compute-server/heads/head-view';
import { type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { parityOf } from '../../../compute-server/model/checkpoint/parity';
import { sequenceOf } from '../../../compute-server/model/prompt/prompt';
import { withoutSpan, type Sequence } from '../../../diagnostics/model-runner/sequence';
import { generate } from '../../support/generate';
import { TinyVlms } from '../../support/checkpoints/open-vlms';
import { tinyIdefics3, tinyLlava, tinyPaligemma, type TinyVlm } from '../../support/checkpoints/tiny-vision';

const run = { memoryLimit: 4e9 };
const floats = (data: unknown): Float32Array => {
  assert.ok(data instanceof Float32Array);
  return data;
};

describe('what a picture in the prompt goes through', () => {
  let vlms: TinyVlms;
  before(() => {
    vlms = new TinyVlms();
  });
  after(() => vlms.close());

  const open = async (tiny: TinyVlm, limitBytes?: number): Promise<LoadedModel> =>
    (await vlms.open(tiny, limitBytes)).model;
  const merged = (model: LoadedModel, image: string): Promise<Sequence> =>
    sequenceOf(model, { kind: 'ids', ids: [3, 17, 60, 9, 22, 41], image }, run);

  for (const tiny of [tinyLlava(), tinyLlava({ next: true }), tinyPaligemma(1), tinyPaligemma(2), tinyIdefics3()]) {
    it(`${tiny.name}: decoding against the cache equals running the whole sequence again`, async () => {
      const model = await open(tiny);
      const sequence = await merged(model, vlms.picture(20, 14));
      const made: number[] = [];
      const logits: Float32Array[] = [];
      const variant: Variant = [{ kind: 'gain', layer: 1, head: 2, gain: 0.5 }];
      for await (const token of generate(model.spec, model.sessions, {
        ...sequence,
        variant,
        chunk: 7,
        maxNewTokens: 5,
        stopIds: [],
        sampling: { temperature: 0, topP: 1, seed: 0 },
      })) {
        made.push(token.id);
        logits.push(token.logits.slice());
      }
      for (const step of [0, 1, 4]) {
        // Generated rows read what is before them: the prefix of the prompt stays as long as the prompt.
        const whole = await runPrompt(model.spec, model.sessions, {
          ...sequence,
          ids: [...sequence.ids, ...made.slice(0, step)],
          variants: [variant],
          chunk: 64,
          logits: 'last',
        });
        const expected = floats(whole.logits?.data);
        logits[step]?.forEach((value, i) => assert.ok(Math.abs(value - (expected[i] ?? NaN)) < 1e-4, `step ${step}`));
      }
    });
  }

  it('the mass on the group `image` is the sum of the probabilities on its rows', async () => {
    const model = await open(tinyIdefics3());
    const sequence = await merged(model, vlms.picture(32, 20));
    const rows = sequence.groups?.find(({ name }) => name === 'image')?.positions ?? [];
    assert.ok(rows.length > 4 && sequence.image && rows.length < sequence.image.end - sequence.image.start);
    const heads = [0, 1, 2, 3];
    const result = await runPrompt(model.spec, model.sessions, {
      ...sequence,
      chunk: 9,
      logits: 'none',
      statistics: true,
      maps: heads.map((head) => ({ layer: 1, head })),
    });
    const n = sequence.ids.length;
    for (const head of heads) {
      const map = result.layers[1]?.maps.get(head);
      assert.ok(map);
      const first = rows[0] ?? 0;
      let sum = 0;
      for (let i = first; i < n; i++) for (const j of rows) sum += map[i * n + j] ?? 0;
      const found = result.layers[1]?.statistics?.groups['image']?.[head] ?? NaN;
      assert.ok(Math.abs(found - sum / (n - first)) < 1e-5);
    }
  });

  it('one head of a merged sequence is drawn as it was run', async () => {
    const model = await open(tinyPaligemma(1));
    const sequence = await merged(model, vlms.picture(12, 12));
    const whole = await runPrompt(model.spec, model.sessions, {
      ...sequence,
      chunk: 64,
      logits: 'none',
      maps: [{ layer: 1, head: 3 }],
    });
    const n = sequence.ids.length;
    const view = await HeadView.open(model, sequence, [], 1, 64);
    assert.deepEqual(await view.rows(3, 2, 6), whole.layers[1]?.maps.get(3)?.slice(2 * n, 8 * n));
  });

  it('the parity check runs the merged sequence', async () => {
    const model = await open(tinyLlava());
    const parity = await parityOf(model, await merged(model, vlms.picture(12, 12)));
    assert.deepEqual([parity.ok, parity.maxLogitError], [true, 0]);
  });

  it('without the rows of the picture the run is that of the text alone', async () => {
    const model = await open(tinyLlava());
    const sequence = await merged(model, vlms.picture(12, 12));
    assert.ok(sequence.image);
    const text = withoutSpan(sequence, sequence.image, 'contiguous');
    assert.deepEqual(text, { ids: [3, 17, 9, 22, 41], groups: [] });
    const kept = withoutSpan(sequence, sequence.image, 'original');
    assert.deepEqual(kept.positions, [0, 1, 11, 12, 13]);
  });

  it('gives the same numbers when layers are released under a tight limit', async () => {
    const wide = await open(tinyLlava());
    const tight = await open(tinyLlava(), 20_000);
    const image = vlms.picture(17, 12);
    const [all, few] = await Promise.all([merged(wide, image), merged(tight, image)]);
    assert.deepEqual(few.embeddings, all.embeddings);
    assert.ok((tight.vision?.sessions.openBytes() ?? 0) < (wide.vision?.sessions.openBytes() ?? 0));
  });

  it('refuses an encoder that does not fit, before it runs', async () => {
    const model = await open(tinyLlava());
    // Decoding the picture takes 2.7 kB.
    await assert.rejects(
      sequenceOf(model, { kind: 'ids', ids: [60], image: vlms.picture(13, 12) }, { memoryLimit: 4000 }),
      (error: { failure?: { code?: string; fittingLength?: number } }) =>
        error.failure?.code === 'out-of-memory' && error.failure.fittingLength === undefined,
    );
  });
});
