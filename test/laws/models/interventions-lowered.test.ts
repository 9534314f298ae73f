/** Interventions as requests name them: neutral ones change no bit, the others do what arithmetic by hand says. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateJob, nextTokens } from '../../../compute-server/model-calls/generate-job';
import { lower } from '../../../compute-server/model/interventions/lower';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RunResult } from '../../../compute-server/model/run/stream/run-request';
import type { RunRequest } from '../../../compute-server/model/run/stream/run-request';
import { tapName, type LayerTap } from '../../../models/instrument/taps';
import { parseDo } from '../../../protocol/interventions/do-form';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { writeSafetensors } from '../../support/safetensors-file';
import { dot } from '../../support/reference/vectors';
import { headsIn } from '../../support/heads-call';
import { resultOf, surroundingsOf } from '../../support/model-jobs';

const n = ids.length;
const other = ids.map((id) => (id * 3 + 5) % 61);
const { signal } = new AbortController();
const surroundings = surroundingsOf();

const listOf = (...texts: readonly string[]): readonly Intervention[] =>
  texts.map((text) => {
    const read = parseDo(text);
    assert.ok(read.ok, read.ok ? '' : read.why);
    return read.value;
  });

function near(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what = ''): void {
  assert.equal(found.length, expected.length, what);
  for (let i = 0; i < found.length; i++) {
    const away = Math.abs(Number(found[i]) - Number(expected[i]));
    assert.ok(away <= tolerance, `${what}: ${found[i]} and ${expected[i]} at ${i}`);
  }
}

const kept: readonly LayerTap[] = [
  'attention.query',
  'attention.key',
  'attention.value',
  'attention.head_output',
  'mlp_output',
  'residual',
];

/** Runs of a tiny model under written interventions. */
class Bench {
  constructor(readonly tiny: OpenTiny) {}

  async run(texts: readonly string[], extra: Partial<RunRequest> = {}): Promise<RunResult> {
    const { model } = this.tiny;
    const sequence = { ids: extra.ids ?? ids };
    const chunk = extra.chunk ?? n;
    const { variants, groups } = await lower({ opened: model, model, sequence, chunk, memoryLimit: 1e9, signal }, [
      listOf(...texts),
    ]);
    const taps = model.spec.blocks.flatMap(({ index: layer }) => kept.map((tap) => ({ layer, tap })));
    return runPrompt(model.spec, model.sessions, {
      ...sequence,
      groups,
      variants,
      chunk,
      logits: 'all',
      taps,
      ...extra,
    });
  }

  tap(result: RunResult, layer: number, tap: LayerTap): Float32Array {
    const data = result.layers[layer]?.taps[tap]?.data;
    assert.ok(data instanceof Float32Array);
    return data;
  }

  /** The rows of one head or, where the tap has no axis of heads, of the layer: [n, width]. */
  rows(result: RunResult, layer: number, tap: LayerTap, head = 0, width = this.headDim): Float32Array {
    return this.tap(result, layer, tap).slice(head * n * width, (head + 1) * n * width);
  }

  get headDim(): number {
    return this.tiny.model.spec.blocks[0]?.attention!.headDim ?? 0;
  }

  get hidden(): number {
    return this.tiny.model.spec.hiddenSize;
  }
}

const logitsOf = (result: RunResult): Float32Array => {
  assert.ok(result.logits?.data instanceof Float32Array);
  return result.logits.data;
};

