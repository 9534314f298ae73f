/** Which plans are compared, where a plan begins to count, and the figures of planned outcomes; by hand. */
import type { Variant } from '../../../../../models/instrument/changes/changes';
import { gainsOf } from '../../../../../models/instrument/changes/gain';
import assert from 'node:assert/strict';
import { parameters } from '../../../../../diagnostics/plans/plan-evaluation/parameters';
import { faultOf } from '../../../../../protocol/analysis/parameters';
import {
  comparedPlans,
  bytesOf,
  rowsOf,
  scaled,
  scalesOf,
  variantOf,
} from '../../../../../diagnostics/plans/plan-evaluation/plans';
import { finding, offers } from '../../../../../diagnostics/plans/plan-evaluation/finding';
import { gathered, type Gathered } from '../../../../../diagnostics/plans/plan-evaluation/summary';
import {
  contextOf,
  promptUnit,
  unitsOf,
  windowUnit,
  type Unit,
} from '../../../../../diagnostics/plans/plan-evaluation/units';
import type {
  Continuation,
  ContinuationRequest,
  ModelFacts,
  ModelRunner,
} from '../../../../../diagnostics/model-runner/model-runner';
import { speeds } from '../../../../../diagnostics/plans/plan-evaluation/speed';
import { headPlanText, parseHeadPlan, type HeadPlan } from '../../../../../protocol/plans/head-plan';

const keep = (text: string): HeadPlan => {
  const plan = parseHeadPlan(text);
  assert.ok(plan);
  return plan;
};
const written = (heads: readonly (readonly HeadPlan[])[]): string =>
  heads.map((row) => row.map(headPlanText).join(' ')).join(' | ');

// Two layers of two key/value heads of 8 numbers: a position of a head is 64 bytes, of all heads 256.
const facts = { summary: { headDim: 8, windows: [null, null] } } as unknown as ModelFacts;
const heads = [
  [keep('2+8+mean'), keep('2+8')],
  [keep('full'), keep('2+8')],
];
const place = { length: 40, context: 30 };
const wanted = { random: 2, budgets: 3, sinks: 2, seed: 7, mode: 'context' } as const;

describe('plans that are compared', () => {
  it('have up to 50 random ones among them, or none', () => {
    assert.deepEqual(
      [-1, 0, 50, 51].map((count) => faultOf(parameters.random, count) === undefined),
      [false, true, true, false],
    );
  });

  it('what is kept apart from sinks is scaled; full heads, chosen positions and spans of everything are not', () => {
    assert.deepEqual(scalesOf(5), [0.25, 0.5, 1, 2, 4]);
    assert.deepEqual(
      ['4+64+mean', '4+max(64,0.6n)', 'span(-128+0.5n,4,32,8)', 'full', 'span(0+1n,4)', 'kept(0-3)'].map((text) =>
        headPlanText(scaled(keep(text), 2)),
      ),
      ['4+128+mean', '4+max(128,1n)', 'span(-256+1n,4,64,8)', 'full', 'span(0+1n,4)', 'kept(0-3)'],
    );
  });

  it('are the full cache, the plan, it without means, uniform, random, and the same at other budgets', () => {
    const all = comparedPlans(heads, facts, wanted);
    assert.deepEqual(
      all.map(({ name }) => name),
      [
        ...['full cache', 'plan', 'plan without means', 'uniform', 'random 1', 'random 2'],
        ...['plan × 0.5', 'uniform × 0.5', 'random 1 × 0.5', 'plan × 2', 'uniform × 2', 'random 1 × 2'],
      ],
    );
    const at = (name: string) => all.find((one) => one.name === name)?.heads(place) ?? [];
    assert.equal(written(at('plan without means')), '2+8 2+8 | full 2+8');
    // 11 + 10 + 40 + 10 = 71 rows of 64 bytes; 17 positions in each of 4 heads are 68 rows, 18 would be 72.
    assert.equal(bytesOf(at('plan'), place, 'context', facts).plan, 71 * 64);
    assert.equal(written(at('uniform')), '2+15 2+15 | 2+15 2+15');
    assert.deepEqual(rowsOf(heads, place, 'context', facts), [
      [11, 10],
      [40, 10],
    ]);
    assert.equal(written(at('plan × 2')), '2+16+mean 2+16 | full 2+16');
    assert.deepEqual(
      written(at('random 1 × 2'))
        .split(/ \| | /u)
        .sort(),
      ['2+16', '2+16', '2+16+mean', 'full'],
    );
    // Without anything to vary there is no curve, and without means no plan without them.
    const full = comparedPlans([[keep('full')]], facts, wanted).map(({ name }) => name);
    assert.deepEqual(full, ['full cache', 'plan', 'uniform', 'random 1', 'random 2']);
  });

  it('a plan counts from the question on, or from the first token', () => {
    const spans = [[keep('span(0+0.5n,2)')]];
    const layer = { kind: 'plan', layer: 0 };
    assert.deepEqual(variantOf([], spans, place, 'context'), [
      { ...layer, prompt: 30, from: 30, heads: [{ sinks: 2, recent: 13, mean: false, append: false }] },
    ]);
    assert.deepEqual(variantOf([], spans, place, 'spans'), [
      { ...layer, prompt: 40, from: 0, heads: [{ sinks: 2, recent: 18, mean: false, append: false }] },
    ]);
    const gains = gainsOf([{ layer: 0, head: 1 }], 0);
    assert.deepEqual(variantOf(gains, [[keep('full')]], place, 'spans'), gains);
  });
});

