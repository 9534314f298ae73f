/** Runs that are killed, cancelled, or lose their disk, their memory or their model while they work. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ComputeClient } from '../../../protocol/compute/client';
import type { AnalysisProgress } from '../../../protocol/analysis/analysis';
import { analysisOfHeads } from '../../../protocol/compute/heads-of-analysis';
import type { HeadsRequest } from '../../../protocol/compute/heads-of-analysis';
import { unclassified } from '../../../protocol/results/comparability';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import { llamaLike, tinyModel, writeConfig, writeTinyModel } from '../../support/checkpoints/tiny-models';
import { headsOn, layerIn } from '../../support/heads-call';
import { buildServer, failureOf, Place } from './support/model-server';

/** Long enough to keep layers on disk, which runs of under two seconds do not: 16 layers of 4 heads on 3,072 tokens. */
const layers = 16;
const deep = llamaLike('deep', 'llama', {
  architectures: ['LlamaForCausalLM'],
  num_hidden_layers: layers,
  max_position_embeddings: 100_000,
});
const ids = Array.from({ length: 3072 }, (_, i) => (i * 17 + (i % 7)) % 61);

describe('runs that break off', function () {
  this.timeout(120_000);
  let place: Place;
  let client: ComputeClient;
  let logs: string[];
  let folder: string;
  before(buildServer);
  beforeEach(() => {
    place = new Place();
    logs = [];
    folder = place.at('model');
    writeTinyModel(folder, deep);
    client = place.client({ onLog: (_, message) => logs.push(message) });
  });
  afterEach(() => place.remove());

  const request = (changes: Partial<HeadsRequest> = {}): HeadsRequest => ({
    folder,
    prompt: { kind: 'ids', ids },
    interventions: [{ kind: 'gain', layer: 1, head: 2, gain: 0.5 }],
    chunk: 256,
    classify: false,
    causal: false,
    thumbnails: true,
    seed: 0,
    ...changes,
  });
  const numbers = ({ statistics, groups, ids: of, parity }: HeadsResult) => ({ statistics, groups, of, parity });
  const kept = (): readonly string[] => place.unfinished();

  it('killed in the middle: the same call again takes the finished layers and gives the same numbers', async () => {
    const { pid } = await client.call('info', []);
    /** Layers that were measured. */
    let before = 0;
    let promised = 0;
    const first = headsOn(client, request(), {
      onProgress(progress) {
        before = Math.max(before, layerIn(progress) ?? 0);
        if (progress.kind === 'stage') promised = progress.kept;
        if (before >= 4 && promised > 0) process.kill(pid, 'SIGKILL');
      },
    });
    const failure = await failureOf(first);
    assert.ok(failure.code === 'compute-restarted' && /SIGKILL/.test(failure.detail), JSON.stringify(failure));
    assert.ok(before >= 4 && before < layers, `killed after ${before} layers`);
    assert.equal(kept().length, 1);

    const steps: AnalysisProgress[] = [];
    const again = () =>
      client.call('analysis', [analysisOfHeads(request())], { onProgress: (step) => steps.push(step) });
    const resumed = await again();
    // A layer that was run says how long the others take; one that was kept took no time.
    const computed = steps.flatMap((step) =>
      step.kind === 'stage' && step.secondsLeft !== undefined ? (layerIn(step) ?? []) : [],
    );
    // On a busy machine the server may be at the last layers before the kill reaches it; the last one has no others to speak of.
    assert.ok(computed.length > 0 || before >= layers - 2, `killed after ${before} layers`);
    assert.ok(Math.min(...computed) >= 3, `computed layers ${computed.join()} again`);
    assert.ok(Math.min(...computed) > promised, `computed layers ${computed.join()} again, ${promised} were kept`);
    assert.deepEqual(kept(), [], 'nothing is left behind');

    const whole = await again();
    // The settings of an analysis are its parameters, by any name.
    const settings = Object.keys(whole.settings).map((name) => `settings.${name}`);
    assert.deepEqual(unclassified(whole), settings);
    assert.ok(whole.result['thumbnails']);
    assert.deepEqual(resumed.result, whole.result);
    assert.deepEqual(resumed.sections, whole.sections);
  });

  it('an index of heads whose process or command line is killed goes on behind its documents, and never behind those of a changed corpus', async () => {
    const corpus = place.at('documents.jsonl');
    const write = (documents: number): void => {
      const lines = Array.from({ length: documents }, (_, at) => JSON.stringify({ ids: ids.slice(at, at + 900) }));
      writeFileSync(corpus, `${lines.join('\n')}\n`);
    };
    const all = 8;
    write(all);
    writeTinyModel(folder, llamaLike('llama', 'llama', { max_position_embeddings: 1000 }));
    const keepIn = place.at('kept');
    const asked = {
      analysis: 'head-index',
      folder,
      input: { kind: 'corpus', file: corpus },
      parameters: { tokens: 900 },
      interventions: [],
      seed: 0,
    } as const;
    const run = async (more: { readonly keepIn?: string } = {}) => {
      const said: Extract<AnalysisProgress, { kind: 'stage' }>[] = [];
      const onProgress = (step: AnalysisProgress) => step.kind === 'stage' && said.push(step);
      return { said, result: await client.call('analysis', [{ ...asked, ...more }], { onProgress }) };
    };
    /** Documents on disk, of each run that did not end; beside them stands what was read. */
    const documents = (): readonly number[] => {
      const steps = place.at('kept', 'headscope-steps');
      return existsSync(steps)
        ? readdirSync(steps).flatMap((run) =>
            run === 'CACHEDIR.TAG' ? [] : [readdirSync(join(steps, run)).length - 1],
          )
        : [];
    };
    const whole = (await run()).result;
    assert.equal(whole.corpus?.documents, all);
    assert.deepEqual(await client.call('corpusOf', [corpus]), whole.corpus);

    const until = async (least: number): Promise<void> => {
      while ((documents()[0] ?? 0) < least) await new Promise((next) => setTimeout(next, 5));
    };

    const command = ['run', 'head-index', folder, '--corpus', corpus, '--param', 'tokens=900', '--resume', keepIn];
    const { pid: commandLine, ended } = place.started(command);
    await until(2);
    process.kill(commandLine, 'SIGKILL');
    await ended;
    const [left = 0] = documents();
    assert.ok(left < all, `${left} documents are kept`);

    const { pid: server } = await client.call('info', []);
    const failure = failureOf(run({ keepIn }));
    await until(left + 2);
    process.kill(server, 'SIGKILL');
    assert.equal((await failure).code, 'compute-restarted');
    const [more = 0] = documents();
    assert.ok(more < all, `${more} documents are kept`);

    write(all + 1);
    const changed = await run({ keepIn });
    const words = `documents.jsonl has changed since a run of this request was interrupted, so its ${more} finished steps are not used, and this run starts anew.`;
    assert.ok(logs.includes(words), logs.join('\n'));
    // A run that takes less than half a second says little on its way.
    for (const { note = words } of changed.said) assert.equal(note, words);
    assert.equal((changed.result.result as { texts: readonly unknown[] }).texts.length, all + 1);
    assert.notDeepEqual(await client.call('corpusOf', [corpus]), whole.corpus);
    assert.deepEqual(documents(), [more], 'the steps of the earlier documents stay');

    write(all);
    const resumed = await run({ keepIn });
    // A document that was read says how long the others take; one that was kept took no time.
    const read = resumed.said.flatMap(({ sentence, secondsLeft }) =>
      secondsLeft === undefined ? [] : Number(/^Document (\d+) of 8$/.exec(sentence)?.[1] ?? 0),
    );
    assert.ok(
      read.every((number) => number > more),
      `documents ${read.join()} were read again, ${more} were kept`,
    );
    assert.ok(resumed.said.every(({ note }) => note === undefined));
    assert.deepEqual(resumed.result.result, whole.result);
    assert.deepEqual(resumed.result.sections, whole.sections);
    assert.deepEqual(documents(), []);
  });

  it('another prompt or other gains are another run', async () => {
    const controller = new AbortController();
    const call = headsOn(client, request(), {
      signal: controller.signal,
      onProgress: () => kept().length > 0 && controller.abort(),
    });
    assert.equal((await failureOf(call)).code, 'cancelled');
    const plain = await headsOn(client, request({ interventions: [] }));
    assert.equal(kept().length, 1, 'the other run can still be resumed');
    const fresh = await headsOn(
      place.client({}, { HEADSCOPE_CACHE_DIR: place.at('other') }),
      request({ interventions: [] }),
    );
    assert.deepEqual(numbers(plain), numbers(fresh));
  });

  it('cancelled between two chunks: answers, and the process lives on', async () => {
    const { pid } = await client.call('info', []);
    for (const call of [
      (signal: AbortSignal, onProgress: () => void) => headsOn(client, request(), { signal, onProgress }),
      (signal: AbortSignal, onProgress: () => void) =>
        client.call(
          'generate',
          [
            {
              folder,
              prompt: { kind: 'ids', ids: ids.slice(0, 64) },
              interventions: [],
              maxNewTokens: 10_000,
              temperature: 0,
              topP: 1,
              seed: 0,
              statistics: false,
            },
          ],
          { signal, onProgress },
        ),
    ]) {
      const controller = new AbortController();
      assert.equal((await failureOf(call(controller.signal, () => controller.abort()))).code, 'cancelled');
      assert.equal((await client.call('info', [])).pid, pid);
    }
  });

  it('a text comes token by token; cancelled in the middle and asked for again, it is the same text', async () => {
    const asked = {
      folder,
      prompt: { kind: 'ids', ids: ids.slice(0, 300) },
      interventions: [],
      maxNewTokens: 12,
      temperature: 0.8,
      topP: 0.9,
      seed: 3,
      statistics: false,
    } as const;
    const said = async (signal?: AbortSignal, onToken?: (index: number) => void) => {
      const tokens: number[] = [];
      const reply = await client.call('generate', [asked], {
        ...(signal ? { signal } : {}),
        onProgress: (token) => {
          assert.equal(token.index, tokens.length);
          tokens.push(token.id);
          onToken?.(token.index);
        },
      });
      return { ids: reply.ids, tokens };
    };
    const controller = new AbortController();
    const before: number[] = [];
    const cancelled = said(controller.signal, (index) => {
      before.push(index);
      if (index === 4) controller.abort();
    });
    assert.equal((await failureOf(cancelled)).code, 'cancelled');
    assert.ok(before.length >= 5 && before.length < 12, `${before.length} tokens`);
    const whole = await said();
    assert.equal(whole.ids.length, 12);
    assert.deepEqual(whole.tokens, whole.ids);
    // Rows that are measured are run by the graphs of the blocks.
    const measured = await client.call('generate', [{ ...asked, statistics: true }]);
    assert.deepEqual(measured.ids, whole.ids);
  });

  it('a cache folder that cannot be written: the run goes on, and says so once', async () => {
    writeFileSync(place.at('cache'), 'a file where the folder should be');
    const result = await headsOn(client, request());
    assert.equal(result.statistics.entropy.length, layers);
    assert.equal(
      logs.filter((line) => /The steps of the run are not kept, so it cannot be resumed: /.test(line)).length,
      1,
    );
  });

  /** The run, in which `change` happens once the first layer is done. */
  const afterFirstLayer = (change: () => void): Promise<unknown> => {
    let done = false;
    return headsOn(client, request(), {
      onProgress(progress) {
        if (done || (layerIn(progress) ?? 0) < 1) return;
        done = true;
        change();
      },
    });
  };

  it('weights removed, replaced or cut off while they are read: one sentence, and the next run is right', async () => {
    const weights = `${folder}/model.safetensors`;
    const changes: readonly (readonly [() => void, RegExp])[] = [
      [() => renameSync(weights, `${weights}.away`), /model\.safetensors is gone since the model was opened/],
      [
        () => {
          writeTinyModel(place.at('other'), deep, 'F32', 8);
          renameSync(place.at('other', 'model.safetensors'), weights);
        },
        /model\.safetensors was changed since the model was opened/,
      ],
    ];
    for (const [change, words] of changes) {
      const failure = await failureOf(afterFirstLayer(change));
      assert.ok(failure.code === 'model-unusable', JSON.stringify(failure));
      assert.match(failure.detail, words);
      assert.match(failure.detail, /Run again when the folder is complete\.$/);
      writeTinyModel(folder, deep, 'F32', 7);
    }
    // Weights are mapped into memory: the system ends a process whose mapped file is cut off, and the client says so.
    const cut = await failureOf(afterFirstLayer(() => truncateSync(weights, 4000)));
    assert.ok(cut.code === 'model-unusable' || cut.code === 'compute-restarted', JSON.stringify(cut));
    writeTinyModel(folder, deep, 'F32', 7);
    const again = await headsOn(client, request());
    const fresh = await headsOn(place.client({}, { HEADSCOPE_CACHE_DIR: place.at('other') }), request());
    assert.deepEqual(numbers(again), numbers(fresh));
  });

  it('a model that changes between two calls is read again', async () => {
    const small = request({ prompt: { kind: 'ids', ids: ids.slice(0, 40) } });
    const before = await headsOn(client, small);
    writeTinyModel(folder, deep, 'F32', 8);
    const after = await headsOn(client, small);
    assert.notEqual(after.model.hash, before.model.hash);
    assert.notDeepEqual(after.statistics, before.statistics);
  });

  it('a memory limit below the weights: layers come and go, the numbers stay', async () => {
    // One layer of the tiny llama is about 60 kB: half of the limit holds three of the sixteen.
    const tight = place.client({}, { HEADSCOPE_MEMORY_LIMIT: String(4e5), HEADSCOPE_CACHE_DIR: place.at('other') });
    const small = request({ prompt: { kind: 'ids', ids: ids.slice(0, 24) }, chunk: 12, classify: false });
    assert.deepEqual(numbers(await headsOn(tight, small)), numbers(await headsOn(client, small)));
  });

  it('a refusal for memory names the longest prompt that fits, and that one runs', async () => {
    const limited = place.client({}, { HEADSCOPE_MEMORY_LIMIT: String(3e6) });
    const one = tinyModel('llama');
    writeConfig(place.at('one'), { ...one.config, max_position_embeddings: 100_000 });
    writeTinyModel(place.at('one'), { ...one, config: { ...one.config, max_position_embeddings: 100_000 } });
    const of = (length: number): HeadsRequest => {
      const { chunk: _chosen, ...rest } = request();
      const long = Array.from({ length }, (_, i) => i % 61);
      return { ...rest, folder: place.at('one'), prompt: { kind: 'ids', ids: long } };
    };
    const failure = await failureOf(headsOn(limited, of(20_000)));
    assert.ok(failure.code === 'out-of-memory', JSON.stringify(failure));
    const fitting = failure.fittingLength ?? 0;
    assert.ok(fitting > 256 && fitting < 20_000, String(fitting));
    assert.equal((await failureOf(headsOn(limited, of(fitting + 1)))).code, 'out-of-memory');
    assert.equal((await headsOn(limited, of(fitting))).ids.length, fitting);
  });
});
