/** The output that a layer hands around the next attention (LongCat-Flash), when runs are split, resumed or read between the two layers. */
import assert from 'node:assert/strict';
import { HeadView } from '../../../compute-server/heads/head-view';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { hostStream } from '../../../compute-server/model/run/graphs/run-stream';
import { layersOf, runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { Variant } from '../../../models/instrument/changes/changes';
import { isRouted } from '../../../models/architectures/network-spec';
import { difference } from '../../support/reference/compare-model';
import { firstOf, readExpected, referenceModels } from '../../support/reference/reference-models';

describe('a shortcut around an attention', () => {
  const reference = referenceModels.find(({ name }) => name === 'longcat_flash--LongcatFlashForCausalLM');
  if (!reference) return;
  const expected = readExpected(reference);
  const { data: ids } = firstOf(expected.get('input.input_ids') ?? assert.fail());
  const logits = [...(expected.get('output.logits')?.data ?? [])];
  let model: LoadedModel;
  before(async () => {
    model = await openModel(reference.folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
  });
  after(() => model.sessions.release());

  const logitsOf = async (variants: readonly Variant[]): Promise<number[]> => {
    const request = { ids, chunk: 3, logits: 'all', variants } as const;
    const run = await runPrompt(model.spec, model.sessions, request);
    return [...(run.logits?.data ?? [])].map(Number);
  };

  it('is spread with the stream where variants part between its two layers', async () => {
    const variants: readonly Variant[] = [
      [{ kind: 'gain', layer: 1, head: 2, gain: 0 }],
      [{ kind: 'gain', layer: 1, head: 6, gain: 0.5 }],
    ];
    const [together, first, second] = [
      await logitsOf(variants),
      await logitsOf([variants[0]!]),
      await logitsOf([variants[1]!]),
    ];
    assert.ok(difference(together, [...first, ...second], true) <= 1e-6);
    assert.ok(difference(first, second, true) > 1e-3);
  });

  it('is kept with the stream of a run that goes on later', async () => {
    const request = { ids, chunk: 4, logits: 'all' } as const;
    const begun = layersOf(model.spec, model.sessions, request);
    const step = await begun.next();
    if (step.done) return assert.fail('the run has layers');
    const from = await hostStream(step.value.out);
    await begun.return({ layers: [], residuals: [] });
    const run = layersOf(model.spec, model.sessions, { ...request, from });
    let next = await run.next();
    while (!next.done) next = await run.next();
    assert.ok(difference(next.value.logits?.data ?? [], logits, true) <= 1e-4);
    const { shortcut: _, ...without } = from;
    const lost = layersOf(model.spec, model.sessions, { ...request, from: without });
    await assert.rejects(lost.next(), /the layer in front of layer 1 left no shortcut/);
  });

  it('is read by the map of a single head in the second of them', async () => {
    const map = expected.get('output.attentions.1') ?? assert.fail();
    const view = await HeadView.open(model, { ids }, [], 1, 3);
    const rows = await view.rows(5, 2, 4);
    const length = ids.length;
    const head = map.data.slice((5 * length + 2) * length, (5 * length + 6) * length);
    assert.ok(Math.max(...head.map((value, at) => Math.abs(value - (rows[at] ?? 0)))) <= 1e-5);
  });

  it('takes what experts without weights give, which tokens of the comparison chose', async () => {
    const [block] = model.spec.blocks;
    const { feedForward } = block ?? assert.fail();
    if (!isRouted(feedForward)) return assert.fail('the first of the two layers has the experts');
    assert.deepEqual([feedForward.experts.length, feedForward.identity, feedForward.router.linear.outputs], [4, 2, 6]);
    const run = await runPrompt(model.spec, model.sessions, {
      ...{ ids, chunk: 7, logits: 'none' },
      taps: [{ layer: 0, tap: 'router.chosen' }],
    });
    const chosen = [...(run.layers[0]?.taps['router.chosen']?.data ?? [])].map(Number);
    assert.ok(chosen.some((one, at) => at % 6 >= 4 && one === 1));
  });
});
