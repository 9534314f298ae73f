/** An instrument that changes the model is found, by layer, and nothing that it measured is given out. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { captureCalls } from '../../../compute-server/captures/capture-calls';
import { Lane } from '../../../compute-server/dispatch/lane';
import { generateJob, nextTokens } from '../../../compute-server/model-calls/generate-job';
import { headMethods } from '../../../compute-server/heads/methods';
import type { ModelCalls } from '../../../compute-server/model-calls/model-calls';
import type { LayerSessions } from '../../../compute-server/model/run/graphs/layer-sessions';
import type { Piece } from '../../../compute-server/model/run/graphs/pieces';
import type { LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { modelMethods } from '../../../compute-server/model-calls/methods';
import { beginParity, parityOf, parityTolerance } from '../../../compute-server/model/checkpoint/parity';
import type { RuntimeSession } from '../../../compute-server/runtime/session';
import { FailureError } from '../../../protocol/wire/failures';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { headsIn } from '../../support/heads-call';
import { resultOf, surroundingsOf } from '../../support/model-jobs';

const { signal } = new AbortController();

/** The model with an instrument in one layer that adds `error` to every number of the residual stream. */
function faulty(model: LoadedModel, layer: number, error: number): LoadedModel {
  const sessions = Object.create(model.sessions) as LayerSessions;
  sessions.session = async (piece: Piece): Promise<RuntimeSession> => {
    const session = await model.sessions.session(piece);
    if (piece.kind !== 'block' || !piece.instrumented || piece.layer !== layer) return session;
    const wrong = Object.create(session) as RuntimeSession;
    wrong.run = async (...request: Parameters<RuntimeSession['run']>) => {
      const values = await session.run(...request);
      const residual = values['residual.out'];
      assert.ok(residual?.data instanceof Float32Array);
      return { ...values, 'residual.out': { ...residual, data: residual.data.map((value) => value + error) } };
    };
    return wrong;
  };
  return { ...model, sessions };
}