describe('what a plan is measured on', () => {
  it('the question begins at the last line break, at the last place of a text, or is the last token', () => {
    const pieces = ['A', ' text', '.\n', 'Book', '.', '\n', 'Where', ' is', ' it'];
    assert.equal(contextOf(pieces, ''), 5);
    assert.equal(contextOf(pieces, 'Book'), 3);
    assert.equal(contextOf(pieces, 'nowhere'), 8);
    assert.equal(contextOf(['a', 'b', '\n'], ''), 2);
  });

  it('an answer of several tokens is asked at each of its rows', () => {
    const sample = {
      prompt: { text: 'ab', ids: [1, 2] },
      answers: { right: [5], wrong: [], rest: [6, 7], texts: { right: ['567'], wrong: [] } },
      roles: {},
      facts: { length: 2 },
    };
    const unit = promptUnit({ pieces: (ids) => ids.map(String) }, sample, '');
    assert.deepEqual(unit.sequence, { ids: [1, 2, 5, 6] });
    assert.deepEqual(unit.asked, [
      { row: 1, tokens: [5] },
      { row: 2, tokens: [6] },
      { row: 3, tokens: [7] },
    ]);
    assert.deepEqual([unit.length, unit.context], [2, 1]);
  });

  it('a plan that keeps chosen positions reads its one prompt, and what follows it is predicted', async () => {
    const model = {} as ModelRunner;
    const input = { given: { kind: 'none' }, prompts: [] } as const;
    const settings = { question: '', window: 16, windows: 4 };
    const prompt = { text: null, tokens: [], ids: Array.from({ length: 12 }, (_, id) => id) };
    const [unit] = await unitsOf(model, { ...input, prompts: [prompt] }, settings, { seed: 0, prompt: 6 });
    assert.deepEqual(unit?.kind === 'window' ? [unit.context, unit.rows] : [], [6, [6, 7, 8, 9, 10]]);
    for (const prompts of [[], [{ ...prompt, ids: [1, 2, 3, 4, 5, 6, 7] }]]) {
      await assert.rejects(
        unitsOf(model, { ...input, prompts }, settings, { seed: 0, prompt: 6 }),
        /one prompt of 6 tokens/,
      );
    }
  });

  it('the second half of a window is predicted', () => {
    const unit = windowUnit({ ids: [1, 2, 3, 4, 5, 6, 7] }, 'w');
    assert.deepEqual([unit.rows, unit.context, unit.length], [[3, 4, 5], 3, 6]);
  });
});

