/** Which pieces of a model are open at once, and that where their weights lie does not change what it gives. */
import assert from 'node:assert/strict';
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import type { LayerSessions, Piece } from '../../../compute-server/model/run/layer-sessions';
import { runPrompt } from '../../../compute-server/model/run/model-run';
import { parityOf } from '../../../compute-server/model/run/parity';
import { openTiny, promptIds as ids } from '../../support/checkpoints/open-tiny';

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
});