for (const family of ['llama', 'gpt2', 'gemma2'] as const) {
  describe(`neutral interventions on ${family}`, () => {
    let bench: Bench;
    before(async () => {
      bench = new Bench(await openTiny(family));
    });
    after(() => bench.tiny.close());

    it('change no bit, of the logits and of what lies before them, whole and in chunks', async () => {
      for (const chunk of [n, 7]) {
        const plain = await bench.run([], { chunk });
        for (const list of [
          ['gain:1.2=1'],
          ['bias:1.2:3-9=0'],
          ['weight:1.2:3-9=1'],
          ['head:1.2=own', 'head:0.1@4-8=own'],
          ['query:1.2=own'],
          ['key:1.1=own', 'value:0.1=own'],
          ['mlp:0=own', 'mlp:1@3=own'],
          ['residual:0=own'],
          ['freeze:*.*=own'],
          ['freeze:mlp*=own'],
          ['freeze:*.*,mlp*=own', 'residual:1=own', 'gain:0.1=1'],
        ]) {
          assert.deepEqual(logitsOf(await bench.run(list, { chunk })), logitsOf(plain), `${list.join(' ')}, ${chunk}`);
        }
      }
    });

    it('a run under the plain values of another prompt is that prompt from there on', async () => {
      const source = await bench.run([], { ids: other });
      const patched = await bench.run([`residual:0=ids:${other.join(',')}`]);
      assert.deepEqual(logitsOf(patched), logitsOf(source));
    });
  });
}

