/**
 * The mean of dropped positions in a run under a plan, in float64: dropped keys whose scores all become their mean give what
 * RazorAttention's formula gives, one key and value, their means, with ln N added to the score.
 */
import assert from 'node:assert/strict';
import { GraphBuilder } from '../../../kernels/graph/builder';
import { add } from '../../../kernels/graph/operators/elementwise';
import { fusedMatmul, matmul } from '../../../kernels/graph/operators/matrix';
import { softmax } from '../../../kernels/graph/operators/reduce';
import { spanRows } from '../../../kernels/mechanisms/streaming/reference';
import { allRows } from '../../../kernels/reference/softmax';
import { drawInputs } from '../../../kernels/inputs';
import { razorAttention } from '../../../kernels/mechanisms/streaming/razor-attention';
import { tensor } from '../../../kernels/tensors/tensor';
import { plan as planKind, plannedScores } from '../../../models/instrument/changes/plan';
import type { LayerSizes } from '../../../models/instrument/changes/sizes';
import { heldOf, droppedBefore } from '../../../protocol/plans/held';
import { evaluate } from '../../support/graph-arithmetic/evaluate';
import { causalShape, parametersFor } from '../kernels/systems/support';

describe('Law: the mean under a plan is the compensation token', () => {
  it('within 1e-12 in float64, each head with a window of its own', () => {
    const n = 24;
    const shape = causalShape(n);
    const heads = shape.kvHeads;
    const inputs = drawInputs(razorAttention, shape, parametersFor(razorAttention, {}), 5);
    const plans = Array.from({ length: heads }, (_, head) => ({
      sinks: head % 3,
      recent: 3 + head,
      mean: true as const,
    }));
    const expected = spanRows(
      inputs,
      shape,
      // A span counts the query's own key.
      plans.map(({ sinks, recent }) => ({ sinks, recent: recent + 1, compensated: true })),
      allRows(shape),
    );

    const graph = new GraphBuilder('planned');
    const given = (name: string, rows: string) => graph.input(name, 'float32', ['b', heads, rows, shape.headDim]);
    const [query, key, value] = [given('query', 'n'), given('key', 't'), given('value', 't')];
    const plan = planKind.declare(graph, { heads } as LayerSizes, { keys: 't', always: false, parts: ['plan-mean'] });
    const scores = fusedMatmul(query, key, { transposeB: true, scale: shape.headDim ** -0.5 });
    const causal = graph.input('causal', 'float32', ['n', 't']);
    const free = add(plannedScores(plan, scores, -1e30), causal);
    graph.output(matmul(softmax(free), value), 'output');

    const list = (length: number, of: (at: number) => number) => Float64Array.from({ length }, (_, at) => of(at));
    const end = list(heads * n, (at) => {
      const held = heldOf({ kind: 'recent', ...plans[Math.floor(at / n)]! }, n);
      return droppedBefore(held, n, at % n).at(-1)?.end ?? 0;
    });
    const found = evaluate(graph, {
      query: inputs.query,
      key: inputs.key,
      value: inputs.value,
      causal: tensor(
        [n, n],
        list(n * n, (at) => (at % n <= Math.floor(at / n) ? 0 : -1e30)),
      ),
      plan_rows: tensor(
        [n],
        list(n, (at) => at),
      ),
      plan_start: tensor(
        [n],
        list(n, () => 0),
      ),
      plan_end: tensor([1, heads, n], end),
      plan_kept: tensor(
        [1, heads, n],
        list(heads * n, (at) => (at % n < plans[Math.floor(at / n)]!.sinks ? 1 : 0)),
      ),
      plan_mean: tensor(
        [1, heads],
        list(heads, () => 1),
      ),
    }).get('output')!;
    let [worst, changed] = [0, 0];
    expected.data.forEach((each, at) => {
      worst = Math.max(worst, Math.abs(each - (found.data[at] ?? Number.NaN)));
    });
    const full = spanRows(
      inputs,
      shape,
      plans.map(() => ({ sinks: 0, recent: Infinity })),
      allRows(shape),
    );
    full.data.forEach((each, at) => {
      changed = Math.max(changed, Math.abs(each - (found.data[at] ?? 0)));
    });
    assert.ok(worst < 1e-12, `${worst}`);
    assert.ok(changed > 1e-2, 'nothing is dropped');
  });
});