describe('figures of an evaluation', () => {
  const compared = comparedPlans(heads, facts, { ...wanted, budgets: 1 });
  const unit = (name: string): Unit => ({
    ...{ kind: 'prompt', name, ...place, sequence: { ids: [] }, asked: [], facts: { depth: name.length } },
  });
  const outcome = (score: number) => ({ score, loss: 1 - score });
  // By prompt: full cache, plan, without means, uniform, random 1 and 2.
  const answered = [
    [1, 1, 1, 0, 0, 0],
    [1, 1, 0, 0, 1, 0],
    [1, 1, 0, 0, 0, 0],
    [1, 0, 0, 1, 0, 0],
    ...Array.from({ length: 16 }, () => [1, 1, 1, 0, 1, 0]),
  ];
  const known: Omit<Gathered, 'run'> = {
    facts,
    plan: { title: 'toy', heads },
    mode: 'context',
    compared,
    total: 20,
    notes: [],
    what: 'Toy, accuracy',
    scored: 'accuracy',
  };
  const result = gathered({
    ...known,
    run: answered.map((scores, at) => ({ unit: unit(at < 10 ? 'a' : 'bb'), outcomes: scores.map(outcome) })),
  });
  const row = (name: string) => {
    const found = result.rows.find(({ plan }) => plan === name);
    assert.ok(found);
    return found;
  };
  const near = (found: number, expected: number): void =>
    assert.ok(Math.abs(found - expected) < 5e-4, `${found}, not ${expected}`);

  it('bytes, accuracy with Wilson’s interval, and the loss of the answers', () => {
    const { bytes, bytesFull, share, score, low, high, n, loss, perplexity, tokensPerSecond } = row('plan');
    assert.deepEqual([bytes, bytesFull, share], [71 * 64, 160 * 64, 71 / 160]);
    assert.deepEqual([score, n, perplexity, tokensPerSecond], [0.95, 20, null, null]);
    near(loss, 0.05);
    // Wilson's interval of 19 of 20 (Newcombe 1998, method 3).
    near(low, 0.7639);
    near(high, 0.9911);
    assert.deepEqual(result.kept, [
      [11, 10],
      [40, 10],
    ]);
  });

  it('paired differences: from the full cache, and of the plan from each other', () => {
    near(row('plan').change, -0.05);
    assert.ok(row('plan').changeLow < 0 && row('plan').changeHigh > 0);
    // 19 prompts only the plan answers, one only the uniform plan.
    near(row('uniform').lead, 0.9);
    assert.ok(row('uniform').leadLow > 0.5);
    near(row('random 1').lead, 0.1);
  });

  it('by what was drawn', () =>
    assert.deepEqual(
      result.byFact.map(({ fact, value, n, scores }) => [fact, value, n, scores[1], scores[3]]),
      [
        ['depth', '1', 10, 0.9, 0.1],
        ['depth', '2', 10, 1, 0],
      ],
    ));

  it('says what the numbers allow, and offers the plan with them', () => {
    const words = finding(result);
    assert.match(
      words,
      /^With 44\.4 % of the bytes of the full cache \(4\.5 kB of 10\.2 kB\) the plan answers 19 of 20 prompts/,
    );
    assert.match(
      words,
      /\(full cache 20, uniform plan 1, 2 random plans 0 to 17\)\. No difference from the full cache is shown/,
    );
    assert.match(words, /It is better than the uniform plan of as many bytes by 90 points/);
    const [measure] = offers(result)[0]?.plan?.measured ?? [];
    assert.deepEqual([measure?.what, measure?.score, measure?.full, measure?.n], ['Toy, accuracy', 0.95, 1, 20]);
  });

  it('says where the prompts are too short for the plan to drop anything', () => {
    const at = (lengths: readonly number[]) =>
      gathered({
        ...known,
        total: lengths.length,
        run: lengths.map((length) => ({
          unit: { ...unit('short'), length, context: length },
          outcomes: known.compared.map(() => ({ score: 1, loss: 0.1 })),
        })),
      });
    // Heads keep 2 + 8 positions besides the query's own: of ten nothing is dropped, of 40 most.
    const short = at([10, 8, 10]);
    assert.equal(short.undropped, 3);
    assert.equal(
      finding(short),
      'The plan drops nothing at these lengths (at most 10 tokens): all caches here are the full one, and this says nothing of the plan. Take longer prompts. The plan answers 3 of 3 prompts (full cache 3, uniform plan 3, 2 random plans 3).',
    );
    const mixed = at([10, 40, 40]);
    assert.equal(mixed.undropped, 1);
    assert.match(finding(mixed), / 1 of 3 prompts are so short that the plan drops nothing of them\.$/);
    assert.doesNotMatch(finding(at([40, 40])), /drops nothing/);
  });

  it('of losses: Student’s interval of paired differences, and lower is better', () => {
    const losses = [
      [1, 1.2, 1.2, 2, 2, 2],
      [2, 2.3, 2.3, 3, 3, 3],
      [3, 3.1, 3.1, 4.1, 4, 4],
    ];
    const text = gathered({
      ...known,
      scored: 'loss',
      what: 'Text',
      total: 3,
      run: losses.map((scores) => ({ unit: unit('w'), outcomes: scores.map((score) => ({ score, loss: score })) })),
    });
    const [full, plan] = text.rows;
    assert.ok(full && plan);
    // Differences 0.2, 0.3, 0.1: mean 0.2, standard error 0.1 / sqrt 3, t of 2 degrees 4.3027.
    near(plan.change, 0.2);
    near(plan.changeLow, 0.2 - (4.3027 * 0.1) / Math.sqrt(3));
    near(full.perplexity ?? 0, Math.exp(2));
    assert.match(finding(text), /the loss under the plan is 2\.2 nats a token over 3 windows/);
    assert.match(
      finding(text),
      /No difference from the full cache is shown \(95 % interval -0\.0484 nats to 0\.448 nats\)\. It is better than the uniform plan of as many bytes by 0\.833 nats/,
    );
  });
});

