/** Which pieces of a model are open at once, and that where their weights lie does not change what it gives. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import type { LayerSessions } from '../../../compute-server/model/run/graphs/layer-sessions';
import type { Piece } from '../../../compute-server/model/run/graphs/pieces';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { parityOf } from '../../../compute-server/model/checkpoint/parity';
import type { RuntimeSession } from '../../../compute-server/runtime/session';
import { openTiny, promptIds as ids } from '../../support/checkpoints/open-tiny';
import { llamaLike, writeTinyModel } from '../../support/checkpoints/tiny-models';

const nameOf = (piece: Piece): string =>
  piece.kind === 'block' ? `${piece.instrumented ? 'instrumented' : 'plain'} ${piece.layer}` : piece.kind;

describe('the pieces of a model', () => {
  it('are opened layer by layer for parity, the plain layer closed before the instrumented one is opened', async () => {
    const llama = await openTiny('llama');
    const steps: string[] = [];
    const sessions = Object.create(llama.model.sessions) as LayerSessions;
    sessions.session = async (piece) => {
      if (piece.kind === 'block') steps.push(`open ${nameOf(piece)}`);
      return llama.model.sessions.session(piece);
    };
    sessions.close = async (piece) => {
      const before = llama.model.sessions.openBytes();
      await llama.model.sessions.close(piece);
      assert.ok(llama.model.sessions.openBytes() < before);
      steps.push(`close ${nameOf(piece)}`);
    };
    await parityOf({ ...llama.model, sessions }, { ids });
    assert.deepEqual(steps, [
      'open plain 0',
      'close plain 0',
      'open instrumented 0',
      'open plain 1',
      'close plain 1',
      'open instrumented 1',
    ]);
    await llama.close();
  });

  it('closes the plain layer too where its run fails', async () => {
    const llama = await openTiny('llama');
    const sessions = Object.create(llama.model.sessions) as LayerSessions;
    sessions.session = async (piece) => {
      const session = await llama.model.sessions.session(piece);
      return piece.kind === 'block' ? { ...session, run: () => Promise.reject(new Error('no memory')) } : session;
    };
    await assert.rejects(parityOf({ ...llama.model, sessions }, { ids }), /no memory/);
    const failed = llama.model.sessions.openBytes();
    await llama.model.sessions.release();
    await llama.model.sessions.session({ kind: 'embedding' });
    assert.equal(failed, llama.model.sessions.openBytes());
    await llama.close();
  });

  it('do not keep what a long prompt took beside what the limit leaves: layers beyond it are opened again', async () => {
    const roomy = await openTiny('llama');
    const { folder, spec } = roomy.model;
    const long = Array.from({ length: 240 }, (_, i) => ids[(7 * i) % ids.length] ?? 0);
    const request = { ids: long, chunk: 64, logits: 'last', statistics: true } as const;
    const [whole] = [await runPrompt(spec, roomy.model.sessions, request)];
    const bytes = roomy.model.sessions.openBytes();
    // The weights fit, and what the layers take does not.
    const tight = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: bytes });
    for (let time = 0; time < 2; time++) {
      const { logits, layers } = await runPrompt(tight.spec, tight.sessions, request);
      assert.deepEqual([logits, layers], [whole.logits, whole.layers]);
      assert.ok(tight.sessions.openBytes() < bytes);
    }
    await tight.sessions.release();
    await roomy.close();
  });

  for (const which of ['llama', 'gpt2'] as const) {
    it(`of ${which} give the same bits from mapped weights as from those laid out anew; a single row, up to rounding`, async () => {
      const anew = await openTiny(which);
      const mapped = await openModel(anew.model.folder, {
        device: 'cpu',
        threads: 1,
        limitBytes: 1e9,
        prepackedBytes: 0,
      });
      const logits = async (rows: readonly number[]): Promise<readonly Float32Array[]> => {
        const request = { ids: rows, chunk: 7, logits: 'all' } as const;
        return Promise.all(
          [anew.model, mapped].map(async ({ spec, sessions }) => {
            const data = (await runPrompt(spec, sessions, request)).logits?.data;
            assert.ok(data instanceof Float32Array);
            return data;
          }),
        );
      };
      const [a, b] = await logits(ids);
      assert.deepEqual(b, a);
      const [one = assert.fail(), same = assert.fail()] = await logits(ids.slice(0, 1));
      one.forEach((value, i) => assert.ok(Math.abs(value - (same[i] ?? NaN)) <= 1e-5 * Math.max(1, Math.abs(value))));
      await mapped.sessions.release();
      await anew.close();
    });
  }

  describe('that do not fit the limit', () => {
    const sixLayers = llamaLike('six layers', 'llama', { num_hidden_layers: 6 });
    // By hand, in float32: a block is 4 projections (32 x 32 twice, 16 x 32 twice), 3 of 48 x 32 and two norms of 32; the
    // ends are 61 x 32 each and a norm.
    const blockBytes = 4 * (2 * 32 * 32 + 2 * 16 * 32 + 3 * 48 * 32 + 2 * 32);
    const endBytes = 4 * (2 * 61 * 32 + 32);
    const room = endBytes + 3.5 * blockBytes;

    it('stay open as far as there is room, the others are opened again in each pass, with the same numbers', async () => {
      const tight = await openTiny(sixLayers, room);
      const wide = await openTiny(sixLayers);
      const before = new Map<number, RuntimeSession>();
      let opened: number[] = [];
      const sessions = Object.create(tight.model.sessions) as LayerSessions;
      sessions.session = async (piece) => {
        const session = await tight.model.sessions.session(piece);
        assert.ok(tight.model.sessions.openBytes() <= room);
        if (piece.kind === 'block' && before.get(piece.layer) !== session) {
          before.set(piece.layer, session);
          opened.push(piece.layer);
        }
        return session;
      };
      const request = { ids, chunk: 7, logits: 'all' } as const;
      const expected = await runPrompt(wide.model.spec, wide.model.sessions, request);
      const passes: (readonly number[])[] = [];
      for (let pass = 0; pass < 3; pass++) {
        opened = [];
        const { logits } = await runPrompt(tight.model.spec, sessions, request);
        assert.deepEqual(logits, expected.logits);
        passes.push(opened);
      }
      assert.deepEqual(passes, [
        [0, 1, 2, 3, 4, 5],
        [2, 3, 4],
        [1, 2, 3],
      ]);
      await tight.close();
      await wide.close();
    });

    it('are said when the model is opened, with the time; nothing is said of a model that fits', async () => {
      const tight = await openTiny(sixLayers, room);
      const [note, ...more] = tight.model.summary.notes ?? [];
      assert.match(
        note ?? '',
        /^Its weights take 202 kB and 124 kB of the memory limit are theirs\. 3 of its 6 layers are read from the disk in each pass over the model .* about [\d.]+ m?s a pass/,
      );
      assert.deepEqual(more, []);
      const reopening = await tight.model.sessions.reopening();
      assert.equal(reopening?.layers, 3);
      assert.equal(tight.model.sessions.openBytes(), 0);
      await tight.close();
      const none = await openTiny(sixLayers, 1000);
      assert.match(none.model.summary.notes?.[0] ?? '', / Its 6 layers are read from the disk/);
      await none.close();
      const wide = await openTiny(sixLayers);
      assert.equal(wide.model.summary.notes, undefined);
      await wide.close();
    });
  });

  describe('of decoding', () => {
    const openHalf = async (folder: string, prepackedBytes?: number, limitBytes = 1e9) =>
      openModel(folder, {
        device: 'cpu',
        threads: 1,
        limitBytes,
        ...(prepackedBytes === undefined ? {} : { prepackedBytes }),
      });
    const withKinds = (sessions: LayerSessions) => {
      const kinds: string[] = [];
      const spied = Object.create(sessions) as LayerSessions;
      spied.session = async (piece) => {
        if (('layer' in piece && piece.layer === 0) || piece.kind === 'steps') kinds.push(piece.kind);
        return sessions.session(piece);
      };
      return { kinds, sessions: spied };
    };

    it('share mapped float32 weights, and hold half weights once: steps take the place of blocks when they pay', async () => {
      const llama = await openTiny('llama');
      const folder = join(llama.model.folder, 'half');
      writeTinyModel(folder, llama.tiny, 'BF16');
      const large = await openHalf(folder, 0);
      const small = await openHalf(folder);
      const blocks = llama.model.spec.blocks.length;
      const half = llama.model.sessions.sizes.weights();
      assert.equal(small.sessions.stepsToOpen(), 0);

      // By hand, in float32: as in the model below, with an embedding and a head that are not tied.
      const blockBytes = 4 * (2 * 32 * 32 + 2 * 16 * 32 + 3 * 48 * 32 + 2 * 32);
      assert.equal(large.sessions.stepsToOpen(), blocks * blockBytes);
      const { kinds, sessions } = withKinds(large.sessions);
      const run = await SequenceRun.start(large.spec, sessions, { ids, chunk: 20 });
      const expected = await SequenceRun.start(small.spec, small.sessions, { ids, chunk: 20 });
      for (const id of [3, 5, 7]) {
        const { logits } = await run.extend([id]);
        const same = await expected.extend([id]);
        logits.forEach((value, i) => assert.ok(Math.abs(value - (same.logits[i] ?? NaN)) <= 1e-5));
        assert.ok(large.sessions.openBytes() <= half);
      }
      // 2.4e-9 s a byte of two layers are 1.2e-4 s, and a row costs 4e-4 s more by the blocks.
      assert.deepEqual(kinds, ['block', 'block', 'steps', 'steps']);
      assert.equal(large.sessions.stepsToOpen(), 0);
      // Several rows at once go through the blocks, and steps are to pay anew.
      kinds.length = 0;
      for (const added of [[11, 13], [17], [19], [23]]) {
        const { logits } = await run.extend(added);
        const same = await expected.extend(added);
        logits.forEach((value, i) => assert.ok(Math.abs(value - (same.logits[i] ?? NaN)) <= 1e-5));
      }
      assert.deepEqual(kinds, ['block', 'block', 'steps', 'steps']);
      await runPrompt(large.spec, large.sessions, { ids, chunk: 20, logits: 'none' });
      assert.equal(large.sessions.stepsToOpen(), blocks * blockBytes);
      // The small model has both open.
      assert.equal(small.sessions.openBytes(), half + blocks * blockBytes);
      for (const model of [large, small]) await model.sessions.release();

      const mapped = await openHalf(llama.model.folder, 0);
      assert.equal(mapped.sessions.stepsToOpen(), 0);
      await mapped.sessions.release();
      await llama.close();
    });

    it('stay open for steps where blocks and steps do not fit together', async () => {
      const tiny = await openTiny('llama');
      const tight = await openHalf(tiny.model.folder, undefined, tiny.model.sessions.sizes.weights());
      const run = await SequenceRun.start(tight.spec, tight.sessions, { ids, chunk: 20 });
      await run.extend([3]);
      const steps = { kind: 'steps', first: 0, count: 2 } as const;
      const session = await tight.sessions.session(steps);
      await run.extend([5]);
      assert.equal(await tight.sessions.session(steps), session);
      assert.ok(tight.sessions.openBytes() <= tiny.model.sessions.sizes.weights());
      await tight.sessions.release();
      await tiny.close();
    });
  });

  it('of half weights are said to take as much memory on the CPU as float32 weights, where they take much of the limit', async () => {
    const llama = await openTiny('llama');
    const half = join(llama.model.folder, 'half');
    writeTinyModel(half, llama.tiny, 'BF16');
    const weightBytes = llama.model.sessions.sizes.weights();
    const model = await openModel(half, { device: 'cpu', threads: 1, limitBytes: 9 * weightBytes });
    assert.match(
      model.summary.notes?.join(' ') ?? '',
      /^Its BF16 weights are widened to float32 when they are opened, and take [\d.]+ kB: half weights save no memory on the CPU; 8-bit weights do .*\.$/,
    );
    assert.equal(model.sessions.sizes.weights(), weightBytes);
    await model.sessions.release();
    const small = await openModel(half, { device: 'cpu', threads: 1, limitBytes: 11 * weightBytes });
    assert.equal(small.summary.notes, undefined);
    await small.sessions.release();
    await llama.close();
  });
});