describe('interventions on a tiny llama', () => {
  let bench: Bench;
  let folder: string;
  before(async () => {
    bench = new Bench(await openTiny('llama'));
    folder = mkdtempSync(join(tmpdir(), 'headscope-rows-'));
  });
  after(async () => {
    await bench.tiny.close();
    rmSync(folder, { recursive: true });
  });
  const meanRow = (rows: ArrayLike<number>, width: number): number[] =>
    Array.from({ length: width }, (_, c) => {
      let sum = 0;
      for (let at = c; at < rows.length; at += width) sum += rows[at] ?? 0;
      return (sum * width) / rows.length;
    });
  const reference = (tokens: readonly number[]) => bench.tiny.tiny.run(bench.tiny.parameters, tokens);
  const tapOf = (tokens: readonly number[], name: string): readonly number[] => reference(tokens).taps.get(name) ?? [];
  const headOf = (tap: readonly number[], head: number): readonly number[] =>
    tap.slice(head * n * bench.headDim, (head + 1) * n * bench.headDim);

  it('zero is a head that is removed', async () => {
    near(logitsOf(await bench.run(['head:0.2=zero'])), logitsOf(await bench.run(['gain:0.2=0'])), 1e-6);
  });

  it('mean is the mean of the float64 pass over the positions, of this prompt or of others', async () => {
    const { headDim, hidden } = bench;
    const own = meanRow(headOf(tapOf(ids, 'layer.0.attention.head_output'), 1), headDim);
    const patched = await bench.run(['head:0.1=mean']);
    const rows = bench.rows(patched, 0, 'attention.head_output', 1);
    for (let i = 0; i < n; i++) near(rows.subarray(i * headDim, (i + 1) * headDim), own, 1e-5, `row ${i}`);

    // Prompts of other lengths count position by position.
    const [short, long] = [other.slice(0, 5), other];
    const both = [...tapOf(short, 'layer.1.mlp_output'), ...tapOf(long, 'layer.1.mlp_output')];
    const mean = await bench.run([`mlp:1@2-4=mean:${JSON.stringify([short, long])}`]);
    const plain = await bench.run([]);
    const [changed, before] = [mean, plain].map((one) => bench.rows(one, 1, 'mlp_output', 0, hidden));
    assert.ok(changed && before);
    for (let i = 0; i < n; i++) {
      const expected = i >= 2 && i <= 4 ? meanRow(both, hidden) : before.subarray(i * hidden, (i + 1) * hidden);
      near(changed.subarray(i * hidden, (i + 1) * hidden), expected, 1e-5, `row ${i}`);
    }
  });

  it('the values of another prompt stand at the positions that are named', async () => {
    const { headDim } = bench;
    for (const [kind, tap, head] of [
      ['query', 'attention.query', 3],
      ['key', 'attention.key', 1],
      ['value', 'attention.value', 0],
      ['head', 'attention.head_output', 2],
    ] as const) {
      const patched = await bench.run([`${kind}:0.${head}@5-8=ids:${other.join(',')}`]);
      const [there, here] = [other, ids].map((tokens) => headOf(tapOf(tokens, `layer.0.${tap}`), head));
      const found = bench.rows(patched, 0, tap, head);
      const expected = Array.from(found, (_, at) => {
        const position = Math.floor(at / headDim);
        return (position >= 5 && position <= 8 ? there : here)?.[at] ?? Number.NaN;
      });
      near(found, expected, 1e-5, kind);
    }
  });

  /** What a change of one head's output adds to the residual stream: Wo (o' - o). */
  const written = (layer: number, head: number, from: ArrayLike<number>, to: ArrayLike<number>): number[] => {
    const { headDim } = bench;
    const projection = bench.tiny.parameters
      .matrix(`model.layers.${layer}.self_attn.o_proj.weight`)
      .map((row) => row.slice(head * headDim, (head + 1) * headDim));
    return Array.from({ length: n }, (_, i) => {
      const change = Array.from(
        { length: headDim },
        (_, c) => Number(to[i * headDim + c]) - Number(from[i * headDim + c]),
      );
      return projection.map((row) => dot(row, change));
    }).flat();
  };
  const sum = (a: ArrayLike<number>, b: ArrayLike<number>): number[] =>
    Array.from(a, (value, at) => value + Number(b[at]));

  it('path patching, sender to output: the stream gains what the sender writes and nothing else', async () => {
    const sender = ['head:0.2=ids:' + other.join(','), 'freeze:*.*,mlp*,-0.2=own'];
    const patched = await bench.run(sender);
    const [from, to] = [ids, other].map((tokens) => headOf(tapOf(tokens, 'layer.0.attention.head_output'), 2));
    const direct = written(0, 2, from ?? [], to ?? []);
    near(bench.tap(patched, 1, 'residual'), sum(tapOf(ids, 'layer.1.residual'), direct), 1e-4);
    const free = await bench.run(sender.slice(0, 1));
    assert.notDeepEqual(bench.tap(free, 1, 'residual'), bench.tap(patched, 1, 'residual'));
  });

  it('path patching, by way of a receiver: what is left out of the freeze passes the change on', async () => {
    const { headDim } = bench;
    const [from, to] = [ids, other].map((tokens) => headOf(tapOf(tokens, 'layer.0.attention.head_output'), 2));
    const direct = written(0, 2, from ?? [], to ?? []);
    // The receiver reads the stream with what the sender wrote into it.
    const stream = join(folder, 'stream.json');
    const entering = sum(tapOf(ids, 'layer.0.residual'), direct);
    writeFileSync(
      stream,
      JSON.stringify({
        rows: Array.from({ length: n }, (_, i) => entering.slice(i * bench.hidden, (i + 1) * bench.hidden)),
      }),
    );
    const receiver = 3;
    const read = bench.rows(await bench.run([`residual:0=file:${stream}`]), 1, 'attention.head_output', receiver);
    const plain = headOf(tapOf(ids, 'layer.1.attention.head_output'), receiver);
    assert.ok(
      read.some((value, at) => Math.abs(value - (plain[at] ?? 0)) > 1e-3),
      'the receiver reads the sender',
    );
    const indirect = written(1, receiver, plain, read);
    const patched = await bench.run([`head:0.2=ids:${other.join(',')}`, `freeze:*.*,mlp*,-0.2,-1.${receiver}=own`]);
    near(bench.tap(patched, 1, 'residual'), sum(sum(tapOf(ids, 'layer.1.residual'), direct), indirect), 1e-4);
    near(bench.rows(patched, 1, 'attention.head_output', receiver), read, 1e-5);
    assert.equal(read.length, n * headDim);
  });

  it('rows of a file stand in the place of the run: by the names of taps, row by row, or one for all', async () => {
    const { headDim, hidden } = bench;
    const source = await bench.run([], { ids: other });
    const tensors = new Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>(
      [0, 1].flatMap((layer) => [
        [
          tapName(layer, 'attention.head_output'),
          { shape: [4, n, headDim], data: bench.tap(source, layer, 'attention.head_output') },
        ] as const,
        [tapName(layer, 'mlp_output'), { shape: [n, hidden], data: bench.tap(source, layer, 'mlp_output') }] as const,
      ]),
    );
    const path = join(folder, 'run.safetensors');
    writeSafetensors(path, tensors);
    for (const part of ['*.*,mlp*', '1.2', 'mlp0,0.1']) {
      assert.deepEqual(
        logitsOf(await bench.run([`freeze:${part}=file:${path}`])),
        logitsOf(await bench.run([`freeze:${part}=ids:${other.join(',')}`])),
        part,
      );
    }
    const row = Array.from({ length: headDim }, (_, at) => at / 8 - 0.5);
    const one = join(folder, 'one.json');
    writeFileSync(one, JSON.stringify({ rows: row }));
    const rows = bench.rows(await bench.run([`head:1.0@3-4=file:${one}`]), 1, 'attention.head_output');
    near(rows.subarray(3 * headDim, 5 * headDim), [...row, ...row], 0);
    const two = join(folder, 'two.json');
    writeFileSync(two, JSON.stringify({ rows: [row, row.map((value) => -value)] }));
    const pair = bench.rows(await bench.run([`value:1.1@3-4=file:${two}`]), 1, 'attention.value', 1);
    near(pair.subarray(3 * headDim, 5 * headDim), [...row, ...row.map((value) => -value)], 0);
  });

  it('files that do not fit are refused with what the run needs', async () => {
    const refused = async (name: string, content: string, form: string, sentence: RegExp): Promise<void> => {
      const path = join(folder, name);
      writeFileSync(path, content);
      await assert.rejects(bench.run([`${form}=file:${path}`]), sentence);
    };
    await refused(
      'a.json',
      '{"rows": [[1, 2]]}',
      'head:0.0',
      /"rows" has the shape \[1, 2\], and the run needs \[20, 8\]/,
    );
    await refused('b.json', '{"rows": [[1], [1, 2]]}', 'head:0.0', /"rows" is not a list of lists of numbers/);
    await refused('c.json', '{"row": 1}', 'mlp:0', /it has neither "layer\.0\.mlp_output" nor "rows"/);
    await refused('d.json', '{', 'mlp:0', /it is not valid JSON/);
    await refused('e.safetensors', 'nothing', 'mlp:0', /gives no rows: /);
    await assert.rejects(bench.run(['mlp:0=file:rows.json']), /its path is relative/);
    await assert.rejects(bench.run([`mlp:0=file:${join(folder, 'none.json')}`]), /It does not exist/);
  });

  it('what the model or the prompt does not have is refused', async () => {
    for (const [text, sentence] of [
      ['gain:2.0=0', /There is no layer 2/],
      ['head:0.4=zero', /There is no head 4 in layer 0: it has 4 query heads/],
      ['key:0.2=zero', /it has 2 key\/value heads/],
      ['mlp:2=zero', /There is no layer 2/],
      ['freeze:mlp2=own', /There is no layer 2/],
      ['freeze:0.4=own', /There is no head 4/],
      ['freeze:0.*,-0.*=own', /leaves nothing to hold/],
      ['head:0.0@18-20=zero', /names position 20, and the prompt has 20 tokens/],
      ['weight:0.0:image=0', /names the tokens of an image, and the prompt has none/],
      ['head:0.0=ids:1,2', /has 2 tokens and that of the run 20/],
      ['head:0.0=prompt:words', /token ids/],
    ] as const) {
      await assert.rejects(bench.run([text]), sentence, text);
    }
  });

  it('rows that would take too much memory are refused before anything runs', async () => {
    const { model } = bench.tiny;
    const of = { opened: model, model, sequence: { ids }, chunk: n, memoryLimit: 40_000, signal };
    await assert.rejects(lower(of, [listOf('freeze:*.*,mlp*=own')]), /out-of-memory/);
    await lower(of, [listOf('freeze:*.*,mlp*=mean')]);
  });

  it('a cancelled request ends while sources are run', async () => {
    const { model } = bench.tiny;
    const abort = new AbortController();
    abort.abort();
    const of = { opened: model, model, sequence: { ids }, chunk: n, memoryLimit: 1e9, signal: abort.signal };
    await assert.rejects(lower(of, [listOf('freeze:*.*=own')]), { name: 'AbortError' });
  });

  const generated = (interventions: readonly Intervention[], maxNewTokens = 6) =>
    resultOf(
      generateJob(
        bench.tiny.model,
        {
          folder: '',
          prompt: { kind: 'ids', ids },
          interventions,
          maxNewTokens,
          temperature: 0,
          topP: 1,
          seed: 0,
          statistics: false,
        },
        surroundings,
        signal,
      ),
    );

  it('a generation holds them for the tokens that it adds', async () => {
    const removed = await generated(listOf('gain:0.2=0', 'gain:1.1=0'));
    assert.deepEqual((await generated(listOf('freeze:0.2,1.1=zero'))).ids, removed.ids);
    assert.notDeepEqual((await generated([])).ids, removed.ids);
    // Step by step: the whole text so far under the same change.
    const mean = await generated(listOf('mlp:1=mean'));
    const { model } = bench.tiny;
    const of = { opened: model, model, sequence: { ids }, chunk: n, memoryLimit: 1e9, signal };
    const { variants } = await lower(of, [listOf('mlp:1=mean')]);
    const text = [...ids];
    for (const id of mean.ids) {
      const run = await runPrompt(model.spec, model.sessions, { ids: text, variants, chunk: 40, logits: 'last' });
      const logits = logitsOf(run);
      assert.equal(id, logits.indexOf(Math.max(...logits)));
      text.push(id);
    }
  });

  it('reinforcement is the gains of the heads that a generation chooses, wherever it stands', async () => {
    const list = listOf('gain:0.3=0.5', 'reinforce:0,1@3-9=2');
    const { selected, logitsLast } = await generated(list, 1);
    assert.ok(selected?.some((row) => row.some(Boolean)));
    const gains: Intervention[] = (selected ?? []).flatMap((row, layer) =>
      row.flatMap((is, head) => (is ? [{ kind: 'gain', layer, head, gain: 2 } as const] : [])),
    );
    const alone = await generated([...listOf('gain:0.3=0.5'), ...gains], 1);
    near(logitsLast, alone.logitsLast, 1e-5);
    const [, next] = await nextTokens(
      bench.tiny.model,
      { folder: '', ids, variants: [list], top: 5 },
      surroundings,
      signal,
    );
    near(
      next?.top.map(({ probability }) => probability) ?? [],
      alone.top.slice(0, 5).map(({ probability }) => probability),
      1e-5,
    );
    for (const [more, sentence] of [
      ['bias:0.0:1=1', /acts on positions of this one/],
      ['reinforce:auto@3-9=2', /two reinforcements are named/],
    ] as const) {
      await assert.rejects(generated([...list, ...listOf(more)]), sentence);
    }
    await assert.rejects(generated(listOf('reinforce:auto=2')), /reads text alone/);
  });

  it('labels are measured under what means the same on any sequence, and refused under anything else', async () => {
    const heads = (interventions: readonly Intervention[]) =>
      headsIn(
        bench.tiny.model,
        {
          folder: '',
          prompt: { kind: 'ids', ids },
          interventions,
          classify: true,
          causal: false,
          thumbnails: false,
          seed: 1,
        },
        surroundingsOf({ cacheFolder: folder }),
        signal,
      );
    const result = await heads(listOf('uniform:1.2', 'mlp:0=zero'));
    assert.deepEqual(result.interventions, listOf('uniform:1.2', 'mlp:0=zero'));
    // A uniform head has the entropy of ln(i + 1) at query i.
    const expected = ids.reduce((total, _, i) => total + Math.log(i + 1), 0) / n;
    near([result.statistics.entropy[1]?.[2] ?? Number.NaN], [expected], 1e-4);
    await assert.rejects(heads(listOf('head:0.0=own')), /"head:0\.0=own" acts on positions of this prompt, and labels/);
  });
});