describe('parity', () => {
  let llama: OpenTiny;
  let cacheFolder: string;
  before(async () => {
    llama = await openTiny('llama');
    cacheFolder = mkdtempSync(join(tmpdir(), 'headscope-parity-'));
  });
  after(async () => {
    await llama.close();
    rmSync(cacheFolder, { recursive: true });
  });
  const surroundings = () => surroundingsOf({ cacheFolder });
  const prompt = { kind: 'ids', ids } as const;
  const request = { folder: '', prompt, interventions: [], seed: 0 };
  const heads = (model: LoadedModel) =>
    headsIn(model, { ...request, classify: false, causal: false, thumbnails: false }, surroundings(), signal);
  const generate = (model: LoadedModel) =>
    resultOf(
      generateJob(
        model,
        { ...request, maxNewTokens: 2, temperature: 0, topP: 1, statistics: false },
        surroundings(),
        signal,
      ),
    );
  const methodsOf = (model: LoadedModel) => {
    const calls: ModelCalls = {
      reading: (_folder, _signal, act) => act(model),
      opening: (_place, _signal, act) => act(model),
      once: (_place, _signal, act) => act(model),
      job: (_place, _signal, act) => act(model),
      withoutModel: (_signal, act) => act(() => Promise.resolve(model)),
    };
    const captures = captureCalls(surroundings(), new Lane());
    return {
      ...modelMethods(surroundings(), calls, captures),
      ...headMethods(surroundings(), calls, captures),
    };
  };

  it('of the graphs as they are is exact, and stands in what heads and generate give', async () => {
    const exact = { maxLogitError: 0, layerErrors: [0, 0], ok: true };
    assert.deepEqual(await parityOf(llama.model, { ids }), exact);
    assert.deepEqual((await heads(llama.model)).parity, exact);
    assert.deepEqual((await generate(llama.model)).parity, exact);
    assert.deepEqual(await methodsOf(llama.model).parity.run(['', prompt], signal), exact);
  });

  for (const layer of [0, 1]) {
    it(`names an instrument that changes layer ${layer}, and nothing is given out`, async () => {
      const model = faulty(llama.model, layer, 0.01);
      const parity = await parityOf(model, { ids });
      assert.equal(parity.ok, false);
      assert.equal(
        parity.layerErrors.findIndex((error) => error > 0),
        layer,
      );
      assert.ok(Math.abs((parity.layerErrors[layer] ?? 0) - 0.01) < 1e-6);
      assert.ok(parity.maxLogitError > 1e-4);
      const oneHead = { folder: '', ids, interventions: [], layer: 0, head: 0 };
      const methods = methodsOf(model);
      for (const [what, act] of [
        ['heads', () => heads(model)],
        ['generate', () => generate(model)],
        ['nextTokens', () => nextTokens(model, { folder: '', ids, variants: [], top: 3 }, surroundings(), signal)],
        ['headOutputs', () => methods.headOutputs.run([oneHead], signal)],
        ['headRow', () => methods.headRow.run([{ ...oneHead, query: 3 }], signal)],
        ['parity', () => methods.parity.run(['', prompt], signal)],
      ] as const) {
        await assert.rejects(
          async () => act(),
          (error) => {
            assert.ok(
              error instanceof FailureError && error.failure.code === 'model-unusable',
              `${what}: ${String(error)}`,
            );
            assert.match(
              error.failure.detail,
              /^The instrumented run differs from the plain model by 0\.\d+ in the logits \(worst at layer [01]\), so its heads are not shown\./,
            );
            return true;
          },
        );
      }
    });
  }

  it('of a large model begins with its first layers and ends, after the run, as one in one go', async () => {
    const begin = (model: LoadedModel) => beginParity(model, { ids }, {}, { atOnce: 0, first: 1 });
    const begun = await begin({ ...llama.model });
    assert.equal(begun.layersLeft, 1);
    const whole = { maxLogitError: 0, layerErrors: [0, 0], ok: true };
    assert.deepEqual(await begun.finish(), whole);
    const isRefused = (error: unknown): boolean =>
      error instanceof FailureError && error.failure.code === 'model-unusable';
    await assert.rejects(begin(faulty(llama.model, 0, 0.01)), isRefused);
    const late = await begin(faulty(llama.model, 1, 0.01));
    await assert.rejects(late.finish(), isRefused);
    // Weights on the disk were wrong: they are made again, and what was computed with the wrong ones is not given out.
    const wrong: { -readonly [Field in keyof LoadedModel]: LoadedModel[Field] } = faulty(llama.model, 1, 0.01);
    wrong.packAgain = () => {
      wrong.sessions = llama.model.sessions;
      return Promise.resolve(true);
    };
    await assert.rejects((await begin(wrong)).finish(), isRefused);
    assert.deepEqual(await parityOf(wrong, { ids }), whole);
    const dropped = await begin({ ...llama.model });
    await dropped.end();
    // A small model is compared in one go.
    assert.equal((await beginParity({ ...llama.model }, { ids }, {}, { first: 1 })).layersLeft, 0);
  });

  it('lets rounding pass, and nothing ten times as large', async () => {
    assert.equal((await parityOf(faulty(llama.model, 1, 0.1 * parityTolerance), { ids })).ok, true);
    assert.equal((await parityOf(faulty(llama.model, 1, 100 * parityTolerance), { ids })).ok, false);
  });

  it('is measured again on a longer prompt, and a failure is not kept', async () => {
    const wrong = faulty(llama.model, 1, 0.01);
    assert.equal((await parityOf(wrong, { ids: ids.slice(0, 4) })).ok, false);
    assert.equal((await parityOf(wrong, { ids })).ok, false);
    const right = { ...llama.model };
    const short = await parityOf(right, { ids: ids.slice(0, 4) });
    assert.equal(await parityOf(right, { ids: ids.slice(2, 5) }), short);
    assert.notEqual(await parityOf(right, { ids }), short);
  });
});
