/** A run of heads that did not end: the next one begins behind its last layer. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { capturedAnalysis } from '../../../compute-server/analyses/captured-analysis';
import { readCapture } from '../../../compute-server/captures/read-capture';
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import type { HeadsMeasured } from '../../../protocol/results/labelled-heads';
import { analyses } from '../../../diagnostics/catalogue';
import type { LayersRequest } from '../../../diagnostics/model-runner/run-request';
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { llamaLike } from '../../support/checkpoints/tiny-models';
import { analysisJob, prepare } from '../../../compute-server/analyses/analysis-job';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import { shortDemoLm } from '../../support/demo-models';
import { resultOf, runnerOf, surroundingsOf } from '../../support/model-jobs';
import { npzBytes, type NpyArray } from '../../support/npz-file';

const layers = 4;

describe('layers of heads that were kept', () => {
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny(
      llamaLike('deep', 'llama', { architectures: ['LlamaForCausalLM'], num_hidden_layers: layers }),
    );
  });
  after(() => tiny.close());

  for (const id of ['heads', 'labels'])
    it(`${id}: are not run again, and the result is that of a whole run`, async () => {
      const analysis = analyses.find((one) => one.id === id);
      assert.ok(analysis);
      const { model } = tiny;
      const { runner, job } = await prepare(
        { opened: model, analysis, surroundings: surroundingsOf(), signal: new AbortController().signal },
        {
          analysis: id,
          folder: model.folder,
          input: { kind: 'prompt', prompt: { kind: 'ids', ids } },
          parameters: {},
          interventions: [{ kind: 'gain', layer: 0, head: 1, gain: 0.5 }],
          seed: 2,
        },
      );
      const asked: (number | undefined)[] = [];
      const layersOf = runner.layers.bind(runner);
      runner.layers = (request: LayersRequest) => {
        asked.push(request.from?.layer);
        return layersOf(request);
      };
      const kept = new Map<string, unknown>();
      let standing: unknown;
      const begun = () =>
        analysis.run(runner, {
          ...job,
          async step<T>(key: string, act: () => Promise<T>): Promise<T> {
            const value = kept.has(key) ? (kept.get(key) as T) : await act();
            kept.set(key, value);
            return value;
          },
          standing: {
            read: () => Promise.resolve(standing),
            write: async (make) => void (standing = await make()),
          },
        });
      const finished = async () => {
        const run = begun();
        for (;;) {
          const step = await run.next();
          if (step.done) return step.value;
        }
      };

      const broken = begun();
      for (;;) {
        const step = await broken.next();
        if (step.done || step.value.sentence === `Layer 3 of ${layers}`) break;
      }
      await broken.return({});
      assert.deepEqual([...kept.keys()], ['layer 0', 'layer 1']);
      const resumed = await finished();
      assert.deepEqual(asked, [undefined, 2]);
      kept.clear();
      standing = undefined;
      assert.deepEqual(resumed, await finished());
    });
});

describe('the grid of an analysis of heads', () => {
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny(
      llamaLike('windowed', 'mistral', {
        architectures: ['MistralForCausalLM'],
        num_hidden_layers: 3,
        sliding_window: 7,
      }),
    );
  });
  after(() => tiny.close());

  const gridOf = (sections: readonly Section[]): HeadsSection => {
    const [grid] = sections.filter((section) => section.kind === 'heads');
    assert.ok(grid);
    return grid;
  };

  it('shows groups, windows and gains of the run, layer by layer as they come', async () => {
    const analysis = analyses.find(({ id }) => id === 'heads');
    assert.ok(analysis);
    const { model } = tiny;
    const job = analysisJob(
      { opened: model, analysis, surroundings: surroundingsOf(), signal: new AbortController().signal },
      {
        analysis: 'heads',
        folder: model.folder,
        input: { kind: 'prompt', prompt: { kind: 'ids', ids } },
        parameters: { labels: false },
        interventions: [{ kind: 'gain', layer: 0, head: 1, gain: 0.5 }],
        seed: 2,
      },
    );
    const known: HeadsSection[] = [];
    for (;;) {
      const step = await job.next();
      if (step.done) {
        known.push(gridOf(step.value.sections));
        break;
      }
      if (step.value.kind === 'partial') known.push(gridOf(step.value.sections));
    }
    for (const { kvHeads, windows, gains } of known)
      assert.deepEqual([kvHeads, windows, gains], [2, [7, 7, 7], [{ layer: 0, head: 1, gain: 0.5 }]]);
    const measured = known.map(
      ({ numbers: [first] }) => first?.values.filter((row) => row.every((value) => !Number.isNaN(value))).length,
    );
    assert.deepEqual(measured, [1, 2, 3]);
  });
});

describe('a result of a task or a corpus', () => {
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny('llama');
  });
  after(() => tiny.close());

  it('holds the first two prompts that were read, so that the attention of a head can be opened on one', async () => {
    const analysis = analyses.find(({ id }) => id === 'task-accuracy');
    assert.ok(analysis);
    const { model } = tiny;
    const request = { analysis: 'task-accuracy', folder: model.folder, parameters: {}, interventions: [], seed: 3 };
    const run = (samples: number) =>
      resultOf(
        analysisJob(
          { opened: model, analysis, surroundings: surroundingsOf(), signal: new AbortController().signal },
          { ...request, input: { kind: 'task', task: 'induction', samples } },
        ),
      );
    const { prompts } = await run(3);
    assert.deepEqual(
      prompts.map(({ example }) => example),
      ['sample 1 of 3', 'sample 2 of 3'],
    );
    assert.ok(prompts.every(({ ids: read, tokens }) => read.length > 4 && tokens.length === read.length));
    assert.notDeepEqual(prompts[0]?.ids, prompts[1]?.ids);
    assert.equal((await run(1)).prompts.length, 1);
  });
});

describe('heads of captured attention', () => {
  it('have the numbers of the run that it was captured from', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'headscope-captured-'));
    const model = await openModel(shortDemoLm, { device: 'cpu', threads: 1, limitBytes: 1e9, weights: 'as-stored' });
    try {
      const analysis = analyses.find(({ id }) => id === 'heads');
      assert.ok(analysis);
      const runner = runnerOf(model);
      const prompt = await runner.prompt({ kind: 'text', text: 'Mr Brown saw the cat. Mr Brown saw the cat again.' });
      const { blocks } = runner.facts;
      const places = blocks.flatMap(({ heads }, layer) =>
        Array.from({ length: heads }, (_, head) => ({ layer, head })),
      );
      const taps = [...blocks.keys()].flatMap((layer) =>
        (['attention.query', 'attention.key'] as const).map((tap) => ({ layer, tap })),
      );
      const run = await runner.run({ ...prompt, maps: places, taps, logits: 'none' });
      const n = prompt.ids.length;
      const heads = blocks[0]?.heads ?? 0;
      const maps = places.flatMap(({ layer, head }) => [...(run.layers[layer]?.maps.get(head) ?? [])]);
      const arrays: Record<string, NpyArray> = { attention: { shape: [blocks.length, 1, heads, n, n], data: maps } };
      run.layers.forEach(({ layer, taps: given }) => {
        for (const tap of ['attention.query', 'attention.key'] as const) {
          const { data, shape } = given[tap] ?? { data: [], shape: [] };
          arrays[`${tap}.${layer}`] = { data: Array.from(data as Float32Array), shape };
        }
      });
      writeFileSync(join(folder, 'a.npz'), npzBytes(arrays, true));
      const { scale } = await runner.weights.layer(0, ['gates']);
      const split = ['batch', 'heads', 'tokens', 'width'];
      const forms = {
        attention: [{ name: 'attention', holds: 'attention', layout: ['layers', 'batch', 'heads', 'queries', 'keys'] }],
        products: [
          { name: 'attention.query.{layer}', holds: 'query', layout: split },
          { name: 'attention.key.{layer}', holds: 'key', layout: split },
        ],
      };
      const surroundings = surroundingsOf();
      const { signal } = new AbortController();
      const common = { analysis: 'heads', parameters: { labels: false }, interventions: [], seed: 0 };
      const ids = { kind: 'prompt', prompt: { kind: 'ids', ids: prompt.ids } } as const;
      const request = { ...common, folder: model.folder, input: ids };
      const own = (await resultOf(analysisJob({ opened: model, analysis, surroundings, signal }, request)))
        .result as HeadsMeasured;
      for (const [form, tensors] of Object.entries(forms)) {
        const path = join(folder, `${form}.headscope-capture.json`);
        const head = { kind: 'headscope-capture', version: 1, model: 'demo', file: 'a.npz', causal: true, scale };
        writeFileSync(path, JSON.stringify({ ...head, tokens: prompt.tokens, ids: prompt.ids, tensors }));
        const capture = await readCapture(path, 1e9);
        const asked = (text: string): Promise<AnalysisResult> =>
          resultOf(
            capturedAnalysis(
              { capture, analysis, surroundings, signal },
              { ...common, folder: path, input: { kind: 'prompt', prompt: { kind: 'text', text } } },
            ),
          );
        const answer = await asked(prompt.tokens.join(''));
        // The prompt as it was given, or else the captured tokens: the form compares the two.
        assert.deepEqual(answer.input, { kind: 'prompt', prompt: { kind: 'text', text: prompt.tokens.join('') } });
        assert.deepEqual((await asked('')).input, ids);
        const found = answer.result as HeadsMeasured;
        const most = form === 'attention' ? 1e-6 : 1e-5;
        for (const [name, table] of Object.entries(own.statistics)) {
          const other = (found.statistics as unknown as Record<string, readonly (readonly number[])[]>)[name];
          table.forEach((row, layer) =>
            row.forEach((value, at) => {
              const error = Math.abs(value - (other?.[layer]?.[at] ?? Number.NaN));
              // Distances are as large as the text is long.
              const size = name === 'meanDistance' || name === 'entropy' ? Math.max(1, Math.abs(value)) : 1;
              assert.ok(error <= most * size, `${form}: ${name} of L${layer}H${at} differs by ${error}`);
            }),
          );
        }
        const weights = (of: HeadsMeasured) => of.topKeys?.map((row) => row.map((keys) => keys[0]?.key));
        assert.deepEqual(weights(found), weights(own));
        const pictures = [found, own].map(({ thumbnails }) => Buffer.from(thumbnails?.data ?? '', 'base64'));
        const [a, b] = pictures.map(
          (bytes) => new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
        );
        assert.equal(a?.length, b?.length);
        assert.ok(a?.every((value, at) => Math.abs(value - (b?.[at] ?? 9)) <= most) && a.length > 0);
      }
    } finally {
      await model.sessions.release();
      rmSync(folder, { recursive: true });
    }
  });
});
