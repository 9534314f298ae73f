/** Alignment by cross-attention on a checkpoint whose one head is known to align, and on one whose heads are random. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { analysisJob } from '../../../compute-server/analyses/analysis-job';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { crossAlignment } from '../../../diagnostics/patterns/cross-alignment/analysis';
import { ablation } from '../../../diagnostics/circuits/ablation/analysis';
import type { AblationResult } from '../../../diagnostics/circuits/ablation/result';
import { activationPatching } from '../../../diagnostics/circuits/activation-patching/analysis';
import { attribution } from '../../../diagnostics/circuits/attribution/analysis';
import type { AttributionResult } from '../../../diagnostics/circuits/attribution/result';
import { finiteState } from '../../../diagnostics/patterns/finite-state/analysis';
import { heads } from '../../../diagnostics/patterns/heads/analysis';
import { parseDo } from '../../../protocol/interventions/do-form';
import type { Section } from '../../../protocol/sections/section';
import type { Analysis } from '../../../diagnostics/analysis';
import type { CrossStatisticName } from '../../../protocol/results/cross-heads';
import type { HeadsMeasured } from '../../../protocol/results/labelled-heads';
import type { CrossAlignmentResult } from '../../../diagnostics/patterns/cross-alignment/result';
import { WordTokenizer } from '../../../diagnostics/shared/training/word-tokenizer';
import type { AnalysisRequest } from '../../../protocol/analysis/schema';
import type { Checkpoint } from '../../support/checkpoints/planted-circuit';
import { plantedAlignment, plantedHead } from '../../support/checkpoints/planted-alignment';
import { writeConfig } from '../../support/checkpoints/tiny-models';
import { resultOf, runnerOf, surroundingsOf } from '../../support/model-jobs';
import { writeSafetensors } from '../../support/safetensors-file';

const source = 'eins zwei drei vier fuenf sechs sieben acht';
const target = 'one two three four five six seven eight';
const gold = '0-0 1-1 2-2 3-3 4-4 5-5 6-6 7-7';

describe('cross-alignment', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-alignment-'));
  let planted: LoadedModel;
  let unplanted: LoadedModel;

  const closed = async (model: LoadedModel): Promise<void> => {
    await model.sessions.release();
    await model.source?.sessions.release();
    if (model.tokeniser.ok) model.tokeniser.tokeniser.close();
  };

  const write = (
    name: string,
    isPlanted: boolean,
    change: (tensors: Checkpoint['tensors']) => void = () => {},
  ): Promise<LoadedModel> => {
    const words = WordTokenizer.of([source, target, ` ${source}`, ` ${target}`, 'zwei', 'two']);
    const { config, tensors } = plantedAlignment({ vocabulary: words.size, planted: isPlanted });
    change(tensors);
    const at = join(folder, name);
    writeConfig(at, config);
    writeSafetensors(join(at, 'model.safetensors'), tensors);
    const { tokenizer, config: tokenizerConfig } = words.files();
    writeFileSync(join(at, 'tokenizer.json'), JSON.stringify(tokenizer));
    writeFileSync(join(at, 'tokenizer_config.json'), JSON.stringify(tokenizerConfig));
    return openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });
  };

  before(async () => {
    planted = await write('planted', true);
    unplanted = await write('random', false);
  });
  after(async () => {
    for (const model of [planted, unplanted]) await closed(model);
    rmSync(folder, { recursive: true, force: true });
  });

  const analysed = (opened: LoadedModel, analysis: Analysis, request: Partial<AnalysisRequest> = {}) =>
    resultOf(
      analysisJob(
        { opened, analysis, surroundings: surroundingsOf(), signal: new AbortController().signal },
        {
          analysis: analysis.id,
          folder: opened.folder,
          input: { kind: 'prompt', prompt: { kind: 'text', text: source, target } },
          parameters: {},
          interventions: [],
          seed: 3,
          ...request,
        },
      ),
    );

  const run = async (opened: LoadedModel, parameters: AnalysisRequest['parameters'], withTarget = true) => {
    const saved = await analysed(opened, crossAlignment, {
      input: { kind: 'prompt', prompt: { kind: 'text', text: source, ...(withTarget ? { target } : {}) } },
      parameters,
    });
    return { saved, result: saved.result as CrossAlignmentResult };
  };

  it('finds the planted head with an error of 0 when it reads its token, and no other', async () => {
    const { saved, result } = await run(planted, { gold });
    const [first, second] = result.best;
    assert.ok(first && second);
    assert.deepEqual({ layer: first.layer, head: first.head }, plantedHead);
    assert.equal(first.moment, 'reading');
    assert.deepEqual([first.aer, first.precision, first.recall], [0, 1, 1]);
    assert.equal(first.order, 1);
    // (1 + none of 200) / (1 + 200)
    assert.ok(first.p <= 2 / 201, String(first.p));
    assert.ok(second.p > 0.05, `L${second.layer}H${second.head} ${second.aer}, p ${second.p}`);
    assert.equal(result.drawn && result.drawn.links.map((link) => `${link.source}-${link.target}`).join(' '), gold);
    assert.ok(saved.finding.startsWith('The cross-attention head L1H2, when it reads the token it wrote, has'));
    assert.deepEqual(saved.prompts[0]?.source?.tokens.slice(0, 2), ['<s>', 'eins']);
  });

  it('is off by one at the other moment: the row that predicts a token reads the one before', async () => {
    const { result } = await run(planted, {
      gold: gold.replaceAll(/(\d)-(\d)/g, (_, s) => `${s}-${Number(s) + 1}`).replace(' 7-8', ''),
    });
    const [first] = result.best;
    assert.deepEqual([first?.layer, first?.head, first?.moment], [1, 2, 'writing']);
    assert.ok(first && first.recall === 1);
  });

  it('lets no head of a random checkpoint stand out', async () => {
    const { saved, result } = await run(unplanted, { gold });
    assert.ok(
      result.best.every(({ p }) => p > 0.05),
      JSON.stringify(result.best[0]),
    );
    assert.ok(saved.finding.startsWith('No head stands out'));
  });

  it('ranks by sharpness without a gold alignment, on a target that the model wrote', async () => {
    const { saved, result } = await run(planted, {}, false);
    assert.deepEqual([result.best[0]?.layer, result.best[0]?.head], [1, 2]);
    assert.ok(Number.isNaN(result.best[0]?.aer));
    assert.match(saved.finding, /of all cross-attention heads, L1H2, when it [a-z ]+, reads its source most sharply/);
    const [prompt] = saved.prompts;
    assert.ok(prompt?.written !== undefined && prompt.written > 0);
    assert.equal(prompt.ids.length, 1 + prompt.written);
  });

  it('counts the links of a file of pairs with those of the prompt', async () => {
    const pairs = join(folder, 'pairs.jsonl');
    writeFileSync(pairs, `${JSON.stringify({ source: 'eins zwei', target: 'two one', alignment: '0-1 1-0' })}\n`);
    const { result } = await run(planted, { gold, pairs });
    assert.deepEqual([result.texts, result.sureLinks], [2, 10]);
    // 8 of 10 are right.
    assert.ok(Math.abs((result.best[0]?.aer ?? 1) - 0.2) < 1e-12);
  });

  it('refuses a link beyond the words, and a line that is no pair, with both numbers', async () => {
    await assert.rejects(run(planted, { gold: '0-0 8-1' }), /names word 8 of the source, which has 8, from 0/);
    await assert.rejects(run(planted, { gold: '0:0' }), /"0:0", which is no link/);
    const pairs = join(folder, 'bad.jsonl');
    writeFileSync(pairs, '{"source": "eins"}\n');
    await assert.rejects(run(planted, { pairs }), /Line 1 of the file of pairs/);
    writeFileSync(pairs, '\n');
    await assert.rejects(run(planted, { pairs }), /The file of pairs is empty\./);
  });

  describe('heads', () => {
    it('are three grids over one pair of texts, each measured as its maps say', async () => {
      const saved = await analysed(planted, heads);
      const result = saved.result as HeadsMeasured;
      const { cross, encoder } = result;
      assert.ok(cross && encoder);
      assert.deepEqual(
        saved.sections.flatMap((section) => (section.kind === 'heads' ? [[section.id, section.stack]] : [])),
        [
          ['encoder', 'encoder'],
          ['heads', undefined],
          ['cross', 'cross'],
        ],
      );
      const texts = saved.sections.flatMap((section) =>
        section.kind === 'tokens' ? [[section.side, section.tokens.length]] : [],
      );
      assert.deepEqual(texts, [
        ['source', 9],
        ['target', 10],
      ]);
      assert.deepEqual(
        [encoder.tokens, encoder.statistics.selfToken.length, encoder.statistics.selfToken[0]?.length],
        [9, 1, 4],
      );
      const runner = runnerOf(planted);
      const prompt = await runner.prompt({ kind: 'text', text: source, target });
      const places = [0, 1].flatMap((layer) => [0, 1, 2, 3].map((head) => ({ layer, head })));
      const { layers } = await runner.run({ ...prompt, crossMaps: places, logits: 'none' });
      const [n, m] = [10, 9];
      for (const { layer, head } of places) {
        const map = layers[layer]?.cross?.maps.get(head);
        assert.ok(map);
        const rows = Array.from({ length: n }, (_, row) => [...map.subarray(row * m, (row + 1) * m)]);
        const mean = (of: (row: readonly number[], at: number) => number) =>
          rows.reduce((sum, row, at) => sum + of(row, at), 0) / n;
        const near = (name: CrossStatisticName, expected: number) => {
          const found = cross.statistics[name]?.[layer]?.[head] ?? Number.NaN;
          assert.ok(Math.abs(found - expected) < 1e-5, `${name} of L${layer}H${head}: ${found}, not ${expected}`);
        };
        near(
          'largest',
          mean((row) => Math.max(...row)),
        );
        near(
          'lastToken',
          mean((row) => row.at(-1) ?? 0),
        );
        near(
          'meanPosition',
          mean((row) => row.reduce((sum, p, j) => sum + p * j, 0)),
        );
        // The three places about i (m - 1) / (n - 1), kept inside the source.
        near(
          'diagonal',
          mean((row, i) => {
            const first = Math.max(0, Math.min(m - 3, Math.round((i * (m - 1)) / (n - 1)) - 1));
            return row.slice(first, first + 3).reduce((sum, p) => sum + p, 0);
          }),
        );
      }
      assert.deepEqual(
        cross.classes.map(({ layer, head, label }) => [layer, head, label]),
        [[plantedHead.layer, plantedHead.head, 'diagonal']],
      );
    });

    it('of the encoder are those of a model that reads the source alone', async () => {
      const { encoder } = (await analysed(planted, heads)).result as HeadsMeasured;
      const runner = runnerOf(planted);
      const { source: read } = await runner.prompt({ kind: 'text', text: source });
      const { layers } = (await runner.source()?.run({ ids: read?.ids ?? [], statistics: true, logits: 'none' })) ?? {
        layers: [],
      };
      assert.deepEqual(
        encoder?.statistics.entropy,
        layers.map(({ statistics }) => statistics?.entropy),
      );
    });
  });

  it('two results are compared grid by grid: this one less the other', async () => {
    const off = parseDo('encoder:uniform:0.1');
    assert.ok(off.ok);
    const [before, after] = [[], [off.value]];
    const numberOf = (sections: readonly Section[], id: string, name: string) => {
      const section = sections.find((one) => one.id === id);
      assert.ok(section?.kind === 'heads', id);
      return { stack: section.stack, values: section.numbers.find((one) => one.name === name)?.values };
    };
    const near = (found: unknown, [first, second]: readonly [number, number]): void => {
      assert.ok(Math.abs(second - first) > 1e-6, `${first} and ${second}`);
      assert.ok(Math.abs(Number(found) - (second - first)) < 1e-9, `${String(found)}, ${first} and ${second}`);
    };
    const [a, b] = [
      (await analysed(planted, heads, { interventions: before })).result as HeadsMeasured,
      (await analysed(planted, heads, { interventions: after })).result as HeadsMeasured,
    ];
    const changed = heads.compare?.(a, b) ?? assert.fail();
    const inEncoder = numberOf(changed, 'encoder-change', 'entropy');
    assert.equal(inEncoder.stack, 'encoder');
    near(inEncoder.values?.[0]?.[1], [
      a.encoder?.statistics.entropy[0]?.[1] ?? NaN,
      b.encoder?.statistics.entropy[0]?.[1] ?? NaN,
    ]);
    const inCross = numberOf(changed, 'cross-change', 'entropy');
    assert.equal(inCross.stack, 'cross');
    near(inCross.values?.[0]?.[0], [
      a.cross?.statistics.entropy?.[0]?.[0] ?? NaN,
      b.cross?.statistics.entropy?.[0]?.[0] ?? NaN,
    ]);
    assert.equal(new Set(changed.map(({ id }) => id)).size, changed.length);
    const input = { kind: 'prompt', prompt: { kind: 'text', text: source, target } } as const;
    const [one, other] = [
      (await analysed(planted, ablation, { input, interventions: before })).result as AblationResult,
      (await analysed(planted, ablation, { input, interventions: after })).result as AblationResult,
    ];
    const effects = ablation.compare?.(one, other) ?? assert.fail();
    for (const stack of ['cross', 'encoder'] as const) {
      const found = numberOf(effects, `change-${stack}`, 'change');
      assert.equal(found.stack, stack);
      near(found.values?.[0]?.[2], [one[stack]?.heads[0]?.[2] ?? NaN, other[stack]?.heads[0]?.[2] ?? NaN]);
    }
  });

  describe('effects', () => {
    const prompt = { kind: 'prompt', prompt: { kind: 'text', text: source, target } } as const;

    it('of removing a head of cross-attention or of the encoder are those of weights that are zero', async () => {
      const saved = await analysed(planted, ablation, { input: prompt });
      const { cross, encoder, baseline } = saved.result as AblationResult;
      assert.deepEqual(
        saved.sections.flatMap((section) => (section.kind === 'heads' ? [section.stack] : [])),
        [undefined, 'cross', 'encoder'],
      );
      for (const [name, head, effect] of [
        ['model.decoder.layers.1.encoder_attn.out_proj.weight', 2, cross?.heads[1]?.[2]],
        ['model.encoder.layers.0.self_attn.out_proj.weight', 1, encoder?.heads[0]?.[1]],
      ] as const) {
        const without = await write(`without ${name}`, true, (tensors) => {
          const [width, own] = [64, tensors.get(name)?.data];
          assert.ok(own instanceof Float32Array);
          for (let row = 0; row < width; row++) own.fill(0, row * width + head * 16, row * width + (head + 1) * 16);
        });
        const changed = (await analysed(without, ablation, { input: prompt })).result as AblationResult;
        await closed(without);
        const expected = changed.baseline.mean - baseline.mean;
        assert.ok(
          Math.abs(expected) > 1e-5 && Math.abs((effect ?? 0) - expected) < 1e-5,
          `${name}: ${effect}, not ${expected}`,
        );
      }
    });

    it('of patching go between two sources: the stream that leaves the last layer is all that the other one has', async () => {
      const other = 'acht zwei drei vier fuenf sechs sieben eins';
      const pair = {
        kind: 'prompt-pair',
        prompt: { kind: 'text', text: source, target: 'one two three' },
        counterpart: { kind: 'text', text: other },
      } as const;
      const parameters = {
        site: 'residual',
        columns: 'positions',
        metric: 'logit-difference',
        answer: '␣four',
        against: '␣five',
        leastGap: 0,
      };
      const { values } = (await analysed(planted, activationPatching, { input: pair, parameters })).result as {
        readonly values: readonly (readonly number[])[];
      };
      const last = values.at(-1) ?? [];
      assert.ok(Math.abs((last.at(-1) ?? 0) - 1) < 1e-3, String(last));
      assert.ok(
        last.slice(0, -1).every((share) => Math.abs(share) < 1e-3),
        String(last),
      );
    });

    /** The source reaches the decoder only through the planted head, and other rows of the source reach its row through one head of the encoder. */
    const oneWay = (): Promise<LoadedModel> =>
      write('one way', true, (tensors) => {
        for (const [at, kept] of [
          ['decoder.layers.0.encoder_attn', undefined],
          ['decoder.layers.1.encoder_attn', plantedHead.head],
          ['encoder.layers.0.self_attn', 3],
        ] as const) {
          const own = tensors.get(`model.${at}.out_proj.weight`)?.data;
          assert.ok(own instanceof Float32Array);
          own.forEach((value, i) => (own[i] = Math.floor((i % 64) / 16) === kept ? 10 * value : 0));
        }
      });
    // Row 3 of the target reads row 2 of the source; both sources have the same token there.
    const pair = {
      kind: 'prompt-pair',
      prompt: { kind: 'text', text: source, target: 'one two three' },
      counterpart: { kind: 'text', text: 'eins zwei sechs vier acht sieben fuenf drei' },
    } as const;
    const measure = { metric: 'logit-difference', answer: '␣four', against: '␣five', leastGap: 0 };
    const inEncoder = {
      ...pair,
      prompt: { ...pair.prompt, target: 'one two' },
      counterpart: { kind: 'text', text: 'acht zwei sechs vier drei sieben fuenf eins' },
    } as const;

    it('of patching heads of cross-attention and of the encoder are all where a head is the only way, and nothing elsewhere', async () => {
      const model = await oneWay();
      for (const [site, input, stack, only] of [
        ['cross-head-output', pair, 'cross', plantedHead],
        ['encoder-head-output', inEncoder, 'encoder', { layer: 0, head: 3 }],
      ] as const)
        for (const direction of ['denoise', 'noise']) {
          const saved = await analysed(model, activationPatching, {
            input,
            parameters: { ...measure, site, direction },
          });
          const { effect } = saved.result as { readonly effect: readonly (readonly number[])[] };
          assert.deepEqual(
            saved.sections.flatMap((section) => (section.kind === 'heads' ? [section.stack] : [])),
            [stack],
          );
          effect.forEach((row, layer) => {
            assert.equal(row.length, 4);
            row.forEach((share, head) => {
              const expected = layer === only.layer && head === only.head ? 1 : 0;
              assert.ok(Math.abs(share - expected) < 1e-3, `${site} L${layer}H${head}: ${share}`);
            });
          });
        }
      await closed(model);
    });

    it('by attribution are all of the difference where a head is the only way, and nothing elsewhere', async () => {
      const model = await oneWay();
      const { leastGap: _, ...asked } = measure;
      for (const [stack, input, only] of [
        ['cross', pair, plantedHead],
        ['encoder', inEncoder, { layer: 0, head: 3 }],
      ] as const) {
        const saved = await analysed(model, attribution, {
          input,
          parameters: { ...asked, random: 1000, steps: 20 },
        });
        const { original, counterpart, ...result } = saved.result as AttributionResult;
        const gap = (counterpart?.mean ?? NaN) - original.mean;
        assert.ok(Math.abs(gap) > 1e-3);
        result[stack]?.exact.forEach((row, layer) =>
          row.forEach((effect, head) => {
            const expected = layer === only.layer && head === only.head ? gap : 0;
            assert.ok(Math.abs(effect - expected) < 1e-3 * Math.abs(gap), `${stack} L${layer}H${head}: ${effect}`);
            const estimate = result[stack]?.estimate[layer]?.[head] ?? NaN;
            assert.ok(Math.abs(estimate - expected) < 0.1 * Math.abs(gap), `${stack} L${layer}H${head}: ${estimate}`);
          }),
        );
        assert.deepEqual(
          saved.sections.flatMap((section) => (section.kind === 'heads' ? [section.stack] : [])),
          [undefined, 'cross', 'encoder'],
        );
        assert.match(
          saved.finding,
          /Of 8 heads of cross-attention, .* Of 4 heads of the encoder, .* Edges are not estimated/,
        );
      }
      await closed(model);
    });

    it('of patching a head of the encoder need two sources with the same number of tokens', async () => {
      const counterpart = { kind: 'text', text: 'acht zwei' } as const;
      await assert.rejects(
        analysed(planted, activationPatching, {
          input: { ...pair, counterpart },
          parameters: { ...measure, site: 'encoder-head-output' },
        }),
        /The source has 9 tokens and that of the counterpart 3, but values of the encoder are exchanged position by position/,
      );
    });
  });

  it('is refused for models that read one text, as others are for an encoder-decoder', async () => {
    const refused = (analysis: Analysis, input: AnalysisRequest['input']) => analysed(planted, analysis, { input });
    await assert.rejects(
      refused(finiteState, { kind: 'prompt', prompt: { kind: 'text', text: source } }),
      /is an encoder-decoder, and Finite state reads models of one text/,
    );
    const task = { kind: 'task', task: 'induction', samples: 2 } as const;
    await assert.rejects(refused(attribution, task), /the input is a task\. Give a prompt with its counterpart\./);
    await assert.rejects(refused(ablation, task), /Give a prompt or a prompt with its counterpart\./);
  });
});