describe('speed under plans', () => {
  it('is the median of tokens that are decoded in turn; of masked layers nothing', async () => {
    let clock = 0;
    const order: string[] = [];
    const asked: Variant[] = [];
    // Tokens of full, plan and masked take 0.5, 0.25 and 0.5 s; the plan's fourth waits for something else.
    const fake = (name: string, seconds: number, maskedLayers: number): Continuation => {
      let token = 0;
      return {
        ...({} as Continuation),
        extend() {
          order.push(name);
          clock += token++ === 3 && name === 'plan' ? 10 : seconds;
          return Promise.resolve({ logits: new Float32Array(), observations: [] });
        },
        cacheBytes: () => ({ bytes: 1, bytesFull: 1, allocated: 1, maskedLayers }),
      };
    };
    const runs = [fake('full', 0.5, 0), fake('plan', 0.25, 0), fake('masked', 0.5, 1)];
    const model = {
      seconds: () => clock,
      continuation({ variant = [] }: ContinuationRequest) {
        asked.push(variant);
        return Promise.resolve(runs[asked.length - 1] ?? fake('none', 0, 0));
      },
    };
    const unit: Unit = windowUnit({ ids: Array.from({ length: 21 }, (_, id) => id) }, 'w');
    const plans = [[[keep('full')]], [[keep('2+8')]], [[keep('2+8+mean')]]];
    assert.deepEqual(await speeds(model, unit, plans, { variant: [], tokens: 3 }), [2, 4, null]);
    assert.deepEqual(order.slice(0, 6), ['full', 'plan', 'masked', 'full', 'plan', 'masked']);
    const heads = [{ sinks: 2, recent: 8, mean: false, append: false }];
    assert.deepEqual(asked.slice(0, 2), [[], [{ kind: 'plan', layer: 0, prompt: 20, from: 20, heads }]]);
  });
});
